//! A report on a quantized model, as data: for the page and the JSON file that the tool writes.
//!
//! [`assemble`] makes the parts that follow from a comparison, statistics and facts. The caller adds what it
//! alone knows: the command, the files, the gate, and the results of a sensitivity analysis or of a budget.

mod assemble;
pub mod histogram;
mod verdict;

use std::collections::BTreeMap;

use serde::Serialize;

use super::advice::Advice;
use super::budget;
use super::figure::{optional, required};
use super::numbers::Numbers;
use super::sensitivity::LayerSensitivity;
use crate::finding::Finding;

pub use assemble::{Material, assemble};
pub use histogram::Histogram;
pub use verdict::{GOOD_OUTPUT, Verdict, Word};

/// The version of the layout. It increases when an old reader would misunderstand a file.
pub const VERSION: u32 = 1;

/// A report on a quantized model.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Document {
    /// `qdq-report`.
    pub format: &'static str,
    /// The version of the layout, [`VERSION`].
    pub version: u32,
    /// The command that ran.
    pub run: Run,
    /// The judgement on the outputs.
    pub verdict: Verdict,
    /// The figures of the compared outputs, in order.
    pub outputs: Vec<Output>,
    /// The nodes of the float model, in order.
    pub layers: Vec<Layer>,
    /// The activations that were observed, quantized or compared, in the order of the float model.
    pub tensors: Vec<TensorEntry>,
    /// The weights of convolutions and products, in the order of their layers.
    pub weights: Vec<WeightEntry>,
    /// The likely reasons for bad results, the worst layers first.
    pub advice: Vec<Advice>,
    /// The cost of each layer alone, the most expensive first; empty without such an analysis.
    pub sensitivity: Vec<LayerCost>,
    /// The SQNR of the outputs by the number of layers in float; empty without a budget.
    pub curve: Vec<CurvePoint>,
    /// The findings of all steps.
    pub findings: Vec<Finding>,
}

/// The command and its circumstances.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Run {
    /// The command line.
    pub command: String,
    /// The version of qdq.
    pub qdq: String,
    /// Other settings and versions by name, such as the runtime and the calibration method.
    pub settings: BTreeMap<String, String>,
    /// The files that were read or written.
    pub files: Vec<FileEntry>,
    /// The number of samples of the calibration, if there was one.
    pub calibration_samples: Option<u64>,
    /// The number of samples that were compared, if there was a comparison.
    pub compared_samples: Option<u64>,
}

/// A file that was read or written.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FileEntry {
    /// The purpose, such as `float model` or `data`.
    pub role: String,
    /// The path as it was given.
    pub path: String,
    /// The size in bytes, of a folder that of its files together.
    pub bytes: u64,
    /// The SHA-256 in hexadecimal digits; `None` for a device or a pipe, which can be read only once.
    pub sha256: Option<String>,
}

/// The figures of a compared output.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Output {
    /// The name.
    pub name: String,
    /// The SQNR in decibels.
    #[serde(serialize_with = "optional")]
    pub sqnr_db: Option<f64>,
    /// The cosine of the angle between the values of both models as vectors.
    #[serde(serialize_with = "optional")]
    pub cosine: Option<f64>,
    /// The largest difference.
    #[serde(serialize_with = "optional")]
    pub max_error: Option<f64>,
    /// The mean difference.
    #[serde(serialize_with = "optional")]
    pub mean_error: Option<f64>,
    /// The share of equal values among whole numbers and truth values.
    #[serde(serialize_with = "optional")]
    pub equal: Option<f64>,
    /// The number of values that are infinite or NaN in one model only.
    pub non_finite: u64,
    /// The number of compared values.
    pub values: u64,
}

/// A node of the float model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Layer {
    /// The name.
    pub name: String,
    /// The operator.
    pub op: String,
    /// The numbers that it computes with; `None` if the quantized model has no such node.
    pub numbers: Option<Numbers>,
    /// The reason.
    pub reason: String,
    /// The name of its first output.
    pub output: String,
    /// The SQNR of its first output in decibels, if it was measured.
    #[serde(serialize_with = "optional")]
    pub sqnr_db: Option<f64>,
}

