//! Operators that INT8 passes through, and the scales that they share.
//!
//! Average pooling is not one of them, because it computes new values. TensorRT-RTX runs it in float whatever
//! is before it (`tests/trt_rtx/FINDINGS.md`), and a pair there would only round.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::{Edge, Graph, Node, NodeId, TensorId};

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

/// Quantizes the inputs of pooling, Concat, Split and similar operators if their outputs are read as INT8.
///
/// All readers of an output must read INT8. For a Split, one such output is enough. The walk goes from the
/// end of the network to its beginning, so that it finds a chain of such operators as a whole.
pub(super) fn place_passing(graph: &Graph, policy: &Policy, draft: &mut Draft) {
    let captured = graph.captured();
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

/// Whether every reader of the tensor reads it quantized.
///
/// A reader may be direct, or behind operators that only move values.
///
/// A shape or an index that such an operator reads is no data. Integers are never quantized.
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

/// Groups the quantized tensors that have one scale because only moving or selecting is between them.
///
/// A tensor that shares its scale with no other tensor is a group of its own.
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

/// Returns the first tensor of a group, and shortens the path to it.
fn find(leader: &mut [usize], mut at: usize) -> usize {
    while leader[at] != at {
        leader[at] = leader[leader[at]];
        at = leader[at];
    }
    at
}
