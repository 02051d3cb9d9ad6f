//! Constants that take the factors of an activation's channels.
//!
//! Behind a layer, a normalization or a product with constants, the channels are divided without an operator:
//! the constants are divided instead. All factors are powers of two, so this is exact.

use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Edge, Graph, NodeId, TensorId};
use crate::onnx::{Model, Network};
use crate::place::Plan;
use crate::tensor::Tensor;

use super::channels::{Axis, axes};
use super::pair::{is_read_apart, stored};
use super::refusal::Refusal;

/// The most nodes between a layer and what takes the factors.
const MOST_NODES: usize = 32;
/// Normalizations whose scale and bias have the channels, on the last axis or on axis 1.
const ON_LAST_AXIS: [&str; 2] = ["LayerNormalization", "RMSNormalization"];
const ON_AXIS_1: [&str; 2] = ["BatchNormalization", "InstanceNormalization"];
/// Operators with f(x / s) = f(x) / s for each channel and s > 0. Pooling needs axes behind the channels.
const KEEP_FACTORS: [&str; 4] = ["Relu", "LeakyRelu", "PRelu", "Identity"];
const POOLING: [&str; 4] = ["MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool"];

/// A constant that is multiplied or divided by the scales of the channels.
#[derive(Clone, Debug)]
pub(super) struct Constant {
    pub edge: Edge,
    pub name: String,
    /// The shape that it gets. A single number gets the shape of the channels.
    pub shape: Vec<usize>,
    pub axis: Axis,
    pub is_weight: bool,
}

/// A constant with other values, the input that reads it, and its name.
pub type Scaled = (Edge, String, Tensor);

/// Returns the constants with the channels of the weights multiplied by `scales`, and of the others divided.
///
/// Returns `None` if one of the values would not come back exactly.
pub(super) fn scaled(constants: &[Constant], model: &Model, scales: &[f32]) -> Result<Option<Vec<Scaled>>> {
    let mut scaled = Vec::new();
    for Constant { edge, name, shape, axis, is_weight } in constants {
        let old = model
            .constant(name)?
            .ok_or_else(|| Error::new(ErrorKind::Internal, format!("'{name}' is not stored")))?;
        let view = old.view().data();
        let values = view.to_f32().unwrap_or_default();
        let count = shape.iter().product();
        let mut new = Vec::with_capacity(count);
        for (at, &value) in values.iter().cycle().take(count).enumerate() {
            let scale = scales[axis.of(at)];
            let factor = if *is_weight { scale } else { scale.recip() };
            let product = value * factor;
            if !product.is_finite() || product / factor != value {
                return Ok(None);
            }
            new.push(product);
        }
        scaled.push((*edge, name.clone(), Tensor::new(shape.clone(), new)?));
    }
    Ok(Some(scaled))
}

pub(super) fn read_elsewhere(graph: &Graph, tensor: TensorId) -> Refusal {
    format!("'{}' is read elsewhere too", graph.tensor(tensor).name).into()
}

/// The nodes and constants that take the factors of a tensor.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    /// The nodes from the first that takes factors to the one that computes the tensor.
    pub nodes: Vec<NodeId>,
    pub constants: Vec<Constant>,
}

/// The search for what can divide the channels of a tensor.
pub(super) struct Search<'a> {
    pub network: &'a Network,
    pub plan: &'a Plan,
    pub channels: usize,
    /// The number of axes behind the one of the channels.
    pub behind: usize,
    /// Whether convolutions and products take factors only if these do not change their rounding.
    pub keeps_rounding: bool,
}

