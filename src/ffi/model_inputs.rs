//! Statements of the program about the inputs of a model.

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

/// Fixes the value of an input. The value is copied. From now on the input is a constant that nobody feeds.
/// The consequences are decided when the model is planned, such as the branch of an If that runs. An example
/// is an input `sr` of 16000 for a detector that has one branch per sampling rate. One number fits every
/// shape that holds exactly one element. Plans that were made before do not fit the model any more.
///
/// A model that is saved still has the input. A quantized model loses it if nothing reads it after these
/// decisions; the plan's findings report this. The metadata of the quantized model keeps the value:
/// qdq_model_get_metadata() of `qdq.fixed_input.NAME`, such as `i64[] 16000`. qdq_model_compare() refuses a
/// comparison at another value.
///
/// Returns QDQ_ERROR_INVALID_ARGUMENT if the model has no such input or was made for another value of it;
/// QDQ_ERROR_TYPE or QDQ_ERROR_SHAPE if the value does not have the declared type or shape. After an error
/// the model is unchanged.
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

/// Sets the shape of an input for runs: sizes that the model leaves open, or a correction of wrong ones.
/// QDQ_DYNAMIC stands for a size that is known only at run time. A model that is saved keeps its declared
/// shape. Plans that were made before do not fit the model any more.
///
/// Returns QDQ_ERROR_INVALID_ARGUMENT if the model has no such input; QDQ_ERROR_SHAPE if it declares another
/// number of axes. After an error the model is unchanged.
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
