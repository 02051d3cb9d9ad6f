//! Weights as int8, with the arithmetic of ONNX's QuantizeLinear.

use ndarray::ArrayViewD;

use crate::error::{Error, ErrorKind, Result};
use crate::kernel::arithmetic::round;
use crate::tensor::element_count;

use super::amax::abs_max;
use super::step::step;

/// The bits of int8.
const BITS: u32 = 8;

/// Integer weights and their scales.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizedWeights {
    /// One integer per weight, in the order of the weights. The lowest integer occurs only if a given
    /// range clips.
    pub values: Vec<i8>,
    /// ONNX's scale, the width of one integer step: weight = value * scale. (This is the reciprocal of the
    /// inverse scale of the functions in [`quant`](super).) There is one per index of the axis, or a single
    /// one without an axis. It is always a normal positive number.
    pub scale: Vec<f32>,
}

/// Quantizes row-major weights symmetrically to int8, with one scale per index of `axis` or one for all.
///
/// scale = [`step`](super::step)(amax, 127), which is amax / 127 except at the ends of f32. value =
/// clamp(rne(weight / scale), -128, 127). Both are computed in f32. The division is that of QuantizeLinear,
/// so a runtime that quantizes the float weights with these scales gets the same integers. If amax is 0, the
/// scale is 1 and the values are 0.
///
/// # Errors
///
/// `Shape` if there is no weight or the shape does not fit the weights or has no such axis; `Data` if a
/// weight is NaN or infinite.
///
/// ```
/// # use qdq::quant::weights::quantize_weights;
/// let found = quantize_weights(&[1.0, -0.5, 254.0, 3.0], &[2, 2], Some(0))?;
/// assert_eq!(found.values, [127, -64, 127, 2]);
/// assert_eq!(found.scale, [1.0 / 127.0, 2.0]);
/// # Ok::<(), qdq::error::Error>(())
/// ```
pub fn quantize_weights(values: &[f32], shape: &[usize], axis: Option<usize>) -> Result<QuantizedWeights> {
    check(values, shape, axis)?;
    let amax = abs_max_along(values, shape, axis);
    quantize_weights_within(values, shape, axis, &amax)
}

/// Quantizes like [`quantize_weights`], within given ranges: one per index of `axis`, or a single one.
///
/// Weights beyond their range are clipped.
///
/// # Errors
///
/// Those of [`quantize_weights`]; `InvalidArgument` if there is not one range for every index, or a range is
/// negative or not finite.
pub fn quantize_weights_within(
    values: &[f32],
    shape: &[usize],
    axis: Option<usize>,
    amax: &[f32],
) -> Result<QuantizedWeights> {
    quantize_weights_to(values, shape, axis, amax, BITS)
}

/// Quantizes like [`quantize_weights_within`], to integers of `bits`, 2 to 8.
///
/// scale = step(amax, M) and value = clamp(rne(weight / scale), -M - 1, M) with M = 2^(bits - 1) - 1. Each
/// integer takes one `i8`, for fewer than 8 bits too.
///
/// # Errors
///
/// Those of [`quantize_weights_within`]; `InvalidArgument` if `bits` is not 2 to 8.
pub fn quantize_weights_to(
    values: &[f32],
    shape: &[usize],
    axis: Option<usize>,
    amax: &[f32],
    bits: u32,
) -> Result<QuantizedWeights> {
    let max = max_level(bits)?;
    check(values, shape, axis)?;
    if values.is_empty() {
        return Err(Error::new(ErrorKind::Shape, format!("weights of shape {shape:?} have no element")));
    }
    check_finite(values, shape)?;
    let expected = axis.map_or(1, |axis| shape[axis]);
    if amax.len() != expected || !amax.iter().all(|amax| amax.is_finite() && *amax >= 0.0) {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "weights of shape {shape:?} need {expected} finite ranges that are not negative, not {amax:?}"
            ),
        ));
    }
    let scale: Vec<f32> = amax.iter().map(|&amax| step(amax, max)).collect();
    // In a range of 0, every weight becomes 0.
    let divisor =
        amax.iter().zip(&scale).map(|(&amax, &scale)| if amax == 0.0 { f32::INFINITY } else { scale });
    let divisor: Vec<f32> = divisor.collect();
    let values = divided(values, (shape, axis), &divisor, max);
    Ok(QuantizedWeights { values, scale })
}

