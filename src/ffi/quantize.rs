//! The arithmetic: functions of tensors.

use ndarray::ArrayD;
use std::mem::MaybeUninit;

use crate::error::Result;
use crate::quant::{self, PerGroup};

use super::array::qdq_array;
use super::descriptor::qdq_descriptor;
use super::error::qdq_error;
use super::guard::guard;
use super::handle::{get, give, give_wanted};
use super::status::qdq_status;
use super::tensor::{Checked, checked, numbers, qdq_tensor};

/// Runs `$body` with `$T` as the element type of a floating-point tensor.
macro_rules! for_float {
    ($tensor:expr, $T:ident => $body:expr) => {
        match $tensor.dtype() {
            $crate::dtype::DataType::F32 => {
                type $T = f32;
                $body
            }
            $crate::dtype::DataType::F16 => {
                type $T = ::half::f16;
                $body
            }
            $crate::dtype::DataType::Bf16 => {
                type $T = ::half::bf16;
                $body
            }
            $crate::dtype::DataType::F64 => {
                type $T = f64;
                $body
            }
            other => Err($tensor.wrong_type(other.name())),
        }
    };
}
pub(super) use for_float;

/// Writes an array into a tensor of the same shape.
pub(super) fn write<T: bytemuck::Pod>(out: &Checked<'_>, values: &ArrayD<T>) -> Result<()> {
    out.check_shape(values.shape())?;
    out.fill(|out: &mut [T]| {
        for (out, &value) in out.iter_mut().zip(values) {
            *out = value;
        }
        Ok(())
    })
}

/// Computes the amax for quantizing `x` (f32, f16, bf16 or f64). It is the fixed amax of the descriptor if
/// there is one, otherwise max |x| per tensor, axis or block. It is multiplied by the descriptor's factor. It
/// is NaN if the data has a NaN. Free `*out` with qdq_array_free().
///
/// Without axes and blocks the result has rank 0. Otherwise it has the rank of x, with size 1 in every axis
/// that shares one amax.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_tensor_amax(
    x: Option<&qdq_tensor>,
    descriptor: Option<&qdq_descriptor>,
    out: Option<&mut MaybeUninit<*mut qdq_array>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            let descriptor = &get(descriptor, "descriptor")?.descriptor;
            // SAFETY: the header's rules for tensors.
            let x = unsafe { checked(x, "x") }?;
            let amax = for_float!(x, T => descriptor.amax_of(x.view::<T>()))?;
            qdq_array::copy(&amax)
        })
    })
}

/// Quantizes a tensor and stores the integers in the type of the data:
///   out = clamp(rne(x * M / amax), L, M)
/// Here rne rounds half to even, M is 2^(num_bits - 1 + unsigned) - 1, and L is 0 (unsigned), -M (narrow
/// range) or -M - 1. This is pytorch-quantization's tensor_quant. In the reference mode NaN stays NaN. With
/// e4m3 `out` receives the numbers e4m3(x * 448 / amax), see qdq_tensor_fake_quant(), and the inverse scale
/// is 448 / amax.
///
/// `x` and `out` have the same shape and type (f32, f16, bf16, f64) and may be the same memory. `amax` (f32)
/// broadcasts to the shape of x, or to the blocks if the descriptor has blocks. It replaces the axes, the
/// fixed amax and the factor of the descriptor. `amax` NULL means the result of qdq_tensor_amax().
///
/// `inverse_scale` may be NULL. Otherwise `*inverse_scale` receives M / amax, which pytorch-quantization
/// calls scale: the reciprocal of the scale of ONNX and TensorRT. It is 1 if amax counts as zero (at most
/// 2^-24). Free it with qdq_array_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_tensor_quant(
    x: Option<&qdq_tensor>,
    amax: Option<&qdq_tensor>,
    descriptor: Option<&qdq_descriptor>,
    out: Option<&qdq_tensor>,
    inverse_scale: Option<&mut MaybeUninit<*mut qdq_array>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give_wanted(inverse_scale, || {
            let descriptor = &get(descriptor, "descriptor")?.descriptor;
            // SAFETY: the header's rules for tensors.
            let (x, amax, out) = unsafe { (checked(x, "x")?, numbers(amax, "amax")?, checked(out, "out")?) };
            let amax = amax.as_ref().map(PerGroup::from);
            let found = for_float!(x, T => {
                same_type(&x, &out)?;
                let found = descriptor.tensor_quant(x.view::<T>(), amax)?;
                write(&out, &found.values)?;
                Ok(found.inverse_scale)
            })?;
            qdq_array::of(found.shape(), found.values()).map(Some)
        })
    })
}

