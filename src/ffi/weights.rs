//! Weights: ranges, int8 quantization by ONNX's rule, scales in 16 bits, and one scale for all channels.

use crate::error::{Error, ErrorKind, Result};
use crate::quant::weights::{quantize_weights, quantize_weights_by, quantize_weights_within};
use crate::range::{self, compat};
use std::mem::MaybeUninit;

use super::array::qdq_array;
use super::error::qdq_error;
use super::graph::QDQ_NO_AXIS;
use super::guard::guard;
use super::handle::{get_mut, give, give_or_null, give_wanted};
use super::method::{method_of, qdq_method, target};
use super::precision_options::{HALVES, qdq_half};
use super::status::qdq_status;
use super::tensor::{Checked, checked, qdq_tensor};
use super::tensor_stats::floats;
use crate::emit::channel_factors::Channels;
use crate::emit::scale::{self, held, of_weights};

/// Returns an axis counted from the first; `None` for QDQ_NO_AXIS.
pub(super) fn axis_of(axis: i32, weights: &Checked<'_>) -> Result<Option<usize>> {
    let rank = weights.shape().len();
    let counted = if axis < 0 { i64::from(axis) + rank as i64 } else { axis.into() };
    match usize::try_from(counted) {
        _ if axis == QDQ_NO_AXIS => Ok(None),
        Ok(counted) if counted < rank => Ok(Some(counted)),
        _ => Err(Error::new(
            ErrorKind::Shape,
            format!("weights of shape {:?} have no axis {axis}", weights.shape()),
        )
        .with_remedy("use an axis of the weights, or QDQ_NO_AXIS for one number for all")),
    }
}

/// Returns the shape of an array with one number per index of the axis.
fn shape_of(weights: &Checked<'_>, axis: Option<usize>) -> Vec<usize> {
    axis.and_then(|axis| weights.shape().get(axis)).into_iter().copied().collect()
}

/// Computes the ranges (amax) of weights (f32, f16, bf16, f64): one per index of `axis`, or one for all if
/// `axis` is QDQ_NO_AXIS. Negative axes count from the last. Free `*out`, of rank 1 or 0, with
/// qdq_array_free().
///
/// QDQ_METHOD_MSE minimises the error of the values that the weights compute, sum e^2 + 2 (sum e)^2 of the
/// rounding errors e. The other methods are those for activations.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_weights_amax(
    weights: Option<&qdq_tensor>,
    axis: i32,
    method: qdq_method,
    percentile: f64,
    num_bits: u32,
    is_unsigned: bool,
    out: Option<&mut MaybeUninit<*mut qdq_array>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            // SAFETY: the header's rules for tensors.
            let weights = unsafe { checked(weights, "weights") }?;
            let (method, axis) = (method_of(method, percentile)?, axis_of(axis, &weights)?);
            let target = target(num_bits, is_unsigned);
            let amax = range::weights(&floats(&weights)?, weights.shape(), axis, method, target)?;
            qdq_array::of(&shape_of(&weights, axis), &amax)
        })
    })
}

/// Computes the ranges of weights by pytorch-quantization's calibrate_weights. Use it to reproduce its
/// numbers; the ranges of qdq_weights_amax() are better. `method` is QDQ_METHOD_MAX, QDQ_METHOD_MSE or
/// QDQ_METHOD_PERCENTILE, over a histogram of `num_bins` (2048 is usual) linear bins from 0 to max |w| in
/// numpy's way. Weights (f32, f16, bf16, f64), axis and result are as for qdq_weights_amax(). If all weights
/// are 0, the range is 0. Free `*out` with qdq_array_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_weights_compat_amax(
    weights: Option<&qdq_tensor>,
    axis: i32,
    method: qdq_method,
    percentile: f64,
    num_bits: u32,
    is_unsigned: bool,
    num_bins: usize,
    out: Option<&mut MaybeUninit<*mut qdq_array>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            // SAFETY: the header's rules for tensors.
            let weights = unsafe { checked(weights, "weights") }?;
            let (method, axis) = (method_of(method, percentile)?, axis_of(axis, &weights)?);
            let target = target(num_bits, is_unsigned);
            let values = floats(&weights)?;
            let amax = compat::weights_along(&values, weights.shape(), axis, method, target, num_bins)?;
            qdq_array::of(&shape_of(&weights, axis), &amax)
        })
    })
}

