//! `qdq_quantizer`: the quantization of one tensor that is calibrated, trained and run.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use ndarray::ArrayD;

use crate::error::Result;
use crate::quant::NumBits;
use crate::quantizer::{ClipRange, TensorQuantizer};

use super::array::qdq_array;
use super::buffer::qdq_buffer;
use super::descriptor::qdq_descriptor;
use super::error::qdq_error;
use super::guard::guard;
use super::handle::{self, check_place, get, get_mut, give, give_or_null, give_wanted, text, write_wanted};
use super::quantize::{for_float, same_type, write};
use super::status::qdq_status;
use super::tensor::{checked, numbers, qdq_tensor};

/// pytorch-quantization's TensorQuantizer: a descriptor with its switches, its range and the statistics of
/// its calibration. At first only quantizing is on.
///
/// qdq_quantizer_forward() takes these steps in this order:
/// - multiply by the pre-quantization scale, if there is one;
/// - if disabled, return the result;
/// - if calibrating, observe it;
/// - if clipping, clip it;
/// - if quantizing, quantize it: by the clip range if amax is learned, otherwise by the amax if it is set,
///   otherwise dynamically by max |x| of this x.
///
/// Differences from pytorch-quantization:
/// - Clipped data is quantized, in e4m3 too, not the data before clipping.
/// - Integers follow narrow_range.
/// - Dynamic ranges too count negative axes from the last. An axis that the data does not have is an error.
/// - Learning starts from a range that was set, not from 1.
/// - Lenient loading leaves the amax unchanged if nothing was observed.
/// - A maximum ignores NaN, and infinity is not accepted as an amax.
/// - Clearing the amax makes the range dynamic again.
/// - The step size is that of the range in use, for e4m3 too.
/// - A state that lacks a part is an error.
pub struct qdq_quantizer {
    pub(super) quantizer: TensorQuantizer,
}

/// Makes a quantizer for tensors of this descriptor, which is copied. Free `*out` with qdq_quantizer_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_new(
    descriptor: Option<&qdq_descriptor>,
    out: Option<&mut MaybeUninit<*mut qdq_quantizer>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            let descriptor = get(descriptor, "descriptor")?.descriptor.clone();
            Ok(qdq_quantizer { quantizer: TensorQuantizer::new(descriptor)? })
        })
    })
}

/// Returns a copy of the quantizer in the same state, statistics included, for example for another thread
/// that calibrates. Free `*out` with qdq_quantizer_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_clone(
    quantizer: Option<&qdq_quantizer>,
    out: Option<&mut MaybeUninit<*mut qdq_quantizer>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || Ok(qdq_quantizer { quantizer: get(quantizer, "quantizer")?.quantizer.clone() }))
    })
}

/// Makes a quantizer from the state that qdq_quantizer_to_json() wrote. Free `*out` with
/// qdq_quantizer_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_quantizer_from_json(
    json: *const c_char,
    out: Option<&mut MaybeUninit<*mut qdq_quantizer>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            // SAFETY: the header's rules for texts.
            let json = unsafe { text(json, "json") }?;
            Ok(qdq_quantizer { quantizer: TensorQuantizer::from_json(&json)? })
        })
    })
}

/// Returns the state as JSON: descriptor, switches, and the exact ranges and scales, but not the statistics.
/// Free `*out` with qdq_buffer_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_to_json(
    quantizer: Option<&qdq_quantizer>,
    out: Option<&mut MaybeUninit<*mut qdq_buffer>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || get(quantizer, "quantizer")?.quantizer.to_json().map(qdq_buffer::new)))
}

/// Returns a description of the quantizer for people, in one line. Free `*out` with qdq_buffer_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_to_text(
    quantizer: Option<&qdq_quantizer>,
    out: Option<&mut MaybeUninit<*mut qdq_buffer>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || Ok(qdq_buffer::new(get(quantizer, "quantizer")?.quantizer.to_string()))))
}

