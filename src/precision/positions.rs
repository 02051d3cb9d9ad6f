//! Whole numbers that count or point: positions, coordinates and lengths.

use crate::dtype::DataType;
use crate::graph::{Graph, TensorId, TensorKind};
use crate::place::sharing;

/// Operators that make whole numbers of whole numbers, or positions of positions.
const KEEPING: [&str; 16] = [
    "Abs", "Add", "Cast", "Ceil", "Clip", "CumSum", "Expand", "Floor", "Max", "Min", "Mul", "Neg", "Range",
    "Round", "Sub", "Tile",
];

/// Marks the float32 tensors that are made of integers and constants alone.
pub(super) fn positions(graph: &Graph) -> Vec<bool> {
    let mut positions = vec![false; graph.tensors.len()];
    for node in &graph.nodes {
        let keeps =
            KEEPING.iter().any(|op| node.is(op)) || sharing::only_moves(node) || sharing::selects(node);
        let from = |tensor: &TensorId| {
            let found = graph.tensor(*tensor);
            let is_integer = found.dtype.is_some_and(|dtype| !dtype.is_float());
            positions[tensor.0] || is_integer || found.kind == TensorKind::Constant
        };
        let mut inputs = node.inputs.iter().flatten();
        let is_position = keeps
            && inputs.clone().all(from)
            && (node.is("Range") || inputs.any(|input| graph.tensor(*input).kind != TensorKind::Constant));
        for output in node.outputs.iter().flatten() {
            positions[output.0] = is_position && graph.tensor(*output).dtype == Some(DataType::F32);
        }
    }
    positions
}
