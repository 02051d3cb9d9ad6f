//! The layers that must stay in float so that a model is good enough.

use std::collections::{BTreeMap, BTreeSet};

use super::judge::{Judge, Judgement};
use super::samples::Samples;
use super::sensitivity::{Candidates, SensitivityOptions};
use crate::emit::qdq_model::ReadyWeights;
use crate::emit::{Ranges, Weights, ready_weights};
use crate::error::{Error, ErrorKind, Result};
use crate::finding::{Finding, counted};
use crate::observe::Stats;
use crate::onnx::Model;
use crate::pipeline::precision::halve;
use crate::pipeline::recover::{Passes, RecoverOptions, Recovered, with_scaled};
use crate::pipeline::{Known, Prepared};
use crate::place::{self, Plan, Policy};
use crate::precision::PrecisionPolicy;
use crate::report::budget::{BudgetReport, CurvePoint, LayerLeft};
use crate::report::compare::Comparison;
use crate::report::sensitivity::LayerSensitivity;
use crate::search::fewest;
use crate::tensor::Tensor;

/// A measurement of the user's own: a function of both models' outputs.
///
/// The outputs have one list for each batch, in the order of the names.
pub type Metric<'a> = &'a mut dyn FnMut(&Outputs<'_>) -> Result<f64>;

/// The outputs of both models on all batches.
pub struct Outputs<'a> {
    /// The names of the outputs.
    pub names: &'a [String],
    /// The outputs of the float model, by batch.
    pub float: Vec<&'a [Tensor]>,
    /// The outputs of the quantized model, by batch.
    pub quantized: Vec<&'a [Tensor]>,
}

/// The least quality of a quantized model. All conditions must hold.
#[derive(Default)]
pub struct Budget<'a> {
    /// The least SQNR of every floating-point output, in decibels.
    pub min_sqnr_db: Option<f64>,
    /// The least SQNR of single outputs, in decibels. They replace `min_sqnr_db` for these.
    pub outputs: BTreeMap<String, f64>,
    /// The largest share of samples whose class differs, 0 to 1, and the number of the quantized model's best
    /// classes among which that of the float model must be.
    pub max_disagreement: Option<(f64, usize)>,
    /// A measurement of the user's own, and the limits of its result.
    pub metric: Option<(Metric<'a>, Limits)>,
}

/// The limits of a number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// The least number.
    pub least: Option<f64>,
    /// The largest number.
    pub most: Option<f64>,
}

