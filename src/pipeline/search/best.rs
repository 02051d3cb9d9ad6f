//! Everything that may improve a quantized model, step by step.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::auto::AutoOptions;
use super::budget::written;
use super::judge::Judge;
use super::samples::{Held, Samples};
use super::sensitivity::{Candidates, SensitivityOptions};
use crate::batch::BatchSource;
use crate::emit::{Ranges, Weights};
use crate::error::{ErrorKind, Result};
use crate::finding::{Finding, counted};
use crate::observe::Stats;
use crate::onnx::Model;
use crate::pipeline::recover::{Passes, RecoverOptions, Recovered, with_scaled};
use crate::pipeline::{Known, Prepared};
use crate::place::Plan;
use crate::precision::PrecisionPolicy;
use crate::range::Method;
use crate::recover::Recovery;
use crate::report::best::{BestReport, Step};
use crate::report::budget::LayerLeft;
use crate::search::Score;

/// The gain in decibels for which a layer may stay in float.
const LEAST_GAIN: f64 = 1.0;

/// The time that all steps take at most, in times of the first one.
const MOST_TIMES: u32 = 60;
/// The least time that the steps may take.
const LEAST_TIME: Duration = Duration::from_secs(120);

/// The samples and the model of the search for the best quantization.
pub struct BestOptions<'a> {
    /// The way in which weights are quantized.
    pub weights: Weights,
    /// The half precision of the written model, if it has any.
    pub precision: Option<&'a PrecisionPolicy>,
    /// The largest number of samples that teach, and of those that judge.
    pub samples: usize,
    /// The largest number of layers that may stay in float.
    pub layers: usize,
}

/// The best quantization that [`Prepared::best`] found.
pub struct Best {
    /// The plan.
    pub plan: Plan,
    /// The ranges of the float model, before recovery.
    pub ranges: Ranges,
    /// The quantized model.
    pub model: Model,
    /// The recovered model, if a method of recovery is part of the result.
    pub recovered: Option<Recovered>,
    /// All steps with their figures.
    pub report: BestReport,
}

/// The arguments of a quantization.
#[derive(Clone)]
struct Choice {
    plan: Plan,
    ranges: Ranges,
    recovery: Recovery,
    method: Method,
}

/// A quantization with its score.
struct State {
    choice: Choice,
    recovered: Option<Recovered>,
    model: Model,
    score: Score,
}

impl Prepared {
    /// Tries everything that may improve the quantized model, one step after the other, and keeps what helps.
    ///
    /// The steps are: the ranges of [`Prepared::choose_ranges`]; each method of [`recover`](crate::recover);
    /// and the noisiest layers in float. Each step is judged at the network's outputs, on samples that did
    /// not teach it, and is taken back unless it improves them beyond chance ([`Score::is_better_than`]). A
    /// layer stays in float only for a gain of 1 dB. So the result is never worse than the default on these
    /// samples.
    ///
    /// The first step is timed, and a finding announces how long all of them take at most. Steps that no
    /// longer fit into this time are left out, with a finding.
    ///
    /// # Errors
    /// Those of [`Prepared::ranges`], [`Prepared::quantize`] and [`compare`](crate::pipeline::compare).
    pub fn best(
        &self,
        plan: &Plan,
        stats: &Stats,
        options: &BestOptions<'_>,
        passes: &mut Passes<'_>,
    ) -> Result<Best> {
        let start = Instant::now();
        let samples = Samples::split(passes, options.samples)?;
        let judge = Judge::open(&self.model().nested()?, &samples.judging, passes.runtime, passes.report)?;
        let method = Method::default();
        let ranges = self.ranges(plan, stats, method)?;
        let plan = self.seen(plan, &ranges);
        let mut search = Search { prepared: self, stats, options, samples, judge };
        let first = Choice { plan, ranges, recovery: Recovery::default(), method };
        let mut best = search.state(first, passes)?;
        let most = LEAST_TIME.max(start.elapsed() * MOST_TIMES);
        let mut report = BestReport { samples: search.judge.samples(), ..BestReport::default() };
        report.findings.append(&mut search.samples.findings);
        let message = format!("all steps take at most {} minutes", most.as_secs().div_ceil(60));
        report.note(Finding::note(message));
        report.steps.push(Step::kept(format!("ranges by {method}"), best.score.mean()));
        for step in Trial::all(options.layers) {
            if start.elapsed() > most {
                let message = format!("the time is over, so {} was not tried", step.name());
                report.note(Finding::warning(message).with_remedy("give fewer samples"));
                continue;
            }
            match search.tried(&best, &step, passes) {
                Ok(Some((name, next))) => {
                    let is_kept = next.score.is_better_than(&best.score)
                        && next.score.mean() - best.score.mean() >= step.least_gain();
                    report.steps.push(Step {
                        name,
                        score_db: Some(next.score.mean()),
                        is_kept,
                        reason: String::new(),
                    });
                    if is_kept {
                        best = next;
                    }
                }
                Ok(None) => {}
                // A method that does not know the format, or the network.
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    report.steps.push(Step::left_out(step.name(), error.message()));
                }
                Err(error) => return Err(error),
            }
        }
        report.score_db = best.score.mean();
        let State { choice: Choice { plan, ranges, .. }, recovered, model, .. } = best;
        Ok(Best { plan, ranges, model, recovered, report })
    }
}

