//! Clipping and scaling: the other operations of a quantizer.

use std::mem::MaybeUninit;

use crate::error::Result;
use crate::quant;

use super::error::qdq_error;
use super::guard::guard;
use super::handle::write_wanted;
use super::quantize::{for_float, same_type, write};
use super::status::qdq_status;
use super::tensor::{checked, qdq_tensor};

/// Clips a tensor: out = min(max(x, min), max). NaN stays NaN. `x` and `out` have the same shape and type
/// (f32, f16, bf16, f64) and may be the same memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_tensor_clip(
    x: Option<&qdq_tensor>,
    min: f32,
    max: f32,
    out: Option<&qdq_tensor>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        // SAFETY: the header's rules for tensors.
        let (x, out) = unsafe { (checked(x, "x")?, checked(out, "out")?) };
        same_type(&x, &out)?;
        for_float!(x, T => write(&out, &quant::clip(x.view::<T>(), min, max)?))
    })
}

/// Computes the gradients of qdq_tensor_clip(). `out` is gradient if min < x < max, otherwise 0.
/// `min_gradient` and `max_gradient` may be NULL. Otherwise `*min_gradient` receives the sum of the gradient
/// over the elements with x <= min, and `*max_gradient` over those with x >= max. The rules for the tensors
/// are those of qdq_tensor_fake_quant_backward().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_tensor_clip_backward(
    gradient: Option<&qdq_tensor>,
    x: Option<&qdq_tensor>,
    min: f32,
    max: f32,
    out: Option<&qdq_tensor>,
    min_gradient: *mut f64,
    max_gradient: *mut f64,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        // SAFETY: the header's rules for tensors.
        let (gradient, x, out) =
            unsafe { (checked(gradient, "gradient")?, checked(x, "x")?, checked(out, "out")?) };
        same_type(&x, &gradient)?;
        same_type(&x, &out)?;
        let clip = for_float!(x, T => {
            let (found, clip) = quant::clip_backward(gradient.view::<T>(), x.view::<T>(), min, max)?;
            write(&out, &found)?;
            Ok(clip)
        })?;
        // SAFETY: the header's rules for results.
        unsafe {
            write_wanted(min_gradient, clip.min);
            write_wanted(max_gradient, clip.max);
        }
        Ok(())
    })
}

/// Multiplies a tensor: out = x * factors, with factors (f32) broadcast to the shape of x. `x` and `out` have
/// the same shape and type (f32, f16, bf16, f64) and may be the same memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_tensor_multiply(
    x: Option<&qdq_tensor>,
    factors: Option<&qdq_tensor>,
    out: Option<&qdq_tensor>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || -> Result<()> {
        // SAFETY: the header's rules for tensors.
        let (x, factors, out) =
            unsafe { (checked(x, "x")?, checked(factors, "factors")?.f32()?, checked(out, "out")?) };
        same_type(&x, &out)?;
        for_float!(x, T => write(&out, &quant::multiply(x.view::<T>(), factors)?))
    })
}
