//! `qdq_node`: the description of a new node for a graph.

use std::collections::BTreeMap;
use std::ffi::c_char;
use std::mem::MaybeUninit;

use crate::error::Result;
use crate::graph::{Attribute, TensorId};

use super::error::qdq_error;
use super::guard::guard;
use super::handle::{self, array, get_mut, give, optional_text, text};
use super::status::qdq_status;

/// The number that stands for no tensor or node: an optional input or output that is omitted.
///
/// cbindgen:ignore
pub const QDQ_NONE: usize = usize::MAX;

/// The description of a node for qdq_graph_add_node(): operator, inputs, outputs and the attributes that
/// planning uses.
pub struct qdq_node {
    pub(super) name: String,
    pub(super) op: String,
    pub(super) domain: String,
    pub(super) inputs: Vec<Option<TensorId>>,
    pub(super) outputs: Vec<Option<String>>,
    pub(super) attributes: BTreeMap<String, Attribute>,
    pub(super) captures: Vec<TensorId>,
}

/// Makes a node of an operator with its ONNX name, such as "Conv". `name` may be NULL for a name made from
/// operator and position. `domain` may be NULL for ONNX's own operators. Free `*out` with qdq_node_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_node_new(
    op: *const c_char,
    name: *const c_char,
    domain: *const c_char,
    out: Option<&mut MaybeUninit<*mut qdq_node>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            // SAFETY: the header's rules for texts.
            let (op, name, domain) =
                unsafe { (text(op, "op")?, optional_text(name, "name")?, optional_text(domain, "domain")?) };
            Ok(qdq_node {
                name: name.unwrap_or_default().to_owned(),
                op: op.to_owned(),
                domain: domain.unwrap_or_default().to_owned(),
                inputs: Vec::new(),
                outputs: Vec::new(),
                attributes: BTreeMap::new(),
                captures: Vec::new(),
            })
        })
    })
}

/// Frees `*node` and sets it to NULL. Does nothing if `node` or `*node` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_node_free(node: Option<&mut *mut qdq_node>) {
    handle::free(node);
}

/// Changes a node.
fn change(
    node: Option<&mut qdq_node>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
    change: impl FnOnce(&mut qdq_node) -> Result<()>,
) -> qdq_status {
    guard(error, || change(get_mut(node, "node")?))
}

/// Adds an input: the number of a tensor of the graph, or QDQ_NONE for an optional input that is omitted.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_node_add_input(
    node: Option<&mut qdq_node>,
    tensor: usize,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    change(node, error, |node| {
        node.inputs.push((tensor != QDQ_NONE).then_some(TensorId(tensor)));
        Ok(())
    })
}

/// Adds an output: the name of the new tensor. `name` may be NULL for an optional output that is omitted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_node_add_output(
    node: Option<&mut qdq_node>,
    name: *const c_char,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    change(node, error, |node| {
        // SAFETY: the header's rules for texts.
        node.outputs.push(unsafe { optional_text(name, "name") }?);
        Ok(())
    })
}

/// Adds a tensor that subgraphs of the node read by name.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_node_add_capture(
    node: Option<&mut qdq_node>,
    tensor: usize,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    change(node, error, |node| {
        node.captures.push(TensorId(tensor));
        Ok(())
    })
}

/// Sets an attribute.
///
/// # Safety
/// As for [`text`].
unsafe fn attribute(
    node: Option<&mut qdq_node>,
    name: *const c_char,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
    value: impl FnOnce() -> Result<Attribute>,
) -> qdq_status {
    change(node, error, |node| {
        // SAFETY: the caller's promise.
        let name = unsafe { text(name, "name") }?;
        node.attributes.insert(name.to_owned(), value()?);
        Ok(())
    })
}

/// Sets an attribute to an integer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_node_set_int(
    node: Option<&mut qdq_node>,
    name: *const c_char,
    value: i64,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    // SAFETY: the header's rules for texts.
    unsafe { attribute(node, name, error, || Ok(Attribute::Int(value))) }
}

/// Sets an attribute to a list of `count` integers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_node_set_ints(
    node: Option<&mut qdq_node>,
    name: *const c_char,
    values: *const i64,
    count: usize,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    // SAFETY: the header's rules for texts and arrays.
    unsafe { attribute(node, name, error, || Ok(Attribute::Ints(array(values, count, "values")?.to_vec()))) }
}

/// Sets an attribute to a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_node_set_float(
    node: Option<&mut qdq_node>,
    name: *const c_char,
    value: f32,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    // SAFETY: the header's rules for texts.
    unsafe { attribute(node, name, error, || Ok(Attribute::Float(value))) }
}

/// Sets an attribute to a text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_node_set_text(
    node: Option<&mut qdq_node>,
    name: *const c_char,
    value: *const c_char,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    // SAFETY: the header's rules for texts.
    unsafe { attribute(node, name, error, || Ok(Attribute::Text(text(value, "value")?.to_owned()))) }
}