/// Quantizes a tensor to an integer type, or to e4m3 if the descriptor has this format:
/// out = clamp(rne(x * M / amax), L, M), see qdq_tensor_quant(). Infinities become L and M. If amax counts as
/// zero, all elements become 0. A NaN in x is an error, because no integer represents it; in e4m3 it stays
/// NaN.
///
/// `x` is f32, f16, bf16 or f64. `out` has the shape of x. Its type is one of i8, u8, i16, u16, i4 and u4
/// that holds L to M, or for e4m3 it is e4m3 or u8. `amax` and `inverse_scale` are as for qdq_tensor_quant()
/// and may be NULL; for e4m3 the inverse scale is 448 / amax. After an error `out` may hold anything.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_tensor_quantize(
    x: Option<&qdq_tensor>,
    amax: Option<&qdq_tensor>,
    descriptor: Option<&qdq_descriptor>,
    out: Option<&qdq_tensor>,
    inverse_scale: Option<&mut MaybeUninit<*mut qdq_array>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give_wanted(inverse_scale, || {
            let descriptor = &get(descriptor, "descriptor")?.descriptor;
            // SAFETY: the header's rules for tensors.
            let (x, amax, out) = unsafe { (checked(x, "x")?, numbers(amax, "amax")?, checked(out, "out")?) };
            let amax = amax.as_ref().map(PerGroup::from);
            let found = for_float!(x, T => {
                out.check_shape(x.shape())?;
                let x = x.apart::<T>(&out);
                out.fill_stored(|out| descriptor.quantize(x.view(), amax, out))
            })?;
            qdq_array::of(found.shape(), found.values()).map(Some)
        })
    })
}

/// Quantizes and dequantizes a tensor in one step: out = clamp(rne(x * M / amax), L, M) / (M / amax), see
/// qdq_tensor_quant(). With e4m3 it computes out = e4m3(x * s) / s with s = 448 / amax, saturating at 448. If
/// amax counts as zero, out is 0. NaN stays NaN.
///
/// `x` and `out` have the same shape and type (f32, f16, bf16, f64) and may be the same memory. `amax` is as
/// for qdq_tensor_quant() and may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_tensor_fake_quant(
    x: Option<&qdq_tensor>,
    amax: Option<&qdq_tensor>,
    descriptor: Option<&qdq_descriptor>,
    out: Option<&qdq_tensor>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let descriptor = &get(descriptor, "descriptor")?.descriptor;
        // SAFETY: the header's rules for tensors.
        let (x, amax, out) = unsafe { (checked(x, "x")?, numbers(amax, "amax")?, checked(out, "out")?) };
        let amax = amax.as_ref().map(PerGroup::from);
        same_type(&x, &out)?;
        for_float!(x, T => {
            out.check_shape(x.shape())?;
            let x = x.apart::<T>(&out);
            out.fill(|out| descriptor.fake_quantize_into(x.view(), amax, out))
        })
    })
}

/// Dequantizes integers, the results of qdq_tensor_quantize(): out = q / inverse_scale.
///
/// `q` is i8, u8, i16, u16, i4, u4, or e4m3 (or e4m3 codes in u8 if the descriptor's format is e4m3).
/// `inverse_scale` (f32) broadcasts to the shape of q, or to the blocks if the descriptor has blocks. Only
/// the format and the blocks of the descriptor matter. `out` has the shape of q and the type f32, f16, bf16
/// or f64.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_tensor_dequantize(
    q: Option<&qdq_tensor>,
    inverse_scale: Option<&qdq_tensor>,
    descriptor: Option<&qdq_descriptor>,
    out: Option<&qdq_tensor>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let descriptor = &get(descriptor, "descriptor")?.descriptor;
        // SAFETY: the header's rules for tensors.
        let (q, inverse_scale, out) = unsafe {
            (checked(q, "q")?, checked(inverse_scale, "inverse_scale")?.f32()?, checked(out, "out")?)
        };
        for_float!(out, T => {
            let found = q.read_stored(|q_values| {
                descriptor.dequantize::<T>(q_values, q.shape(), inverse_scale.into())
            })?;
            write(&out, &found)
        })
    })
}

