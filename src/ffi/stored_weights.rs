//! Weights and ranges in any format: quantized numbers, and scales in the type of the data.

use std::mem::MaybeUninit;

use crate::dtype::DataType;
use crate::emit::round_weights::Rounding;
use crate::emit::scale;
use crate::emit::stored_weight::store_alone;
use crate::error::{Error, ErrorKind, Result};
use crate::place::WeightGrid;
use crate::quant::StoredMut;
use crate::quant::pack::pack_int4;
use crate::tensor::Data;

use super::array::qdq_array;
use super::dtype::{self, qdq_dtype};
use super::error::qdq_error;
use super::guard::guard;
use super::handle::give_wanted;
use super::method::{method_of, qdq_method};
use super::policy::{FORMATS, qdq_format};
use super::precision_options::{HALVES, qdq_half};
use super::status::qdq_status;
use super::tensor::{checked, qdq_tensor};
use super::tensor_stats::floats;
use super::weights::axis_of;

/// The bits of weights of formats with 8-bit integers; others have fewer or none.
const BITS: u32 = 8;

/// Quantizes weights (f32, f16, bf16, f64) in a format, as qdq_model_quantize() stores them: a weight is its
/// number times its scale.
///
/// `axis` is the axis with one scale per index, or per `block` of them; QDQ_NO_AXIS for a single scale.
/// `block` is 0 for formats without blocks. Both are those of a plan: qdq_plan_weight_axis(),
/// qdq_plan_weight_block(). The method computes the ranges. `scale_dtype` is the type that will hold the
/// scales, QDQ_DTYPE_F32, QDQ_DTYPE_F16 or QDQ_DTYPE_BF16: the scales are rounded to it before anything is
/// quantized, unless it cannot hold those of live channels.
///
/// `out` has the shape of the weights and the type of the format: QDQ_DTYPE_I8, QDQ_DTYPE_E4M3, or
/// QDQ_DTYPE_I4, two in a byte. `scale` may be NULL. Otherwise `*scale` receives the scales in f32, of rank 0
/// or 1; with blocks they have the shape of the weights, except along the axis. Free it with
/// qdq_array_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_weights_store(
    weights: Option<&qdq_tensor>,
    format: qdq_format,
    axis: i32,
    block: usize,
    method: qdq_method,
    percentile: f64,
    scale_dtype: qdq_dtype,
    out: Option<&qdq_tensor>,
    scale: Option<&mut MaybeUninit<*mut qdq_array>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give_wanted(scale, || {
            // SAFETY: the header's rules for tensors.
            let (weights, out) = unsafe { (checked(weights, "weights")?, checked(out, "out")?) };
            let format = FORMATS.value(format)?;
            let element = format.rules().element;
            let block = Some(block).filter(|&block| block > 0);
            let rounding = Rounding {
                grid: WeightGrid { format, axis: axis_of(axis, &weights)?, block },
                bits: if element.is_packed() { 4 } else { BITS },
                method: method_of(method, percentile)?,
                steps: scale_type(scale_dtype)?,
                known: None,
            };
            out.check_shape(weights.shape())?;
            if out.dtype() != element {
                return Err(out.wrong_type(out.dtype().name()));
            }
            let stored = store_alone(&rounding, (&floats(&weights)?, weights.shape()), weights.dtype())?;
            out.fill_stored(|out| copy(&stored.values, out))?;
            qdq_array::of(&stored.steps_shape, &stored.steps).map(Some)
        })
    })
}

/// Returns the type of scales of a number.
fn scale_type(number: qdq_dtype) -> Result<DataType> {
    let dtype = dtype::of(number, "scale_dtype")?;
    if dtype == DataType::F32 || dtype.is_half() {
        return Ok(dtype);
    }
    Err(Error::new(ErrorKind::InvalidArgument, format!("scale_dtype: no scale has the type {dtype}"))
        .with_remedy("use QDQ_DTYPE_F32, QDQ_DTYPE_F16 or QDQ_DTYPE_BF16"))
}

/// Copies quantized numbers to C's memory, which has their type.
fn copy(values: &Data, out: StoredMut<'_>) -> Result<()> {
    match (values, out) {
        (Data::I8(values), StoredMut::I8(out)) => out.copy_from_slice(values),
        (Data::F8E4M3(values), StoredMut::E4m3(out)) => out.copy_from_slice(values),
        (Data::I4(values), StoredMut::I4(out)) => out.copy_from_slice(&pack_int4(values)?),
        _ => {
            return Err(Error::new(
                ErrorKind::Internal,
                "weights were stored in another type than asked for",
            ));
        }
    }
    Ok(())
}

/// Returns the scale of a range in a format, amax divided by the largest quantized number, by which ONNX and
/// TensorRT multiply: qdq_amax_int8_scale() for integers of 8 bits. It is NaN if `format` is none of the
/// QDQ_FORMAT_ numbers, or `amax` is not a valid range.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_format_scale(format: qdq_format, amax: f32) -> f32 {
    FORMATS.find(format).map_or(f32::NAN, |format| format.step(amax))
}

/// Returns the scale of an activation's range in a format as a 16-bit type holds it: rounded to nearest, and
/// raised to its smallest normal number if that costs the format nothing, as with 8-bit floats. Returns 0 if
/// the type does not hold it, or if a number is none of the QDQ_FORMAT_ and QDQ_HALF_ numbers: then keep the
/// scale in f32.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_format_half_scale(format: qdq_format, amax: f32, half: qdq_half) -> f32 {
    let known = FORMATS.find(format).zip(HALVES.find(half));
    known.and_then(|(format, half)| scale::of_range(amax, format, half.dtype())).unwrap_or(0.0)
}
