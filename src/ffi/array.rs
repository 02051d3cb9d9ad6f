//! `qdq_array`: numbers with a shape that a function returns.

use std::mem::MaybeUninit;

use super::dtype::QDQ_DTYPE_F32;
use super::error::qdq_error;
use super::guard::guard;
use super::handle::{self, get, put};
use super::status::qdq_status;
use super::tensor::{QDQ_DEVICE_CPU, qdq_tensor};

/// Numbers (f32, row-major) with a shape that a function has made: an amax or a scale. Immutable; any number
/// of threads may read one.
pub struct qdq_array {
    shape: Vec<i64>,
    values: Vec<f32>,
}

impl qdq_array {
    pub(super) fn new(shape: &[usize], values: Vec<f32>) -> Self {
        Self { shape: shape.iter().map(|&size| size as i64).collect(), values }
    }

    /// The array in C's hands.
    pub(super) fn of(array: &ndarray::ArrayD<f32>) -> Self {
        Self::new(array.shape(), array.iter().copied().collect())
    }
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

/// How many numbers there are; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_array_count(array: Option<&qdq_array>) -> usize {
    array.map_or(0, |array| array.values.len())
}

/// The numbers, row-major. Valid until the array is freed; NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_array_values(array: Option<&qdq_array>) -> *const f32 {
    array.map_or(std::ptr::null(), |array| array.values.as_ptr())
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
        let array = get(array, "array")?;
        put(
            out,
            qdq_tensor {
                data: array.values.as_ptr().cast_mut().cast(),
                device_type: QDQ_DEVICE_CPU,
                device_id: 0,
                ndim: array.shape.len() as i32,
                dtype: QDQ_DTYPE_F32,
                shape: array.shape.as_ptr(),
                strides: std::ptr::null(),
                byte_offset: 0,
            },
        )
    })
}