/// Frees `*quantizer` and sets it to NULL. Does nothing if `quantizer` or `*quantizer` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_free(quantizer: Option<&mut *mut qdq_quantizer>) {
    handle::free(quantizer);
}

/// Returns a copy of the descriptor with the current amax. Free `*out` with qdq_descriptor_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_descriptor(
    quantizer: Option<&qdq_quantizer>,
    out: Option<&mut MaybeUninit<*mut qdq_descriptor>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || Ok(qdq_descriptor::new(get(quantizer, "quantizer")?.quantizer.descriptor().clone())))
    })
}

/// Changes a quantizer.
pub(super) fn change(
    quantizer: Option<&mut qdq_quantizer>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
    change: impl FnOnce(&mut TensorQuantizer) -> Result<()>,
) -> qdq_status {
    guard(error, || change(&mut get_mut(quantizer, "quantizer")?.quantizer))
}

/// Changes the format to integers of `num_bits`, 2 to 16.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_set_integers(
    quantizer: Option<&mut qdq_quantizer>,
    num_bits: u32,
    is_unsigned: bool,
    narrow_range: bool,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    change(quantizer, error, |quantizer| quantizer.set_format(num_bits, is_unsigned, narrow_range))
}

/// Changes the format to the 8-bit float e4m3.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_set_e4m3(
    quantizer: Option<&mut qdq_quantizer>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    change(quantizer, error, |quantizer| quantizer.set_format(NumBits::E4M3, false, false))
}

/// Sets whether data passes unchanged, apart from the pre-quantization scale. Default: false.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_set_disabled(
    quantizer: Option<&mut qdq_quantizer>,
    on: bool,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    change(quantizer, error, |quantizer| {
        quantizer.set_disabled(on);
        Ok(())
    })
}

/// Sets whether data is quantized. Default: true.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_set_quantizing(
    quantizer: Option<&mut qdq_quantizer>,
    on: bool,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    change(quantizer, error, |quantizer| {
        quantizer.set_quantizing(on);
        Ok(())
    })
}

/// Sets whether data is clipped to the learned range. This needs a descriptor that learns amax. Default:
/// false.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_set_clipping(
    quantizer: Option<&mut qdq_quantizer>,
    on: bool,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    change(quantizer, error, |quantizer| quantizer.set_clipping(on))
}

/// Sets whether data is observed for calibration. Default: false.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_set_calibrating(
    quantizer: Option<&mut qdq_quantizer>,
    on: bool,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    change(quantizer, error, |quantizer| {
        quantizer.set_calibrating(on);
        Ok(())
    })
}

/// Returns whether data passes unchanged.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_is_disabled(quantizer: Option<&qdq_quantizer>) -> bool {
    quantizer.is_some_and(|quantizer| quantizer.quantizer.is_disabled())
}

/// Returns whether data is quantized.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_is_quantizing(quantizer: Option<&qdq_quantizer>) -> bool {
    quantizer.is_some_and(|quantizer| quantizer.quantizer.is_quantizing())
}

/// Returns whether data is clipped to the learned range.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_is_clipping(quantizer: Option<&qdq_quantizer>) -> bool {
    quantizer.is_some_and(|quantizer| quantizer.quantizer.is_clipping())
}

/// Returns whether data is observed for calibration.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_is_calibrating(quantizer: Option<&qdq_quantizer>) -> bool {
    quantizer.is_some_and(|quantizer| quantizer.quantizer.is_calibrating())
}

/// Returns whether no range is set, so that every tensor is quantized by its own max |x|.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_is_dynamic(quantizer: Option<&qdq_quantizer>) -> bool {
    quantizer.is_some_and(|quantizer| quantizer.quantizer.is_dynamic())
}

/// Sets the amax (f32, finite, not negative). Its shape must be that of the earlier amax. `amax` NULL makes
/// the range dynamic again, and afterwards any shape may be set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_quantizer_set_amax(
    quantizer: Option<&mut qdq_quantizer>,
    amax: Option<&qdq_tensor>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    // SAFETY: the header's rules for tensors.
    change(quantizer, error, |quantizer| quantizer.set_amax(unsafe { numbers(amax, "amax") }?))
}

