//! The numbers: functions of tensors.

use ndarray::{ArrayD, ArrayViewD};
use std::mem::MaybeUninit;

use crate::dtype::DataType;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::quant::{self, Element, NumBits, PerGroup, QuantDescriptor, QuantParams, Storage, pack};

use super::array::qdq_array;
use super::descriptor::qdq_descriptor;
use super::dtype::Stored;
use super::error::qdq_error;
use super::guard::guard;
use super::handle::{get, give, give_wanted};
use super::status::qdq_status;
use super::tensor::{Checked, checked, qdq_tensor};

/// Runs `$body` with `$T` standing for the type of the elements of a floating-point tensor.
macro_rules! for_float {
    ($tensor:expr, $T:ident => $body:expr) => {
        match $tensor.stored() {
            $crate::ffi::dtype::Stored::Plain($crate::dtype::DataType::F32) => {
                type $T = f32;
                $body
            }
            $crate::ffi::dtype::Stored::Plain($crate::dtype::DataType::F16) => {
                type $T = ::half::f16;
                $body
            }
            $crate::ffi::dtype::Stored::Plain($crate::dtype::DataType::Bf16) => {
                type $T = ::half::bf16;
                $body
            }
            $crate::ffi::dtype::Stored::Plain($crate::dtype::DataType::F64) => {
                type $T = f64;
                $body
            }
            other => Err($tensor.wrong_type(other.name())),
        }
    };
}
pub(super) use for_float;

/// What a function computes with: the amax that C gave, or that of the data.
fn amax_for<T: Element>(
    x: &ArrayViewD<'_, T>,
    amax: Option<&qdq_tensor>,
    descriptor: &QuantDescriptor,
) -> Result<PerGroup<'static>> {
    let amax: ArrayD<f32> = match amax {
        // SAFETY: the header's rules for tensors.
        Some(_) => unsafe { checked(amax, "amax") }?.f32()?.to_owned(),
        None => descriptor.amax_of(x.view())?,
    };
    descriptor.per_group(amax, x.ndim())
}

fn scale_array(inverse_scale: &PerGroup<'_>) -> qdq_array {
    qdq_array::new(inverse_scale.shape(), inverse_scale.values().to_vec())
}

/// Writes an array into a tensor of its shape.
pub(super) fn write<T: bytemuck::Pod>(out: &Checked<'_>, values: &ArrayD<T>) -> Result<()> {
    out.check_shape(values.shape())?;
    out.fill(|out: &mut [T]| {
        for (out, &value) in out.iter_mut().zip(values) {
            *out = value;
        }
        Ok(())
    })
}

/// The amax to quantize `x` (f32, f16, bf16 or f64) with: the descriptor's fixed one, else max |x| per
/// tensor, axis or block; times the descriptor's factor. NaN where the data has a NaN. Free `*out` with
/// qdq_array_free().
///
/// Without axes and blocks it has rank 0, otherwise the rank of x with size 1 in every axis that shares it.
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
            Ok(qdq_array::of(&amax))
        })
    })
}

/// Quantizes and keeps the integers in the type of the data: out = clamp(rne(x * M / amax), L, M), where rne
/// rounds half to even, M = 2^(num_bits - 1 + unsigned) - 1 and L is 0 (unsigned), -M (narrow range)
/// or -M - 1. This is pytorch-quantization's tensor_quant; in the reference mode NaN stays NaN.
///
/// `x` and `out` have one shape and type (f32, f16, bf16, f64) and may be the same memory. `amax` (f32)
/// broadcasts to the shape of x, with the descriptor's blocks where it has them, and stands for its axes,
/// fixed amax and factor; `amax` NULL means qdq_tensor_amax(). `inverse_scale`, which may be NULL, receives M
/// / amax, which pytorch-quantization calls scale: the reciprocal of ONNX's and TensorRT's. It is 1 where
/// amax counts as zero (at most 2^-24).
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
            let (x, out) = unsafe { (checked(x, "x")?, checked(out, "out")?) };
            let found = for_float!(x, T => {
                same_type(&x, &out)?;
                let view = x.view::<T>();
                let amax = amax_for(&view, amax, descriptor)?;
                let found = quant::tensor_quant(view, &amax, &descriptor.params()?)?;
                write(&out, &found.values)?;
                Ok(found.inverse_scale)
            })?;
            Ok(Some(scale_array(&found)))
        })
    })
}

