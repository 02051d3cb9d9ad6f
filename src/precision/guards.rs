//! Float32 that an exporter meant: what follows a Cast from a 16-bit type, up to the Cast back.

use crate::dtype::DataType;
use crate::graph::{Graph, TensorId};

/// Marks the float32 tensors that are computed from a Cast of a 16-bit tensor.
///
/// Exporters write such Casts around a norm or a softmax. Undoing them would undo their decision.
pub(super) fn guarded(graph: &Graph) -> Vec<bool> {
    let mut guarded = vec![false; graph.tensors.len()];
    let dtype = |id: TensorId| graph.tensor(id).dtype;
    for node in &graph.nodes {
        let is_guarded = node.inputs.iter().flatten().any(|&input| match dtype(input) {
            Some(DataType::F16 | DataType::Bf16) => node.is("Cast"),
            Some(DataType::F32) => guarded[input.0],
            _ => false,
        });
        for output in node.outputs.iter().flatten() {
            guarded[output.0] = is_guarded && dtype(*output) == Some(DataType::F32);
        }
    }
    guarded
}
