//! Weights: ranges by what they compute, and int8 the way ONNX counts.

use crate::error::Result;
use crate::quant::weights::{quantize_weights, quantize_weights_within};
use crate::range;
use std::mem::MaybeUninit;

use super::array::qdq_array;
use super::error::qdq_error;
use super::guard::guard;
use super::handle::{give, give_wanted};
use super::method::{method_of, qdq_method, target};
use super::status::qdq_status;
use super::tensor::{Checked, checked, qdq_tensor};
use super::tensor_stats::floats;

/// An axis for Rust: none for a negative number.
fn axis_of(axis: i32) -> Option<usize> {
    usize::try_from(axis).ok()
}

/// The shape of one number per index of the axis.
fn shape_of(weights: &Checked<'_>, axis: Option<usize>) -> Vec<usize> {
    axis.and_then(|axis| weights.shape().get(axis)).into_iter().copied().collect()
}

/// The ranges (amax) of weights (f32, f16, bf16, f64), one per index of `axis` or, where that is -1, one for all.
///
/// QDQ_METHOD_MSE minimises the error of what the weights compute, sum e^2 + 2 (sum e)^2 of the rounding errors e; the other
/// methods are those for activations. Free `*out`, of rank 1 or 0, with qdq_array_free().
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
            let (method, axis) = (method_of(method, percentile)?, axis_of(axis));
            let target = target(num_bits, is_unsigned);
            let amax = range::weights(&floats(&weights)?, weights.shape(), axis, method, target)?;
            Ok(qdq_array::new(&shape_of(&weights, axis), amax))
        })
    })
}

/// Quantizes weights (f32, f16, bf16, f64) symmetrically to int8 as ONNX's QuantizeLinear does: out = clamp(rne(w / scale),
/// -128, 127) with scale = amax / 127, by which ONNX and TensorRT multiply. Where amax / 127 is no normal number, the scale is 1
/// and the integers are 0.
///
/// `amax` (f32) has one number per index of `axis`, or a single one where that is -1; `amax` NULL means max |w|. `out` is i8 and has
/// the shape of the weights. `*scale`, which may be NULL, is to be freed with qdq_array_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_weights_quantize(
    weights: Option<&qdq_tensor>,
    axis: i32,
    amax: Option<&qdq_tensor>,
    out: Option<&qdq_tensor>,
    scale: Option<&mut MaybeUninit<*mut qdq_array>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || -> Result<()> {
        // SAFETY: the header's rules for tensors.
        let (weights, out) = unsafe { (checked(weights, "weights")?, checked(out, "out")?) };
        let (values, axis) = (floats(&weights)?, axis_of(axis));
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
        if out.dtype()? != crate::dtype::DataType::I8 {
            return Err(out.wrong_type(out.stored().name()));
        }
        out.fill::<i8>(|out| {
            out.copy_from_slice(&found.values);
            Ok(())
        })?;
        give_wanted(scale, qdq_array::new(&shape_of(&weights, axis), found.scale));
        Ok(())
    })
}
