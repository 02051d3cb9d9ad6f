//! Residual additions.
//!
//! TensorRT computes a convolution and the Add after it in one kernel. The kernel adds the other branch when
//! it writes its result. That other branch decides the type of the kernel, so it must be quantized. A pair on
//! the fused branch would split the kernel.

use std::collections::BTreeSet;

use crate::graph::{Edge, Graph, Node, TensorId, TensorKind};
use crate::tensor::Dim;

use super::format::Format;
use super::{Draft, Policy, Verdict, existing, reasons};

/// Operators that fuse into the convolution before them.
const FUSED_AFTER_CONV: [&str; 8] =
    ["BatchNormalization", "Relu", "Clip", "LeakyRelu", "PRelu", "HardSigmoid", "Sigmoid", "Tanh"];

/// The format of residual additions. No other one has been found to gain by them.
const FORMAT: Format = Format::Int8;

/// The largest number of nodes of an activation function that is written out.
const MOST_ELEMENTWISE: usize = 16;

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
        let branches = Branches { graph, draft, inputs: [left, right], depths: &depths };
        let fused = branches.fused();
        let unfused = || branches.beside_quantized().filter(|_| policy.target.rules().quantized_skip);
        let Some(main) = fused.or_else(unfused) else { continue };
        let (input, tensor) = if main == 0 { (1, right) } else { (0, left) };
        if let Some(dequantize) = draft.forms.dequantized(tensor) {
            match existing::is_refused(graph.node(dequantize)) {
                false => {
                    let reason = format!("residual: input {input} is quantized already");
                    draft.decide(id, Verdict::Quantized, FORMAT, reason);
                }
                true => {
                    let reason = format!(
                        "residual: input {input} is quantized already, in a form that TensorRT refuses"
                    );
                    draft.leave(id, reason);
                }
            }
            continue;
        }
        let refusal = policy.refusal(node).map(str::to_owned);
        if let Some(reason) = refusal.or_else(|| policy.unranged(&graph.tensor(tensor).name)) {
            draft.leave(id, reason);
            continue;
        }
        draft.quantize_activation(tensor, FORMAT, Edge { node: id, input });
        let reason = match fused {
            Some(_) => format!(
                "residual: input {input} is quantized, input {main} fuses with the convolution that computes it"
            ),
            None => format!("residual: input {input} is quantized, so that the kernel of the Add reads INT8"),
        };
        draft.decide(id, Verdict::Quantized, FORMAT, reason);
    }
}

/// The two inputs of an Add.
struct Branches<'a> {
    graph: &'a Graph,
    draft: &'a Draft,
    inputs: [TensorId; 2],
    depths: &'a [usize],
}

impl Branches<'_> {
    /// Returns the input that fuses with the convolution that computes it.
    fn fused(&self) -> Option<usize> {
        self.main(|tensor| fuses(self.graph, self.draft, tensor))
    }

    /// Returns the input that comes from a convolution, if the other one is quantized for another reader.
    fn beside_quantized(&self) -> Option<usize> {
        let main = self.main(|tensor| follows_convolution(self.graph, self.draft, tensor))?;
        self.draft.activations.contains_key(&(self.inputs[1 - main], FORMAT)).then_some(main)
    }

    /// Returns the input that is the backbone: of two candidates, the one with the longer path before it.
    fn main(&self, is_candidate: impl Fn(TensorId) -> bool) -> Option<usize> {
        let [left, right] = self.inputs;
        match (is_candidate(left), is_candidate(right)) {
            (false, false) => None,
            (true, false) => Some(0),
            (false, true) => Some(1),
            (true, true) => Some(usize::from(self.depths[right.0] > self.depths[left.0])),
        }
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
            return draft.is_decided(producer, Verdict::Quantized, FORMAT);
        }
        match node.input(0) {
            Some(before) if FUSED_AFTER_CONV.iter().any(|op| node.is(op)) => at = before,
            _ => return false,
        }
    }
}

/// Whether the tensor comes from a quantized convolution through element-wise operators only, such as SiLU.
fn follows_convolution(graph: &Graph, draft: &Draft, tensor: TensorId) -> bool {
    let mut open = vec![tensor];
    let mut seen = BTreeSet::new();
    while let Some(tensor) = open.pop() {
        let Some(id) = graph.tensor(tensor).producer.filter(|&id| seen.insert(id)) else { continue };
        let node = graph.node(id);
        if node.is("Conv") || node.is("ConvTranspose") {
            if draft.is_decided(id, Verdict::Quantized, FORMAT) {
                return true;
            }
        } else if !adds_two(node) && seen.len() < MOST_ELEMENTWISE && reasons::is_elementwise(node) {
            open.extend(node.inputs.iter().flatten());
        }
    }
    false
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
