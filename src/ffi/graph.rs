//! `qdq_graph`: a neutral network, built node by node.

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;
use std::sync::{Arc, OnceLock};

use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Attribute, Graph, GraphTensor, NewNode, Node, TensorId, TensorKind};
use crate::tensor::Dim;

use super::dtype::{known, qdq_dtype};
use super::error::qdq_error;
use super::guard::{constructed, guard};
use super::handle::{self, axes, c_text, get, get_mut, optional_text, text};
use super::node::qdq_node;
use super::number_set::NumberSet;
use super::status::qdq_status;

/// A neutral network of nodes and tensors: describe any representation of a network as one, and
/// qdq_graph_plan() decides which tensors are quantized. Operators have their ONNX names. Tensors and nodes
/// are numbered from 0 in the order in which they were added.
pub struct qdq_graph {
    pub(super) graph: Arc<Graph>,
    names: OnceLock<Names>,
}

/// The texts of a graph for C.
pub(super) struct Names {
    pub(super) tensors: Vec<CString>,
    /// The names of every tensor's dimensions.
    pub(super) dims: Vec<Vec<Option<CString>>>,
    pub(super) nodes: Vec<NodeNames>,
}

pub(super) struct NodeNames {
    pub(super) name: CString,
    pub(super) op: CString,
    pub(super) domain: CString,
    /// The names of the attributes, and the values of text attributes.
    pub(super) attributes: Vec<(CString, Option<CString>)>,
}

impl NodeNames {
    fn new(node: &Node) -> Self {
        let attribute = |(name, value): (&String, &Attribute)| match value {
            Attribute::Text(text) => (c_text(name), Some(c_text(text))),
            _ => (c_text(name), None),
        };
        Self {
            name: c_text(&node.name),
            op: c_text(&node.op),
            domain: c_text(&node.domain),
            attributes: node.attributes.iter().map(attribute).collect(),
        }
    }
}

/// The role of a tensor in the network: one of the QDQ_TENSOR_KIND_ numbers.
pub type qdq_tensor_kind = i32;

/// An input: fed from outside, different in every batch.
pub const QDQ_TENSOR_KIND_INPUT: qdq_tensor_kind = 0;
/// A constant, known when the network is built: a weight, a bias, a shape.
pub const QDQ_TENSOR_KIND_CONSTANT: qdq_tensor_kind = 1;
/// An activation, computed by a node.
pub const QDQ_TENSOR_KIND_ACTIVATION: qdq_tensor_kind = 2;

pub(super) const TENSOR_KINDS: NumberSet<TensorKind> = NumberSet::new(
    "tensor kind",
    "QDQ_TENSOR_KIND_",
    &[
        (QDQ_TENSOR_KIND_INPUT, TensorKind::Input),
        (QDQ_TENSOR_KIND_CONSTANT, TensorKind::Constant),
        (QDQ_TENSOR_KIND_ACTIVATION, TensorKind::Activation),
    ],
);

/// The value that stands for no axis: one scale for the whole tensor.
///
/// cbindgen:ignore
pub const QDQ_NO_AXIS: i32 = i32::MIN;

/// A size that is known only at run time.
pub const QDQ_DYNAMIC: i64 = -1;

/// Reads a shape from C; `None` if the rank is not known.
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

/// Returns the sizes for C.
pub(super) fn sizes_of(shape: Option<&[Dim]>) -> Vec<i64> {
    let size = |dim: &Dim| match dim {
        Dim::Fixed(size) => *size as i64,
        Dim::Named(_) | Dim::Unknown => QDQ_DYNAMIC,
    };
    shape.unwrap_or_default().iter().map(size).collect()
}

/// Returns the names of dimensions for C.
pub(super) fn dim_names(shape: Option<&[Dim]>) -> Vec<Option<CString>> {
    let name = |dim: &Dim| match dim {
        Dim::Named(name) => Some(c_text(name)),
        Dim::Fixed(_) | Dim::Unknown => None,
    };
    shape.unwrap_or_default().iter().map(name).collect()
}

/// Returns the name of one dimension; NULL if it has none.
pub(super) fn dim_name(names: Option<&Vec<Option<CString>>>, axis: usize) -> *const c_char {
    let name = names.and_then(|names| names.get(axis)?.as_ref());
    name.map_or(std::ptr::null(), |name| name.as_ptr())
}

