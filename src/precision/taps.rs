//! The tensors whose values a plan of precision needs.

use super::evidence::follows;
use super::positions::positions;
use crate::dtype::DataType;
use crate::graph::{Edge, Graph, Node, TensorId, TensorKind};
use crate::place::sharing;

/// The tensors to observe for a plan of precision.
#[derive(Clone, Debug, Default)]
pub struct PrecisionTaps {
    /// The tensors whose statistics are needed.
    pub whole: Vec<TensorId>,
    /// The tensors of which the extremes are enough: only operators make and read them that neither add two
    /// tensors nor divide by one nor order values, so that nothing but their size matters.
    pub limits: Vec<TensorId>,
}

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

/// Returns the tensors to observe for a plan of precision.
///
/// These are all float32 activations, except those whose facts follow from the tensors before.
pub fn taps(graph: &Graph) -> PrecisionTaps {
    let mut taps = PrecisionTaps::default();
    let positions = positions(graph);
    for id in graph.tensor_ids() {
        let tensor = graph.tensor(id);
        let is_needed = tensor.kind != TensorKind::Constant
            && tensor.dtype == Some(DataType::F32)
            && !tensor.is_opaque
            && !graph.producer(id).is_some_and(|node| follows(graph, node));
        if !is_needed {
            continue;
        }
        let is_read_by_size = !positions[id.0] && read_by_size(graph, id);
        match graph.producer(id).filter(|_| is_read_by_size) {
            // Probabilities reach 1 at most. Rounding those that are too small for f16 costs less than 60 dB
            // only if a row has more than 50,000.
            Some(maker) if maker.is("Softmax") => {}
            Some(maker) if by_size(graph, maker) => taps.limits.push(id),
            _ => taps.whole.push(id),
        }
    }
    taps
}

/// Whether the extremes of a tensor are enough for all its readers, also behind nodes that only move values.
fn read_by_size(graph: &Graph, id: TensorId) -> bool {
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
            } else if !(by_size(graph, node) || node.is("Softmax")) {
                return false;
            }
        }
    }
    true
}

/// Whether the extremes of the operands and the results of a node are enough.
fn by_size(graph: &Graph, node: &Node) -> bool {
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
