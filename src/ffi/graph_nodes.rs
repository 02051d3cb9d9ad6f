//! The nodes of a `qdq_graph`.

use std::ffi::c_char;

use crate::graph::Attribute;

use super::graph::{NodeNames, qdq_graph};
use super::handle::text;
use super::node::QDQ_NONE;

/// The type of an attribute's value: one of the QDQ_ATTRIBUTE_ numbers.
pub type qdq_attribute = i32;

/// One integer.
pub const QDQ_ATTRIBUTE_INT: qdq_attribute = 0;
/// A list of integers.
pub const QDQ_ATTRIBUTE_INTS: qdq_attribute = 1;
/// One number.
pub const QDQ_ATTRIBUTE_FLOAT: qdq_attribute = 2;
/// A text.
pub const QDQ_ATTRIBUTE_TEXT: qdq_attribute = 3;

/// Returns the number of nodes.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_node_count(graph: Option<&qdq_graph>) -> usize {
    graph.map_or(0, |graph| graph.graph.nodes.len())
}

/// Returns the number of the first node called `name`; QDQ_NONE if there is none. Unlike tensors, several
/// nodes may have the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_graph_find_node(graph: Option<&qdq_graph>, name: *const c_char) -> usize {
    // SAFETY: the header's rules for texts.
    let name = unsafe { text(name, "name") };
    let found = graph.zip(name.ok()).and_then(|(graph, name)| graph.graph.find_node(&name));
    found.map_or(QDQ_NONE, |id| id.0)
}

/// Returns the name of a node; NULL if there is no such node. The text is valid until the graph is changed or
/// freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_node_name(graph: Option<&qdq_graph>, node: usize) -> *const c_char {
    let texts = graph.and_then(|graph| graph.names().nodes.get(node));
    texts.map_or(std::ptr::null(), |texts| texts.name.as_ptr())
}

/// Returns the operator of a node; NULL if there is no such node. The text is valid until the graph is
/// changed or freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_node_op(graph: Option<&qdq_graph>, node: usize) -> *const c_char {
    let texts = graph.and_then(|graph| graph.names().nodes.get(node));
    texts.map_or(std::ptr::null(), |texts| texts.op.as_ptr())
}

/// Returns the domain of a node's operator, "" for ONNX's own; NULL if there is no such node. The text is
/// valid until the graph is changed or freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_node_domain(graph: Option<&qdq_graph>, node: usize) -> *const c_char {
    let texts = graph.and_then(|graph| graph.names().nodes.get(node));
    texts.map_or(std::ptr::null(), |texts| texts.domain.as_ptr())
}

/// Returns the number of inputs of a node, including omitted ones between others.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_node_input_count(graph: Option<&qdq_graph>, node: usize) -> usize {
    graph.and_then(|graph| graph.node(node)).map_or(0, |node| node.inputs.len())
}

/// Returns the tensor that a node reads as its input `input`, from 0; QDQ_NONE if the input is omitted.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_node_input_at(graph: Option<&qdq_graph>, node: usize, input: usize) -> usize {
    let node = graph.and_then(|graph| graph.node(node));
    node.and_then(|node| node.input(input)).map_or(QDQ_NONE, |id| id.0)
}

/// Returns the number of outputs of a node, including omitted ones between others.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_node_output_count(graph: Option<&qdq_graph>, node: usize) -> usize {
    graph.and_then(|graph| graph.node(node)).map_or(0, |node| node.outputs.len())
}

/// Returns the tensor that a node computes as its output `output`, from 0; QDQ_NONE if the output is omitted.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_node_output_at(graph: Option<&qdq_graph>, node: usize, output: usize) -> usize {
    let node = graph.and_then(|graph| graph.node(node));
    node.and_then(|node| node.output(output)).map_or(QDQ_NONE, |id| id.0)
}

/// Returns the number of captures of a node: the tensors that its subgraphs (the branches of an If, the body
/// of a Loop) read by name.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_node_capture_count(graph: Option<&qdq_graph>, node: usize) -> usize {
    graph.and_then(|graph| graph.node(node)).map_or(0, |node| node.captures.len())
}

