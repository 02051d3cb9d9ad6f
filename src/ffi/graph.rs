//! `qdq_graph`: a neutral network, built node by node.

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;
use std::sync::{Arc, OnceLock};

use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Graph, GraphTensor, NewNode, Node, NodeId, TensorId, TensorKind};
use crate::tensor::Dim;

use super::dtype::{known, number_of, qdq_dtype};
use super::error::qdq_error;
use super::guard::{constructed, guard};
use super::handle::{self, axes, c_text, get, get_mut, text, text_at};
use super::node::qdq_node;
use super::status::qdq_status;

/// A network as nodes and tensors, neutral as to where it comes from: describe any network representation as one, and
/// qdq_graph_plan() decides what of it is quantized. Operators are named as in ONNX. Tensors and nodes are numbered from 0 in
/// the order in which they were added.
pub struct qdq_graph {
    pub(super) graph: Arc<Graph>,
    names: OnceLock<Names>,
}

struct Names {
    tensors: Vec<CString>,
    nodes: Vec<[CString; 2]>,
}

/// What a tensor is to the network: one of the QDQ_TENSOR_ numbers.
pub type qdq_tensor_kind = i32;

/// Fed from outside, different in every batch.
pub const QDQ_TENSOR_INPUT: qdq_tensor_kind = 0;
/// Known when the network is built: a weight, a bias, a shape.
pub const QDQ_TENSOR_CONSTANT: qdq_tensor_kind = 1;
/// Computed by a node.
pub const QDQ_TENSOR_ACTIVATION: qdq_tensor_kind = 2;

/// The number of no tensor or node: an optional input or output that is left out.
///
/// cbindgen:ignore
pub const QDQ_NONE: usize = usize::MAX;

/// The number of no axis: one scale for the whole tensor.
///
/// cbindgen:ignore
pub const QDQ_NO_AXIS: i32 = i32::MIN;

/// A size that is decided at run time.
pub const QDQ_DYNAMIC: i64 = -1;

/// A shape of C's: `None` where the rank is not known.
///
/// # Safety
/// As for [`array`].
pub(super) unsafe fn shape_of(ndim: i32, shape: *const i64) -> Result<Option<Vec<Dim>>> {
    if ndim < 0 {
        return Ok(None);
    }
    // SAFETY: the caller's promise.
    let sizes = unsafe { axes(shape, ndim as usize, "shape") }?;
    let dims = sizes.iter().map(|&size| match usize::try_from(size) {
        Ok(size) => Ok(Dim::Fixed(size)),
        Err(_) if size == QDQ_DYNAMIC => Ok(Dim::Unknown),
        Err(_) => Err(Error::new(ErrorKind::InvalidArgument, format!("a size of {size}"))
            .with_remedy("use QDQ_DYNAMIC for a size that is decided at run time")),
    });
    dims.collect::<Result<_>>().map(Some)
}

/// The sizes for C.
pub(super) fn sizes_of(shape: Option<&[Dim]>) -> Vec<i64> {
    let size = |dim: &Dim| match dim {
        Dim::Fixed(size) => *size as i64,
        Dim::Named(_) | Dim::Unknown => QDQ_DYNAMIC,
    };
    shape.unwrap_or_default().iter().map(size).collect()
}

impl qdq_graph {
    pub(super) fn new(graph: Arc<Graph>) -> Self {
        Self { graph, names: OnceLock::new() }
    }

    fn names(&self) -> &Names {
        self.names.get_or_init(|| Names {
            tensors: self.graph.tensors.iter().map(|tensor| c_text(&tensor.name)).collect(),
            nodes: self.graph.nodes.iter().map(|node| [c_text(&node.name), c_text(&node.op)]).collect(),
        })
    }

    /// Changes the graph. A plan that was made of it before keeps the graph as it was.
    fn change<T>(&mut self, change: impl FnOnce(&mut Graph) -> Result<T>) -> Result<T> {
        let done = change(Arc::make_mut(&mut self.graph))?;
        self.names.take();
        Ok(done)
    }

    fn tensor(&self, tensor: usize) -> Option<&GraphTensor> {
        self.graph.tensors.get(tensor)
    }

    fn node(&self, node: usize) -> Option<&Node> {
        self.graph.nodes.get(node)
    }

    /// The tensor with a number that exists.
    fn checked(&self, tensor: usize) -> Result<TensorId> {
        if tensor < self.graph.tensors.len() {
            return Ok(TensorId(tensor));
        }
        let message = format!("the graph has no tensor {tensor}, only {}", self.graph.tensors.len());
        Err(Error::new(ErrorKind::InvalidArgument, message))
    }
}