/// Sets the pre-quantization scale (f32, broadcast to the shape of the data), by which data is multiplied
/// first. `scale` NULL means no scale, the default.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_quantizer_set_pre_quant_scale(
    quantizer: Option<&mut qdq_quantizer>,
    scale: Option<&qdq_tensor>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    // SAFETY: the header's rules for tensors.
    change(quantizer, error, |quantizer| quantizer.set_pre_quant_scale(unsafe { numbers(scale, "scale") }?))
}

/// Hands a copy of some of the quantizer's numbers to C.
fn give_numbers<'a>(
    quantizer: Option<&'a qdq_quantizer>,
    out: Option<&mut MaybeUninit<*mut qdq_array>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
    numbers: impl FnOnce(&'a TensorQuantizer) -> Result<Option<ArrayD<f32>>>,
) -> qdq_status {
    guard(error, || {
        give_or_null(out, || {
            numbers(&get(quantizer, "quantizer")?.quantizer)?.as_ref().map(qdq_array::copy).transpose()
        })
    })
}

/// Returns the amax that is set. `*out` is NULL if the range is dynamic. Free `*out` with qdq_array_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_amax(
    quantizer: Option<&qdq_quantizer>,
    out: Option<&mut MaybeUninit<*mut qdq_array>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    give_numbers(quantizer, out, error, |quantizer| Ok(quantizer.amax().cloned()))
}

/// Returns the amax that quantizes the data: that of the clip range if it is learned, otherwise the amax that
/// is set times the descriptor's factor. `*out` is NULL if the range is dynamic or has still to be learned.
/// Free `*out` with qdq_array_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_amax_in_use(
    quantizer: Option<&qdq_quantizer>,
    out: Option<&mut MaybeUninit<*mut qdq_array>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    give_numbers(quantizer, out, error, |quantizer| Ok(quantizer.amax_in_use()))
}

/// Returns the amax for the export of a model. Fails if the range is dynamic, if the quantizer is still
/// calibrating, and for e4m3 with blocks, which no format has. Free `*out` with qdq_array_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_amax_for_export(
    quantizer: Option<&qdq_quantizer>,
    out: Option<&mut MaybeUninit<*mut qdq_array>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    give_numbers(quantizer, out, error, |quantizer| quantizer.amax_for_export().map(Some))
}

/// Returns the width of one step: the amax in use divided by M, or by 448 for e4m3. `*out` is NULL if the
/// range is dynamic. Free `*out` with qdq_array_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_step_size(
    quantizer: Option<&qdq_quantizer>,
    out: Option<&mut MaybeUninit<*mut qdq_array>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    give_numbers(quantizer, out, error, |quantizer| Ok(quantizer.step_size()))
}

/// Returns the inverse scale, M / amax, of the integers from the last forward call. `*out` is NULL if no call
/// returned integers. Free `*out` with qdq_array_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_inverse_scale(
    quantizer: Option<&qdq_quantizer>,
    out: Option<&mut MaybeUninit<*mut qdq_array>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    give_numbers(quantizer, out, error, |quantizer| Ok(quantizer.inverse_scale().cloned()))
}

/// Returns the pre-quantization scale. `*out` is NULL if there is none. Free `*out` with qdq_array_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_pre_quant_scale(
    quantizer: Option<&qdq_quantizer>,
    out: Option<&mut MaybeUninit<*mut qdq_array>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    give_numbers(quantizer, out, error, |quantizer| Ok(quantizer.pre_quant_scale().cloned()))
}

/// Sets the learned range, for example to the values from a training step.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_set_clip_range(
    quantizer: Option<&mut qdq_quantizer>,
    min: f32,
    max: f32,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    change(quantizer, error, |quantizer| quantizer.set_clip_range(ClipRange { min, max }))
}