/// Returns the tensor of capture `capture` of a node, from 0; QDQ_NONE past the last.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_node_capture_at(graph: Option<&qdq_graph>, node: usize, capture: usize) -> usize {
    let node = graph.and_then(|graph| graph.node(node));
    node.and_then(|node| node.captures.get(capture)).map_or(QDQ_NONE, |id| id.0)
}

/// Returns the number of attributes of a node. Only the types that planning can use count: integers, numbers,
/// texts.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_node_attribute_count(graph: Option<&qdq_graph>, node: usize) -> usize {
    graph.and_then(|graph| graph.node(node)).map_or(0, |node| node.attributes.len())
}

/// Returns the number of the attribute `name` of a node; QDQ_NONE if it has none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_graph_node_find_attribute(
    graph: Option<&qdq_graph>,
    node: usize,
    name: *const c_char,
) -> usize {
    // SAFETY: the header's rules for texts.
    let name = unsafe { text(name, "name") };
    let found = graph.and_then(|graph| graph.node(node)).zip(name.ok());
    found.and_then(|(node, name)| node.attributes.keys().position(|known| *known == name)).unwrap_or(QDQ_NONE)
}

fn value(graph: Option<&qdq_graph>, node: usize, attribute: usize) -> Option<&Attribute> {
    graph?.node(node)?.attributes.values().nth(attribute)
}

fn names(graph: Option<&qdq_graph>, node: usize) -> Option<&NodeNames> {
    graph?.names().nodes.get(node)
}

/// Returns the name of attribute `attribute` of a node, from 0, in alphabetical order; NULL past the last.
/// The text is valid until the graph is changed or freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_node_attribute_name(
    graph: Option<&qdq_graph>,
    node: usize,
    attribute: usize,
) -> *const c_char {
    let found = names(graph, node).and_then(|names| names.attributes.get(attribute));
    found.map_or(std::ptr::null(), |(name, _)| name.as_ptr())
}

/// Returns the type of an attribute's value; -1 if there is no such attribute.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_node_attribute_type(
    graph: Option<&qdq_graph>,
    node: usize,
    attribute: usize,
) -> qdq_attribute {
    match value(graph, node, attribute) {
        Some(Attribute::Int(_)) => QDQ_ATTRIBUTE_INT,
        Some(Attribute::Ints(_)) => QDQ_ATTRIBUTE_INTS,
        Some(Attribute::Float(_)) => QDQ_ATTRIBUTE_FLOAT,
        Some(Attribute::Text(_)) => QDQ_ATTRIBUTE_TEXT,
        None => -1,
    }
}

/// Returns the value of an integer attribute; 0 if it has another type.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_node_attribute_int(
    graph: Option<&qdq_graph>,
    node: usize,
    attribute: usize,
) -> i64 {
    if let Some(Attribute::Int(value)) = value(graph, node, attribute) { *value } else { 0 }
}

/// Returns the length of the list of an integer-list attribute; 0 if it has another type.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_node_attribute_ints_count(
    graph: Option<&qdq_graph>,
    node: usize,
    attribute: usize,
) -> usize {
    if let Some(Attribute::Ints(values)) = value(graph, node, attribute) { values.len() } else { 0 }
}

/// Returns the value of an integer-list attribute; NULL if it has another type. The list is valid until the
/// graph is changed or freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_node_attribute_ints(
    graph: Option<&qdq_graph>,
    node: usize,
    attribute: usize,
) -> *const i64 {
    match value(graph, node, attribute) {
        Some(Attribute::Ints(values)) => values.as_ptr(),
        _ => std::ptr::null(),
    }
}

/// Returns the value of a number attribute; NaN if it has another type.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_node_attribute_float(
    graph: Option<&qdq_graph>,
    node: usize,
    attribute: usize,
) -> f32 {
    if let Some(Attribute::Float(value)) = value(graph, node, attribute) { *value } else { f32::NAN }
}

/// Returns the value of a text attribute; NULL if it has another type. The text is valid until the graph is
/// changed or freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_node_attribute_text(
    graph: Option<&qdq_graph>,
    node: usize,
    attribute: usize,
) -> *const c_char {
    let found = names(graph, node).and_then(|names| names.attributes.get(attribute)?.1.as_ref());
    found.map_or(std::ptr::null(), |text| text.as_ptr())
}