/// Quantizes to int8 by given scales: value = clamp(rne(weight / scale), -128, 127).
///
/// # Errors
///
/// Those of [`quantize_weights`]; `InvalidArgument` if a scale is not a positive finite number.
pub fn quantize_weights_by(
    values: &[f32],
    shape: &[usize],
    axis: Option<usize>,
    scales: &[f32],
) -> Result<Vec<i8>> {
    check(values, shape, axis)?;
    check_finite(values, shape)?;
    if values.is_empty() {
        return Err(Error::new(ErrorKind::Shape, format!("weights of shape {shape:?} have no element")));
    }
    let expected = axis.map_or(1, |axis| shape[axis]);
    if scales.len() != expected || !scales.iter().all(|scale| scale.is_finite() && *scale > 0.0) {
        let bad = scales.iter().find(|scale| !(scale.is_finite() && **scale > 0.0));
        let found = bad.map_or_else(|| scales.len().to_string(), |bad| format!("{bad}"));
        let message =
            format!("weights of shape {shape:?} need {expected} positive finite scales, not {found}");
        return Err(Error::new(ErrorKind::InvalidArgument, message)
            .with_remedy("give the scales of the weights' own quantization"));
    }
    Ok(divided(values, (shape, axis), scales, max_level(BITS)?))
}

/// Replaces the scales by `steps`, and computes the integers of the weights anew for the scales that change.
///
/// `place` is the shape and the axis with which `values` were quantized.
///
/// # Errors
///
/// `Shape` if `quantized` is not of such weights; `InvalidArgument` if `bits` is not 2 to 8.
pub fn rescale(
    quantized: QuantizedWeights,
    values: &[f32],
    place: (&[usize], Option<usize>),
    bits: u32,
    steps: &[f32],
) -> Result<QuantizedWeights> {
    let (max, (shape, axis)) = (max_level(bits)?, place);
    check(values, shape, axis)?;
    let QuantizedWeights { values: mut integers, scale } = quantized;
    if integers.len() != values.len()
        || scale.len() != axis.map_or(1, |axis| shape[axis])
        || steps.len() != scale.len()
    {
        let message =
            format!("{} integers and {} scales for weights of shape {shape:?}", integers.len(), scale.len());
        return Err(Error::new(ErrorKind::Shape, message));
    }
    let changed = steps.to_vec();
    if changed == scale {
        return Ok(QuantizedWeights { values: integers, scale });
    }
    let anew = divided(values, place, &changed, max);
    // Rounding steps to 16 bits changes almost all of them.
    if changed.iter().zip(&scale).all(|(new, old)| new != old) {
        return Ok(QuantizedWeights { values: anew, scale: changed });
    }
    for_each_slice(shape, axis, |range, channels| {
        let run = range.len() / channels.len();
        let is_changed = |&(_, channel): &(usize, usize)| changed[channel] != scale[channel];
        for (at, _) in channels.enumerate().filter(is_changed) {
            let own = range.start + at * run..range.start + (at + 1) * run;
            integers[own.clone()].copy_from_slice(&anew[own]);
        }
    });
    Ok(QuantizedWeights { values: integers, scale: changed })
}

