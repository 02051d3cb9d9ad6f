//! `qdq_quantize_options`: the form of a quantized model.

use crate::emit::{WeightForm, Weights};
use crate::error::{Error, ErrorKind};
use crate::quant::weights::max_level;
use crate::quantizer::TrainedWeight;
use std::ffi::c_char;
use std::mem::MaybeUninit;

use super::error::qdq_error;
use super::guard::{constructed, guard};
use super::handle::{self, get_mut, text};
use super::method::{method_of, qdq_method};
use super::number_set::NumberSet;
use super::precision_options::{HALVES, qdq_half};
use super::quantizer::qdq_quantizer;
use super::status::qdq_status;
use super::tensor::{checked, qdq_tensor};

/// The options for writing a quantized model.
#[derive(Default)]
pub struct qdq_quantize_options {
    pub(super) weights: Weights,
}

/// The stored form of a quantized weight: one of the QDQ_WEIGHT_FORM_ numbers.
pub type qdq_weight_form = i32;

/// int8 with DequantizeLinear: a quarter of the size. The default.
pub const QDQ_WEIGHT_FORM_INT8: qdq_weight_form = 0;
/// The original numbers, followed by QuantizeLinear and DequantizeLinear.
pub const QDQ_WEIGHT_FORM_FLOAT: qdq_weight_form = 1;

const WEIGHT_FORMS: NumberSet<WeightForm> = NumberSet::new(
    "weight form",
    "QDQ_WEIGHT_FORM_",
    &[(QDQ_WEIGHT_FORM_INT8, WeightForm::Int8), (QDQ_WEIGHT_FORM_FLOAT, WeightForm::Float)],
);

/// Returns the default options. Free them with qdq_quantize_options_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantize_options_new() -> *mut qdq_quantize_options {
    constructed(qdq_quantize_options::default)
}

/// Frees `*options` and sets it to NULL. Does nothing if `options` or `*options` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantize_options_free(options: Option<&mut *mut qdq_quantize_options>) {
    handle::free(options);
}

/// Sets the stored form of weights. Default: QDQ_WEIGHT_FORM_INT8.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantize_options_set_weight_form(
    options: Option<&mut qdq_quantize_options>,
    form: qdq_weight_form,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        get_mut(options, "options")?.weights.form = WEIGHT_FORMS.value(form)?;
        Ok(())
    })
}

/// Sets the method that computes the ranges of weights from their values. Default: QDQ_METHOD_MSE.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantize_options_set_weight_method(
    options: Option<&mut qdq_quantize_options>,
    method: qdq_method,
    percentile: f64,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        get_mut(options, "options")?.weights.method = method_of(method, percentile)?;
        Ok(())
    })
}

/// Sets the range of the weight `name`, instead of a computed one. `amax` (f32) holds one number for the
/// weight or one per output channel, finite and not negative, and is copied. `amax` NULL restores the
/// computed range. `name` is the tensor that nodes read, or the initializer behind it. A name that no weight
/// has is ignored.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_quantize_options_set_weight_amax(
    options: Option<&mut qdq_quantize_options>,
    name: *const c_char,
    amax: Option<&qdq_tensor>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let known = &mut get_mut(options, "options")?.weights.amax;
        // SAFETY: the header's rules for texts.
        let name = unsafe { text(name, "name") }?;
        if amax.is_none() {
            known.remove(&name);
            return Ok(());
        }
        // SAFETY: the header's rules for tensors.
        let amax: Vec<f32> = unsafe { checked(amax, "amax") }?.f32()?.iter().copied().collect();
        match amax.iter().find(|amax| !(amax.is_finite() && **amax >= 0.0)) {
            None if amax.is_empty() => {
                Err(Error::new(ErrorKind::InvalidArgument, format!("weight '{name}': amax has no number"))
                    .with_remedy("give one number, or one per output channel"))
            }
            Some(bad) => {
                Err(Error::new(ErrorKind::InvalidArgument, format!("weight '{name}': amax is {bad}"))
                    .with_remedy("use a finite amax that is not negative"))
            }
            None => {
                known.insert(name, amax);
                Ok(())
            }
        }
    })
}

/// Gives the weight `name` the ranges and numbers of the quantizer that it was trained with, which is copied.
/// The stored integers or numbers of e4m3 are those of the quantizer. `quantizer` NULL takes that back.
/// `name` is the tensor that nodes read.
///
/// Returns the errors of qdq_policy_include_trained(). Quantizing fails with QDQ_ERROR_UNSUPPORTED if the
/// plan leaves the weight in float, or quantizes it in another format or along another axis than the
/// quantizer does; with QDQ_ERROR_INVALID_ARGUMENT if no tensor is called `name`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_quantize_options_set_weight_quantizer(
    options: Option<&mut qdq_quantize_options>,
    name: *const c_char,
    quantizer: Option<&qdq_quantizer>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let trained = &mut get_mut(options, "options")?.weights.trained;
        // SAFETY: the header's rules for texts.
        let name = unsafe { text(name, "name") }?.to_owned();
        match quantizer {
            None => drop(trained.remove(&name)),
            Some(quantizer) => {
                let weight = TrainedWeight::new(&quantizer.quantizer)
                    .map_err(|error| error.within(format!("weight '{name}'")))?;
                trained.insert(name, weight);
            }
        }
        Ok(())
    })
}

/// Sets the number of bits of the integers of weights, 2 to 8. With fewer than 8 bits the weights are still
/// stored as int8, but on a coarser grid. Default: 8.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantize_options_set_weight_bits(
    options: Option<&mut qdq_quantize_options>,
    num_bits: u32,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let options = get_mut(options, "options")?;
        max_level(num_bits)?;
        options.weights.bits = num_bits;
        Ok(())
    })
}

/// Rounds the scales of weights to a 16-bit type before the integers are computed. This is for a model that
/// qdq_model_cast() converts afterwards. Default: f32 scales, which that function rounds.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantize_options_set_half_scales(
    options: Option<&mut qdq_quantize_options>,
    half: qdq_half,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        get_mut(options, "options")?.weights.held_in = Some(HALVES.value(half)?);
        Ok(())
    })
}