/// Returns the learned range in `*min` and `*max`; both are NaN if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_quantizer_clip_range(
    quantizer: Option<&qdq_quantizer>,
    min: *mut f32,
    max: *mut f32,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let range = get(quantizer, "quantizer")?.quantizer.clip_range();
        check_place(min, "min")?;
        check_place(max, "max")?;
        // SAFETY: the header's rules for results.
        unsafe {
            write_wanted(min, range.map_or(f32::NAN, |range| range.min));
            write_wanted(max, range.map_or(f32::NAN, |range| range.max));
        }
        Ok(())
    })
}

/// Starts learning from the amax: sets the clip range to the negative and the positive of its largest number.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_init_learn_amax(
    quantizer: Option<&mut qdq_quantizer>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    change(quantizer, error, TensorQuantizer::init_learn_amax)
}

/// Processes `x` in the steps that the documentation of qdq_quantizer lists. `x` and `out` have the same
/// shape and type (f32, f16, bf16, f64) and may be the same memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_quantizer_forward(
    quantizer: Option<&mut qdq_quantizer>,
    x: Option<&qdq_tensor>,
    out: Option<&qdq_tensor>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    change(quantizer, error, |quantizer| {
        // SAFETY: the header's rules for tensors.
        let (x, out) = unsafe { (checked(x, "x")?, checked(out, "out")?) };
        same_type(&x, &out)?;
        out.check_shape(x.shape())?;
        for_float!(x, T => {
            let x = x.apart::<T>(&out);
            out.fill(|out| quantizer.forward_into(x.view(), out))
        })
    })
}

/// Processes `x` as qdq_quantizer_forward() does but without observing, so that any number of threads can use
/// one quantizer. `inverse_scale` may be NULL. Otherwise `*inverse_scale` receives M / amax if the quantizer
/// returns integers, and NULL if not; free it with qdq_array_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_quantizer_quantize(
    quantizer: Option<&qdq_quantizer>,
    x: Option<&qdq_tensor>,
    out: Option<&qdq_tensor>,
    inverse_scale: Option<&mut MaybeUninit<*mut qdq_array>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give_wanted(inverse_scale, || {
            let quantizer = &get(quantizer, "quantizer")?.quantizer;
            // SAFETY: the header's rules for tensors.
            let (x, out) = unsafe { (checked(x, "x")?, checked(out, "out")?) };
            same_type(&x, &out)?;
            out.check_shape(x.shape())?;
            let found = for_float!(x, T => {
                let x = x.apart::<T>(&out);
                out.fill(|out| quantizer.quantize_into(x.view(), out))
            })?;
            found.as_ref().map(qdq_array::copy).transpose()
        })
    })
}

/// Computes the gradients of qdq_quantizer_forward(). `out` receives the gradient with respect to x, by the
/// straight-through estimator or, if amax is learned, by clipping. `min_gradient` and `max_gradient` may be
/// NULL. Otherwise they receive the gradients of the learned range, which are 0 if nothing is learned.
///
/// `gradient`, `x` and `out` have the same shape and type (f32, f16, bf16, f64). `out` may be the memory of
/// either input.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_quantizer_backward(
    quantizer: Option<&qdq_quantizer>,
    gradient: Option<&qdq_tensor>,
    x: Option<&qdq_tensor>,
    out: Option<&qdq_tensor>,
    min_gradient: *mut f64,
    max_gradient: *mut f64,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let quantizer = &get(quantizer, "quantizer")?.quantizer;
        // SAFETY: the header's rules for tensors.
        let (gradient, x, out) =
            unsafe { (checked(gradient, "gradient")?, checked(x, "x")?, checked(out, "out")?) };
        same_type(&x, &gradient)?;
        same_type(&x, &out)?;
        let clip = for_float!(x, T => {
            let found = quantizer.backward(gradient.view::<T>(), x.view::<T>())?;
            write(&out, &found.x)?;
            Ok(found.clip)
        })?;
        let clip = clip.unwrap_or_default();
        // SAFETY: the header's rules for results.
        unsafe {
            write_wanted(min_gradient, clip.min);
            write_wanted(max_gradient, clip.max);
        }
        Ok(())
    })
}
