//! `qdq_array`: a tensor that a function returns and that owns its elements.

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

/// Elements with a shape, in row-major order, that a function returns: an amax or a scale in f32, or the
/// content of a file or of an initializer in any type. Immutable; any number of threads may read one.
pub struct qdq_array {
    tensor: Tensor,
    shape: Vec<i64>,
}

impl qdq_array {
    pub(super) fn new(tensor: Tensor) -> Self {
        Self { shape: sizes(tensor.shape()), tensor }
    }

    /// Makes an array of `shape` for C.
    pub(super) fn of(shape: &[usize], numbers: &[f32]) -> Result<Self> {
        Tensor::new(shape.to_vec(), Data::F32(numbers.to_vec())).map(Self::new)
    }

    /// Makes an array for C from an array of the library.
    pub(super) fn copy(array: &ArrayD<f32>) -> Result<Self> {
        Tensor::new(array.shape().to_vec(), Data::F32(array.iter().copied().collect())).map(Self::new)
    }
}

/// Reads a whole .npy file, such as labels or samples. Arrays in Fortran order become row-major. Free `*out`
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

/// Frees `*array` and sets it to NULL. Does nothing if `array` or `*array` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_array_free(array: Option<&mut *mut qdq_array>) {
    handle::free(array);
}

/// Returns the rank; 0 for a single number and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_array_ndim(array: Option<&qdq_array>) -> i32 {
    array.map_or(0, |array| array.shape.len() as i32)
}

/// Returns the sizes of the axes; NULL for NULL. They are valid until the array is freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_array_shape(array: Option<&qdq_array>) -> *const i64 {
    array.map_or(std::ptr::null(), |array| array.shape.as_ptr())
}

/// Returns the number of elements; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_array_count(array: Option<&qdq_array>) -> usize {
    array.map_or(0, |array| array.tensor.data().view().len())
}

/// Returns the numbers of an f32 array; NULL for NULL and for other types. They are valid until the array is
/// freed. qdq_array_view() returns the type.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_array_values(array: Option<&qdq_array>) -> *const f32 {
    match array.map(|array| array.tensor.data().view()) {
        Some(DataView::F32(values)) => values.as_ptr(),
        _ => std::ptr::null(),
    }
}

/// Returns a view of the array, for functions that take a tensor. It is valid until the array is freed. Do
/// not write through it.
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
