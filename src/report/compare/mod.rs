//! How far a quantized model is from the float model.

mod agreement;
mod figures;
mod metrics;

use crate::finding::Finding;

pub use agreement::Agreement;
pub use metrics::{Metrics, Shortfall};

/// The metrics of one tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedMetrics {
    /// The tensor's name.
    pub name: String,
    /// How far it is from the float model's.
    pub metrics: Metrics,
}

/// A float model beside its quantized form.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// Samples run through both.
    pub samples: usize,
    /// The outputs that were compared, in order.
    pub outputs: Vec<NamedMetrics>,
    /// Activations that both models have, in order; empty where they were not asked for.
    pub tensors: Vec<NamedMetrics>,
    /// Classes by the first output, where it holds scores of classes: with labels, or where a softmax
    /// computes it.
    pub agreement: Agreement,
    /// What the user must know: outputs that are not compared, samples that were left out.
    /// [`crate::pipeline::compare`] has logged them.
    pub findings: Vec<Finding>,
}

impl Comparison {
    /// The outputs that have an SQNR, which is what a gate can ask for: all but whole numbers and truth
    /// values.
    pub fn gated(&self) -> impl Iterator<Item = &NamedMetrics> {
        self.outputs.iter().filter(|output| !output.metrics.is_discrete())
    }

    /// Those of [`Comparison::gated`] that do not reach `min_db`: a lower SQNR, nothing that could be
    /// compared, or an infinity or NaN that the float model does not have.
    pub fn outputs_below(&self, min_db: f64) -> Vec<&NamedMetrics> {
        self.gated().filter(|output| !output.metrics.reaches(min_db)).collect()
    }
}
