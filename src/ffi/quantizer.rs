//! `qdq_quantizer`: quantization of one tensor that is calibrated, trained and run.

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
/// its calibration.
///
/// qdq_quantizer_forward() does, in this order: multiply by the pre-quantization scale, where there is one;
/// return that where disabled; observe it where calibrating; clip it where clipping; quantize it where
/// quantizing, by the clip range where amax is learned, else by the amax, else dynamically by max |x| of this
/// very x. At the start only quantizing is on.
///
/// Where pytorch-quantization does something else: clipped data is quantized, in e4m3 too, not the data
/// before; integers follow narrow_range; dynamic ranges too count negative axes from the last, and an axis
/// that the data does not have is an error; learning starts from a range that was set, not from 1; loading
/// leniently where nothing was observed leaves the amax as it is; NaN is in no maximum, and infinity is no
/// amax; clearing the amax makes the range dynamic again; the step size is that of the range in use, of e4m3
/// too; a state that lacks a part is an error.
pub struct qdq_quantizer {
    pub(super) quantizer: TensorQuantizer,
}

/// A quantizer for tensors that the descriptor, which is copied, describes. Free `*out` with
/// qdq_quantizer_free().
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

/// A quantizer of its own in the same state, statistics included: for another thread that calibrates. Free
/// `*out` with qdq_quantizer_free().
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

/// A quantizer from the state that qdq_quantizer_to_json() wrote. Free `*out` with qdq_quantizer_free().
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

/// The state as JSON: descriptor, switches, ranges and scales exactly; not the statistics. Free `*out` with
/// qdq_buffer_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_to_json(
    quantizer: Option<&qdq_quantizer>,
    out: Option<&mut MaybeUninit<*mut qdq_buffer>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || get(quantizer, "quantizer")?.quantizer.to_json().map(qdq_buffer::new)))
}

/// The quantizer in one line for people. Free `*out` with qdq_buffer_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_to_text(
    quantizer: Option<&qdq_quantizer>,
    out: Option<&mut MaybeUninit<*mut qdq_buffer>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || Ok(qdq_buffer::new(get(quantizer, "quantizer")?.quantizer.to_string()))))
}

/// Frees `*quantizer` and sets it to NULL. NULL in either place is allowed and does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_free(quantizer: Option<&mut *mut qdq_quantizer>) {
    handle::free(quantizer);
}

/// A copy of the descriptor, whose amax is the current one. Free `*out` with qdq_descriptor_free().
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

/// Sets whether data passes unchanged, but for the pre-quantization scale. Default: false.
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

/// Sets whether data is clipped to the learned range; only where the descriptor learns amax. Default: false.
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

/// Whether data passes unchanged.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_is_disabled(quantizer: Option<&qdq_quantizer>) -> bool {
    quantizer.is_some_and(|quantizer| quantizer.quantizer.is_disabled())
}

/// Whether data is quantized.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_is_quantizing(quantizer: Option<&qdq_quantizer>) -> bool {
    quantizer.is_some_and(|quantizer| quantizer.quantizer.is_quantizing())
}

/// Whether data is clipped to the learned range.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_is_clipping(quantizer: Option<&qdq_quantizer>) -> bool {
    quantizer.is_some_and(|quantizer| quantizer.quantizer.is_clipping())
}

/// Whether data is observed for calibration.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_is_calibrating(quantizer: Option<&qdq_quantizer>) -> bool {
    quantizer.is_some_and(|quantizer| quantizer.quantizer.is_calibrating())
}

/// Whether every tensor is quantized by its own max |x|, because no range is set.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_is_dynamic(quantizer: Option<&qdq_quantizer>) -> bool {
    quantizer.is_some_and(|quantizer| quantizer.quantizer.is_dynamic())
}

