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
    /// The number of samples of each batch.
    pub samples: Vec<usize>,
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
        let is_float = |name: &String| judge.is_float(name);
        if let Some(name) = self.outputs.keys().find(|name| !is_float(name)) {
            let message = format!("the budget names '{name}', which has whole numbers and so no SQNR");
            return Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_remedy("name a floating-point output, or judge it by a metric of your own"));
        }
        let has_floats = names.iter().any(is_float);
        if self.min_sqnr_db.is_some() && !has_floats {
            let message = "nothing that can be compared is floating-point, so nothing has an SQNR";
            return Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_remedy("judge the outputs by a metric of your own"));
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
            samples: judge.batches().iter().map(|(batch, _)| batch.samples).collect(),
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
///
/// The class is the first of the largest scores. NaN is never a class, and agrees with nothing. Outputs of
/// another shape disagree.
fn disagreement(judge: &Judge, judged: &Judgement, best: usize) -> f64 {
    let (mut samples, mut agreeing) = (0u64, 0u64);
    for ((_, expected), found) in judge.batches().iter().zip(&judged.outputs) {
        let Some((expected, count)) = classes(expected) else { continue };
        samples += (expected.len() / count) as u64;
        let Some((found, _)) =
            classes(found).filter(|(scores, of)| (scores.len(), *of) == (expected.len(), count))
        else {
            continue;
        };
        let pairs = expected.chunks_exact(count).zip(found.chunks_exact(count));
        agreeing += pairs.filter(|(expected, found)| agrees(expected, found, best)).count() as u64;
    }
    1.0 - agreeing as f64 / samples.max(1) as f64
}

/// Whether the class of `expected` is among the `best` of `found`.
fn agrees(expected: &[f32], found: &[f32], best: usize) -> bool {
    let before = |scores: &[f32], one: usize, other: usize| {
        scores[one] > scores[other] || (scores[one] == scores[other] && one < other) || scores[other].is_nan()
    };
    let first = |best: usize, next: usize| if before(expected, next, best) { next } else { best };
    let Some(class) = (0..expected.len()).reduce(first).filter(|&class| !expected[class].is_nan()) else {
        return false;
    };
    let better =
        (0..found.len()).filter(|&at| at != class && before(found, at, class) && !found[at].is_nan());
    !found[class].is_nan() && better.count() < best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ruined_model_agrees_with_nothing() {
        const NAN: f32 = f32::NAN;
        let scores = [0.1, 0.7, 0.2];
        assert!(agrees(&scores, &[0.0, 3.0, 1.0], 1));
        assert!(!agrees(&scores, &[4.0, 3.0, 1.0], 1) && agrees(&scores, &[4.0, 3.0, 1.0], 2));
        assert!(!agrees(&scores, &[NAN; 3], 3), "no class is left");
        assert!(
            !agrees(&scores, &[0.5; 3], 1) && agrees(&scores, &[0.5; 3], 2),
            "the first of equal ones wins"
        );
        assert!(agrees(&[NAN, 1.0, 2.0], &[9.0, NAN, 2.0], 2) && !agrees(&[NAN; 3], &scores, 3));
    }

    #[test]
    fn no_number_keeps_limits() {
        let limits = |least, most| Limits { least, most };
        assert!(limits(Some(0.5), None).hold(0.5) && limits(None, Some(0.5)).hold(0.5));
        assert!(!limits(Some(0.5), None).hold(0.4) && !limits(None, Some(0.5)).hold(f64::NAN));
    }
}