/// Names the dimension of a tensor along an axis, or removes its name.
pub(super) fn name_dim(
    tensor: &str,
    shape: Option<&mut [Dim]>,
    axis: usize,
    name: Option<String>,
) -> Result<()> {
    let wrong = |what: String| Error::new(ErrorKind::InvalidArgument, format!("tensor '{tensor}' {what}"));
    match shape.and_then(|shape| shape.get_mut(axis)) {
        None => Err(wrong(format!("is not known to have an axis {axis}"))
            .with_remedy("state its shape, with QDQ_DYNAMIC for that axis")),
        Some(Dim::Fixed(size)) => Err(wrong(format!("has the fixed size {size} along axis {axis}"))
            .with_remedy("name only sizes that are decided at run time")),
        Some(dim) => {
            *dim = name.map_or(Dim::Unknown, Dim::Named);
            Ok(())
        }
    }
}

impl qdq_graph {
    pub(super) fn new(graph: Arc<Graph>) -> Self {
        Self { graph, names: OnceLock::new() }
    }

    pub(super) fn names(&self) -> &Names {
        self.names.get_or_init(|| Names {
            tensors: self.graph.tensors.iter().map(|tensor| c_text(&tensor.name)).collect(),
            dims: self.graph.tensors.iter().map(|tensor| dim_names(tensor.shape.as_deref())).collect(),
            nodes: self.graph.nodes.iter().map(NodeNames::new).collect(),
        })
    }

    /// Changes the graph. A plan that was made of it before keeps the old graph.
    fn change<T>(&mut self, change: impl FnOnce(&mut Graph) -> Result<T>) -> Result<T> {
        let done = change(Arc::make_mut(&mut self.graph))?;
        self.names.take();
        Ok(done)
    }

    pub(super) fn tensor(&self, tensor: usize) -> Option<&GraphTensor> {
        self.graph.tensors.get(tensor)
    }

    pub(super) fn node(&self, node: usize) -> Option<&Node> {
        self.graph.nodes.get(node)
    }

    /// Returns the tensor with this number, if it exists.
    pub(super) fn checked(&self, tensor: usize) -> Result<TensorId> {
        checked_tensor(&self.graph, tensor)
    }
}

/// Returns the tensor of a graph with this number, if it exists.
pub(super) fn checked_tensor(graph: &Graph, tensor: usize) -> Result<TensorId> {
    if tensor < graph.tensors.len() {
        return Ok(TensorId(tensor));
    }
    let message = format!("the graph has no tensor {tensor}, only {}", graph.tensors.len());
    Err(Error::new(ErrorKind::InvalidArgument, message))
}

/// Returns a graph without nodes. Free it with qdq_graph_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_new() -> *mut qdq_graph {
    constructed(|| qdq_graph::new(Arc::default()))
}

/// Frees `*graph` and sets it to NULL. Does nothing if `graph` or `*graph` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_free(graph: Option<&mut *mut qdq_graph>) {
    handle::free(graph);
}

/// Adds an input or a constant. The name must be new. `dtype` may be QDQ_DTYPE_UNKNOWN. A negative `ndim`
/// means that the rank is not known. QDQ_DYNAMIC stands for a size that is known only at run time. `*tensor`
/// receives the number of the tensor.
///
/// Activations are refused here, because nodes add the activations that they compute. After an error the
/// graph is unchanged.
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
        let kind = TENSOR_KINDS.value(kind)?;
        // SAFETY: the header's rules for texts and arrays.
        let (name, shape) = unsafe { (text(name, "name")?, shape_of(ndim, shape)?) };
        let tensor = get_mut(tensor, "tensor")?;
        let dtype = known(dtype, "dtype")?;
        let id = graph.change(|graph| graph.add_tensor(&name, kind, dtype, shape))?;
        tensor.write(id.0);
        Ok(())
    })
}

/// Adds the node that `node` describes. Its outputs become new activations. The description may be changed
/// and added again. `number` may be NULL. Otherwise `*number` receives the number of the node. After an error
/// the graph is unchanged.
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
            nested: Vec::new(),
        };
        let id = graph.change(|graph| graph.add_node(new))?;
        if let Some(number) = number {
            number.write(id.0);
        }
        Ok(())
    })
}

/// Sets the known type and shape of a tensor, with the arguments of qdq_graph_add_tensor(). An unknown type
/// or rank leaves the earlier one unchanged.
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

/// Names the dimension of a tensor along `axis`, whose size is known only at run time. Dimensions with the
/// same name are equal. `name` may be NULL for none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_graph_name_dim(
    graph: Option<&mut qdq_graph>,
    tensor: usize,
    axis: usize,
    name: *const c_char,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let graph = get_mut(graph, "graph")?;
        let id = graph.checked(tensor)?;
        // SAFETY: the header's rules for texts.
        let name = unsafe { optional_text(name, "name") }?;
        graph.change(|graph| {
            let GraphTensor { name: tensor, shape, .. } = &mut graph.tensors[id.0];
            name_dim(tensor, shape.as_deref_mut(), axis, name)
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
