//! The distance of a quantized model from the float model.

mod agreement;
mod figures;
mod metrics;

use std::collections::BTreeMap;

use crate::finding::Finding;

use super::advice::Advice;

pub use agreement::Agreement;
pub use metrics::{Metrics, Shortfall};

/// The metrics of one tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedMetrics {
    /// The tensor's name.
    pub name: String,
    /// The distance of its values from those of the float model.
    pub metrics: Metrics,
}

/// The comparison of a float model with its quantized form.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// The number of samples that both models have run.
    pub samples: usize,
    /// The outputs that were compared, in order.
    pub outputs: Vec<NamedMetrics>,
    /// The activations that both models have, in order; empty if they were not requested.
    pub tensors: Vec<NamedMetrics>,
    /// The agreement of the classes by the first output, if that output holds scores of classes.
    ///
    /// This is so if labels are given, or if a softmax computes the output.
    pub agreement: Agreement,
    /// The largest magnitude of each channel of the tensors inside, by name, in the float model.
    ///
    /// A channel is an index of the axis that convolutions and products sum over. Only tensors that one of
    /// these reads are included, and only if tensors inside were requested.
    pub channels: BTreeMap<String, Vec<f32>>,
    /// The likely reasons for bad outputs and tensors, the worst layers first. The findings have the first of
    /// them.
    pub advice: Vec<Advice>,
    /// The findings for the user: outputs that are not compared, samples that were left out.
    ///
    /// [`crate::pipeline::compare`] has logged them.
    pub findings: Vec<Finding>,
}

impl Comparison {
    /// Lists the outputs that have an SQNR, which a gate can check: all but whole numbers and truth values.
    pub fn gated(&self) -> impl Iterator<Item = &NamedMetrics> {
        self.outputs.iter().filter(|output| !output.metrics.is_discrete())
    }

    /// Returns one figure for all outputs: -10·log10 of the mean of their ratios of noise to signal, in
    /// decibels. The worst output decides most of it.
    ///
    /// Outputs without an SQNR, and those that are zero in the float model, do not count. If none is left,
    /// the ratio is the share of unequal whole numbers. An infinity or NaN that the float model does not
    /// have gives minus infinity. Returns `None` if nothing was compared.
    pub fn score_db(&self) -> Option<f64> {
        if self.outputs.iter().any(|output| output.metrics.non_finite() > 0) {
            return Some(f64::NEG_INFINITY);
        }
        let mean = |ratios: Vec<f64>| {
            let count = ratios.len() as f64;
            (count > 0.0).then(|| -10.0 * (ratios.into_iter().sum::<f64>() / count).log10())
        };
        let figures = self.gated().filter_map(|output| output.metrics.sqnr_db());
        let ratios = figures.filter(|&figure| figure != f64::NEG_INFINITY);
        let unequal =
            self.outputs.iter().filter_map(|output| output.metrics.equal()).map(|equal| 1.0 - equal);
        mean(ratios.map(|figure| 10f64.powf(-figure / 10.0)).collect()).or_else(|| mean(unequal.collect()))
    }

    /// Lists those outputs of [`Comparison::gated`] that do not reach `min_db`.
    ///
    /// Such an output has a lower SQNR, no value that could be compared, or an infinity or NaN that the float
    /// model does not have.
    pub fn outputs_below(&self, min_db: f64) -> Vec<&NamedMetrics> {
        self.gated().filter(|output| !output.metrics.reaches(min_db)).collect()
    }
}
