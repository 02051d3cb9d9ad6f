//! The tensors of a `qdq_graph`.

use std::ffi::c_char;

use crate::graph::{Edge, NodeId};

use super::dtype::{number_of, qdq_dtype};
use super::graph::{QDQ_DYNAMIC, TENSOR_KINDS, dim_name, qdq_graph, qdq_tensor_kind, sizes_of};
use super::handle::{text, text_at};
use super::node::QDQ_NONE;

/// Returns the number of tensors.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_tensor_count(graph: Option<&qdq_graph>) -> usize {
    graph.map_or(0, |graph| graph.graph.tensors.len())
}

/// Returns the number of tensor `name`; QDQ_NONE if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_graph_find_tensor(graph: Option<&qdq_graph>, name: *const c_char) -> usize {
    // SAFETY: the header's rules for texts.
    let name = unsafe { text(name, "name") };
    let found = graph.zip(name.ok()).and_then(|(graph, name)| graph.graph.find(&name));
    found.map_or(QDQ_NONE, |id| id.0)
}

/// Returns the name of a tensor; NULL if there is no such tensor. The text is valid until the graph is
/// changed or freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_tensor_name(graph: Option<&qdq_graph>, tensor: usize) -> *const c_char {
    graph.map_or(std::ptr::null(), |graph| text_at(&graph.names().tensors, tensor))
}

/// Returns the role of a tensor in the network; -1 if there is no such tensor.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_tensor_kind(graph: Option<&qdq_graph>, tensor: usize) -> qdq_tensor_kind {
    let tensor = graph.and_then(|graph| graph.tensor(tensor));
    tensor.and_then(|tensor| TENSOR_KINDS.number(tensor.kind)).unwrap_or(-1)
}

/// Returns the element type of a tensor; QDQ_DTYPE_UNKNOWN if it is not known.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_tensor_dtype(graph: Option<&qdq_graph>, tensor: usize) -> qdq_dtype {
    number_of(graph.and_then(|graph| graph.tensor(tensor)).and_then(|tensor| tensor.dtype))
}

/// Returns the rank of a tensor; -1 if it is not known.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_tensor_ndim(graph: Option<&qdq_graph>, tensor: usize) -> i32 {
    let shape = graph.and_then(|graph| graph.tensor(tensor)).and_then(|tensor| tensor.shape.as_ref());
    shape.map_or(-1, |shape| shape.len() as i32)
}

/// Returns the size of a tensor along `axis`; QDQ_DYNAMIC if it is not known or there is no such axis.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_tensor_size(graph: Option<&qdq_graph>, tensor: usize, axis: usize) -> i64 {
    let shape = graph.and_then(|graph| graph.tensor(tensor)).and_then(|tensor| tensor.shape.as_deref());
    sizes_of(shape).get(axis).copied().unwrap_or(QDQ_DYNAMIC)
}

/// Returns whether a tensor is an output of the network.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_tensor_is_output(graph: Option<&qdq_graph>, tensor: usize) -> bool {
    graph.and_then(|graph| graph.tensor(tensor)).is_some_and(|tensor| tensor.is_output)
}

/// Returns the node that computes a tensor; QDQ_NONE if none does.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_tensor_producer(graph: Option<&qdq_graph>, tensor: usize) -> usize {
    let tensor = graph.and_then(|graph| graph.tensor(tensor));
    tensor.and_then(|tensor| tensor.producer).map_or(QDQ_NONE, |NodeId(node)| node)
}

/// Returns the name of the dimension of a tensor along `axis`; NULL if it has none or there is no such axis.
/// Dimensions with the same name are equal. The text is valid until the graph is changed or freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_tensor_dim_name(
    graph: Option<&qdq_graph>,
    tensor: usize,
    axis: usize,
) -> *const c_char {
    dim_name(graph.and_then(|graph| graph.names().dims.get(tensor)), axis)
}

/// Returns the number of consumers of a tensor: the node inputs that read it.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_tensor_consumer_count(graph: Option<&qdq_graph>, tensor: usize) -> usize {
    graph.and_then(|graph| graph.tensor(tensor)).map_or(0, |tensor| tensor.consumers.len())
}

fn consumer(graph: Option<&qdq_graph>, tensor: usize, consumer: usize) -> Option<Edge> {
    graph?.tensor(tensor)?.consumers.get(consumer).copied()
}

/// Returns the node of consumer `consumer` of a tensor, from 0; QDQ_NONE past the last.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_tensor_consumer_node(
    graph: Option<&qdq_graph>,
    tensor: usize,
    consumer: usize,
) -> usize {
    self::consumer(graph, tensor, consumer).map_or(QDQ_NONE, |edge| edge.node.0)
}

/// Returns the position of the input, from 0, by which that node reads the tensor; QDQ_NONE past the last.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_tensor_consumer_input(
    graph: Option<&qdq_graph>,
    tensor: usize,
    consumer: usize,
) -> usize {
    self::consumer(graph, tensor, consumer).map_or(QDQ_NONE, |edge| edge.input)
}