/// Returns the integers clamp(rne(value / divisor)), with one divisor per index of the axis or a single one.
fn divided(values: &[f32], (shape, axis): (&[usize], Option<usize>), divisors: &[f32], max: f32) -> Vec<i8> {
    let mut integers = vec![0; values.len()];
    for_each_slice(shape, axis, |range, channels| {
        let (values, integers) = (&values[range.clone()], &mut integers[range]);
        match &divisors[channels] {
            &[divisor] => {
                for (integer, &value) in integers.iter_mut().zip(values) {
                    *integer = quantize_one(value, divisor, max);
                }
            }
            divisors => {
                for ((integer, &value), &divisor) in integers.iter_mut().zip(values).zip(divisors) {
                    *integer = quantize_one(value, divisor, max);
                }
            }
        }
    });
    integers
}

/// Returns max |x| for every index of `axis`, or of all values. It is NaN if there is a NaN. The result is
/// empty if there is no element.
///
/// # Panics
///
/// If `shape` does not fit the values or has no such axis.
pub fn abs_max_along(values: &[f32], shape: &[usize], axis: Option<usize>) -> Vec<f32> {
    check(values, shape, axis).unwrap_or_else(|error| panic!("{error}"));
    if values.is_empty() {
        return Vec::new();
    }
    let view = ArrayViewD::from_shape(shape, values).unwrap_or_else(|error| panic!("{error}"));
    let axis = axis.map(|axis| axis as isize);
    let amax =
        abs_max(view, axis.as_ref().map(std::slice::from_ref)).unwrap_or_else(|error| panic!("{error}"));
    amax.into_raw_vec_and_offset().0
}

/// Calls `f` with stretches of elements and their channels, if there are elements. If the axis is the last
/// one, there is one channel per element; otherwise one channel for the whole stretch.
fn for_each_slice(
    shape: &[usize],
    axis: Option<usize>,
    mut f: impl FnMut(std::ops::Range<usize>, std::ops::Range<usize>),
) {
    let count: usize = shape.iter().product();
    let Some(axis) = axis else { return f(0..count, 0..1) };
    let channels = shape[axis];
    let inner: usize = shape[axis + 1..].iter().product();
    if inner == 1 {
        for row in 0..count / channels {
            f(row * channels..(row + 1) * channels, 0..channels);
        }
        return;
    }
    for slice in 0..count / inner {
        let channel = slice % channels;
        f(slice * inner..(slice + 1) * inner, channel..channel + 1);
    }
}

fn quantize_one(value: f32, divisor: f32, max: f32) -> i8 {
    round((value / divisor).clamp(-max - 1.0, max)) as i8
}

/// Returns the largest integer of weights of `bits`, M = 2^(bits - 1) - 1. The lowest is -M - 1.
///
/// # Errors
///
/// `InvalidArgument` if `bits` is not 2 to 8.
pub fn max_level(bits: u32) -> Result<f32> {
    if !(2..=BITS).contains(&bits) {
        return Err(Error::new(ErrorKind::InvalidArgument, format!("weights of {bits} bits"))
            .with_remedy("choose 2 to 8 bits"));
    }
    Ok(((1i32 << (bits - 1)) - 1) as f32)
}

fn check(values: &[f32], shape: &[usize], axis: Option<usize>) -> Result<()> {
    if element_count(shape)? != values.len() {
        return Err(Error::new(
            ErrorKind::Shape,
            format!("weights of shape {shape:?} do not fit {} elements", values.len()),
        ));
    }
    match axis {
        Some(axis) if axis >= shape.len() => {
            Err(Error::new(ErrorKind::Shape, format!("weights of shape {shape:?} have no axis {axis}"))
                .with_remedy(format!("use an axis below {} or one scale for all weights", shape.len())))
        }
        _ => Ok(()),
    }
}

