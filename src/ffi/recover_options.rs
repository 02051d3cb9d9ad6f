//! `qdq_recover_options`: the methods that recover accuracy, and the form of the resulting model.

use std::mem::MaybeUninit;

use crate::emit::Weights;
use crate::recover::Recovery;

use super::error::qdq_error;
use super::guard::{constructed, guard};
use super::handle::{self, get, get_mut};
use super::quantize_options::qdq_quantize_options;
use super::status::qdq_status;

/// The methods that recover accuracy, and the form of the quantized model. New options have no method.
#[derive(Default)]
pub struct qdq_recover_options {
    pub(super) weights: Weights,
    pub(super) recovery: Recovery,
}

/// Returns options without a method. Free them with qdq_recover_options_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_recover_options_new() -> *mut qdq_recover_options {
    constructed(qdq_recover_options::default)
}

/// Frees `*options` and sets it to NULL. Does nothing if `options` or `*options` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_recover_options_free(options: Option<&mut *mut qdq_recover_options>) {
    handle::free(options);
}

/// Sets the options for writing the quantized model. `quantize` is copied. Default: those of
/// qdq_quantize_options_new().
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

/// Sets whether the channels between two layers get their own scales (cross-layer equalization). Default:
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

/// Sets whether the channels of int8 activations get their own scales if no layer before can take them
/// (smoothing). A Mul before Quantize divides them, unless constants before it do. Default: false.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_recover_options_set_smooth(
    options: Option<&mut qdq_recover_options>,
    enabled: bool,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        get_mut(options, "options")?.recovery.smooth = enabled;
        Ok(())
    })
}

/// Sets whether the input channels of weights in blocks get their own scales, by the size of the activations
/// (activation-aware scaling, AWQ). It is for plans with the format int4-weights. Default: false.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_recover_options_set_awq(
    options: Option<&mut qdq_recover_options>,
    enabled: bool,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        get_mut(options, "options")?.recovery.awq = enabled;
        Ok(())
    })
}

/// Sets whether each weight is rounded up or down, whichever gives its layer the better output. Default:
/// false.
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

/// Sets whether biases are corrected by the mean error of their layers. Default: false.
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
