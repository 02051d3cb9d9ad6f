//! `qdq_array`: a tensor of its own that a function returns.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use ndarray::ArrayD;

use crate::batch;
use crate::error::Result;
use crate::tensor::{Data, DataView, Tensor};

use super::error::qdq_error;
use super::guard::guard;
use super::handle::{self, get, give, put};
use super::status::qdq_status;
use super::tensor::{borrowed, qdq_tensor, sizes};

/// Elements with a shape, row-major, that a function has made: an amax or a scale in f32, or what a file or a
/// model holds in any type. Immutable; any number of threads may read one.
pub struct qdq_array {
    tensor: Tensor,
    shape: Vec<i64>,
}

impl qdq_array {
    pub(super) fn new(tensor: Tensor) -> Self {
        Self { shape: sizes(tensor.shape()), tensor }
    }

    /// Numbers of `shape` in C's hands.
    pub(super) fn of(shape: &[usize], numbers: &[f32]) -> Result<Self> {
        Tensor::new(shape.to_vec(), Data::F32(numbers.to_vec())).map(Self::new)
    }

    /// An array of the library in C's hands.
    pub(super) fn copy(array: &ArrayD<f32>) -> Result<Self> {
        Tensor::new(array.shape().to_vec(), Data::F32(array.iter().copied().collect())).map(Self::new)
    }
}

/// Reads a whole .npy file: labels or samples, say. Arrays in Fortran order come out row-major. Free `*out`
/// with qdq_array_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_array_read_npy(
    path: *const c_char,
    out: Option<&mut MaybeUninit<*mut qdq_array>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        // SAFETY: the header's rules for texts.
        give(out, || batch::read_npy(&unsafe { handle::path(path, "path") }?).map(qdq_array::new))
    })
}

/// Frees `*array` and sets it to NULL. NULL in either place is allowed and does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_array_free(array: Option<&mut *mut qdq_array>) {
    handle::free(array);
}

/// The rank; 0 for a single number and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_array_ndim(array: Option<&qdq_array>) -> i32 {
    array.map_or(0, |array| array.shape.len() as i32)
}

/// The sizes of the axes. Valid until the array is freed; NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_array_shape(array: Option<&qdq_array>) -> *const i64 {
    array.map_or(std::ptr::null(), |array| array.shape.as_ptr())
}

/// How many elements there are; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_array_count(array: Option<&qdq_array>) -> usize {
    array.map_or(0, |array| array.tensor.data().view().len())
}

/// The numbers of an array of f32. Valid until the array is freed; NULL for NULL and for another type, which
/// qdq_array_view() tells.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_array_values(array: Option<&qdq_array>) -> *const f32 {
    match array.map(|array| array.tensor.data().view()) {
        Some(DataView::F32(values)) => values.as_ptr(),
        _ => std::ptr::null(),
    }
}

/// The array as a tensor, for functions that take one: a view that is valid until the array is freed. Nothing
/// may be written through it.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_array_view(
    array: Option<&qdq_array>,
    out: Option<&mut MaybeUninit<qdq_tensor>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let qdq_array { tensor, shape } = get(array, "array")?;
        put(out, borrowed(tensor.view(), shape))
    })
}
