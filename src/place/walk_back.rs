//! Walks from a tensor of an attention back to the nodes that it comes from.

use std::collections::BTreeSet;

use super::ops;
use crate::graph::{Attribute, Graph, Node, NodeId, TensorId};

/// The largest number of nodes between the parts of an attention. No exporter writes half as many.
const MOST_BETWEEN: usize = 48;

/// Operators that give the values of their first input another shape, order or type, repeat or select them.
const MOVES: [&str; 10] = [
    "Cast",
    "Dropout",
    "Expand",
    "Flatten",
    "Identity",
    "Reshape",
    "Slice",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
];

/// Operators between Softmax and the product of the probabilities: a mask, a scale per head, a new norm.
const AFTER_SOFTMAX: [&str; 3] = ["Div", "Mul", "Where"];

/// Operators between the product of the scores and Softmax: scale, mask, positions, a cap, a sink.
const BEFORE_SOFTMAX: [&str; 11] =
    ["Add", "Clip", "Concat", "Div", "Max", "Min", "Mul", "Pad", "Sub", "Tanh", "Where"];

/// Goes back from probabilities to the Softmax over the axis that is number `axis` from the end of `tensor`.
///
/// Returns `None` if there is no Softmax, or if it is over another axis. An axis that cannot be followed
/// through a change of shape counts as the right one.
pub(super) fn softmax(graph: &Graph, tensor: TensorId, axis: usize) -> Option<NodeId> {
    let mut open = vec![(tensor, Some(axis))];
    let mut seen = BTreeSet::new();
    while let Some((tensor, axis)) = open.pop() {
        let Some(id) = graph.tensor(tensor).producer.filter(|&id| seen.insert(id)) else { continue };
        let node = graph.node(id);
        if node.is("Softmax") {
            let over = from_end(node.int("axis", -1), graph.tensor(tensor).rank());
            return (axis.is_none() || over.is_none() || axis == over).then_some(id);
        }
        if seen.len() < MOST_BETWEEN {
            let axis = axis.and_then(|axis| axis_before(graph, node, axis));
            open.extend(data_inputs(node, &AFTER_SOFTMAX).map(|input| (input, axis)));
        }
    }
    None
}

/// Goes back from a Softmax to the products that its scores come from, in the order of the network.
pub(super) fn products(graph: &Graph, softmax: NodeId) -> BTreeSet<NodeId> {
    let mut open = Vec::from_iter(graph.node(softmax).input(0));
    let (mut seen, mut found) = (BTreeSet::new(), BTreeSet::new());
    while let Some(tensor) = open.pop() {
        let Some(id) = graph.tensor(tensor).producer.filter(|&id| seen.insert(id)) else { continue };
        let node = graph.node(id);
        if ops::is_weighted(node) {
            found.insert(id);
        } else if seen.len() < MOST_BETWEEN {
            open.extend(data_inputs(node, &BEFORE_SOFTMAX));
        }
    }
    found
}

/// Lists the inputs whose values the node hands on; none if the node computes something else.
fn data_inputs<'a>(node: &'a Node, computing: &[&str]) -> impl Iterator<Item = TensorId> + use<'a> {
    let is_one_of = |list: &[&str]| list.iter().any(|op| node.is(op));
    let data = match () {
        () if is_one_of(&MOVES) || (node.is("Pad") && is_one_of(computing)) => 0..1,
        () if node.is("Where") => 1..3,
        () if is_one_of(computing) => 0..node.inputs.len(),
        () => 0..0,
    };
    data.filter_map(|input| node.input(input))
}

/// Returns the axis before a node that becomes `axis` behind it, both counted from the end, if that is known.
fn axis_before(graph: &Graph, node: &Node, axis: usize) -> Option<usize> {
    match node.op.as_str() {
        "Transpose" => match node.attributes.get("perm") {
            Some(Attribute::Ints(perm)) => {
                let at = perm.len().checked_sub(axis + 1)?;
                from_end(perm[at], Some(perm.len()))
            }
            _ => graph.tensor(node.input(0)?).rank()?.checked_sub(axis + 1),
        },
        // Heads and batches are split and joined before the last axis.
        "Reshape" => (axis == 0).then_some(0),
        "Flatten" | "Squeeze" | "Unsqueeze" => None,
        _ => Some(axis),
    }
}

/// Returns an axis of ONNX, which is negative if it is counted from the end, as the number of axes behind it.
fn from_end(axis: i64, rank: Option<usize>) -> Option<usize> {
    match usize::try_from(axis) {
        Ok(axis) => rank?.checked_sub(axis + 1),
        Err(_) => usize::try_from(-1 - axis).ok(),
    }
}
