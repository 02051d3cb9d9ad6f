//! Facts about a quantized model that explain its errors.

use std::collections::BTreeMap;

use crate::observe::TensorStats;
use crate::place::Format;

use super::super::numbers::Numbers;

/// The range of a quantized activation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuantizedRange {
    /// The largest magnitude that the numbers represent, in the tensor's own unit.
    pub amax: f32,
    /// The format of the numbers: int8 or fp8.
    pub format: Format,
}

impl QuantizedRange {
    /// Returns the magnitude below which values become 0: half of the smallest number.
    pub fn least(&self) -> f32 {
        match self.format {
            // The smallest number of e4m3 is 2^-9, and the largest 448.
            Format::Fp8 => self.amax / 448.0 / 1024.0,
            _ => self.step() / 2.0,
        }
    }

    /// Returns the magnitude above which values are cut off: half a step above the largest number.
    pub fn most(&self) -> f32 {
        self.amax + self.step() / 2.0
    }

    /// Returns the distance of two neighbouring numbers, for e4m3 that of the largest ones.
    pub fn step(&self) -> f32 {
        match self.format {
            // 448 follows on 416.
            Format::Fp8 => self.amax / 14.0,
            _ => self.amax / 127.0,
        }
    }
}

/// A weight of the float model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WeightFacts {
    /// The name of the tensor that the layers read.
    pub tensor: String,
    /// The names of the layers that read it.
    pub layers: Vec<String>,
    /// The shape.
    pub shape: Vec<usize>,
    /// The largest magnitude of each output channel; empty if the weight has no such axis.
    pub outputs: Vec<f32>,
    /// The largest magnitude of each input channel, of one group; empty if the weight has no such axis.
    pub inputs: Vec<f32>,
    /// The number of its scales: one, or one per output channel. It is 0 if the weight stays in float, or if
    /// its scales belong to blocks.
    pub scales: usize,
    /// The statistics of its values.
    pub stats: TensorStats,
}

/// The facts about a float model and its quantized form.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// The ranges of the quantized activations by the name of the float tensor.
    pub ranges: BTreeMap<String, QuantizedRange>,
    /// The weights of convolutions and products, in the order of the layers.
    pub weights: Vec<WeightFacts>,
    /// The numbers that each node of the float model computes with in the quantized model, by node name.
    ///
    /// Nodes that the quantized model does not have are left out.
    pub numbers: BTreeMap<String, Numbers>,
}

impl Facts {
    /// Lists the weights that a layer reads.
    pub fn weights_of(&self, layer: &str) -> impl Iterator<Item = &WeightFacts> {
        self.weights.iter().filter(move |weight| weight.layers.iter().any(|name| name == layer))
    }

    /// Whether a layer computes with quantized numbers.
    pub fn is_quantized(&self, layer: &str) -> bool {
        self.numbers.get(layer).is_some_and(|numbers| numbers.is_quantized())
    }
}
