//! The judgement on the outputs of a quantized model.

use serde::Serialize;

use super::super::compare::{Comparison, NamedMetrics};
use super::super::figure::optional;
use super::super::trouble::BAD_OUTPUT;

/// An output from this SQNR in decibels on is good.
pub const GOOD_OUTPUT: f64 = 30.0;

/// The judgement in one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Word {
    /// Every output has [`GOOD_OUTPUT`] or more.
    Good,
    /// An output has less than [`GOOD_OUTPUT`].
    Fair,
    /// An output has less than [`BAD_OUTPUT`], or values that are infinite or NaN in one model only.
    Bad,
    /// No output has an SQNR.
    #[default]
    Unmeasured,
}

/// The judgement on the outputs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Verdict {
    /// The judgement in one word.
    pub word: Word,
    /// The judgement in a sentence.
    pub text: String,
    /// The data of the comparison: `calibration data` or `data of the comparison`.
    pub data: String,
    /// The lowest SQNR of the outputs in decibels.
    #[serde(serialize_with = "optional")]
    pub worst_sqnr_db: Option<f64>,
    /// The share of samples with the same class in both models, if an output holds scores of classes.
    #[serde(serialize_with = "optional")]
    pub top1_agreement: Option<f64>,
    /// The accuracy of the float model, if labels were given.
    #[serde(serialize_with = "optional")]
    pub float_accuracy: Option<f64>,
    /// The accuracy of the quantized model, if labels were given.
    #[serde(serialize_with = "optional")]
    pub quantized_accuracy: Option<f64>,
    /// The SQNR in decibels that was required, if one was.
    #[serde(serialize_with = "optional")]
    pub required_sqnr_db: Option<f64>,
    /// Whether every output has the required SQNR.
    pub passed: Option<bool>,
}

impl Verdict {
    /// Judges the outputs of a comparison. `data` describes its data, and `required` is the SQNR to reach.
    pub fn of(comparison: Option<&Comparison>, data: &str, required: Option<f64>) -> Self {
        let Some(comparison) = comparison else {
            let text = "The quantized model was not run, so nothing is known about its accuracy.".to_owned();
            return Self { text, ..Self::default() };
        };
        let measured = || comparison.gated().filter(|output| output.metrics.sqnr_db().is_some());
        let decibels = |output: &&NamedMetrics| output.metrics.sqnr_db().unwrap_or(f64::INFINITY);
        let worst = measured().min_by(|a, b| decibels(a).total_cmp(&decibels(b)));
        let broken: Vec<&NamedMetrics> =
            comparison.gated().filter(|output| output.metrics.non_finite() > 0).collect();
        let (word, text) = match (worst, broken.first()) {
            (_, Some(broken)) => (
                Word::Bad,
                format!(
                    "Output '{}' has {} values that are infinite or NaN in one of the models only.",
                    broken.name,
                    broken.metrics.non_finite()
                ),
            ),
            (None, _) => (Word::Unmeasured, "No output that was compared has an SQNR.".to_owned()),
            (Some(worst), _) => {
                let found = decibels(&worst);
                let (word, meaning) = match found {
                    _ if found >= GOOD_OUTPUT => (Word::Good, "close to the float model"),
                    _ if found >= BAD_OUTPUT => (Word::Fair, "usable, but visibly less exact"),
                    _ => (Word::Bad, "too far from the float model for most uses"),
                };
                let text = match found.is_infinite() && found > 0.0 {
                    true => "The outputs are the same as those of the float model.".to_owned(),
                    false => {
                        format!(
                            "The worst output, '{}', has an SQNR of {found:.2} dB: {meaning}.",
                            worst.name
                        )
                    }
                };
                (word, text)
            }
        };
        let accuracy = comparison.agreement.accuracy();
        Self {
            word,
            text,
            data: data.to_owned(),
            worst_sqnr_db: worst.map(|worst| decibels(&worst)),
            top1_agreement: comparison.agreement.top1(),
            float_accuracy: accuracy.map(|(float, _)| float),
            quantized_accuracy: accuracy.map(|(_, quantized)| quantized),
            required_sqnr_db: required,
            passed: required.map(|required| comparison.outputs_below(required).is_empty()),
        }
    }
}
