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

use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Edge, Graph, NodeId, TensorId};
use crate::onnx::{Model, Network};
use crate::place::Plan;
use crate::tensor::{Tensor, TensorView};

use super::channels::Axis;
use super::layer::Layer;
use super::pair::{is_read_apart, stored};
use super::refusal::Refusal;

/// The values of α that are tried.
pub const ALPHAS: [f32; 8] = [0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0];
/// The largest absolute value of a scale's exponent. The type of steps and activations may be a 16-bit one.
const MOST_EXPONENT: f32 = 4.0;
/// The most nodes between a layer and what takes the factors.
const MOST_NODES: usize = 32;

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

/// A constant that is multiplied or divided by the scales of the channels.
#[derive(Clone, Debug)]
struct Constant {
    edge: Edge,
    name: String,
    /// The axis of the channels; `None` for a single number, which gets the shape of the channels.
    axis: Option<Axis>,
    is_weight: bool,
}

/// A constant with other values, the input that reads it, and its name.
pub type Scaled = (Edge, String, Tensor);

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
        constants.push(Constant { edge, name, axis: Some(axis), is_weight: true });
    }
    let channels = channels.unwrap_or(0);
    let is_reader = |edge: &Edge| readers.iter().any(|reader| reader.node == edge.node);
    if is_read_apart(graph, tensor) || !graph.tensor(tensor).consumers.iter().all(is_reader) {
        return Err(read_elsewhere(graph, tensor));
    }
    let mut found = Search { network, plan, channels }.before(tensor, MOST_NODES)?;
    constants.append(&mut found.constants);
    Ok(Fold { tensor, channels, readers, nodes: found.nodes, constants })
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
        let mut scaled = Vec::new();
        for Constant { edge, name, axis, is_weight } in &self.constants {
            let old = model
                .constant(name)?
                .ok_or_else(|| Error::new(ErrorKind::Internal, format!("'{name}' is not stored")))?;
            let (shape, axis) = match axis {
                Some(axis) => (old.shape().to_vec(), *axis),
                None => {
                    let before = old.shape().len().saturating_sub(1);
                    let shape = [vec![1; before], vec![self.channels]].concat();
                    let axis = Axis::new(&shape, before);
                    (shape, axis)
                }
            };
            let view = old.view().data();
            let values = view.to_f32().unwrap_or_default();
            let mut new = Vec::with_capacity(shape.iter().product());
            for (at, &value) in values.iter().cycle().take(shape.iter().product()).enumerate() {
                let scale = scales[axis.of(at)];
                let factor = if *is_weight { scale } else { scale.recip() };
                let product = value * factor;
                if !product.is_finite() || product / factor != value {
                    return Ok(None);
                }
                new.push(product);
            }
            scaled.push((*edge, name.clone(), Tensor::new(shape, new)?));
        }
        Ok(Some(scaled))
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

/// Returns the axis of the input channels of a product's right operand, or of its output channels.
fn weight_axis(graph: &Graph, node: NodeId, shape: &[usize], is_input: bool) -> Option<Axis> {
    let node = graph.node(node);
    let is_transposed = node.is("Gemm") && node.int("transB", 0) != 0;
    let is_product = node.is("MatMul") || (node.is("Gemm") && node.int("transA", 0) == 0);
    (is_product && shape.len() == 2).then(|| Axis::new(shape, usize::from(is_input == is_transposed)))
}

fn read_elsewhere(graph: &Graph, tensor: TensorId) -> Refusal {
    format!("'{}' is read elsewhere too", graph.tensor(tensor).name).into()
}

/// The nodes and constants that take the factors of a tensor.
#[derive(Default)]
struct Found {
    nodes: Vec<NodeId>,
    constants: Vec<Constant>,
}

/// The search for what can divide the channels of a tensor.
struct Search<'a> {
    network: &'a Network,
    plan: &'a Plan,
    channels: usize,
}

