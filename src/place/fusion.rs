//! Residual additions.
//!
//! TensorRT computes a convolution and the Add after it in one kernel. The kernel adds the other branch when
//! it writes its result. That other branch decides the type of the kernel, so it must be quantized. A pair on
//! the fused branch would split the kernel.

use crate::graph::{Edge, Graph, Node, TensorId, TensorKind};
use crate::tensor::Dim;

use super::{Draft, Policy, Verdict, existing};

/// Operators that fuse into the convolution before them.
const FUSED_AFTER_CONV: [&str; 8] =
    ["BatchNormalization", "Relu", "Clip", "LeakyRelu", "PRelu", "HardSigmoid", "Sigmoid", "Tanh"];

/// Quantizes one branch of every residual Add beside a quantized convolution: the branch that does not fuse.
pub(super) fn place_residuals(graph: &Graph, policy: &Policy, draft: &mut Draft) {
    let depths = depths(graph);
    for id in graph.node_ids() {
        let node = graph.node(id);
        let (Some(left), Some(right), true) = (node.input(0), node.input(1), adds_two(node)) else {
            continue;
        };
        if !is_activation(graph, draft, left)
            || !is_activation(graph, draft, right)
            || left == right
            || broadcasts(graph, left, right)
        {
            continue;
        }
        let fused = match (fuses(graph, draft, left), fuses(graph, draft, right)) {
            (false, false) => continue,
            (true, false) => 0,
            (false, true) => 1,
            // Of two convolutions, the one with the longer path before it fuses: it is the backbone.
            (true, true) => usize::from(depths[right.0] > depths[left.0]),
        };
        let (input, tensor) = if fused == 0 { (1, right) } else { (0, left) };
        if let Some(dequantize) = draft.forms.dequantized(tensor) {
            match existing::is_refused(graph.node(dequantize)) {
                false => {
                    draft.decide(
                        id,
                        Verdict::Quantized,
                        format!("residual: input {input} is quantized already"),
                    );
                }
                true => {
                    let reason = format!(
                        "residual: input {input} is quantized already, in a form that TensorRT refuses"
                    );
                    draft.decide(id, Verdict::Float, reason);
                }
            }
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

/// Whether the node adds two tensors. Old exporters write a residual as a Sum.
fn adds_two(node: &Node) -> bool {
    node.is("Add") || (node.is("Sum") && node.inputs.len() == 2)
}

fn is_activation(graph: &Graph, draft: &Draft, tensor: TensorId) -> bool {
    draft.forms.constant(tensor).is_none() && graph.tensor(tensor).dtype.is_none_or(|d| d.is_float())
}

/// Whether the shapes of the two are known to differ. Then the Add is a broadcast and no residual.
fn broadcasts(graph: &Graph, left: TensorId, right: TensorId) -> bool {
    let (Some(left), Some(right)) = (&graph.tensor(left).shape, &graph.tensor(right).shape) else {
        return false;
    };
    let differ = |(a, b): (&Dim, &Dim)| matches!((a, b), (Dim::Fixed(a), Dim::Fixed(b)) if a != b);
    left.len() != right.len() || left.iter().zip(right).any(differ)
}

/// Whether the tensor comes from a quantized convolution through fusing operators only.
///
/// Only the Add may read it.
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

/// Returns, for each tensor, the largest number of nodes on a path from an input of the network.
///
/// Paths do not begin at constants.
fn depths(graph: &Graph) -> Vec<usize> {
    let mut depths = vec![0; graph.tensors.len()];
    for node in &graph.nodes {
        let inputs = node.inputs.iter().flatten();
        let data = inputs.filter(|input| graph.tensor(**input).kind != TensorKind::Constant);
        let depth = data.map(|input| depths[input.0] + 1).max().unwrap_or_default();
        node.outputs.iter().flatten().for_each(|output| depths[output.0] = depth);
    }
    depths
}
