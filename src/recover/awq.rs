//! Activation-aware scaling: the input channels of a weight in blocks get scales of their own.
//!
//! The weights in a block share a step, so all of them have errors of the same size. The error of a channel
//! is multiplied by its activation: channels with large activations cost the most. Suppose that channel c of
//! the weight is multiplied by s, and the activation divided by s. Then the network still computes the same,
//! and the error of the channel counts 1 / s of what it did, if the step of its block stays (Lin et al.,
//! 2023).
//!
//! s = (mean |x|)^α, relative to the geometric mean of all channels. The best α depends on how far the steps
//! grow, so [`ALPHAS`] are tried and measured. Each s is a power of two, so the float network stays the same
//! bit for bit. The activation is divided by what stands before, which costs no operator ([`Fold`]).

use crate::error::Result;
use crate::graph::{Edge, NodeId, TensorId};
use crate::onnx::{Model, Network};
use crate::place::Plan;
use crate::tensor::TensorView;

use super::factors::{Constant, Found, Search, read_elsewhere, scaled, weight_axis};
use super::layer::Layer;
use super::pair::{is_read_apart, stored};
use super::refusal::Refusal;

pub use super::factors::Scaled;

/// The values of α that are tried.
pub const ALPHAS: [f32; 8] = [0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0];
/// The largest absolute value of a scale's exponent. The type of steps and activations may be a 16-bit one.
const MOST_EXPONENT: f32 = 4.0;

/// An activation whose channels can be scaled: the layers that read it, and what takes the factors.
#[derive(Clone, Debug)]
pub struct Fold {
    /// The activation. Its last axis has the channels.
    pub tensor: TensorId,
    /// The number of channels.
    pub channels: usize,
    /// The layers that read the activation. Nothing else does.
    pub readers: Vec<Layer>,
    /// The nodes from the first that takes factors to the one that computes the activation.
    pub nodes: Vec<NodeId>,
    constants: Vec<Constant>,
}

/// Finds the place before `readers` that can take the factors of their common input.
///
/// # Errors
/// The reason why there is none; those of [`Model::constant`].
pub fn fold(network: &Network, plan: &Plan, readers: Vec<Layer>) -> Result<Fold, Refusal> {
    let graph = &network.graph;
    let tensor = readers.first().ok_or("nothing reads it")?.input;
    let mut constants = Vec::new();
    let mut channels = None;
    for reader in &readers {
        let (name, value) = stored(network, reader.node, reader.weight_input)?;
        let axis = weight_axis(graph, reader.node, value.shape(), true)
            .filter(|_| reader.weight_input == 1)
            .ok_or("its weight is no matrix on the right side of the product")?;
        if channels.is_some_and(|channels| channels != axis.size) {
            return Err("the readers of its input have different numbers of channels".into());
        }
        channels = Some(axis.size);
        let edge = Edge { node: reader.node, input: reader.weight_input };
        let shape = value.shape().to_vec();
        constants.push(Constant { edge, name, shape, axis, is_weight: true });
    }
    let channels = channels.unwrap_or(0);
    let is_reader = |edge: &Edge| readers.iter().any(|reader| reader.node == edge.node);
    if is_read_apart(graph, tensor) || !graph.tensor(tensor).consumers.iter().all(is_reader) {
        return Err(read_elsewhere(graph, tensor));
    }
    let search = Search { network, plan, channels, behind: 0, keeps_rounding: false };
    search.check_float(tensor)?;
    let Found { nodes, constants: before } = search.find(tensor)?;
    constants.extend(before);
    Ok(Fold { tensor, channels, readers, nodes, constants })
}

impl Fold {
    /// Returns the layer whose output channels are divided; `None` if something else takes the factors.
    pub fn source<'a>(&self, layers: &'a [Layer]) -> Option<&'a Layer> {
        layers.iter().find(|layer| Some(&layer.node) == self.nodes.first())
    }

    /// Adds the finite magnitudes of each channel of the activation to `sums`, with their number.
    pub fn add_magnitudes(&self, sums: &mut Vec<(f64, u64)>, x: TensorView<'_>) {
        sums.resize(self.channels, (0.0, 0));
        let data = x.data();
        let Some(values) = data.to_f32().filter(|_| x.shape().last() == Some(&self.channels)) else { return };
        for row in values.chunks_exact(self.channels.max(1)) {
            for (sum, value) in sums.iter_mut().zip(row).filter(|(_, value)| value.is_finite()) {
                *sum = (sum.0 + f64::from(value.abs()), sum.1 + 1);
            }
        }
    }

    /// Returns the constants with the channels of the weights multiplied by `scales`, and of the others
    /// divided.
    ///
    /// Returns `None` if one of the values would not come back exactly.
    ///
    /// # Errors
    /// Those of [`Model::constant`].
    pub fn scaled(&self, model: &Model, scales: &[f32]) -> Result<Option<Vec<Scaled>>> {
        scaled(&self.constants, model, scales)
    }
}

/// Returns the scale of each channel, a power of two. Channels without a magnitude have the scale 1.
pub fn scales(magnitudes: &[(f64, u64)], alpha: f32) -> Vec<f32> {
    let mean = |&(sum, count): &(f64, u64)| (sum > 0.0).then(|| (sum / count as f64).log2() as f32);
    let exponents: Vec<Option<f32>> = magnitudes.iter().map(mean).collect();
    let known = exponents.iter().flatten().count().max(1) as f32;
    let middle = exponents.iter().flatten().sum::<f32>() / known;
    let exponent = |exponent: f32| (alpha * (exponent - middle)).round().clamp(-MOST_EXPONENT, MOST_EXPONENT);
    exponents.iter().map(|known| known.map_or(1.0, |known| exponent(known).exp2())).collect()
}
