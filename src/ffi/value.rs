//! `qdq_value`: a tensor of any type that a function returns.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use crate::batch;
use crate::tensor::Tensor;

use super::error::qdq_error;
use super::guard::guard;
use super::handle::{self, get, give, put};
use super::status::qdq_status;
use super::tensor::{borrowed, qdq_tensor, sizes};

/// A tensor of any element type, row-major, that a function has made: what a file or a model holds.
/// Immutable; any number of threads may read one.
pub struct qdq_value {
    tensor: Tensor,
    shape: Vec<i64>,
}

impl qdq_value {
    pub(super) fn new(tensor: Tensor) -> Self {
        Self { shape: sizes(tensor.shape()), tensor }
    }
}

/// Reads a whole .npy file: labels or samples, say. Arrays in Fortran order come out row-major. Free `*out`
/// with qdq_value_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_value_read_npy(
    path: *const c_char,
    out: Option<&mut MaybeUninit<*mut qdq_value>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        // SAFETY: the header's rules for texts.
        give(out, || batch::read_npy(&unsafe { handle::path(path, "path") }?).map(qdq_value::new))
    })
}

/// Frees `*value` and sets it to NULL. NULL in either place is allowed and does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_value_free(value: Option<&mut *mut qdq_value>) {
    handle::free(value);
}

/// The tensor: a view that is valid until the value is freed. Nothing may be written through it.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_value_view(
    value: Option<&qdq_value>,
    out: Option<&mut MaybeUninit<qdq_tensor>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let qdq_value { tensor, shape } = get(value, "value")?;
        put(out, borrowed(tensor.view(), shape))
    })
}
