//! Cases in which rten computes something other than ONNX defines.
//!
//! qdq refuses such a model, because a wrong result is worse than none. ONNX's own test cases showed these
//! differences; `tests/suite/runtime/operators.rs` runs them.

use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Attribute, Graph, Node};
use crate::onnx::{ElementType, Model};
use crate::runtime::{USE_ONNXRUNTIME, dequantizes_unusually};
use crate::tensor::Data;

/// Operators that rten computes wrongly in cases that cannot be detected before the run.
const WRONG: [(&str, &str); 4] = [
    ("BitCast", "rten has no 64-bit types whose bits it could keep"),
    ("DynamicQuantizeLinear", "rten rounds values in the middle between two steps otherwise"),
    ("NonMaxSuppression", "rten selects across classes and batches"),
    ("Sign", "rten takes the sign of 0 for 1"),
];

/// Operators that the embedded runtime computes itself. It can do so only in the main graph.
const OWN: [&str; 4] = ["ArgMax", "ArgMin", "LRN", "QuantizeLinear"];

/// Those operators of [`OWN`] that rten does not have.
const LACKING: [&str; 1] = ["LRN"];

/// Whether the embedded runtime computes a node of the main graph itself.
pub(super) fn is_own(graph: &Graph, node: &Node) -> bool {
    node.domain.is_empty() && (OWN.contains(&&*node.op) || is_lacking(graph, node))
}

/// Whether the embedded runtime computes a node itself because rten does not have it.
pub(super) fn is_lacking(graph: &Graph, node: &Node) -> bool {
    let lacks = match node.op.as_str() {
        "Cast" => element(node, "to").is_some_and(|to| to.is_half() || to == DataType::F8E4M3),
        "QuantizeLinear" => {
            let is_byte = |to| matches!(to, DataType::I8 | DataType::U8);
            node.int("block_size", 0) != 0 || element(node, "output_dtype").is_some_and(|to| !is_byte(to))
        }
        "DequantizeLinear" => dequantizes_unusually(graph, node),
        op => LACKING.contains(&op),
    };
    node.domain.is_empty() && lacks
}

/// Returns the type that an attribute names by its code.
fn element(node: &Node, attribute: &str) -> Option<DataType> {
    i32::try_from(node.int(attribute, 0)).ok().and_then(ElementType::from_code)?.dtype()
}

/// Refuses a model with nodes that rten would compute wrongly.
///
/// # Errors
/// `Unsupported` with the name of the first such node.
pub(super) fn refuse(model: &Model, graph: &Graph) -> Result<()> {
    for node in &graph.nodes {
        let label = || format!("node '{}' ({})", node.name, node.op);
        if let Some(reason) = reason(model, graph, node)? {
            return Err(unsupported(&label(), reason));
        }
    }
    for (label, op) in model.nested_operators() {
        if LACKING.contains(&op) {
            return Err(unsupported(&label, "it computes this operator in the main graph only"));
        }
        if OWN.contains(&op) {
            return Err(unsupported(&label, "rten rounds or breaks ties otherwise, inside a subgraph too"));
        }
        if let Some((_, reason)) = WRONG.iter().find(|(wrong, _)| *wrong == op) {
            return Err(unsupported(&label, reason));
        }
    }
    Ok(())
}

fn reason(model: &Model, graph: &Graph, node: &Node) -> Result<Option<&'static str>> {
    if !node.domain.is_empty() {
        return Ok(None);
    }
    if let Some((_, reason)) = WRONG.iter().find(|(wrong, _)| *wrong == node.op) {
        return Ok(Some(reason));
    }
    let text = |name: &str| match node.attributes.get(name) {
        Some(Attribute::Text(text)) => text.as_str(),
        _ => "",
    };
    Ok(match node.op.as_str() {
        "MatMul" if rank(graph, node, 1) == Some(1) && rank(graph, node, 0).is_none_or(|rank| rank > 2) => {
            Some("rten keeps a dimension when it multiplies with a vector")
        }
        "Resize" if text("mode") == "cubic" => Some("rten does not interpolate with cubic polynomials"),
        "Resize"
            if text("coordinate_transformation_mode") == "align_corners"
                && !scales_are_whole(model, graph, node)? =>
        {
            Some("rten rounds the size before it aligns the corners")
        }
        "ReduceMax" | "ReduceMin" if dtype(graph, node) == Some(DataType::Bool) => {
            Some("rten reduces truth values as numbers")
        }
        "Dropout" if node.input(2).is_some() => Some("its results are random in training mode"),
        _ if text("auto_pad") == "SAME_LOWER" => Some("rten puts the odd row of padding at the end"),
        _ => None,
    })
}

fn dtype(graph: &Graph, node: &Node) -> Option<DataType> {
    graph.tensor(node.input(0)?).dtype
}

fn rank(graph: &Graph, node: &Node, input: usize) -> Option<usize> {
    graph.tensor(node.input(input)?).rank()
}

/// Returns whether a Resize gives its sizes directly or by constant whole factors.
fn scales_are_whole(model: &Model, graph: &Graph, node: &Node) -> Result<bool> {
    if node.input(3).is_some() {
        return Ok(true);
    }
    let Some(scales) = node.input(2) else { return Ok(false) };
    let constant = model.constant(&graph.tensor(scales).name)?;
    Ok(constant.is_some_and(|scales| match scales.data() {
        Data::F32(scales) => scales.iter().all(|scale| scale.fract() == 0.0),
        _ => false,
    }))
}

fn unsupported(place: &str, reason: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{place}: the embedded runtime cannot run it: {reason}"))
        .with_remedy(USE_ONNXRUNTIME)
}