/// An activation.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TensorEntry {
    /// The name.
    pub name: String,
    /// `int8` or `fp8` if it is quantized, else `float`.
    pub numbers: String,
    /// The largest magnitude that the quantized numbers represent.
    #[serde(serialize_with = "optional")]
    pub range: Option<f64>,
    /// The SQNR in decibels, if it was measured.
    #[serde(serialize_with = "optional")]
    pub sqnr_db: Option<f64>,
    /// The statistics of the calibration, if it observed the tensor.
    pub values: Option<Values>,
}

/// The statistics of a tensor.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Values {
    /// The number of values.
    pub count: u64,
    /// The number of zeros.
    pub zeros: u64,
    /// The number of values that are NaN.
    pub nans: u64,
    /// The number of infinite values.
    pub infinities: u64,
    /// The smallest finite value.
    #[serde(serialize_with = "optional")]
    pub min: Option<f64>,
    /// The largest finite value.
    #[serde(serialize_with = "optional")]
    pub max: Option<f64>,
    /// The magnitude that 99.99% of the values other than zero do not exceed.
    #[serde(serialize_with = "optional")]
    pub percentile_99_99: Option<f64>,
    /// The share of the values above the range by more than half a step; 0 without a range.
    #[serde(serialize_with = "required")]
    pub clipped: f64,
    /// The share of the values other than zero that become 0; 0 without a range.
    #[serde(serialize_with = "required")]
    pub lost: f64,
    /// The histogram of the magnitudes; `None` if all values are zero or not finite.
    pub histogram: Option<Histogram>,
}

/// A weight.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct WeightEntry {
    /// The name.
    pub name: String,
    /// The names of the layers that read it.
    pub layers: Vec<String>,
    /// The shape.
    pub shape: Vec<usize>,
    /// The number of its scales: one, or one per output channel; 0 in float and in blocks.
    pub scales: usize,
    /// The statistics of its values, without shares: they would need each channel by its own scale.
    pub values: Values,
    /// The largest magnitudes of the output channels, in their order.
    pub channels: Option<Band>,
}

/// The largest magnitudes of channels, of several neighbours together if there are many.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Band {
    /// The number of channels.
    pub count: usize,
    /// The smallest of the magnitudes of each group of neighbours.
    pub low: Vec<f32>,
    /// The largest of the magnitudes of each group of neighbours.
    pub high: Vec<f32>,
}

/// The cost of a layer that alone is quantized.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LayerCost {
    /// The name.
    pub layer: String,
    /// The format, such as `int8`.
    pub format: String,
    /// The calibration method.
    pub method: String,
    /// The SQNR of the layer's own output in decibels.
    #[serde(serialize_with = "optional")]
    pub own_db: Option<f64>,
    /// The SQNR of the network's outputs in decibels.
    #[serde(serialize_with = "optional")]
    pub output_db: Option<f64>,
    /// The share of the error of all layers together, 0 to 1.
    #[serde(serialize_with = "required")]
    pub share: f64,
}

impl From<&LayerSensitivity> for LayerCost {
    fn from(found: &LayerSensitivity) -> Self {
        let LayerSensitivity { layer, format, method, own_db, output_db, share, .. } = found.clone();
        Self { layer, format, method, own_db, output_db, share }
    }
}

impl From<&budget::CurvePoint> for CurvePoint {
    fn from(found: &budget::CurvePoint) -> Self {
        Self { layers_in_float: found.layers_in_float, sqnr_db: found.sqnr_db }
    }
}

/// A point on the curve of a budget.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CurvePoint {
    /// The number of layers that are left in float.
    pub layers_in_float: usize,
    /// The SQNR of the outputs in decibels.
    #[serde(serialize_with = "optional")]
    pub sqnr_db: Option<f64>,
}
