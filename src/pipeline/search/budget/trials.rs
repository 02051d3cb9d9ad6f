//! Trials of whole models.

use std::collections::{BTreeMap, BTreeSet};

use super::conditions::Budget;
use crate::emit::qdq_model::ReadyWeights;
use crate::emit::{Ranges, Weights};
use crate::error::Result;
use crate::observe::Stats;
use crate::onnx::Model;
use crate::pipeline::precision::halve;
use crate::pipeline::recover::{Passes, Recovered, with_scaled};
use crate::pipeline::search::judge::Judge;
use crate::pipeline::{Known, Prepared};
use crate::place::Plan;
use crate::precision::PrecisionPolicy;
use crate::report::budget::{CurvePoint, LayerLeft};
use crate::report::sensitivity::LayerSensitivity;
use crate::search::fewest;

/// The beginning of the reasons of layers in float.
pub(super) const WHY: &str = "left in float to keep within the budget";

/// Whole models that are judged.
pub(super) struct Trials<'a, 'b> {
    pub prepared: &'a Prepared,
    pub ranges: &'a Ranges,
    pub stats: &'a Stats,
    pub weights: &'a Weights,
    pub precision: Option<&'a PrecisionPolicy>,
    pub judge: Judge,
    pub budget: &'a mut Budget<'b>,
    pub curve: Vec<CurvePoint>,
    /// The answers so far, by the layers in float.
    pub known: BTreeMap<BTreeSet<String>, bool>,
    pub ready: ReadyWeights,
}

impl Trials<'_, '_> {
    /// Finds the fewest of the first layers that must stay in float; `None` if all are not enough.
    pub fn fewest(
        &mut self,
        plan: &Plan,
        layers: &[&LayerSensitivity],
        passes: &mut Passes<'_>,
    ) -> Result<Option<usize>> {
        let found = fewest(layers.len(), |count| {
            let left: Vec<LayerLeft> =
                layers[..count].iter().map(|layer| LayerLeft::of(layer, WHY)).collect();
            let names: BTreeSet<String> = left.iter().map(|layer| layer.layer.clone()).collect();
            if let Some(&is_met) = self.known.get(&names) {
                return Ok(is_met);
            }
            let plan = self.prepared.without_layers(plan, self.ranges, &left)?;
            let is_met = self.holds_with(&plan, count, passes)?;
            self.known.insert(names, is_met);
            Ok(is_met)
        })?;
        Ok(found.count)
    }

    fn holds_with(&mut self, plan: &Plan, left: usize, passes: &mut Passes<'_>) -> Result<bool> {
        let model = self.prepared.quantize_ready(plan, self.ranges, self.weights, &self.ready)?;
        self.holds(model, (self.stats, self.ranges), left, passes)
    }

    pub fn holds_recovered(
        &mut self,
        found: &Recovered,
        left: usize,
        passes: &mut Passes<'_>,
    ) -> Result<bool> {
        let stats = with_scaled(self.stats, found.scaled.clone(), self.prepared.graph());
        self.holds(found.model.clone(), (&stats, &found.ranges), left, passes)
    }

    /// Judges a model in its written form, and notes the figures.
    fn holds(
        &mut self,
        model: Model,
        (stats, ranges): (&Stats, &Ranges),
        left: usize,
        passes: &mut Passes<'_>,
    ) -> Result<bool> {
        let known = Known { stats: Some(stats), ranges: Some(ranges) };
        let model = written(model, known, self.precision)?;
        let judged = self.judge.judge(&model, usize::MAX, passes.report)?;
        let (is_met, metric) = self.budget.holds(&self.judge, &judged)?;
        self.curve.push(CurvePoint {
            layers_in_float: left,
            sqnr_db: judged.comparison.score_db(),
            metric,
            is_met,
        });
        Ok(is_met)
    }
}

/// Returns a quantized model in the form in which it is going to be written.
pub(in crate::pipeline::search) fn written(
    model: Model,
    known: Known<'_>,
    precision: Option<&PrecisionPolicy>,
) -> Result<Model> {
    match precision {
        None => Ok(model),
        Some(policy) => Ok(halve(model, known, policy)?.model),
    }
}
