//! Operators that INT8 passes through, and the scales they share.
//!
//! Average pooling is not among them: it computes new values, TensorRT-RTX runs it in float whatever stands
//! before it (`tests/trt_rtx/FINDINGS.md`), and a pair there would only round.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::{Edge, Graph, Node, NodeId, TensorId};

use super::{Draft, Policy, Verdict};

/// How an operator treats quantized values.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Passing {
    /// Moves all values and nothing else: TensorRT moves a Quantize across it by itself.
    Moves,
    /// Moves or selects values, so input and output have one scale; gets pairs of its own, because TensorRT
    /// does not always move one across. A Split needs one as soon as INT8 reads one of its parts:
    /// TensorRT-RTX runs a packed projection (one product for query, key and value) in float where the pairs
    /// stand only behind it.
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

/// Whether the node gives its first input another shape or order and keeps every value.
pub fn only_moves(node: &Node) -> bool {
    passing(node) == Some(Passing::Moves)
}

/// Whether the node moves or selects values of its data inputs.
pub fn selects(node: &Node) -> bool {
    passing(node) == Some(Passing::Selects)
}

/// The inputs that carry values: all of a Concat, the first of every other operator.
fn data_inputs(node: &Node) -> impl Iterator<Item = (usize, TensorId)> + '_ {
    let count = if node.op == "Concat" { node.inputs.len() } else { 1 };
    node.inputs.iter().take(count).enumerate().filter_map(|(index, tensor)| Some((index, (*tensor)?)))
}

/// Quantizes the inputs of pooling, Concat, Split and their like where all that reads their output reads
/// INT8: from the end of the network to its beginning, so that a chain of them is found whole.
pub(super) fn place_passing(graph: &Graph, policy: &Policy, draft: &mut Draft) {
    let captured: BTreeSet<TensorId> =
        graph.nodes.iter().flat_map(|node| node.captures.iter().copied()).collect();
    for index in (0..graph.nodes.len()).rev() {
        let id = NodeId(index);
        let node = graph.node(id);
        let Some(kind) = passing(node) else { continue };
        let mut outputs = node.outputs.iter().flatten();
        let reads_int8 = |output: &TensorId| all_read_int8(graph, draft, &captured, *output);
        let passes = if node.op == "Split" { outputs.any(reads_int8) } else { outputs.all(reads_int8) };
        if !passes {
            continue;
        }
        if kind == Passing::Moves {
            draft.decide(id, Verdict::PassesInt8, "only moves values: TensorRT moves the Quantize across it");
            continue;
        }
        let unranged = || data_inputs(node).find_map(|(_, input)| policy.unranged(&graph.tensor(input).name));
        if let Some(reason) = policy.refusal(node).map(str::to_owned).or_else(unranged) {
            draft.decide(id, Verdict::Float, reason);
            continue;
        }
        if data_inputs(node).any(|(_, input)| draft.forms.constant(input).is_some()) {
            draft.decide(id, Verdict::Float, "an input is constant");
            continue;
        }
        for (input, tensor) in data_inputs(node) {
            draft.quantize_activation(tensor, Edge { node: id, input });
        }
        draft.decide(id, Verdict::PassesInt8, "what reads it is INT8: its input and output share a scale");
    }
}

/// Whether every reader of the tensor reads it quantized, directly or as the data of operators that only move
/// values. A shape or an index that such an operator reads is no data, and integers are never quantized.
fn all_read_int8(graph: &Graph, draft: &Draft, captured: &BTreeSet<TensorId>, tensor: TensorId) -> bool {
    let found = graph.tensor(tensor);
    if found.dtype.is_some_and(|dtype| !dtype.is_float()) {
        return false;
    }
    let only_nodes_read = !found.is_output && !captured.contains(&tensor) && !found.consumers.is_empty();
    only_nodes_read
        && found.consumers.iter().all(|&edge| {
            let reader = graph.node(edge.node);
            draft.is_quantized(tensor, edge)
                || (passing(reader) == Some(Passing::Moves)
                    && draft.verdict(edge.node) == Some(Verdict::PassesInt8)
                    && data_inputs(reader).any(|(input, _)| input == edge.input))
        })
}

/// Groups of quantized tensors that have one scale because only moving or selecting lies between them.
/// A tensor that shares with no other is a group of its own.
pub(super) fn groups(graph: &Graph, draft: &Draft) -> Vec<Vec<TensorId>> {
    let mut leader: Vec<usize> = (0..graph.tensors.len()).collect();
    for id in graph.node_ids() {
        let node = graph.node(id);
        let shares = passing(node).is_some() && draft.verdict(id) == Some(Verdict::PassesInt8);
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
    for &tensor in draft.activations.keys() {
        members.entry(find(&mut leader, tensor.0)).or_default().push(tensor);
    }
    members.into_values().collect()
}

/// The first of a group; the way there becomes shorter each time.
fn find(leader: &mut [usize], mut at: usize) -> usize {
    while leader[at] != at {
        leader[at] = leader[leader[at]];
        at = leader[at];
    }
    at
}