/// A graph without nodes. Free it with qdq_graph_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_new() -> *mut qdq_graph {
    constructed(|| qdq_graph::new(Arc::default()))
}

/// Frees `*graph` and sets it to NULL. NULL in either place is allowed and does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_free(graph: Option<&mut *mut qdq_graph>) {
    handle::free(graph);
}

/// Adds an input or a constant; nodes add the activations that they compute, which are refused here. The name must be new. After
/// an error the graph is as it was. `dtype` may be
/// QDQ_DTYPE_UNKNOWN, a negative `ndim` means that the rank is not known, QDQ_DYNAMIC stands for a size decided at run time.
/// `tensor` receives the tensor's number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_graph_add_tensor(
    graph: Option<&mut qdq_graph>,
    name: *const c_char,
    kind: qdq_tensor_kind,
    dtype: qdq_dtype,
    ndim: i32,
    shape: *const i64,
    tensor: Option<&mut MaybeUninit<usize>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let graph = get_mut(graph, "graph")?;
        let kind = match kind {
            QDQ_TENSOR_INPUT => TensorKind::Input,
            QDQ_TENSOR_CONSTANT => TensorKind::Constant,
            QDQ_TENSOR_ACTIVATION => TensorKind::Activation,
            other => {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!("tensor kind {other} is not known"),
                )
                .with_remedy("use one of the QDQ_TENSOR_ numbers"));
            }
        };
        // SAFETY: the header's rules for texts and arrays.
        let (name, shape) = unsafe { (text(name, "name")?, shape_of(ndim, shape)?) };
        let tensor = get_mut(tensor, "tensor")?;
        let dtype = known(dtype, "dtype")?;
        let id = graph.change(|graph| graph.add_tensor(&name, kind, dtype, shape))?;
        tensor.write(id.0);
        Ok(())
    })
}

/// Adds the node that `node` describes; its outputs become new activations. The node may be changed and added again. After an
/// error the graph is as it was.
/// `number`, which may be NULL, receives the node's number.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_add_node(
    graph: Option<&mut qdq_graph>,
    node: Option<&qdq_node>,
    number: Option<&mut MaybeUninit<usize>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let graph = get_mut(graph, "graph")?;
        let node = get(node, "node")?;
        let outputs: Vec<Option<&str>> = node.outputs.iter().map(Option::as_deref).collect();
        let new = NewNode {
            name: &node.name,
            op: &node.op,
            domain: &node.domain,
            inputs: &node.inputs,
            outputs: &outputs,
            attributes: node.attributes.clone(),
            captures: &node.captures,
        };
        let id = graph.change(|graph| graph.add_node(new))?;
        if let Some(number) = number {
            number.write(id.0);
        }
        Ok(())
    })
}

/// States what is known about a tensor, as in qdq_graph_add_tensor(); what is not known leaves what was said before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_graph_describe_tensor(
    graph: Option<&mut qdq_graph>,
    tensor: usize,
    dtype: qdq_dtype,
    ndim: i32,
    shape: *const i64,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let graph = get_mut(graph, "graph")?;
        let id = graph.checked(tensor)?;
        // SAFETY: the header's rules for arrays.
        let shape = unsafe { shape_of(ndim, shape) }?;
        let dtype = known(dtype, "dtype")?;
        graph.change(|graph| {
            graph.describe(id, dtype, shape);
            Ok(())
        })
    })
}

/// Marks a tensor as an output of the network.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_mark_output(
    graph: Option<&mut qdq_graph>,
    tensor: usize,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let graph = get_mut(graph, "graph")?;
        let id = graph.checked(tensor)?;
        graph.change(|graph| {
            graph.mark_output(id);
            Ok(())
        })
    })
}

/// How many tensors there are.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_tensor_count(graph: Option<&qdq_graph>) -> usize {
    graph.map_or(0, |graph| graph.graph.tensors.len())
}

/// How many nodes there are.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_node_count(graph: Option<&qdq_graph>) -> usize {
    graph.map_or(0, |graph| graph.graph.nodes.len())
}

/// The number of tensor `name`; QDQ_NONE where there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_graph_find_tensor(graph: Option<&qdq_graph>, name: *const c_char) -> usize {
    // SAFETY: the header's rules for texts.
    let name = unsafe { text(name, "name") };
    let found = graph.zip(name.ok()).and_then(|(graph, name)| graph.graph.find(&name));
    found.map_or(QDQ_NONE, |id| id.0)
}

