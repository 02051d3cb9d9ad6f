//! Quantization that a network has before placement.

use super::format::Format;
use super::{Draft, Verdict};
use crate::finding::{Finding, counted};
use crate::graph::{Attribute, Graph, Node, NodeId};

/// Operators on integers that TensorRT's ONNX parser does not have (onnx-tensorrt, docs/operators.md).
const INTEGER: [&str; 11] = [
    "ConvInteger",
    "DynamicQuantizeLinear",
    "MatMulInteger",
    "QLinearAdd",
    "QLinearAveragePool",
    "QLinearConcat",
    "QLinearConv",
    "QLinearGlobalAveragePool",
    "QLinearMatMul",
    "QLinearMul",
    "QLinearSigmoid",
];

/// The attribute that marks a QuantizeLinear or DequantizeLinear in a form that TensorRT refuses.
///
/// Placement sees no values. A caller that has the values sets the mark with [`refuse`].
const REFUSED: &str = "qdq_refused";

/// Marks `node`, a QuantizeLinear or DequantizeLinear, as refused by TensorRT.
pub fn refuse(graph: &mut Graph, node: NodeId) {
    graph.nodes[node.0].attributes.insert(REFUSED.to_owned(), Attribute::Int(1));
}

/// Whether the node is marked as refused by TensorRT.
pub(super) fn is_refused(node: &Node) -> bool {
    node.int(REFUSED, 0) != 0
}

/// Whether the node computes with the integers of another tool, in a form that TensorRT does not accept.
pub fn is_integer_operator(node: &Node) -> bool {
    INTEGER.contains(&node.op.as_str())
}

/// Returns the findings about existing quantization.
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
    let nested = graph.nodes.iter().flat_map(|node| &node.nested);
    let nested = nested.filter(|op| matches!(op.as_str(), "QuantizeLinear" | "DequantizeLinear")).count();
    if nested > 0 {
        findings.push(Finding::warning(format!(
            "{} in subgraphs inside the body of a Scan stay as they are, whether TensorRT takes them or not",
            counted(nested, "QuantizeLinear and DequantizeLinear node")
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

/// Keeps the nodes that already quantize and dequantize.
pub(super) fn keep(graph: &Graph, draft: &mut Draft) {
    for id in graph.node_ids().filter(|&id| is_pair(graph.node(id))) {
        match is_refused(graph.node(id)) {
            false => draft.decide(id, Verdict::Quantized, Format::Int8, "was there before"),
            true => draft.leave(id, "TensorRT refuses its type or its zero point"),
        }
    }
}

/// Counts the nodes that quantize, dequantize, or compute with the integers of another tool.
pub fn quantized_nodes(graph: &Graph) -> usize {
    graph.nodes.iter().filter(|node| is_pair(node) || is_integer_operator(node)).count()
}

/// Whether the node quantizes or dequantizes.
pub fn is_pair(node: &Node) -> bool {
    is_pair_op(&node.op)
}

/// Whether the operator quantizes or dequantizes.
pub fn is_pair_op(op: &str) -> bool {
    matches!(op, "QuantizeLinear" | "DequantizeLinear")
}
