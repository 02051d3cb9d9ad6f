//! The tensors whose statistics a plan of precision needs.

use super::evidence::follows;
use crate::dtype::DataType;
use crate::graph::{Graph, TensorId, TensorKind};

/// Lists the tensors to observe for a plan of precision.
///
/// These are all float32 activations, except those whose facts follow from the tensors before.
pub fn taps(graph: &Graph) -> Vec<TensorId> {
    let is_needed = |id: &TensorId| {
        let tensor = graph.tensor(*id);
        let follows = graph.producer(*id).is_some_and(|node| follows(graph, node));
        tensor.kind != TensorKind::Constant
            && tensor.dtype == Some(DataType::F32)
            && !tensor.is_opaque
            && !follows
    };
    graph.tensor_ids().filter(is_needed).collect()
}
