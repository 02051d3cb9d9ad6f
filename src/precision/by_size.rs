//! The tensors of which nothing but their size matters, so that their extremes are enough.

use crate::graph::{Edge, Graph, Node, TensorId, TensorKind};
use crate::place::sharing;

/// Operators for which the extremes of their operands and results are enough.
const BY_SIZE: [&str; 19] = [
    "Clip",
    "Conv",
    "ConvTranspose",
    "Elu",
    "Erf",
    "Gelu",
    "Gemm",
    "HardSigmoid",
    "HardSwish",
    "LeakyRelu",
    "MatMul",
    "MaxPool",
    "Mish",
    "Neg",
    "PRelu",
    "Relu",
    "Sigmoid",
    "Softplus",
    "Tanh",
];

/// Whether the extremes of a tensor are enough for all its readers, also behind nodes that only move values.
pub(super) fn is_enough_behind(graph: &Graph, id: TensorId) -> bool {
    let mut pending = vec![id];
    while let Some(id) = pending.pop() {
        let tensor = graph.tensor(id);
        if tensor.is_output || tensor.consumers.is_empty() {
            return false;
        }
        for &Edge { node, input } in &tensor.consumers {
            let node = graph.node(node);
            if input == 0 && (sharing::only_moves(node) || sharing::selects(node)) {
                pending.extend(node.outputs.iter().flatten());
            } else if !(is_enough_for(graph, node) || node.is("Softmax")) {
                return false;
            }
        }
    }
    true
}

/// Whether the extremes of the operands and the results of a node are enough.
pub(super) fn is_enough_for(graph: &Graph, node: &Node) -> bool {
    BY_SIZE.iter().any(|op| node.is(op)) || scales_scores(graph, node)
}

/// Whether the node multiplies or divides the scores of a Softmax by a constant.
///
/// Elsewhere a factor may make small values large, so that it matters how many of them are small.
fn scales_scores(graph: &Graph, node: &Node) -> bool {
    let is_constant =
        |index| node.input(index).is_some_and(|id| graph.tensor(id).kind == TensorKind::Constant);
    let is_factor = node.is("Mul") && (is_constant(0) || is_constant(1)) || node.is("Div") && is_constant(1);
    let are_scores = |id: TensorId| {
        let tensor = graph.tensor(id);
        let mut readers = tensor.consumers.iter().map(|edge| graph.node(edge.node));
        !tensor.is_output && !tensor.consumers.is_empty() && readers.all(|reader| reader.is("Softmax"))
    };
    is_factor && node.output(0).is_some_and(are_scores)
}
