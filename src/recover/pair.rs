//! Pairs of layers between which the channels can be scaled.

use crate::dtype::DataType;
use crate::graph::{Graph, NodeId, TensorId};
use crate::onnx::Network;
use crate::place::Plan;
use crate::tensor::Tensor;

use super::channels::{Axis, Weight, axes};
use super::layer::Layer;
use super::refusal::Refusal;

/// Two layers with channels of their own between them.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The layer that computes the channels, the nodes between, and the layer that reads the channels.
    pub nodes: Vec<NodeId>,
    /// The input of the second layer.
    pub read: TensorId,
    /// The number of channels.
    pub channels: usize,
    pub(super) first: Weight,
    pub(super) bias: Option<Weight>,
    pub(super) second: Weight,
    /// Whether the first weight and the second have a scale per row.
    pub(super) has_row_scales: [bool; 2],
}

impl Pair {
    /// Returns the first layer and the second.
    pub fn ends(&self) -> [NodeId; 2] {
        [self.nodes[0], self.nodes[self.nodes.len() - 1]]
    }

    /// Lists the tensors from the first layer's output to the second layer's input.
    ///
    /// All of them have the channels.
    pub fn between<'a>(&'a self, graph: &'a Graph) -> impl Iterator<Item = TensorId> + 'a {
        let computing = &self.nodes[..self.nodes.len() - 1];
        computing.iter().filter_map(|&node| graph.node(node).output(0))
    }
}

/// Finds the layer before `second` whose channels only `second` reads.
///
/// # Errors
/// The reason why there is none; those of [`Model::constant`](crate::onnx::Model::constant).
pub fn pair(network: &Network, plan: &Plan, layers: &[Layer], second: &Layer) -> Result<Pair, Refusal> {
    let graph = &network.graph;
    let (first, mut nodes) = walk_back(graph, layers, second)?;
    nodes.push(second.node);
    let (first_name, first_value) = stored(network, first.node, first.weight_input)?;
    let (second_name, second_value) = stored(network, second.node, second.weight_input)?;
    let bias = graph.node(first.node).input(2).map(|_| stored(network, first.node, 2)).transpose()?;
    let (row, _) = axes(graph, first.node, first_value.shape(), 0)
        .ok_or("the layer before has groups or another form that is left alone")?;
    let channels = row.size;
    let (second_row, column) = axes(graph, second.node, second_value.shape(), channels)
        .ok_or("its weight does not have the channels of the layer before")?;
    let bias = match bias {
        Some((name, value)) if value.shape().last() == Some(&channels) => {
            let axis = Axis::new(value.shape(), value.shape().len() - 1);
            Some(Weight { name, channel: axis, row: axis })
        }
        Some((name, _)) => {
            return Err(format!("the bias '{name}' of the layer before is not one per channel").into());
        }
        None => None,
    };
    Ok(Pair {
        nodes,
        read: second.input,
        channels,
        first: Weight { name: first_name, channel: row, row },
        bias,
        second: Weight { name: second_name, channel: column, row: second_row },
        has_row_scales: [first, second].map(|layer| plan.weights[layer.planned].grid.axis.is_some()),
    })
}

/// Whether the node computes channel by channel and keeps a positive factor.
fn keeps_scale(graph: &Graph, node: NodeId) -> bool {
    let node = graph.node(node);
    let ops =
        ["Relu", "LeakyRelu", "MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool", "Identity"];
    ops.iter().any(|op| node.is(op)) || (node.is("Flatten") && node.int("axis", 1) == 1)
}

fn walk_back<'a>(
    graph: &Graph,
    layers: &'a [Layer],
    second: &Layer,
) -> Result<(&'a Layer, Vec<NodeId>), String> {
    if second.weight_input == 0 || graph.node(second.node).op == "MatMul" {
        return Err("only convolutions and Gemm are equalized".into());
    }
    let mut nodes = Vec::new();
    let mut at = second.input;
    loop {
        let tensor = graph.tensor(at);
        if tensor.consumers.len() != 1 || is_read_apart(graph, at) {
            return Err(format!("'{}' is read elsewhere too", tensor.name));
        }
        let Some(producer) = tensor.producer else {
            return Err("it reads an input of the network".into());
        };
        nodes.push(producer);
        if let Some(first) = layers.iter().find(|layer| layer.node == producer) {
            if graph.node(producer).op == "MatMul" {
                return Err("only convolutions and Gemm are equalized".into());
            }
            nodes.reverse();
            return Ok((first, nodes));
        }
        let node = graph.node(producer);
        match node.input(0) {
            Some(before) if keeps_scale(graph, producer) => at = before,
            _ => return Err(format!("'{}' ({}) before it does not keep a factor", node.name, node.op)),
        }
    }
}

/// Whether something else than an input of a node reads the tensor: the caller of the network, or a subgraph.
pub(super) fn is_read_apart(graph: &Graph, tensor: TensorId) -> bool {
    graph.tensor(tensor).is_output || graph.nodes.iter().any(|node| node.captures.contains(&tensor))
}

/// Reads an input of a node that is a stored f32 constant without another reader.
pub(super) fn stored(network: &Network, node: NodeId, input: usize) -> Result<(String, Tensor), Refusal> {
    let Network { model, graph, .. } = network;
    let id = graph.node(node).input(input).ok_or("a weight is missing")?;
    let tensor = graph.tensor(id);
    if tensor.consumers.len() != 1 || is_read_apart(graph, id) || !model.is_stored(&tensor.name) {
        return Err(format!("'{}' is not stored for this node alone", tensor.name).into());
    }
    match model.constant(&tensor.name)? {
        Some(value) if value.dtype() == DataType::F32 => Ok((tensor.name.clone(), value)),
        _ => Err(format!("'{}' is no f32 tensor", tensor.name).into()),
    }
}