/// A step of the search.
enum Trial {
    Ranges,
    Recovery(&'static str, fn(&mut Recovery)),
    /// The next noisiest layer in float.
    Float,
}

impl Trial {
    fn all(layers: usize) -> Vec<Self> {
        let mut all = vec![
            Self::Ranges,
            Self::Recovery("equalization", |recovery| recovery.equalization = true),
            Self::Recovery("smoothing", |recovery| recovery.smooth = true),
            Self::Recovery("learned rounding", |recovery| recovery.learned_rounding = true),
            Self::Recovery("bias correction", |recovery| recovery.bias_correction = true),
        ];
        all.extend((0..layers).map(|_| Self::Float));
        all
    }

    fn name(&self) -> String {
        match self {
            Self::Ranges => "ranges by auto".to_owned(),
            Self::Recovery(name, _) => (*name).to_owned(),
            Self::Float => "a layer in float".to_owned(),
        }
    }

    fn least_gain(&self) -> f64 {
        if matches!(self, Self::Float) { LEAST_GAIN } else { 0.0 }
    }
}

struct Search<'a> {
    prepared: &'a Prepared,
    stats: &'a Stats,
    options: &'a BestOptions<'a>,
    samples: Samples,
    judge: Judge,
}

impl Search<'_> {
    /// Carries out one step from a state. Returns `None` if there is nothing to do.
    fn tried(&self, state: &State, step: &Trial, passes: &mut Passes<'_>) -> Result<Option<(String, State)>> {
        let mut next = state.choice.clone();
        let (samples, weights) = (self.options.samples, self.options.weights.clone());
        let name = match step {
            Trial::Ranges => {
                if next.plan.activations.is_empty() {
                    return Ok(None);
                }
                let options = AutoOptions { samples, weights };
                let found = self.prepared.choose_ranges(&next.plan, self.stats, &options, passes)?;
                (next.ranges, next.method) = (found.ranges, found.single);
                format!(
                    "ranges by auto ({}, other ranges for {})",
                    found.single,
                    counted(found.changed.len(), "tensor")
                )
            }
            Trial::Recovery(name, set) => {
                set(&mut next.recovery);
                (*name).to_owned()
            }
            Trial::Float => {
                let options = SensitivityOptions { samples, weights };
                let candidates = [Candidates { plan: &next.plan, method: next.method }];
                let found = self.prepared.sensitivity(&candidates, self.stats, &options, passes)?;
                let Some(noisiest) = found.layers.first() else { return Ok(None) };
                let left = [LayerLeft::of(noisiest)];
                next.plan = self.prepared.without_layers(&next.plan, &next.ranges, &left)?;
                format!("'{}' in float", noisiest.layer)
            }
        };
        Ok(Some((name, self.state(next, passes)?)))
    }

    /// Quantizes the model and judges it.
    fn state(&self, choice: Choice, passes: &mut Passes<'_>) -> Result<State> {
        let Choice { plan, ranges, recovery, method } = &choice;
        let Self { prepared, options, .. } = *self;
        let weights = options.weights.clone();
        let (model, recovered) = if recovery.is_none() {
            (prepared.quantize(plan, ranges, &weights)?, None)
        } else {
            let mut open = || Ok(Box::new(Held::new(&self.samples.teaching)) as Box<dyn BatchSource>);
            let mut teaching =
                Passes { open: &mut open, runtime: passes.runtime, report: &mut *passes.report };
            let recover = RecoverOptions { weights, recovery: *recovery, method: *method };
            let found = prepared.recover(plan, ranges, &recover, &mut teaching)?;
            (found.model.clone(), Some(found))
        };
        let last = recovered.as_ref().map_or(ranges, |found| &found.ranges);
        let scaled = recovered.as_ref().map_or_else(BTreeMap::new, |found| found.scaled.clone());
        let stats = with_scaled(self.stats, scaled, prepared.graph());
        let known = Known { stats: Some(&*stats), ranges: Some(last) };
        let judged = self.judge.judge(
            &written(model.clone(), known, options.precision)?,
            usize::MAX,
            passes.report,
        )?;
        Ok(State { choice, recovered, model, score: judged.score })
    }
}
