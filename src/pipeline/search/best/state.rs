//! Quantizations that are tried, and their scores.

use std::collections::BTreeMap;

use super::BestOptions;
use super::attempt::Attempt;
use crate::batch::BatchSource;
use crate::emit::Ranges;
use crate::error::{ErrorKind, Result};
use crate::finding::counted;
use crate::observe::Stats;
use crate::onnx::Model;
use crate::pipeline::recover::{Passes, RecoverOptions, Recovered, with_scaled};
use crate::pipeline::search::auto::AutoOptions;
use crate::pipeline::search::budget::written;
use crate::pipeline::search::judge::Judge;
use crate::pipeline::search::samples::{Held, Samples};
use crate::pipeline::search::sensitivity::{Candidates, SensitivityOptions};
use crate::pipeline::{Known, Prepared};
use crate::place::Plan;
use crate::range::Method;
use crate::recover::Recovery;
use crate::report::budget::LayerLeft;
use crate::search::Score;

/// The beginning of the reasons of layers in float.
const WHY: &str = "left in float for the accuracy of the outputs";

/// The arguments of a quantization.
#[derive(Clone)]
pub(super) struct Settings {
    pub plan: Plan,
    pub ranges: Ranges,
    pub recovery: Recovery,
    pub method: Method,
}

/// A quantization with its score.
pub(super) struct State {
    pub settings: Settings,
    pub recovered: Option<Recovered>,
    pub model: Model,
    pub score: Score,
}

/// A state, or the reason why the change is left out.
type Tried = std::result::Result<Box<State>, String>;

/// The means to try a quantization.
pub(super) struct Search<'a> {
    pub prepared: &'a Prepared,
    /// All statistics, by which precision is planned.
    pub stats: &'a Stats,
    /// Those of the tensors that get a range.
    pub observed: Stats,
    pub options: &'a BestOptions<'a>,
    pub samples: Samples,
    pub judge: Judge,
}

impl Search<'_> {
    /// Tries one change of a state. Returns its name too.
    pub fn tried(
        &self,
        state: &State,
        attempt: &Attempt,
        passes: &mut Passes<'_>,
    ) -> Result<(String, Tried)> {
        let mut next = state.settings.clone();
        let mut name = attempt.name().to_owned();
        let refusal = self.with_teaching(passes, |search, teaching| {
            search.change(&mut next, attempt, &mut name, teaching)
        })?;
        if let Some(refusal) = refusal {
            return Ok((name, Err(refusal)));
        }
        match self.state(next, passes) {
            // A method that does not know the network.
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                Ok((name, Err(error.message().to_owned())))
            }
            state => Ok((name, Ok(Box::new(state?)))),
        }
    }

    /// Makes a change, by the samples that teach. Returns the reason if it cannot be made.
    fn change(
        &self,
        next: &mut Settings,
        attempt: &Attempt,
        name: &mut String,
        teaching: &mut Passes<'_>,
    ) -> Result<Option<String>> {
        let (samples, weights) = (self.options.samples, self.options.weights.clone());
        match attempt {
            Attempt::Ranges if next.plan.activations.is_empty() => {
                return Ok(Some("only weights are quantized".to_owned()));
            }
            Attempt::Ranges => {
                let options = AutoOptions { samples, weights };
                let found = self.prepared.choose_ranges(&next.plan, &self.observed, &options, teaching)?;
                let changed = counted(found.changed.len(), "tensor");
                *name = format!("ranges by auto: {}, and others for {changed}", found.single);
                (next.ranges, next.method) = (self.with_keys(found.ranges), found.single);
            }
            Attempt::Recovery(_, set) => {
                set(&mut next.recovery);
                let options = RecoverOptions { weights, recovery: next.recovery, method: next.method };
                // A method that does not know the format or the options.
                let refused = options.check().and_then(|()| options.check_formats(&next.plan)).err();
                return Ok(refused.map(|error| error.message().to_owned()));
            }
            Attempt::Float => {
                let options = SensitivityOptions { samples, weights };
                let candidates = [Candidates { plan: &next.plan, method: next.method }];
                let found = self.prepared.sensitivity(&candidates, &self.observed, &options, teaching)?;
                let Some(noisiest) = found.layers.first() else {
                    return Ok(Some("no layer is quantized".to_owned()));
                };
                let left = [LayerLeft::of(noisiest, WHY)];
                *name = format!("'{}' in float", noisiest.layer);
                next.plan = self.prepared.without_layers(&next.plan, &next.ranges, &left)?;
            }
        }
        Ok(None)
    }

    /// Quantizes the model and judges it.
    pub fn state(&self, settings: Settings, passes: &mut Passes<'_>) -> Result<State> {
        let Settings { plan, ranges, recovery, method } = &settings;
        let Self { prepared, options, .. } = *self;
        let weights = options.weights.clone();
        let (model, recovered) = if recovery.is_none() {
            (prepared.quantize(plan, ranges, &weights)?, None)
        } else {
            let recover = RecoverOptions { weights, recovery: *recovery, method: *method };
            let found =
                self.with_teaching(passes, |_, teaching| prepared.recover(plan, ranges, &recover, teaching))?;
            (found.model.clone(), Some(found))
        };
        let last = recovered.as_ref().map_or(ranges, |found| &found.ranges);
        let scaled = recovered.as_ref().map_or_else(BTreeMap::new, |found| found.scaled.clone());
        let stats = with_scaled(self.stats, scaled, prepared.graph());
        let known = Known { stats: Some(&*stats), ranges: Some(last) };
        let written = written(model.clone(), known, options.precision)?;
        let judged = self.judge.judge(&written, usize::MAX, passes.report)?;
        Ok(State { settings, recovered, model, score: judged.score })
    }

    /// Calls `work` with the samples that teach.
    fn with_teaching<T>(
        &self,
        passes: &mut Passes<'_>,
        work: impl FnOnce(&Self, &mut Passes<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut open = || Ok(Box::new(Held::new(&self.samples.teaching)) as Box<dyn BatchSource>);
        work(self, &mut Passes { open: &mut open, runtime: passes.runtime, report: &mut *passes.report })
    }

    /// Adds the numbers of keys that an engine needs.
    pub fn with_keys(&self, mut ranges: Ranges) -> Ranges {
        for (name, &keys) in &self.options.keys {
            let known = ranges.keys.entry(name.clone()).or_default();
            *known = keys.max(*known);
        }
        ranges
    }
}
