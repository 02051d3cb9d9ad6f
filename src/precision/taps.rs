//! The tensors whose values a plan of precision needs.

use super::evidence::follows;
use crate::dtype::DataType;
use crate::graph::{Graph, Node, TensorId, TensorKind};

/// The tensors to observe for a plan of precision.
#[derive(Clone, Debug, Default)]
pub struct PrecisionTaps {
    /// The tensors whose statistics are needed.
    pub whole: Vec<TensorId>,
    /// The tensors of which the extremes are enough: only operators make and read them that neither add two
    /// tensors nor divide nor compare, so that nothing but their size matters.
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
    for id in graph.tensor_ids() {
        let tensor = graph.tensor(id);
        let follows = graph.producer(id).is_some_and(|node| follows(graph, node));
        let is_needed = tensor.kind != TensorKind::Constant
            && tensor.dtype == Some(DataType::F32)
            && !tensor.is_opaque
            && !follows;
        if is_needed {
            let list = if by_size(graph, id) { &mut taps.limits } else { &mut taps.whole };
            list.push(id);
        }
    }
    taps
}

/// Whether the extremes of a tensor are enough, for its maker and for all its readers.
fn by_size(graph: &Graph, id: TensorId) -> bool {
    let tensor = graph.tensor(id);
    let is_by_size = |node: &Node| BY_SIZE.iter().any(|op| node.is(op));
    !tensor.is_output
        && graph.producer(id).is_some_and(is_by_size)
        && !tensor.consumers.is_empty()
        && tensor.consumers.iter().all(|edge| is_by_size(graph.node(edge.node)))
}