/// The name of a tensor; NULL where there is no such tensor. Valid until the graph is changed or freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_tensor_name(graph: Option<&qdq_graph>, tensor: usize) -> *const c_char {
    graph.map_or(std::ptr::null(), |graph| text_at(&graph.names().tensors, tensor))
}

/// What a tensor is to the network; -1 where there is no such tensor.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_tensor_kind(graph: Option<&qdq_graph>, tensor: usize) -> qdq_tensor_kind {
    match graph.and_then(|graph| graph.tensor(tensor)).map(|tensor| tensor.kind) {
        Some(TensorKind::Input) => QDQ_TENSOR_INPUT,
        Some(TensorKind::Constant) => QDQ_TENSOR_CONSTANT,
        Some(TensorKind::Activation) => QDQ_TENSOR_ACTIVATION,
        None => -1,
    }
}

/// The element type of a tensor; QDQ_DTYPE_UNKNOWN where it is not known.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_tensor_dtype(graph: Option<&qdq_graph>, tensor: usize) -> qdq_dtype {
    number_of(graph.and_then(|graph| graph.tensor(tensor)).and_then(|tensor| tensor.dtype))
}

/// The rank of a tensor; -1 where it is not known.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_tensor_ndim(graph: Option<&qdq_graph>, tensor: usize) -> i32 {
    let shape = graph.and_then(|graph| graph.tensor(tensor)).and_then(|tensor| tensor.shape.as_ref());
    shape.map_or(-1, |shape| shape.len() as i32)
}

/// The size of a tensor along `axis`; QDQ_DYNAMIC where it is not known or there is no such axis.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_tensor_size(graph: Option<&qdq_graph>, tensor: usize, axis: usize) -> i64 {
    let shape = graph.and_then(|graph| graph.tensor(tensor)).and_then(|tensor| tensor.shape.as_deref());
    sizes_of(shape).get(axis).copied().unwrap_or(QDQ_DYNAMIC)
}

/// Whether a tensor is an output of the network.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_tensor_is_output(graph: Option<&qdq_graph>, tensor: usize) -> bool {
    graph.and_then(|graph| graph.tensor(tensor)).is_some_and(|tensor| tensor.is_output)
}

/// The node that computes a tensor; QDQ_NONE where none does.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_tensor_producer(graph: Option<&qdq_graph>, tensor: usize) -> usize {
    let tensor = graph.and_then(|graph| graph.tensor(tensor));
    tensor.and_then(|tensor| tensor.producer).map_or(QDQ_NONE, |NodeId(node)| node)
}

/// The name of a node; NULL where there is no such node. Valid until the graph is changed or freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_node_name(graph: Option<&qdq_graph>, node: usize) -> *const c_char {
    let texts = graph.and_then(|graph| graph.names().nodes.get(node));
    texts.map_or(std::ptr::null(), |[name, _]| name.as_ptr())
}

/// The operator of a node; NULL where there is no such node. Valid until the graph is changed or freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_node_op(graph: Option<&qdq_graph>, node: usize) -> *const c_char {
    let texts = graph.and_then(|graph| graph.names().nodes.get(node));
    texts.map_or(std::ptr::null(), |[_, op]| op.as_ptr())
}

/// How many inputs a node has, left-out ones in between included.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_node_input_count(graph: Option<&qdq_graph>, node: usize) -> usize {
    graph.and_then(|graph| graph.node(node)).map_or(0, |node| node.inputs.len())
}

/// The tensor that a node reads as its input `input`, from 0; QDQ_NONE where it is left out.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_node_input(graph: Option<&qdq_graph>, node: usize, input: usize) -> usize {
    let node = graph.and_then(|graph| graph.node(node));
    node.and_then(|node| node.input(input)).map_or(QDQ_NONE, |id| id.0)
}

/// How many outputs a node has, left-out ones in between included.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_node_output_count(graph: Option<&qdq_graph>, node: usize) -> usize {
    graph.and_then(|graph| graph.node(node)).map_or(0, |node| node.outputs.len())
}

/// The tensor that a node computes as its output `output`, from 0; QDQ_NONE where it is left out.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_node_output(graph: Option<&qdq_graph>, node: usize, output: usize) -> usize {
    let node = graph.and_then(|graph| graph.node(node));
    node.and_then(|node| node.output(output)).map_or(QDQ_NONE, |id| id.0)
}
