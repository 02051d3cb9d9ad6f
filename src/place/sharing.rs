//! Operators that quantized values pass through, and the scales that they share.
//!
//! Average pooling is not one of them, because it computes new values. TensorRT-RTX runs it in float whatever
//! is before it (`tests/trt_rtx/FINDINGS.md`), and a pair there would only round.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::{Edge, Graph, Node, NodeId, TensorId};

use super::format::Format;
use super::{Draft, Policy, Verdict};

/// The way in which an operator handles quantized values.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Passing {
    /// Moves all values and does nothing else. TensorRT moves a Quantize across it by itself.
    Moves,
    /// Moves or selects values, so that input and output have one scale.
    ///
    /// It gets pairs of its own, because TensorRT does not always move a pair across it. A Split needs a pair
    /// as soon as INT8 reads one of its parts: if the pairs are only behind the Split, TensorRT-RTX runs a
    /// packed projection (one product for query, key and value) in float.
    Selects,
}

fn passing(node: &Node) -> Option<Passing> {
    if !node.domain.is_empty() {
        return None;
    }
    match node.op.as_str() {
        "Reshape" | "Transpose" | "Flatten" | "Squeeze" | "Unsqueeze" | "Identity" | "DepthToSpace"
        | "SpaceToDepth" => Some(Passing::Moves),
        "MaxPool" | "Concat" | "Split" | "Slice" | "Gather" => Some(Passing::Selects),
        _ => None,
    }
}

/// Whether the node changes the shape or order of its first input and keeps every value.
pub fn only_moves(node: &Node) -> bool {
    passing(node) == Some(Passing::Moves)
}

/// Whether the node moves or selects values of its data inputs.
pub fn selects(node: &Node) -> bool {
    passing(node) == Some(Passing::Selects)
}

/// Lists the inputs that carry values: all inputs of a Concat, the first input of every other operator.
fn data_inputs(node: &Node) -> impl Iterator<Item = (usize, TensorId)> + '_ {
    let count = if node.op == "Concat" { node.inputs.len() } else { 1 };
    node.inputs.iter().take(count).enumerate().filter_map(|(index, tensor)| Some((index, (*tensor)?)))
}

/// Quantizes the inputs of pooling, Concat, Split and similar operators if their outputs are read quantized.
///
/// All readers of an output must read it in the same format. For a Split, one such output is enough. The walk
/// goes from the end of the network to its beginning, so that it finds a chain of such operators as a whole.
pub(super) fn place_passing(graph: &Graph, policy: &Policy, draft: &mut Draft) {
    let captured = graph.captured();
    for index in (0..graph.nodes.len()).rev() {
        let id = NodeId(index);
        let node = graph.node(id);
        let Some(kind) = passing(node) else { continue };
        let mut formats =
            node.outputs.iter().flatten().map(|&output| all_read(graph, draft, &captured, output));
        let common = match node.op.as_str() {
            "Split" => formats.find_map(|format| format),
            _ => formats.reduce(|one, other| one.filter(|_| one == other)).flatten(),
        };
        let Some(format) = common else { continue };
        if kind == Passing::Moves {
            let reason = "only moves values: TensorRT moves the Quantize across it";
            draft.decide(id, Verdict::PassesInt8, format, reason);
            continue;
        }
        if !format.rules().selects.contains(&node.op.as_str()) {
            draft.leave(id, format!("{format} does not pass through {}", node.op));
            continue;
        }
        let unranged = || data_inputs(node).find_map(|(_, input)| policy.unranged(&graph.tensor(input).name));
        if let Some(reason) = policy.refusal(node).map(str::to_owned).or_else(unranged) {
            draft.leave(id, reason);
            continue;
        }
        if data_inputs(node).any(|(_, input)| draft.forms.constant(input).is_some()) {
            draft.leave(id, "an input is constant");
            continue;
        }
        for (input, tensor) in data_inputs(node) {
            draft.quantize_activation(tensor, format, Edge { node: id, input });
        }
        let reason = match format {
            Format::Int8 => "what reads it is INT8: its input and output share a scale".to_owned(),
            _ => format!("what reads it is {format}: its input and output share a scale"),
        };
        draft.decide(id, Verdict::PassesInt8, format, reason);
    }
}

/// Returns the format in which every reader of the tensor reads it; `None` if not all read it in one format.
///
/// A reader may be direct, or behind operators that only move values.
///
/// A shape or an index that such an operator reads is no data. Integers are never quantized.
fn all_read(graph: &Graph, draft: &Draft, captured: &BTreeSet<TensorId>, tensor: TensorId) -> Option<Format> {
    let found = graph.tensor(tensor);
    if found.dtype.is_some_and(|dtype| !dtype.is_float()) {
        return None;
    }
    let only_nodes_read = !found.is_output && !captured.contains(&tensor) && !found.consumers.is_empty();
    let read = |format: Format, edge: Edge| {
        let reader = graph.node(edge.node);
        draft.read_format(tensor, edge) == Some(format)
            || (passing(reader) == Some(Passing::Moves)
                && draft.is_decided(edge.node, Verdict::PassesInt8, format)
                && data_inputs(reader).any(|(input, _)| input == edge.input))
    };
    Format::ALL
        .into_iter()
        .filter(|_| only_nodes_read)
        .find(|&format| found.consumers.iter().all(|&edge| read(format, edge)))
}

/// Groups the quantized tensors that have one scale because only moving or selecting is between them.
///
/// A tensor that shares its scale with no other tensor is a group of its own. No group has two formats.
pub(super) fn groups(graph: &Graph, draft: &Draft) -> Vec<(Format, Vec<TensorId>)> {
    let mut groups: Vec<_> =
        Format::ALL.into_iter().flat_map(|format| groups_in(graph, draft, format)).collect();
    groups.sort_by_key(|(_, members)| members[0]);
    groups
}

fn groups_in(graph: &Graph, draft: &Draft, format: Format) -> Vec<(Format, Vec<TensorId>)> {
    let mut leader: Vec<usize> = (0..graph.tensors.len()).collect();
    for id in graph.node_ids() {
        let node = graph.node(id);
        let shares = passing(node).is_some() && draft.is_decided(id, Verdict::PassesInt8, format);
        if !shares {
            continue;
        }
        for (_, input) in data_inputs(node) {
            for output in node.outputs.iter().flatten() {
                let (a, b) = (find(&mut leader, input.0), find(&mut leader, output.0));
                leader[a.max(b)] = a.min(b);
            }
        }
    }
    let mut members: BTreeMap<usize, Vec<TensorId>> = BTreeMap::new();
    for &(tensor, _) in draft.activations.keys().filter(|(_, own)| *own == format) {
        members.entry(find(&mut leader, tensor.0)).or_default().push(tensor);
    }
    members.into_values().map(|members| (format, members)).collect()
}

/// Returns the first tensor of a group, and shortens the path to it.
fn find(leader: &mut [usize], mut at: usize) -> usize {
    while leader[at] != at {
        leader[at] = leader[leader[at]];
        at = leader[at];
    }
    at
}
