//! The tensors of which a histogram of some values is enough.
//!
//! Largest values and counts are those of all values anyway. Mean squares and shares follow from a sample
//! closely enough. What a sample may miss is the smallest magnitude, and a value that the 16-bit type does
//! not hold exactly.

use super::by_size;
use super::draft::KEEPS_SIZE;
use super::evidence::follows;
use super::masks::passes_mask;
use crate::graph::{Edge, Graph, TensorId};
use crate::place::ops::is_weighted;
use crate::place::sharing;

/// Operators that a sample of their operands and results is enough for, with the operands that are meant.
///
/// Those whose extremes are enough come on top (`by_size`), and those that move or select values.
const BY_SAMPLE: [(&str, &[usize]); 29] = [
    ("Abs", &[0]),
    ("Add", &[0, 1]),
    ("AveragePool", &[0]),
    ("BatchNormalization", &[0]),
    ("Celu", &[0]),
    ("Concat", &[]),
    ("Div", &[0]),
    ("Dropout", &[0]),
    ("Exp", &[0]),
    ("Expand", &[0]),
    ("GlobalAveragePool", &[0]),
    ("GlobalMaxPool", &[0]),
    ("GroupNormalization", &[0]),
    ("InstanceNormalization", &[0]),
    ("LayerNormalization", &[0]),
    ("Max", &[0, 1]),
    ("Min", &[0, 1]),
    ("Mul", &[0, 1]),
    ("Pad", &[0]),
    ("RMSNormalization", &[0]),
    ("ReduceMax", &[0]),
    ("ReduceMean", &[0]),
    ("ReduceSum", &[0]),
    ("Resize", &[0]),
    ("Selu", &[0]),
    ("Softmax", &[0]),
    ("Sub", &[0, 1]),
    ("Tile", &[0]),
    ("Where", &[1, 2]),
];

/// Marks the tensors of which a sample is enough.
pub(super) fn enough(graph: &Graph, positions: &[bool]) -> Vec<bool> {
    let captured = graph.captured();
    let is_enough =
        |id: TensorId| is_judged_by_sample(graph, id) && !positions[id.0] && !captured.contains(&id);
    let mut enough: Vec<bool> = graph.tensor_ids().map(is_enough).collect();
    let mut leads_to_softmax = vec![false; graph.tensors.len()];
    // Rules ask for the smallest values of a tensor and also of those that it was computed from, element by
    // element. So a tensor without a sample reaches back to its sources.
    for node in graph.nodes.iter().rev() {
        let passes = KEEPS_SIZE.iter().any(|op| node.is(op)) || follows(graph, node);
        let is_whole = passes && node.outputs.iter().flatten().any(|output| !enough[output.0]);
        let is_on_way = node.is("Softmax")
            || node.outputs.iter().flatten().any(|output| leads_to_softmax[output.0])
                && (0..node.inputs.len()).any(|input| passes_mask(node, input));
        // The smallest factor of a mask matters.
        let scales_mask = is_on_way && node.is("Mul");
        for &input in node.inputs.iter().flatten() {
            leads_to_softmax[input.0] |= is_on_way;
            let is_product = graph.producer(input).is_some_and(is_weighted);
            enough[input.0] &= !(is_whole || scales_mask && !is_product);
        }
    }
    enough
}

/// Whether a sample is enough for the maker of a tensor and for all its readers.
fn is_judged_by_sample(graph: &Graph, id: TensorId) -> bool {
    let Some(maker) = graph.producer(id) else { return false };
    let makes = BY_SAMPLE.iter().any(|(op, _)| maker.is(op))
        || by_size::is_enough_for(graph, maker)
        || follows(graph, maker);
    let reads = |edge: &Edge| {
        let node = graph.node(edge.node);
        let listed = BY_SAMPLE.iter().find(|(op, _)| node.is(op));
        listed.is_some_and(|(_, inputs)| inputs.contains(&edge.input))
            || by_size::is_enough_for(graph, node)
            || sharing::only_moves(node)
            || sharing::selects(node) && (edge.input == 0 || node.is("Concat"))
    };
    makes && graph.tensor(id).consumers.iter().all(reads)
}