/// Computes the gradient of qdq_tensor_fake_quant() with respect to x by the straight-through estimator:
/// `out` is gradient if |x| <= amax, and 0 otherwise, also if x or amax is NaN. There is no gradient with
/// respect to amax. For qdq_tensor_quant() the result is the same: pass the gradient of the integers; the
/// scale has no part in it.
///
/// `gradient`, `x` and `out` have the same shape and type (f32, f16, bf16, f64). `out` may be the memory of
/// either input. `amax` is as for qdq_tensor_quant() and may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_tensor_fake_quant_backward(
    gradient: Option<&qdq_tensor>,
    x: Option<&qdq_tensor>,
    amax: Option<&qdq_tensor>,
    descriptor: Option<&qdq_descriptor>,
    out: Option<&qdq_tensor>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let descriptor = &get(descriptor, "descriptor")?.descriptor;
        // SAFETY: the header's rules for tensors.
        let (gradient, x, out) =
            unsafe { (checked(gradient, "gradient")?, checked(x, "x")?, checked(out, "out")?) };
        // SAFETY: as above.
        let amax = unsafe { numbers(amax, "amax") }?;
        let amax = amax.as_ref().map(PerGroup::from);
        same_type(&x, &gradient)?;
        same_type(&x, &out)?;
        for_float!(x, T => write(&out, &descriptor.backward(gradient.view::<T>(), x.view(), amax)?))
    })
}

/// Fake-quantizes a tensor in the range from `min` to `max` with a zero point z, where b is `num_bits`, 2 to
/// 16:
///   step = (max - min) / (2^b - 1), z = rne(min / step) + 2^(b-1),
///   q = clamp(rne(x / step) - z, -2^(b-1), 2^(b-1) - 1), out = (q + z) * step.
/// NaN stays NaN. `min` must be below `max`. For equal ends pytorch-quantization gives NaN; this function
/// returns QDQ_ERROR_INVALID_ARGUMENT.
///
/// `x` and `out` have the same shape and type (f32, f16, bf16, f64) and may be the same memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_tensor_fake_affine_quant(
    x: Option<&qdq_tensor>,
    min: f32,
    max: f32,
    num_bits: u32,
    out: Option<&qdq_tensor>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        // SAFETY: the header's rules for tensors.
        let (x, out) = unsafe { (checked(x, "x")?, checked(out, "out")?) };
        same_type(&x, &out)?;
        for_float!(x, T => write(&out, &quant::fake_affine_tensor_quant(x.view::<T>(), min, max, num_bits)?))
    })
}

/// Computes the gradient of qdq_tensor_fake_affine_quant() with respect to x: out = gradient if
/// min <= x <= max, otherwise 0. The rules for the tensors are those of qdq_tensor_fake_quant_backward().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_tensor_fake_affine_quant_backward(
    gradient: Option<&qdq_tensor>,
    x: Option<&qdq_tensor>,
    min: f32,
    max: f32,
    out: Option<&qdq_tensor>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        // SAFETY: the header's rules for tensors.
        let (gradient, x, out) =
            unsafe { (checked(gradient, "gradient")?, checked(x, "x")?, checked(out, "out")?) };
        same_type(&x, &gradient)?;
        same_type(&x, &out)?;
        for_float!(x, T => {
            let found = quant::fake_affine_tensor_quant_backward(gradient.view::<T>(), x.view(), min, max)?;
            write(&out, &found)
        })
    })
}

pub(super) fn same_type(x: &Checked<'_>, other: &Checked<'_>) -> Result<()> {
    if x.dtype() == other.dtype() { Ok(()) } else { Err(other.wrong_type(other.dtype().name())) }
}
