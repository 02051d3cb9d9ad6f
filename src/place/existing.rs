//! What a network has of quantization before anything is placed.

use super::reasons::is_integer_operator;
use super::{Draft, Verdict};
use crate::finding::{Finding, counted};
use crate::graph::{Graph, Node};

/// What the user must know of it.
pub(super) fn findings(graph: &Graph) -> Vec<Finding> {
    let count = |is: &dyn Fn(&Node) -> bool| graph.nodes.iter().filter(|node| is(node)).count();
    let mut findings = Vec::new();
    let pairs = count(&is_pair);
    if pairs > 0 {
        findings.push(Finding::note(format!(
            "the model has {} already: they stay, and only what reads float is quantized",
            counted(pairs, "QuantizeLinear and DequantizeLinear node")
        )));
    }
    let integers = count(&is_integer_operator);
    if integers > 0 {
        let first = graph.nodes.iter().find(|node| is_integer_operator(node)).map_or("", |node| &node.op);
        findings.push(
            Finding::warning(format!(
                "the model has {} that TensorRT's ONNX parser does not take ({first})",
                counted(integers, "integer operator")
            ))
            .with_remedy("give the float model that it was made from"),
        );
    }
    findings
}

/// Leaves what quantizes and dequantizes already as it is.
pub(super) fn keep(graph: &Graph, draft: &mut Draft) {
    for id in graph.node_ids().filter(|&id| is_pair(graph.node(id))) {
        draft.decide(id, Verdict::Quantized, "was there before");
    }
}

/// How many nodes of the network quantize, dequantize, or compute with integers of another tool.
pub fn quantized_nodes(graph: &Graph) -> usize {
    graph.nodes.iter().filter(|node| is_pair(node) || is_integer_operator(node)).count()
}

fn is_pair(node: &Node) -> bool {
    matches!(&*node.op, "QuantizeLinear" | "DequantizeLinear")
}