impl Search<'_> {
    /// Finds what computes the tensor so that its channels can be divided, at most `most` nodes before it.
    fn before(&self, tensor: TensorId, most: usize) -> Result<Found, Refusal> {
        let graph = &self.network.graph;
        let name = &graph.tensor(tensor).name;
        if self.plan.activations.iter().any(|activation| activation.tensor == tensor) {
            return Err(format!("'{name}' is quantized, so its range would change").into());
        }
        let producer = graph.tensor(tensor).producer.ok_or("it reads an input of the network")?;
        if most == 0 {
            return Err(format!("nothing takes factors in the {MOST_NODES} nodes before").into());
        }
        let node = graph.node(producer);
        let is_one_of = |ops: &[&str]| ops.iter().any(|op| node.is(op));
        let mut found = if is_one_of(&["LayerNormalization", "RMSNormalization"]) {
            Found { nodes: Vec::new(), constants: self.constants(producer, &[1, 2])? }
        } else if is_one_of(&["MatMul", "Gemm"]) {
            let mut constants = vec![self.weight(producer)?];
            constants.extend(self.constants(producer, &[2])?);
            Found { nodes: Vec::new(), constants }
        } else if is_one_of(&["Relu", "LeakyRelu", "Identity"]) {
            self.through(producer, 0, most)?
        } else if is_one_of(&["Mul"]) {
            self.either(&[0, 1], |input| self.factor(producer, input))
                .or_else(|_| self.either(&[0, 1], |input| self.through(producer, input, most)))?
        } else if is_one_of(&["Add"]) {
            self.either(&[0, 1], |input| {
                let constant = self.factor(producer, input)?;
                let mut found = self.through(producer, 1 - input, most)?;
                found.constants.extend(constant.constants);
                Ok(found)
            })?
        } else {
            return Err(format!("'{}' ({}) before it takes no factors", node.name, node.op).into());
        };
        found.nodes.push(producer);
        Ok(found)
    }

    /// Returns what the first of these inputs gives, or the reason of the last.
    fn either(
        &self,
        inputs: &[usize],
        find: impl Fn(usize) -> Result<Found, Refusal>,
    ) -> Result<Found, Refusal> {
        let mut found = Err("it has no inputs".into());
        for &input in inputs {
            found = find(input);
            if found.is_ok() {
                break;
            }
        }
        found
    }

    /// Finds what takes the factors of an input that nothing else reads.
    fn through(&self, node: NodeId, input: usize, most: usize) -> Result<Found, Refusal> {
        let graph = &self.network.graph;
        let tensor = graph.node(node).input(input).ok_or("an input is missing")?;
        if graph.tensor(tensor).consumers.len() != 1 || is_read_apart(graph, tensor) {
            return Err(read_elsewhere(graph, tensor));
        }
        self.before(tensor, most - 1)
    }

    fn factor(&self, node: NodeId, input: usize) -> Result<Found, Refusal> {
        Ok(Found { nodes: Vec::new(), constants: self.constants(node, &[input])? })
    }

    /// Returns those of the inputs that the node has, which must be constants with the channels as last axis.
    fn constants(&self, node: NodeId, inputs: &[usize]) -> Result<Vec<Constant>, Refusal> {
        let mut constants = Vec::new();
        for &input in inputs.iter().filter(|&&input| self.network.graph.node(node).input(input).is_some()) {
            let (name, value) = stored(self.network, node, input)?;
            let shape = value.shape();
            let axis = match shape.last() {
                Some(&last) if last == self.channels => Some(Axis::new(shape, shape.len() - 1)),
                _ if shape.iter().product::<usize>() == 1 => None,
                _ => return Err(format!("'{name}' is not one per channel").into()),
            };
            constants.push(Constant { edge: Edge { node, input }, name, axis, is_weight: false });
        }
        Ok(constants)
    }

    /// Returns the weight of a product whose output channels are the channels.
    fn weight(&self, node: NodeId) -> Result<Constant, Refusal> {
        let graph = &self.network.graph;
        let (name, value) = stored(self.network, node, 1)?;
        let axis = weight_axis(graph, node, value.shape(), false).filter(|axis| axis.size == self.channels);
        let axis = axis.ok_or_else(|| format!("'{name}' does not have the channels"))?;
        Ok(Constant { edge: Edge { node, input: 1 }, name, axis: Some(axis), is_weight: false })
    }
}
