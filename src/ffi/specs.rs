//! `qdq_specs`: names, types and shapes of a model's inputs or outputs.

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;

use crate::error::{Error, ErrorKind};
use crate::tensor::TensorSpec;

use super::dtype::{known, number_of, qdq_dtype};
use super::error::qdq_error;
use super::graph::{QDQ_DYNAMIC, dim_name, dim_names, name_dim, shape_of, sizes_of};
use super::guard::{constructed, guard};
use super::handle::{self, c_text, get_mut, optional_text, text, text_at};
use super::status::qdq_status;

/// Names, types and shapes of a network's inputs or outputs, if they are known.
#[derive(Default)]
pub struct qdq_specs {
    pub(super) specs: Vec<TensorSpec>,
    names: Vec<CString>,
    /// The names of every tensor's dimensions.
    dims: Vec<Vec<Option<CString>>>,
}

impl qdq_specs {
    pub(super) fn new(specs: Vec<TensorSpec>) -> Self {
        let names = specs.iter().map(|spec| c_text(&spec.name)).collect();
        let dims = specs.iter().map(|spec| dim_names(spec.shape.as_deref())).collect();
        Self { specs, names, dims }
    }
}

/// Returns an empty list, for the inputs of a network that is no ONNX model. Free it with qdq_specs_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_specs_new() -> *mut qdq_specs {
    constructed(qdq_specs::default)
}

/// Frees `*specs` and sets it to NULL. Does nothing if `specs` or `*specs` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_specs_free(specs: Option<&mut *mut qdq_specs>) {
    handle::free(specs);
}

/// Adds a tensor. `dtype` may be QDQ_DTYPE_UNKNOWN. A negative `ndim` means that the rank is not known.
/// QDQ_DYNAMIC stands for a size that is known only at run time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_specs_add(
    specs: Option<&mut qdq_specs>,
    name: *const c_char,
    dtype: qdq_dtype,
    ndim: i32,
    shape: *const i64,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let specs = get_mut(specs, "specs")?;
        // SAFETY: the header's rules for texts and arrays.
        let (name, shape) = unsafe { (text(name, "name")?, shape_of(ndim, shape)?) };
        let dims = dim_names(shape.as_deref());
        specs.specs.push(TensorSpec { name: name.clone(), dtype: known(dtype, "dtype")?, shape });
        specs.dims.push(dims);
        specs.names.push(c_text(&name));
        Ok(())
    })
}

/// Names the dimension of tensor `index` along `axis`, whose size is known only at run time. Dimensions with
/// the same name are equal. `name` may be NULL for none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_specs_name_dim(
    specs: Option<&mut qdq_specs>,
    index: usize,
    axis: usize,
    name: *const c_char,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let specs = get_mut(specs, "specs")?;
        // SAFETY: the header's rules for texts.
        let name = unsafe { optional_text(name, "name") }?;
        let count = specs.specs.len();
        let spec = specs.specs.get_mut(index).ok_or_else(|| {
            let message = format!("there is no tensor {index}, only {count}");
            Error::new(ErrorKind::InvalidArgument, message)
        })?;
        name_dim(&spec.name, spec.shape.as_deref_mut(), axis, name)?;
        specs.dims[index] = dim_names(spec.shape.as_deref());
        Ok(())
    })
}

/// Returns the number of tensors.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_specs_count(specs: Option<&qdq_specs>) -> usize {
    specs.map_or(0, |specs| specs.specs.len())
}

/// Returns the name of tensor `index`; NULL past the last. The text is valid until the list is changed or
/// freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_specs_name(specs: Option<&qdq_specs>, index: usize) -> *const c_char {
    specs.map_or(std::ptr::null(), |specs| text_at(&specs.names, index))
}

/// Returns the element type of tensor `index`; QDQ_DTYPE_UNKNOWN if it is not known.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_specs_dtype(specs: Option<&qdq_specs>, index: usize) -> qdq_dtype {
    number_of(specs.and_then(|specs| specs.specs.get(index)?.dtype))
}

/// Returns the rank of tensor `index`; -1 if it is not known.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_specs_ndim(specs: Option<&qdq_specs>, index: usize) -> i32 {
    specs.and_then(|specs| specs.specs.get(index)?.shape.as_ref()).map_or(-1, |shape| shape.len() as i32)
}

/// Returns the size of tensor `index` along `axis`; QDQ_DYNAMIC if it is not known or there is no such axis.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_specs_size(specs: Option<&qdq_specs>, index: usize, axis: usize) -> i64 {
    let shape = specs.and_then(|specs| specs.specs.get(index)?.shape.as_deref());
    sizes_of(shape).get(axis).copied().unwrap_or(QDQ_DYNAMIC)
}

/// Returns the name of the dimension of tensor `index` along `axis`; NULL if it has none or there is no such
/// axis. Dimensions with the same name are equal. The text is valid until the list is changed or freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_specs_dim_name(specs: Option<&qdq_specs>, index: usize, axis: usize) -> *const c_char {
    dim_name(specs.and_then(|specs| specs.dims.get(index)), axis)
}
