//! Residual additions.
//!
//! TensorRT computes a convolution and the Add after it in one kernel, which adds the other branch as it
//! writes. That other branch decides the kernel's type: it must be quantised, while a pair on the fused
//! branch would tear the kernel apart.

use crate::graph::{Edge, Graph, NodeId, TensorId};
use crate::tensor::Dim;

use super::{Draft, Policy, Verdict};

/// Operators that fuse into the convolution before them.
const FUSED_AFTER_CONV: [&str; 8] =
    ["BatchNormalization", "Relu", "Clip", "LeakyRelu", "PRelu", "HardSigmoid", "Sigmoid", "Tanh"];

/// Quantises the branch that does not fuse of every residual Add beside a quantised convolution.
pub(super) fn place_residuals(graph: &Graph, policy: &Policy, draft: &mut Draft) {
    for id in graph.node_ids() {
        let node = graph.node(id);
        let (Some(left), Some(right), true) = (node.input(0), node.input(1), node.is("Add")) else {
            continue;
        };
        if !is_activation(graph, left)
            || !is_activation(graph, right)
            || left == right
            || broadcasts(graph, left, right)
        {
            continue;
        }
        let fused = match (fuses(graph, draft, left), fuses(graph, draft, right)) {
            (false, false) => continue,
            (true, false) => 0,
            (false, true) => 1,
            (true, true) => longer_branch(graph, left, right),
        };
        let (input, tensor) = if fused == 0 { (1, right) } else { (0, left) };
        let refusal = policy.refusal(node).map(str::to_owned);
        if let Some(reason) = refusal.or_else(|| policy.unranged(&graph.tensor(tensor).name)) {
            draft.decide(id, Verdict::Float, reason);
            continue;
        }
        draft.quantise_activation(tensor, Edge { node: id, input });
        let reason = format!(
            "residual: input {input} is quantised, input {fused} fuses with the convolution that computes it"
        );
        draft.decide(id, Verdict::Quantised, reason);
    }
}

fn is_activation(graph: &Graph, tensor: TensorId) -> bool {
    super::ops::constant_form(graph, tensor).is_none()
        && graph.tensor(tensor).dtype.is_none_or(|d| d.is_float())
}

/// Whether the two are known to have different shapes: then it is no residual but a broadcast.
fn broadcasts(graph: &Graph, left: TensorId, right: TensorId) -> bool {
    let (Some(left), Some(right)) = (&graph.tensor(left).shape, &graph.tensor(right).shape) else {
        return false;
    };
    let differ = |(a, b): (&Dim, &Dim)| matches!((a, b), (Dim::Fixed(a), Dim::Fixed(b)) if a != b);
    left.len() != right.len() || left.iter().zip(right).any(differ)
}

/// Whether the tensor comes out of a quantised convolution through nothing but operators that fuse with it,
/// and only the Add reads it.
fn fuses(graph: &Graph, draft: &Draft, tensor: TensorId) -> bool {
    let mut at = tensor;
    loop {
        let found = graph.tensor(at);
        let (Some(producer), 1, false) = (found.producer, found.consumers.len(), found.is_output) else {
            return false;
        };
        let node = graph.node(producer);
        if node.is("Conv") || node.is("ConvTranspose") {
            return draft.verdict(producer) == Some(Verdict::Quantised);
        }
        match node.input(0) {
            Some(before) if FUSED_AFTER_CONV.iter().any(|op| node.is(op)) => at = before,
            _ => return false,
        }
    }
}

/// Which of the two inputs (0 or 1) has the longer way from where the branches part: the backbone, which
/// fuses. The first where they are equally long.
fn longer_branch(graph: &Graph, left: TensorId, right: TensorId) -> usize {
    let from_left = ancestors(graph, left);
    let from_right = ancestors(graph, right);
    let parting = (0..graph.tensors.len()).rev().find(|&t| from_left[t] && from_right[t]).map(TensorId);
    let length = |tensor| longest_way(graph, parting, tensor);
    usize::from(length(right) > length(left))
}

fn ancestors(graph: &Graph, tensor: TensorId) -> Vec<bool> {
    let mut found = vec![false; graph.tensors.len()];
    let mut open = vec![tensor];
    while let Some(at) = open.pop() {
        if std::mem::replace(&mut found[at.0], true) {
            continue;
        }
        open.extend(graph.producer(at).into_iter().flat_map(|node| node.inputs.iter().flatten()));
    }
    found
}

/// Number of nodes on the longest way from `start` to `end`.
fn longest_way(graph: &Graph, start: Option<TensorId>, end: TensorId) -> usize {
    let Some(start) = start else { return 0 };
    let mut length: Vec<Option<usize>> = vec![None; graph.tensors.len()];
    length[start.0] = Some(0);
    let first = graph.tensor(start).producer.map_or(0, |NodeId(node)| node + 1);
    for node in &graph.nodes[first..] {
        let longest = node.inputs.iter().flatten().filter_map(|input| length[input.0]).max();
        for output in node.outputs.iter().flatten() {
            length[output.0] = longest.map(|n| n + 1).max(length[output.0]);
        }
    }
    length[end.0].unwrap_or(0)
}
