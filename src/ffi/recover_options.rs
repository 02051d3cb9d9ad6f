//! `qdq_recover_options`: which methods recover accuracy, and how the model is written then.

use std::mem::MaybeUninit;

use crate::emit::qdq_model::Weights;
use crate::recover::Recovery;

use super::error::qdq_error;
use super::guard::{constructed, guard};
use super::handle::{self, get, get_mut};
use super::quantize_options::qdq_quantize_options;
use super::status::qdq_status;

/// Which methods recover accuracy, and how the quantized model is written. New ones have no method.
#[derive(Default)]
pub struct qdq_recover_options {
    pub(super) weights: Weights,
    pub(super) recovery: Recovery,
}

/// Options without a method. Free them with qdq_recover_options_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_recover_options_new() -> *mut qdq_recover_options {
    constructed(qdq_recover_options::default)
}

/// Frees `*options` and sets it to NULL. NULL in either place is allowed and does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_recover_options_free(options: Option<&mut *mut qdq_recover_options>) {
    handle::free(options);
}

/// Sets how the quantized model is written; `quantize` is copied. Default: as by qdq_quantize_options_new().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_recover_options_set_quantize(
    options: Option<&mut qdq_recover_options>,
    quantize: Option<&qdq_quantize_options>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let options = get_mut(options, "options")?;
        options.weights = get(quantize, "quantize")?.weights.clone();
        Ok(())
    })
}

/// Sets whether channels between two layers get scales of their own (cross-layer equalization). Default:
/// false.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_recover_options_set_equalization(
    options: Option<&mut qdq_recover_options>,
    enabled: bool,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        get_mut(options, "options")?.recovery.equalization = enabled;
        Ok(())
    })
}

/// Sets whether each weight is rounded up or down, whichever serves its layer's output. Default: false.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_recover_options_set_learned_rounding(
    options: Option<&mut qdq_recover_options>,
    enabled: bool,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        get_mut(options, "options")?.recovery.learned_rounding = enabled;
        Ok(())
    })
}

/// Sets whether biases move by what layers are off by in the mean. Default: false.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_recover_options_set_bias_correction(
    options: Option<&mut qdq_recover_options>,
    enabled: bool,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        get_mut(options, "options")?.recovery.bias_correction = enabled;
        Ok(())
    })
}