impl Search<'_> {
    /// Finds what computes the tensor so that its channels can be divided.
    pub fn find(&self, tensor: TensorId) -> Result<Found, Refusal> {
        self.producer(tensor, MOST_NODES)
    }

    /// Finds what takes the factors of a tensor that is not quantized.
    fn before(&self, tensor: TensorId, most: usize) -> Result<Found, Refusal> {
        self.check_float(tensor)?;
        self.producer(tensor, most)
    }

    /// Refuses a tensor that is quantized.
    pub fn check_float(&self, tensor: TensorId) -> Result<(), Refusal> {
        if self.plan.activations.iter().any(|activation| activation.tensor == tensor) {
            let name = self.network.name(tensor);
            return Err(format!("'{name}' is quantized, so its range would change").into());
        }
        Ok(())
    }

    fn producer(&self, tensor: TensorId, most: usize) -> Result<Found, Refusal> {
        let graph = &self.network.graph;
        let producer = graph.tensor(tensor).producer.ok_or("it reads an input of the network")?;
        if most == 0 {
            return Err(format!("nothing takes factors in the {MOST_NODES} nodes before").into());
        }
        let node = graph.node(producer);
        let is_one_of = |ops: &[&str]| ops.iter().any(|op| node.is(op));
        // Only layers with their channels on axis 1 have axes behind them.
        let is_on_axis_1 = self.behind > 0 || graph.tensor(tensor).rank() == Some(2);
        let is_normalization = (is_one_of(&ON_LAST_AXIS) && self.behind == 0)
            || (is_one_of(&ON_AXIS_1) && is_on_axis_1 && node.int("training_mode", 0) == 0);
        let mut found = if is_normalization {
            let along = if is_one_of(&ON_AXIS_1) { Some(0) } else { None };
            Found { nodes: Vec::new(), constants: self.constants(producer, &[1, 2], along)? }
        } else if is_one_of(&["MatMul", "Gemm", "Conv", "ConvTranspose"]) {
            let mut constants = vec![self.weight(producer)?];
            constants.extend(self.constants(producer, &[2], node.op.starts_with("Conv").then_some(0))?);
            Found { nodes: Vec::new(), constants }
        } else if is_one_of(&KEEP_FACTORS) || (is_one_of(&POOLING) && self.behind > 0) {
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
        Ok(Found { nodes: Vec::new(), constants: self.constants(node, &[input], None)? })
    }

    /// Returns those of the inputs that the node has, which must be constants with the channels.
    ///
    /// `along` is the axis of the channels; `None` for that of a constant that is broadcast.
    fn constants(
        &self,
        node: NodeId,
        inputs: &[usize],
        along: Option<usize>,
    ) -> Result<Vec<Constant>, Refusal> {
        let mut constants = Vec::new();
        for &input in inputs.iter().filter(|&&input| self.network.graph.node(node).input(input).is_some()) {
            let (name, value) = stored(self.network, node, input)?;
            let mut shape = value.shape().to_vec();
            let at = along.or_else(|| shape.len().checked_sub(self.behind + 1));
            let at = match at.filter(|&at| shape.get(at) == Some(&self.channels)) {
                Some(at) => at,
                None if along.is_none() && shape.iter().product::<usize>() == 1 => {
                    let before = shape.len().saturating_sub(self.behind + 1);
                    shape = [vec![1; before], vec![self.channels], vec![1; self.behind]].concat();
                    before
                }
                None => return Err(format!("'{name}' is not one per channel").into()),
            };
            let axis = Axis::new(&shape, at);
            constants.push(Constant { edge: Edge { node, input }, name, shape, axis, is_weight: false });
        }
        Ok(constants)
    }

    /// Returns the weight of a layer whose output channels are the channels.
    fn weight(&self, node: NodeId) -> Result<Constant, Refusal> {
        let graph = &self.network.graph;
        let (name, value) = stored(self.network, node, 1)?;
        let shape = value.shape().to_vec();
        let is_convolution = graph.node(node).op.starts_with("Conv");
        let axis = match is_convolution {
            true if shape.len() == self.behind + 2 => axes(graph, node, &shape, 0).map(|(row, _)| row),
            false if self.behind == 0 => weight_axis(graph, node, &shape, false),
            _ => None,
        };
        let axis = axis.filter(|axis| axis.size == self.channels);
        let axis = axis.ok_or_else(|| format!("'{name}' does not have the channels"))?;
        if self.keeps_rounding && !self.keeps_rounding_of(node) {
            return Err(format!("the channels of '{name}' share a scale").into());
        }
        Ok(Constant { edge: Edge { node, input: 1 }, name, shape, axis, is_weight: false })
    }

    /// Whether factors of output channels leave the integers of a layer's weight as they are.
    fn keeps_rounding_of(&self, node: NodeId) -> bool {
        let mut own =
            self.plan.weights.iter().filter(|weight| weight.edges.iter().any(|edge| edge.node == node));
        own.all(|weight| weight.grid.axis.is_some() && weight.grid.block.is_none())
    }
}

/// Returns the axis of the input channels of a product's right operand, or of its output channels.
pub(super) fn weight_axis(graph: &Graph, node: NodeId, shape: &[usize], is_input: bool) -> Option<Axis> {
    let node = graph.node(node);
    let is_transposed = node.is("Gemm") && node.int("transB", 0) != 0;
    let is_product = node.is("MatMul") || (node.is("Gemm") && node.int("transA", 0) == 0);
    (is_product && shape.len() == 2).then(|| Axis::new(shape, usize::from(is_input == is_transposed)))
}