impl Limits {
    fn hold(self, value: f64) -> bool {
        !value.is_nan()
            && self.least.is_none_or(|least| value >= least)
            && self.most.is_none_or(|most| value <= most)
    }
}

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
        let mut report =
            BudgetReport { samples: judge.samples(), findings: samples.findings, ..Default::default() };
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
        let left: Vec<LayerLeft> = noisiest[..enough].iter().map(|layer| LayerLeft::of(layer)).collect();
        let found = self.without_layers(&plan, ranges, &left)?;
        let mut recovered = None;
        if !recover.recovery.is_none() {
            let tried = self.recover(&found, ranges, recover, passes)?;
            if trials.holds_recovered(&tried, enough, passes)? {
                recovered = Some(tried);
            } else {
                let message = "the methods that recover accuracy are not used, since the budget does not hold with them";
                report.findings.push(Finding::warning(message));
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

/// Returns the noise of a layer for each multiply-accumulate.
fn worth(layer: &LayerSensitivity) -> f64 {
    layer.noise() / (layer.cost.max(1) as f64)
}

/// Whole models that are judged.
struct Trials<'a, 'b> {
    prepared: &'a Prepared,
    ranges: &'a Ranges,
    stats: &'a Stats,
    weights: &'a Weights,
    precision: Option<&'a PrecisionPolicy>,
    judge: Judge,
    budget: &'a mut Budget<'b>,
    curve: Vec<CurvePoint>,
    /// The answers so far, by the layers in float.
    known: BTreeMap<BTreeSet<String>, bool>,
    ready: ReadyWeights,
}

impl Trials<'_, '_> {
    /// Finds the fewest of the first layers that must stay in float; `None` if all are not enough.
    fn fewest(
        &mut self,
        plan: &Plan,
        layers: &[&LayerSensitivity],
        passes: &mut Passes<'_>,
    ) -> Result<Option<usize>> {
        let found = fewest(layers.len(), |count| {
            let left: Vec<LayerLeft> = layers[..count].iter().map(|layer| LayerLeft::of(layer)).collect();
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

    fn holds_recovered(&mut self, found: &Recovered, left: usize, passes: &mut Passes<'_>) -> Result<bool> {
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
pub(super) fn written(model: Model, known: Known<'_>, precision: Option<&PrecisionPolicy>) -> Result<Model> {
    match precision {
        None => Ok(model),
        Some(policy) => Ok(halve(model, known, policy)?.model),
    }
}

impl Budget<'_> {
    /// Refuses conditions that the outputs of the model cannot have.
    fn check(&self, judge: &Judge) -> Result<()> {
        let names = &judge.compared.outputs;
        if let Some(name) = self.outputs.keys().find(|name| !names.contains(name)) {
            let message = format!("the budget names '{name}', which is no output that can be compared");
            return Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_remedy(format!("name an output: '{}'", names.join("', '"))));
        }
        let has_classes = judge.batches().first().is_some_and(|(_, outputs)| classes(outputs).is_some());
        if self.max_disagreement.is_some() && !has_classes {
            let message =
                "the first output of the model is not [samples, classes], so no classes can disagree";
            return Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_remedy("give a least SQNR, or a metric of your own"));
        }
        Ok(())
    }

    /// Whether a judged model keeps within the budget, and the result of the metric.
    fn holds(&mut self, judge: &Judge, judged: &Judgement) -> Result<(bool, Option<f64>)> {
        let reaches = |comparison: &Comparison| {
            comparison.gated().all(|output| {
                let least = self.outputs.get(&output.name).copied().or(self.min_sqnr_db);
                least.is_none_or(|least| output.metrics.reaches(least))
            })
        };
        let agrees = match self.max_disagreement {
            None => true,
            Some((most, best)) => disagreement(judge, judged, best) <= most,
        };
        let mut is_met = reaches(&judged.comparison) && agrees;
        let Some((metric, limits)) = &mut self.metric else { return Ok((is_met, None)) };
        let outputs = Outputs {
            names: &judge.compared.outputs,
            float: judge.batches().iter().map(|(_, outputs)| outputs.as_slice()).collect(),
            quantized: judged.outputs.iter().map(Vec::as_slice).collect(),
        };
        let value = metric(&outputs)?;
        is_met &= limits.hold(value);
        Ok((is_met, Some(value)))
    }
}

/// Returns the scores of classes, `[samples, classes]`, and the number of classes.
fn classes(outputs: &[Tensor]) -> Option<(Vec<f32>, usize)> {
    let first = outputs.first()?;
    let &[_, classes] = first.shape() else { return None };
    let scores = first.view().data().to_f32()?.into_owned();
    (classes > 1).then_some((scores, classes))
}

/// Returns the share of samples whose class by the float model is not among the `best` of the quantized one.
fn disagreement(judge: &Judge, judged: &Judgement, best: usize) -> f64 {
    let (mut samples, mut differing) = (0u64, 0u64);
    for ((_, expected), found) in judge.batches().iter().zip(&judged.outputs) {
        let (Some((expected, count)), Some((found, _))) = (classes(expected), classes(found)) else {
            continue;
        };
        for (expected, found) in expected.chunks_exact(count).zip(found.chunks_exact(count)) {
            let order =
                |at: &usize, other: &usize| expected[*at].total_cmp(&expected[*other]).then(other.cmp(at));
            let Some(class) = (0..count).max_by(order) else { continue };
            let before = (0..count).filter(|&at| found[at] > found[class]).count();
            samples += 1;
            differing += u64::from(before >= best);
        }
    }
    differing as f64 / samples.max(1) as f64
}

impl BudgetReport {
    fn finish(&mut self, curve: Vec<CurvePoint>, left: Vec<LayerLeft>, is_met: bool) {
        (self.curve, self.left, self.is_met) = (curve, left, is_met);
        if !self.left.is_empty() {
            let message =
                format!("{} stay in float to keep within the budget", counted(self.left.len(), "layer"));
            self.findings
                .push(Finding::note(message).about(self.left.iter().map(|layer| layer.layer.clone())));
        }
        self.findings.iter().for_each(Finding::log);
    }
}