/// Quantizes to an integer type, or to e4m3 where the descriptor says so: out = clamp(rne(x * M / amax), L,
/// M), see qdq_tensor_quant(). Infinities become L and M; where amax counts as zero everything becomes 0. A
/// NaN in x is an error, for no integer stands for it; in e4m3 it stays NaN.
///
/// `x` is f32, f16, bf16 or f64. `out` has its shape and the type i8, u8, i16, u16, i4 or u4, whichever holds
/// L to M, or e4m3 or u8 for e4m3. `amax` and `inverse_scale` are as for qdq_tensor_quant() and may be NULL;
/// for e4m3 it is 448 / amax. After an error `out` may hold anything.
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
            let (x, out) = unsafe { (checked(x, "x")?, checked(out, "out")?) };
            let found = for_float!(x, T => quantize_as::<T>(&x, amax, descriptor, &out))?;
            Ok(Some(scale_array(&found)))
        })
    })
}

fn quantize_as<T: Element + bytemuck::Pod>(
    x: &Checked<'_>,
    amax: Option<&qdq_tensor>,
    descriptor: &QuantDescriptor,
    out: &Checked<'_>,
) -> Result<PerGroup<'static>> {
    out.check_shape(x.shape())?;
    let amax = amax_for(&x.view::<T>(), amax, descriptor)?;
    if descriptor.num_bits == NumBits::E4M3 {
        if !matches!(out.stored(), Stored::E4m3 | Stored::Plain(DataType::U8)) {
            return Err(out.wrong_type(out.stored().name()));
        }
        let found = quant::quantize_e4m3(x.view::<T>(), Some(amax))?;
        write(out, &found.values)?;
        return Ok(found.inverse_scale);
    }
    let params = descriptor.params()?;
    let lowest = if out.stored() == Stored::I4 { -8 } else { 0 };
    if out.stored().is_packed() && (params.low() < lowest || params.high() > lowest + 15) {
        let message = format!(
            "{} does not hold the integers {} to {}",
            out.stored().name(),
            params.low(),
            params.high()
        );
        return Err(Error::new(ErrorKind::Type, message).with_remedy("quantize to 4 bits, or use i8 or u8"));
    }
    let values = x.dense::<T>(Some(out));
    let integers = Integers { x: &values, shape: x.shape(), amax: &amax, params: &params };
    match out.stored() {
        Stored::Plain(DataType::I8) => out.fill::<i8>(|out| integers.write(out)),
        Stored::Plain(DataType::U8) => out.fill::<u8>(|out| integers.write(out)),
        Stored::Plain(DataType::I16) => out.fill::<i16>(|out| integers.write(out)),
        Stored::Plain(DataType::U16) => out.fill::<u16>(|out| integers.write(out)),
        Stored::I4 => out.fill_bytes(&pack::pack_int4(&integers.made()?)?),
        Stored::U4 => out.fill_bytes(&pack::pack_uint4(&integers.made()?)?),
        other => Err(out.wrong_type(other.name())),
    }?;
    Ok(amax.map(|amax| params.inverse_scale(amax)))
}

/// Everything that integers follow from.
struct Integers<'a, T> {
    x: &'a [T],
    shape: &'a [usize],
    amax: &'a PerGroup<'a>,
    params: &'a QuantParams,
}

impl<T: Element> Integers<'_, T> {
    fn write<Q: Storage>(&self, out: &mut [Q]) -> Result<()> {
        quant::quantize_slice(self.x, self.shape, self.amax, self.params, out)
    }

    fn made<Q: Storage>(&self) -> Result<Vec<Q>> {
        let mut out = vec![Q::default(); self.x.len()];
        self.write(&mut out)?;
        Ok(out)
    }
}

/// Quantizes and goes back at once: out = clamp(rne(x * M / amax), L, M) / (M / amax), see
/// qdq_tensor_quant(); with e4m3 out = e4m3(x * s) / s with s = 448 / amax, saturating at 448. Where amax
/// counts as zero, out is 0. NaN stays NaN.
///
/// `x` and `out` have one shape and type (f32, f16, bf16, f64) and may be the same memory. `amax` is as for
/// qdq_tensor_quant() and may be NULL.
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
        let (x, out) = unsafe { (checked(x, "x")?, checked(out, "out")?) };
        same_type(&x, &out)?;
        for_float!(x, T => {
            let amax = amax_for(&x.view::<T>(), amax, descriptor)?;
            if descriptor.num_bits == NumBits::E4M3 {
                write(&out, &quant::scaled_e4m3(x.view::<T>(), Some(amax))?)
            } else {
                let params = descriptor.params()?;
                let values = x.dense::<T>(Some(&out));
                out.fill::<T>(|out| quant::fake_tensor_quant_slice(&values, x.shape(), &amax, &params, out))
            }
        })
    })
}

