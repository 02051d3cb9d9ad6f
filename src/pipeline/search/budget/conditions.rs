//! The conditions of a budget.

use std::collections::BTreeMap;

use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::search::judge::{Judge, Judgement};
use crate::report::compare::Comparison;
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

impl Budget<'_> {
    /// Refuses conditions that the outputs of the model cannot have.
    pub(super) fn check(&self, judge: &Judge) -> Result<()> {
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
    pub(super) fn holds(&mut self, judge: &Judge, judged: &Judgement) -> Result<(bool, Option<f64>)> {
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
