//! Float32 that an exporter meant: what follows a Cast from a 16-bit type, up to the Cast back.

use crate::dtype::DataType;
use crate::graph::{Graph, TensorId};
use crate::place::ops::is_weighted;

/// Marks the float32 tensors between a Cast from a 16-bit type and the Cast back.
///
/// Exporters write such Casts around a norm or a softmax. Undoing them would undo their decision. A tensor
/// that also reaches an output of the model in float32 is not between two Casts. A convolution or a product
/// is no norm: the tensors that it reads and makes are not guarded.
pub(super) fn guarded(graph: &Graph) -> Vec<bool> {
    let mut guarded = vec![false; graph.tensors.len()];
    let dtype = |id: TensorId| graph.tensor(id).dtype;
    for node in &graph.nodes {
        let is_guarded = node.inputs.iter().flatten().any(|&input| match dtype(input) {
            Some(dtype) if dtype.is_half() => node.is("Cast"),
            Some(DataType::F32) => guarded[input.0],
            _ => false,
        }) && !is_weighted(node);
        for output in node.outputs.iter().flatten() {
            guarded[output.0] = is_guarded && dtype(*output) == Some(DataType::F32);
        }
    }
    let returns = returns(graph);
    guarded.iter().zip(returns).map(|(&guarded, returns)| guarded && returns).collect()
}

/// Marks the float32 tensors whose readers all lead to a Cast to a 16-bit type, or to no float32 tensor at
/// all.
fn returns(graph: &Graph) -> Vec<bool> {
    let mut returns = vec![false; graph.tensors.len()];
    for node in graph.nodes.iter().rev() {
        for output in node.outputs.iter().flatten() {
            let tensor = graph.tensor(*output);
            let mut readers = tensor.consumers.iter().map(|edge| graph.node(edge.node));
            returns[output.0] = !tensor.is_output
                && readers.all(|reader| {
                    !is_weighted(reader)
                        && reader.outputs.iter().flatten().all(|id| {
                            graph.tensor(*id).dtype.is_some_and(|dtype| dtype != DataType::F32)
                                || returns[id.0]
                        })
                });
        }
    }
    returns
}