/// Sets the amax (f32, finite, not negative), of the shape of the one before; `amax` NULL makes the range
/// dynamic again, after which any shape may be set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_quantizer_set_amax(
    quantizer: Option<&mut qdq_quantizer>,
    amax: Option<&qdq_tensor>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    // SAFETY: the header's rules for tensors.
    change(quantizer, error, |quantizer| quantizer.set_amax(unsafe { numbers(amax, "amax") }?))
}

/// Sets what data is multiplied by first (f32, broadcast to its shape); `scale` NULL for nothing, the
/// default.
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

/// The amax as it is set; `*out` is NULL where the range is dynamic. Free it with qdq_array_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_amax(
    quantizer: Option<&qdq_quantizer>,
    out: Option<&mut MaybeUninit<*mut qdq_array>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    give_numbers(quantizer, out, error, |quantizer| Ok(quantizer.amax().cloned()))
}

/// The amax that data is quantized by: that of the clip range where it is learned, else the set one times the
/// descriptor's factor; `*out` is NULL where the range is dynamic or has still to be learned. Free it with
/// qdq_array_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_amax_in_use(
    quantizer: Option<&qdq_quantizer>,
    out: Option<&mut MaybeUninit<*mut qdq_array>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    give_numbers(quantizer, out, error, |quantizer| Ok(quantizer.amax_in_use()))
}

/// The amax for a model that is exported: an error where the range is dynamic or the quantizer is still
/// calibrating. Free `*out` with qdq_array_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_amax_for_export(
    quantizer: Option<&qdq_quantizer>,
    out: Option<&mut MaybeUninit<*mut qdq_array>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    give_numbers(quantizer, out, error, |quantizer| quantizer.amax_for_export().map(Some))
}

/// The width of one step, amax in use / M (e4m3: / 448); `*out` is NULL where the range is dynamic. Free it
/// with qdq_array_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_step_size(
    quantizer: Option<&qdq_quantizer>,
    out: Option<&mut MaybeUninit<*mut qdq_array>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    give_numbers(quantizer, out, error, |quantizer| Ok(quantizer.step_size()))
}

/// The inverse scale, M / amax, of the integers that the last forward gave; `*out` is NULL where none did.
/// Free it with qdq_array_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_inverse_scale(
    quantizer: Option<&qdq_quantizer>,
    out: Option<&mut MaybeUninit<*mut qdq_array>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    give_numbers(quantizer, out, error, |quantizer| Ok(quantizer.inverse_scale().cloned()))
}

/// What data is multiplied by first; `*out` is NULL for nothing. Free it with qdq_array_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_pre_quant_scale(
    quantizer: Option<&qdq_quantizer>,
    out: Option<&mut MaybeUninit<*mut qdq_array>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    give_numbers(quantizer, out, error, |quantizer| Ok(quantizer.pre_quant_scale().cloned()))
}

/// Sets the learned range: the parameters that training has moved to.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_set_clip_range(
    quantizer: Option<&mut qdq_quantizer>,
    min: f32,
    max: f32,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    change(quantizer, error, |quantizer| quantizer.set_clip_range(ClipRange { min, max }))
}

/// The learned range; NaN and NaN where there is none.
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

/// Starts learning from the amax: sets the clip range to its largest number, negative and positive.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_init_learn_amax(
    quantizer: Option<&mut qdq_quantizer>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    change(quantizer, error, TensorQuantizer::init_learn_amax)
}

/// What the quantizer makes of `x`, in the order that its documentation states. `x` and `out` have one shape
/// and type (f32, f16, bf16, f64) and may be the same memory.
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

/// The same without observing, so that any number of threads can use one quantizer. `inverse_scale`, which
/// may be NULL, receives M / amax where the quantizer gives integers, to be freed with qdq_array_free();
/// otherwise NULL.
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

/// The gradients of qdq_quantizer_forward(): `out` receives that of x, by the straight-through estimator or,
/// where amax is learned, by clipping; `min_gradient` and `max_gradient`, which may be NULL, those of the
/// learned range, 0 where nothing is learned.
///
/// `gradient`, `x` and `out` have one shape and type (f32, f16, bf16, f64); out may be the memory of either.
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
