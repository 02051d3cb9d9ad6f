//! Residual additions.
//!
//! TensorRT computes a convolution and the Add after it in one kernel, which adds the other branch as it
//! writes. That other branch decides the kernel's type: it must be quantized, while a pair on the fused
//! branch would tear the kernel apart.

use std::collections::BTreeMap;

use crate::graph::{Edge, Graph, Node, TensorId, TensorKind};
use crate::tensor::Dim;

use super::ops::dequantized_from;
use super::{Draft, Policy, Verdict};

/// Operators that fuse into the convolution before them.
const FUSED_AFTER_CONV: [&str; 8] =
    ["BatchNormalization", "Relu", "Clip", "LeakyRelu", "PRelu", "HardSigmoid", "Sigmoid", "Tanh"];

/// Quantizes the branch that does not fuse of every residual Add beside a quantized convolution.
pub(super) fn place_residuals(graph: &Graph, policy: &Policy, draft: &mut Draft) {
    for id in graph.node_ids() {
        let node = graph.node(id);
        let (Some(left), Some(right), true) = (node.input(0), node.input(1), adds_two(node)) else {
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
        if dequantized_from(graph, tensor).is_some() {
            draft.decide(id, Verdict::Quantized, format!("residual: input {input} is quantized already"));
            continue;
        }
        let refusal = policy.refusal(node).map(str::to_owned);
        if let Some(reason) = refusal.or_else(|| policy.unranged(&graph.tensor(tensor).name)) {
            draft.decide(id, Verdict::Float, reason);
            continue;
        }
        draft.quantize_activation(tensor, Edge { node: id, input });
        let reason = format!(
            "residual: input {input} is quantized, input {fused} fuses with the convolution that computes it"
        );
        draft.decide(id, Verdict::Quantized, reason);
    }
}

/// Whether the node adds two tensors: old exporters write a residual as a Sum.
fn adds_two(node: &Node) -> bool {
    node.is("Add") || (node.is("Sum") && node.inputs.len() == 2)
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

/// Whether the tensor comes out of a quantized convolution through nothing but operators that fuse with it,
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
            return draft.verdict(producer) == Some(Verdict::Quantized);
        }
        match node.input(0) {
            Some(before) if FUSED_AFTER_CONV.iter().any(|op| node.is(op)) => at = before,
            _ => return false,
        }
    }
}

/// Which of the two inputs (0 or 1) has the longer way from where the branches part: the backbone, which
/// fuses. The first where they are equally long or never part. Constants are no place to part at.
fn longer_branch(graph: &Graph, left: TensorId, right: TensorId) -> usize {
    // The most nodes between a tensor and either input, of tensors whose readers are all done: a node's outputs
    // come after its inputs, so the last tensor is always such a one.
    let mut open = BTreeMap::from([(left, [Some(0), None]), (right, [None, Some(0)])]);
    while let Some((tensor, ways)) = open.pop_last() {
        if let [Some(to_left), Some(to_right)] = ways {
            return usize::from(to_right > to_left);
        }
        for &input in graph.producer(tensor).into_iter().flat_map(|node| node.inputs.iter().flatten()) {
            if graph.tensor(input).kind == TensorKind::Constant {
                continue;
            }
            for (longest, way) in open.entry(input).or_default().iter_mut().zip(ways) {
                *longest = (*longest).max(way.map(|nodes: usize| nodes + 1));
            }
        }
    }
    0
}