/// The way back from integers: out = q / inverse_scale, with what qdq_tensor_quantize() gives.
///
/// `q` is i8, u8, i16, u16, i4, u4, or e4m3 (codes in u8 where the descriptor says e4m3). `inverse_scale`
/// (f32) broadcasts to its shape, with the descriptor's blocks where it has them; of the rest of the
/// descriptor only the format matters. `out` has the shape of q and the type f32, f16, bf16 or f64.
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
        let inverse_scale = descriptor.per_group(inverse_scale, q.shape().len())?;
        for_float!(out, T => dequantize_as::<T>(&q, &inverse_scale, descriptor, &out))
    })
}

fn dequantize_as<T: Element + bytemuck::Pod>(
    q: &Checked<'_>,
    inverse_scale: &PerGroup<'_>,
    descriptor: &QuantDescriptor,
    out: &Checked<'_>,
) -> Result<()> {
    let is_e4m3 = descriptor.num_bits == NumBits::E4M3;
    let values: ArrayD<T> = match q.stored() {
        Stored::E4m3 => quant::dequantize_e4m3(q.view(), inverse_scale)?,
        Stored::Plain(DataType::U8) if is_e4m3 => quant::dequantize_e4m3(q.view(), inverse_scale)?,
        Stored::Plain(DataType::I8) => quant::dequantize(q.view::<i8>(), inverse_scale)?,
        Stored::Plain(DataType::U8) => quant::dequantize(q.view::<u8>(), inverse_scale)?,
        Stored::Plain(DataType::I16) => quant::dequantize(q.view::<i16>(), inverse_scale)?,
        Stored::Plain(DataType::U16) => quant::dequantize(q.view::<u16>(), inverse_scale)?,
        Stored::I4 => {
            quant::dequantize(shaped(q, pack::unpack_int4(q.bytes(), q.count())?)?.view(), inverse_scale)?
        }
        Stored::U4 => {
            quant::dequantize(shaped(q, pack::unpack_uint4(q.bytes(), q.count())?)?.view(), inverse_scale)?
        }
        other => return Err(q.wrong_type(other.name())),
    };
    write(out, &values)
}

fn shaped<Q>(like: &Checked<'_>, values: Vec<Q>) -> Result<ArrayD<Q>> {
    ArrayD::from_shape_vec(like.shape(), values)
        .context(ErrorKind::Internal, || "unpacked integers do not fill their shape".into())
}

/// The gradient of qdq_tensor_fake_quant() with respect to x by the straight-through estimator: out =
/// gradient where
/// |x| <= amax, 0 elsewhere and where x or amax is NaN. There is no gradient to amax.
///
/// `gradient`, `x` and `out` have one shape and type (f32, f16, bf16, f64); out may be the memory of either.
/// `amax` is as for qdq_tensor_quant() and may be NULL.
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
        same_type(&x, &gradient)?;
        same_type(&x, &out)?;
        for_float!(x, T => {
            let x = x.view::<T>();
            let amax = amax_for(&x, amax, descriptor)?;
            write(&out, &quant::fake_tensor_quant_backward(gradient.view::<T>(), x, amax)?)
        })
    })
}

/// The gradient of qdq_tensor_quant() with respect to x, from the gradient of the integers: the same as
/// qdq_tensor_fake_quant_backward(), `amax` may be NULL. The gradient of the scale is left out.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_tensor_quant_backward(
    gradient: Option<&qdq_tensor>,
    x: Option<&qdq_tensor>,
    amax: Option<&qdq_tensor>,
    descriptor: Option<&qdq_descriptor>,
    out: Option<&qdq_tensor>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    // SAFETY: the same arguments under the same rules.
    unsafe { qdq_tensor_fake_quant_backward(gradient, x, amax, descriptor, out, error) }
}

/// Fake quantization of `min` to `max` with a zero point: step = (max - min) / (2^b - 1), z = rne(min /
/// step) + 2^(b-1), q = clamp(rne(x / step) - z, -2^(b-1), 2^(b-1) - 1), out = (q + z) * step, where b is
/// `num_bits`, 2 to 16. NaN stays NaN. `min` is below `max`: equal ends, by which pytorch-quantization gives
/// NaN, are QDQ_ERROR_INVALID_ARGUMENT.
///
/// `x` and `out` have one shape and type (f32, f16, bf16, f64) and may be the same memory.
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

/// The gradient of qdq_tensor_fake_affine_quant() with respect to x: out = gradient where min <= x <= max,
/// else 0. Tensors as for qdq_tensor_fake_quant_backward().
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
    if x.stored() == other.stored() { Ok(()) } else { Err(other.wrong_type(other.stored().name())) }
}
