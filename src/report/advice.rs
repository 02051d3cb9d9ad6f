//! Likely reasons for bad results, with what to do about them.

use serde::Serialize;

use crate::finding::Finding;

/// The kind of a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A tensor has NaN or infinite values.
    NonFinite,
    /// One channel of an activation is far larger than the others.
    OutlierChannel,
    /// The range is far above the magnitudes that nearly all values have.
    FarRange,
    /// The range cuts off many values.
    Clipped,
    /// The step is so coarse that most values become zero.
    Coarse,
    /// The values are discrete, and the step does not meet them.
    Discrete,
    /// The values are nearly all the same.
    NearlyConstant,
    /// One input channel of a weight is far larger than the others.
    OutlierWeight,
    /// One scale serves output channels of very different size.
    SharedScale,
    /// Output channels of a weight have only zeros.
    DeadChannels,
    /// The layer reads so few channels that their errors do not average out.
    FewChannels,
    /// A node in float makes a small error of its input a large one.
    Amplified,
    /// The statistics show no reason.
    Unexplained,
}

/// A likely reason for a bad result, with what to do about it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Advice {
    /// The kind of the reason.
    pub kind: Kind,
    /// The name of the layer; empty if the advice concerns the whole model.
    pub layer: String,
    /// The tensor that shows the reason; the layer's output if none does.
    pub tensor: String,
    /// The SQNR of the layer's output in decibels, if it was measured.
    #[serde(serialize_with = "super::figure::optional")]
    pub sqnr_db: Option<f64>,
    /// The figures that the reason rests on, by name.
    pub evidence: Vec<(&'static str, f64)>,
    /// The reason in words.
    pub message: String,
    /// The recommended action, as an imperative.
    pub remedy: String,
}

impl Advice {
    /// Returns the advice as a finding.
    pub fn finding(&self) -> Finding {
        let layer = match (self.layer.is_empty(), self.sqnr_db) {
            (true, _) => "the outputs".to_owned(),
            (_, Some(decibels)) => format!("layer '{}' ({decibels:.2} dB)", self.layer),
            (_, None) => format!("layer '{}'", self.layer),
        };
        let finding = Finding::warning(format!("likely reason for the error of {layer}: {}", self.message));
        finding.about((!self.tensor.is_empty()).then_some(&self.tensor)).with_remedy(&self.remedy)
    }
}