/// Quantizes weights (f32, f16, bf16, f64) symmetrically to int8 as ONNX's QuantizeLinear does:
/// out = clamp(rne(w / scale), -128, 127). The scale is qdq_amax_int8_scale(amax), by which ONNX and TensorRT
/// multiply. If amax is 0, the scale is 1 and the integers are 0.
///
/// `amax` (f32) has one number per index of `axis`, or a single one for QDQ_NO_AXIS; `amax` NULL means max
/// |w|. `out` is i8 and has the shape of the weights. `scale` may be NULL. Otherwise `*scale` receives the
/// scales; free it with qdq_array_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_weights_quantize(
    weights: Option<&qdq_tensor>,
    axis: i32,
    amax: Option<&qdq_tensor>,
    out: Option<&qdq_tensor>,
    scale: Option<&mut MaybeUninit<*mut qdq_array>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give_wanted(scale, || {
            // SAFETY: the header's rules for tensors.
            let (weights, out) = unsafe { (checked(weights, "weights")?, checked(out, "out")?) };
            let (values, axis) = (floats(&weights)?, axis_of(axis, &weights)?);
            let found = match amax {
                None => quantize_weights(&values, weights.shape(), axis)?,
                Some(_) => {
                    // SAFETY: as above.
                    let amax = unsafe { checked(amax, "amax") }?.f32()?;
                    let amax: Vec<f32> = amax.iter().copied().collect();
                    quantize_weights_within(&values, weights.shape(), axis, &amax)?
                }
            };
            out.check_shape(weights.shape())?;
            if out.dtype() != crate::dtype::DataType::I8 {
                return Err(out.wrong_type(out.dtype().name()));
            }
            out.fill(|out: &mut [i8]| {
                out.copy_from_slice(&found.values);
                Ok(())
            })?;
            qdq_array::of(&shape_of(&weights, axis), &found.scale).map(Some)
        })
    })
}

/// Returns the scales of weights as a 16-bit type holds them: rounded to nearest, and raised to its smallest
/// normal number. `*out` is NULL if raising would touch more than dead channels, which have 0.01% of the
/// weights' energy together: then keep the scales in f32.
///
/// Weights (f32, f16, bf16, f64) are those that the scales quantize along `axis`. `scales` (f32) has one
/// number per index of `axis`, or a single one for QDQ_NO_AXIS. The result is f32. Free `*out` with
/// qdq_array_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_weights_half_scale(
    weights: Option<&qdq_tensor>,
    axis: i32,
    scales: Option<&qdq_tensor>,
    half: qdq_half,
    out: Option<&mut MaybeUninit<*mut qdq_array>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give_or_null(out, || {
            // SAFETY: the header's rules for tensors.
            let (weights, scales) = unsafe { (checked(weights, "weights")?, checked(scales, "scales")?) };
            let (values, axis) = (floats(&weights)?, axis_of(axis, &weights)?);
            let shape = shape_of(&weights, axis);
            scales.check_shape(&shape)?;
            let steps: Vec<f32> = scales.f32()?.iter().copied().collect();
            let channels = scale::Channels::along(axis.unwrap_or(0), weights.shape(), steps.len());
            let held = of_weights(&steps, &values, &channels, HALVES.value(half)?.dtype());
            held.map(|held| qdq_array::of(&shape, &held)).transpose()
        })
    })
}

/// Computes one scale for all output channels of a weight, as TensorRT-RTX needs it to write INT8 or half
/// precision from a convolution: conv(x, q s) = conv(x, q t) * (s / t) for the integers q, the scales s of
/// the channels (axis 0) and the one scale t, a power of two.
///
/// Weights (f32, f16, bf16, f64) and `scales` (f32, one number per index of axis 0) are those of
/// qdq_weights_quantize(). `largest_input` is the largest magnitude that the convolution reads: 128 scales of
/// its input. `*scale` receives t; 0 if results could exceed f16 with every t, and then keep the scales of
/// the channels. `*out` receives q t in f32, with the shape of the weights, which t quantizes to q.
/// `factors` may be NULL. Otherwise `*factors` receives s / t, one per channel, and 0 for a channel of zeros.
/// Free both with qdq_array_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_weights_one_scale(
    weights: Option<&qdq_tensor>,
    scales: Option<&qdq_tensor>,
    largest_input: f32,
    scale: Option<&mut MaybeUninit<f32>>,
    factors: Option<&mut MaybeUninit<*mut qdq_array>>,
    out: Option<&mut MaybeUninit<*mut qdq_array>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give_wanted(factors, || {
            let mut made = None;
            give(out, || {
                let scale = get_mut(scale, "scale")?;
                // SAFETY: the header's rules for tensors.
                let (weights, scales) = unsafe { (checked(weights, "weights")?, checked(scales, "scales")?) };
                let (values, shape) = (floats(&weights)?, weights.shape());
                scales.check_shape(&shape_of(&weights, axis_of(0, &weights)?))?;
                let scales: Vec<f32> = scales.f32()?.iter().copied().collect();
                if !(largest_input.is_finite() && largest_input >= 0.0) {
                    let message = format!("largest_input is {largest_input}");
                    return Err(Error::new(ErrorKind::InvalidArgument, message)
                        .with_remedy("give 128 times the scale of the input"));
                }
                let integers = quantize_weights_by(&values, shape, Some(0), &scales)?;
                let channels = Channels { integers: &integers, scales: &scales };
                let one = channels.one_scale(largest_input);
                scale.write(one.unwrap_or(0.0));
                let one = one.unwrap_or(1.0);
                let exact: Vec<f32> = integers.iter().map(|&integer| f32::from(integer) * one).collect();
                made = Some(qdq_array::of(&[scales.len()], &channels.factors(one))?);
                qdq_array::of(shape, &exact)
            })?;
            Ok(made)
        })
    })
}

/// Returns the scale of an activation as a 16-bit type holds it, rounded to nearest; 0 if that is no normal
/// number of the type, or if `half` is none of the QDQ_HALF_ numbers: then keep the scale in f32.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_half_scale(scale: f32, half: qdq_half) -> f32 {
    HALVES.value(half).ok().and_then(|half| held(scale, half.dtype())).unwrap_or(0.0)
}
