//! What a program says about the inputs of a model.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use crate::error::{Error, ErrorKind};

use super::error::qdq_error;
use super::graph::shape_of;
use super::guard::guard;
use super::handle::{get_mut, text};
use super::model::qdq_model;
use super::status::qdq_status;
use super::tensor::{checked, qdq_tensor};

/// Fixes the value of an input, which is copied: it is a constant from now on, which nobody feeds, and what
/// follows from it is decided when the model is planned, such as which branch of an If runs (an input `sr` of
/// 16000 for a detector that has a branch per sampling rate). A model that is saved has the input as before;
/// a quantized one has it no more where nothing reads it once that is decided, which the plan's findings
/// tell. Its metadata keeps the value (qdq_model_get_metadata() of `qdq.fixed_input.NAME`, such as `i64[]
/// 16000`), and qdq_model_compare() refuses to compare at another one. One number fits every shape that holds
/// exactly one. Plans that were made before do not fit the model any more.
///
/// QDQ_ERROR_INVALID_ARGUMENT where the model has no such input or was made for another value of it,
/// QDQ_ERROR_TYPE and QDQ_ERROR_SHAPE where the value is not as the model declares. After an error the model
/// is as it was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_model_fix_input(
    model: Option<&mut qdq_model>,
    name: *const c_char,
    value: Option<&qdq_tensor>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let handle = get_mut(model, "model")?;
        // SAFETY: the header's rules for texts and tensors.
        let (name, value) = unsafe { (text(name, "name")?, checked(value, "value")?) };
        let value = value.to_owned()?;
        handle.edit(|model| model.fix_input(&name, value))
    })
}

/// States another shape of an input than the model does, for runs: of a size that the model leaves open, or
/// instead of one that it has wrong. QDQ_DYNAMIC stands for a size decided at run time. A model that is saved
/// keeps what it declares. Plans that were made before do not fit the model any more.
///
/// QDQ_ERROR_INVALID_ARGUMENT where the model has no such input, QDQ_ERROR_SHAPE where it declares another
/// number of axes. After an error the model is as it was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_model_set_input_shape(
    model: Option<&mut qdq_model>,
    name: *const c_char,
    ndim: i32,
    shape: *const i64,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let handle = get_mut(model, "model")?;
        // SAFETY: the header's rules for texts and arrays.
        let (name, shape) = unsafe { (text(name, "name")?, shape_of(ndim, shape)?) };
        let shape = shape.ok_or_else(|| {
            Error::new(ErrorKind::InvalidArgument, format!("input '{name}': a shape of {ndim} axes"))
                .with_remedy("give 0 or more")
        })?;
        handle.edit(|model| model.set_input_shape(&name, &shape))
    })
}
