//! Tensors that are another form of a constant or of a dequantized tensor.
//!
//! Any number of operators between a weight and its reader may change its shape, order or type.

use crate::graph::{Graph, Node, NodeId, TensorId, TensorKind};

/// Operators that give a constant another form and compute nothing.
const CONSTANT_FORMS: [&str; 7] =
    ["Identity", "Transpose", "Reshape", "Cast", "Squeeze", "Unsqueeze", "Flatten"];

/// Whether the node gives its input another form.
///
/// A Cast does so if its result is floating-point (the ONNX codes of f32, f16, f64 and bf16). A Cast to
/// integers computes.
pub fn changes_form(node: &Node) -> bool {
    CONSTANT_FORMS.iter().any(|op| node.is(op))
        && (!node.is("Cast") || matches!(node.int("to", 1), 1 | 10 | 11 | 16))
}

/// The origin of each tensor that is another form of a constant or of a dequantized tensor.
///
/// One pass over the nodes finds all of them.
#[derive(Debug, Default)]
pub struct Forms {
    constants: Vec<Option<TensorId>>,
    dequantized: Vec<Option<NodeId>>,
}

impl Forms {
    /// Examines every tensor of `graph`.
    pub fn of(graph: &Graph) -> Self {
        let is_constant = |id: TensorId| graph.tensor(id).kind == TensorKind::Constant;
        let mut constants: Vec<Option<TensorId>> =
            graph.tensor_ids().map(|id| is_constant(id).then_some(id)).collect();
        let mut dequantized = vec![None; graph.tensors.len()];
        for id in graph.node_ids() {
            let node = graph.node(id);
            let Some(input) = node.input(0) else { continue };
            let changes = changes_form(node);
            for output in node.outputs.iter().flatten() {
                if changes && constants[output.0].is_none() && has_constant_parameters(graph, id) {
                    constants[output.0] = constants[input.0];
                }
                dequantized[output.0] = match &*node.op {
                    "DequantizeLinear" => Some(id),
                    _ if changes => dequantized[input.0],
                    _ => None,
                };
            }
        }
        Self { constants, dequantized }
    }

    /// Returns the constant that the tensor is, or of which it is another form.
    pub fn constant(&self, tensor: TensorId) -> Option<TensorId> {
        self.constants.get(tensor.0).copied().flatten()
    }

    /// Returns the DequantizeLinear that computes the tensor, directly or in another form.
    pub fn dequantized(&self, tensor: TensorId) -> Option<NodeId> {
        self.dequantized.get(tensor.0).copied().flatten()
    }
}

/// Goes back from a tensor to the constant of which it is a form, and to the nodes that change that form, in
/// order. Returns `None` if there is no such constant, as for a tensor that depends on an input.
pub(super) fn origin(graph: &Graph, tensor: TensorId) -> Option<(TensorId, Vec<NodeId>)> {
    let mut nodes = Vec::new();
    let mut at = tensor;
    while graph.tensor(at).kind != TensorKind::Constant {
        let producer = graph.tensor(at).producer?;
        let node = graph.node(producer);
        if !changes_form(node) || !has_constant_parameters(graph, producer) {
            return None;
        }
        nodes.push(producer);
        at = node.input(0)?;
    }
    nodes.reverse();
    Some((at, nodes))
}

fn has_constant_parameters(graph: &Graph, node: NodeId) -> bool {
    let mut parameters = graph.node(node).inputs.iter().skip(1).flatten();
    parameters.all(|&input| graph.tensor(input).kind == TensorKind::Constant)
}
