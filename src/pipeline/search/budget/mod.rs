//! The layers that must stay in float so that a model is good enough.

mod conditions;
mod trials;

use std::collections::{BTreeMap, BTreeSet};

use super::judge::Judge;
use super::samples::Samples;
use super::sensitivity::{Candidates, SensitivityOptions};
use crate::emit::{Ranges, ready_weights};
use crate::error::Result;
use crate::finding::{Finding, counted};
use crate::observe::Stats;
use crate::pipeline::Prepared;
use crate::pipeline::recover::{Passes, RecoverOptions, Recovered};
use crate::place::{self, Plan, Policy};
use crate::precision::PrecisionPolicy;
use crate::report::budget::{BudgetReport, CurvePoint, LayerLeft};
use crate::report::sensitivity::LayerSensitivity;

pub use conditions::{Budget, Limits, Metric, Outputs};
pub(super) use trials::written;
use trials::{Trials, WHY};

/// The budget, and the model that is judged.
pub struct BudgetOptions<'a> {
    /// The least quality.
    pub budget: Budget<'a>,
    /// The statistics of the float model.
    pub stats: &'a Stats,
    /// Weights and recovery. The methods of recovery are tried before a layer is left in float.
    pub recover: RecoverOptions,
    /// The half precision of the written model, if it has any. Layers in float are then in half precision.
    pub precision: Option<&'a PrecisionPolicy>,
    /// The samples of the measurement of layers.
    pub sensitivity: SensitivityOptions,
}

/// The plan that [`Prepared::meet`] found.
pub struct Budgeted {
    /// The plan, which leaves layers in float.
    pub plan: Plan,
    /// The recovered model, if recovery was asked for and is part of the result.
    pub recovered: Option<Recovered>,
    /// The steps of the search, and its result.
    pub report: BudgetReport,
}

impl Prepared {
    /// Finds the fewest layers that must stay in float so that the model keeps within the budget.
    ///
    /// Layers go back to float in the order of the noise at the network's outputs that they cause alone, for
    /// each multiply-accumulate. Bisection finds how many. Among those, the noisiest that are enough stay.
    /// Every trial quantizes the whole model as it is going to be written, and runs it on all data, as far as
    /// they fit into memory. The ranges stay those of `ranges`. The same arguments give the same result.
    ///
    /// If the budget cannot be met, the report says so, and the plan is the given one.
    ///
    /// # Errors
    /// `InvalidArgument` for an output that the model does not have, or a disagreement without classes; those
    /// of the metric, of [`Prepared::quantize`] and of [`compare`](crate::pipeline::compare).
    pub fn meet(
        &self,
        plan: &Plan,
        ranges: &Ranges,
        options: &mut BudgetOptions<'_>,
        passes: &mut Passes<'_>,
    ) -> Result<Budgeted> {
        let plan = self.seen(plan, ranges);
        let samples = Samples::judging(passes, usize::MAX)?;
        let judge = Judge::open(&self.model().nested()?, &samples.judging, passes.runtime, passes.report)?;
        let BudgetOptions { budget, stats, recover, precision, sensitivity } = options;
        let (stats, weights) = (*stats, &recover.weights);
        budget.check(&judge)?;
        let findings = [samples.findings.as_slice(), &judge.compared.findings].concat();
        let mut report = BudgetReport { samples: judge.samples(), findings, ..Default::default() };
        let ready = ready_weights(self.network(), &plan, weights)?;
        let mut trials = Trials {
            prepared: self,
            ranges,
            stats,
            weights,
            precision: *precision,
            judge,
            budget,
            curve: Vec::new(),
            known: BTreeMap::new(),
            ready,
        };
        if !recover.recovery.is_none() {
            let recovered = self.recover(&plan, ranges, recover, passes)?;
            if trials.holds_recovered(&recovered, 0, passes)? {
                report.finish(trials.curve, Vec::new(), true);
                return Ok(Budgeted { plan, recovered: Some(recovered), report });
            }
        }
        if trials.fewest(&plan, &[], passes)?.is_some() {
            if !recover.recovery.is_none() {
                report.findings.push(without_recovery());
            }
            report.finish(trials.curve, Vec::new(), true);
            return Ok(Budgeted { plan, recovered: None, report });
        }
        let method = recover.method;
        let layers =
            self.sensitivity(&[Candidates { plan: &plan, method }], stats, sensitivity, passes)?.layers;
        let mut worthwhile: Vec<&LayerSensitivity> = layers.iter().collect();
        worthwhile.sort_by(|one, other| worth(other).total_cmp(&worth(one)));
        let Some(enough) = trials.fewest(&plan, &worthwhile, passes)? else {
            report.finish(trials.curve, Vec::new(), false);
            return Ok(Budgeted { plan, recovered: None, report });
        };
        // The layers are in the order of their noise.
        let chosen: BTreeSet<&str> = worthwhile[..enough].iter().map(|layer| layer.layer.as_str()).collect();
        let noisiest: Vec<&LayerSensitivity> =
            layers.iter().filter(|layer| chosen.contains(layer.layer.as_str())).collect();
        let enough = trials.fewest(&plan, &noisiest, passes)?.unwrap_or(noisiest.len());
        let left: Vec<LayerLeft> = noisiest[..enough].iter().map(|layer| LayerLeft::of(layer, WHY)).collect();
        let found = self.without_layers(&plan, ranges, &left)?;
        let mut recovered = None;
        if !recover.recovery.is_none() {
            let tried = self.recover(&found, ranges, recover, passes)?;
            if trials.holds_recovered(&tried, enough, passes)? {
                recovered = Some(tried);
            } else {
                report.findings.push(without_recovery());
            }
        }
        report.finish(trials.curve, left, true);
        Ok(Budgeted { plan: found, recovered, report })
    }

    /// Plans the network again with some layers left in float.
    pub(super) fn without_layers(&self, plan: &Plan, ranges: &Ranges, left: &[LayerLeft]) -> Result<Plan> {
        let reasons = left.iter().map(|layer| (layer.layer.clone(), layer.reason.clone()));
        let policy = Policy {
            left: plan.policy.left.clone().into_iter().chain(reasons).collect(),
            ranged: Some(ranges.iter().map(|(name, _)| name.to_owned()).collect()),
            min_quantized: 0.0,
            keys: ranges.keys.clone(),
            ..plan.policy.clone()
        };
        let again = place::plan(self.graph(), &policy)?;
        Ok(Plan { findings: plan.findings.clone(), ..again })
    }
}

fn without_recovery() -> Finding {
    Finding::warning(
        "the methods that recover accuracy are not used, since the budget does not hold with them",
    )
}

/// Returns the noise of a layer for each multiply-accumulate.
fn worth(layer: &LayerSensitivity) -> f64 {
    layer.noise() / (layer.cost.max(1) as f64)
}

impl BudgetReport {
    fn finish(&mut self, curve: Vec<CurvePoint>, left: Vec<LayerLeft>, is_met: bool) {
        (self.curve, self.left, self.is_met) = (curve, left, is_met);
        if !self.left.is_empty() {
            let message = match self.left.len() {
                1 => "a layer stays in float to keep within the budget".to_owned(),
                left => format!("{} stay in float to keep within the budget", counted(left, "layer")),
            };
            self.findings
                .push(Finding::note(message).about(self.left.iter().map(|layer| layer.layer.clone())));
        }
        self.findings.iter().for_each(Finding::log);
    }
}