/// Refuses row-major weights that contain a NaN or an infinity.
///
/// # Errors
///
/// `Data`, which names the first of them.
pub fn check_finite(values: &[f32], shape: &[usize]) -> Result<()> {
    if values.iter().all(|value| value.is_finite()) {
        return Ok(());
    }
    let at = values.iter().position(|value| !value.is_finite()).unwrap_or_default();
    let message = format!("weight {:?} is {}", super::group::index_of(at, shape), values[at]);
    Err(Error::new(ErrorKind::Data, message).with_remedy("repair the model: weights must be finite"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn weights() -> impl Strategy<Value = (Vec<usize>, Vec<f32>)> {
        proptest::collection::vec(1usize..5, 1..5).prop_flat_map(|shape| {
            let count = shape.iter().product::<usize>();
            (Just(shape), proptest::collection::vec(-1e3f32..1e3, count))
        })
    }

    #[test]
    fn ranges_of_the_caller_clip() {
        let found = quantize_weights_within(&[1.0, -4.0, 0.5, 2.0], &[2, 2], Some(0), &[1.27, 2.54]).unwrap();
        assert_eq!(found.values, [100, -128, 25, 100]);
        // In a range of 0, every weight becomes 0.
        let found = quantize_weights_within(&[1.0, -4.0, 0.5, 2.0], &[2, 2], Some(0), &[0.0, 2.54]).unwrap();
        assert_eq!((&found.values[..2], found.scale[0]), (&[0, 0][..], 1.0));
        for amax in [&[1.0][..], &[1.0, -1.0], &[1.0, f32::NAN], &[1.0; 3]] {
            assert!(quantize_weights_within(&[1.0; 4], &[2, 2], Some(0), amax).is_err(), "{amax:?}");
        }
    }

    #[test]
    fn fewer_bits_are_a_coarser_grid() {
        let weights = [7.0, -8.4, 3.4, 0.5, -9.9, 20.0];
        let found = quantize_weights_to(&weights, &[6], None, &[7.0], 4).unwrap();
        assert_eq!(found, QuantizedWeights { values: vec![7, -8, 3, 0, -8, 7], scale: vec![1.0] });
        assert_eq!(
            quantize_weights_to(&weights, &[6], None, &[1.0], 2).unwrap().values,
            [1, -2, 1, 0, -2, 1]
        );
        for bits in [0, 1, 9, 32, u32::MAX] {
            let error = quantize_weights_to(&weights, &[6], None, &[7.0], bits).unwrap_err();
            assert_eq!(error.message(), format!("weights of {bits} bits"));
        }
    }

    #[test]
    fn only_zeros_get_scale_one() {
        for amax in [0.0, -0.0] {
            let found = quantize_weights(&[amax, -amax], &[2], None).unwrap();
            assert_eq!(found, QuantizedWeights { values: vec![0, 0], scale: vec![1.0] }, "{amax}");
        }
        for (amax, expected) in
            [(f32::from_bits(1), 0), (f32::MIN_POSITIVE, 1), (f32::MIN_POSITIVE * 126.0, 126)]
        {
            let found = quantize_weights(&[amax, -amax], &[2], None).unwrap();
            assert_eq!((found.values[0], found.values[1]), (expected, -expected), "{amax}");
            assert_eq!(found.scale, [f32::MIN_POSITIVE], "{amax}");
        }
        for amax in [2e-36, 1e-30, 1e-8, f32::MAX] {
            let found = quantize_weights(&[amax, -amax], &[2], None).unwrap();
            assert_eq!(found.values, [127, -127], "{amax}");
            assert!((found.scale[0] * 127.0).is_finite());
        }
    }

    #[test]
    fn maxima_keep_nan_to_its_channel() {
        let values = [1.0, f32::NAN, -3.0, 2.0, -0.5, f32::NEG_INFINITY];
        assert_eq!(abs_max_along(&values[2..], &[2, 2], Some(0)), [3.0, f32::INFINITY]);
        for (axis, nan) in [(0, [true, false].as_slice()), (1, &[false, true, false])] {
            let found = abs_max_along(&values, &[2, 3], Some(axis));
            assert_eq!(found.iter().map(|amax| amax.is_nan()).collect::<Vec<_>>(), nan);
        }
        assert!(abs_max_along(&values, &[2, 3], None)[0].is_nan());
    }

    #[test]
    fn ties_go_to_the_even_integer() {
        let found = quantize_weights(&[127.0, 0.5, 1.5, 2.5, -0.5, -1.5], &[6], None).unwrap();
        assert_eq!(found.values, [127, 0, 2, 2, 0, -2]);
    }

    #[test]
    fn errors_name_the_weight() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for axis in [None, Some(0), Some(1)] {
                let error = quantize_weights(&[0.0, 1.0, 2.0, bad], &[2, 2], axis).unwrap_err();
                assert_eq!(error.message(), format!("weight [1, 1] is {bad}"));
            }
        }
        assert_eq!(quantize_weights(&[1.0], &[2], None).unwrap_err().kind(), ErrorKind::Shape);
        assert_eq!(quantize_weights(&[1.0], &[1], Some(1)).unwrap_err().kind(), ErrorKind::Shape);
        // The product of the shape is 0, but the product of its tail overflows.
        for axis in [None, Some(0), Some(1)] {
            let error = quantize_weights(&[], &[0, usize::MAX, 2], axis).unwrap_err();
            assert!(error.message().contains("no element"), "{error}");
            assert!(abs_max_along(&[], &[0, usize::MAX, 2], axis).is_empty());
        }
    }

    #[test]
    fn integers_follow_the_scales_that_change() {
        // Along the last axis, along the first, and without one.
        let values = [1.0, 0.002, -0.5, 0.001, 0.25, -0.0005];
        let shape = [3usize, 2];
        for axis in [Some(1), Some(0), None] {
            let found = quantize_weights(&values, &shape, axis).unwrap();
            let least: Vec<f32> = found.scale.iter().map(|step| step.max(1e-4)).collect();
            let raised = rescale(found.clone(), &values, (&shape, axis), 8, &least).unwrap();
            for (at, (&value, &integer)) in values.iter().zip(&raised.values).enumerate() {
                let channel = axis.map_or(0, |axis| [at / 2, at % 2][axis]);
                let scale = raised.scale[channel];
                assert_eq!(scale, found.scale[channel].max(1e-4));
                assert_eq!(integer, quantize_one(value, scale, 127.0));
            }
            assert_eq!(raised == found, axis != Some(1), "only the second column has small weights");
            assert_eq!(rescale(found.clone(), &values, (&shape, axis), 8, &found.scale).unwrap(), found);
            assert!(rescale(found, &values[1..], (&shape, axis), 8, &least).is_err());
        }
        // A range of 0 keeps its zeros, whatever its weights are.
        let zero = quantize_weights_within(&values, &shape, Some(1), &[0.0, 0.01]).unwrap();
        let least: Vec<f32> = zero.scale.iter().map(|step| step.max(1e-4)).collect();
        let raised = rescale(zero, &values, (&shape, Some(1)), 8, &least).unwrap();
        assert_eq!((raised.scale, raised.values), (vec![1.0, 1e-4], vec![0, 20, 0, 10, 0, -5]));
    }

    proptest! {
        #[test]
        fn every_weight_follows_the_formula_of_its_channel((shape, weights) in weights(), axis in 0usize..5) {
            let axis = (axis < shape.len()).then_some(axis);
            let found = quantize_weights(&weights, &shape, axis).unwrap();
            let channel = |at: usize| axis.map_or(0, |axis| super::super::group::index_of(at, &shape)[axis]);
            for (at, &weight) in weights.iter().enumerate() {
                let others = weights.iter().enumerate().filter(|&(other, _)| channel(other) == channel(at));
                let amax = others.fold(0f32, |max, (_, x)| max.max(x.abs()));
                let scale = if amax == 0.0 { 1.0 } else { amax / 127.0 };
                prop_assert_eq!(found.scale[channel(at)], scale);
                prop_assert_eq!(f32::from(found.values[at]), (weight / scale).round_ties_even());
            }
        }
    }
}
