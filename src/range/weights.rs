//! Ranges of weights. All values are known at once, so no statistics are needed.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use super::{Method, Target, compute, compute_e4m3};
use crate::e4m3;
use crate::error::{Error, ErrorKind, Result};
use crate::kernel::{self, parallel};
use crate::observe::TensorStats;
use crate::tensor::element_count;

/// The number of ranges that [`Method::Mse`] tries for a channel, in equal steps from its largest magnitude
/// down to [`LOWEST`] times that.
const CANDIDATES: usize = 128;
/// The smallest range to try, relative to the largest magnitude. A smaller range never pays off: a channel
/// has few weights, and the large ones matter most.
const LOWEST: f32 = 0.8;

/// The search stops when the clipping error alone is this many times the least error so far. Rounding of the
/// sums cannot explain such a difference.
const MARGIN: f64 = 1.001;

/// The weight of the output's mean shift against its noise: (m / d)² in the documentation of [`weights`].
///
/// Of 0, 0.5, 1, 2, 4 and 8, the values 1 and 2 gave the best results on fifteen small networks, and 2 on the
/// depthwise one.
const SHIFT_WEIGHT: f64 = 2.0;

/// Computes one range for every position along `axis` of row-major weights, or a single range without an
/// axis.
///
/// [`Method::Mse`] costs the least accuracy. It does not minimise Σ e² of the rounding errors e = ŵ - w
/// alone, but Σ e² + 2 (Σ e)². A weight's error is multiplied by its input. For inputs of mean m and
/// deviation d, the mean square error of the output is therefore d² Σ e² + m² (Σ e)². The output of an
/// activation function has a mean that is at least as large as its deviation.
///
/// Without the second term the search clips, which moves all large weights towards zero together: a depthwise
/// MobileNet lost 4 dB of output SQNR. With it, the digits model gains 2.6 to 3.6 dB over [`Method::Max`]
/// (depending on the method of its activations), and most small networks gain 0.5 to 2 dB. No network loses
/// more than chance.
///
/// # Errors
///
/// If shape, axis and values do not fit each other; if there are no weights; if a weight is NaN or infinite;
/// the errors of [`compute`].
pub fn weights(
    values: &[f32],
    shape: &[usize],
    axis: Option<usize>,
    method: Method,
    target: Target,
) -> Result<Vec<f32>> {
    check_finite(values)?;
    per_channel(values, shape, axis, |channel| range(channel, method, target))
}

/// Works as [`weights`] for the 8-bit float e4m3.
///
/// [`Method::Mse`] weighs the errors in the same way. Only rounding to the nearest number differs.
///
/// # Errors
///
/// Those of [`weights`]; for [`Method::Entropy`], those of [`compute_e4m3`].
pub fn weights_e4m3(
    values: &[f32],
    shape: &[usize],
    axis: Option<usize>,
    method: Method,
) -> Result<Vec<f32>> {
    check_finite(values)?;
    per_channel(values, shape, axis, |channel| {
        let abs_max = kernel::active().abs_max(channel);
        match method {
            Method::Max => Ok(abs_max),
            Method::Mse => Ok(least_e4m3_error(channel, abs_max)),
            Method::Entropy | Method::Percentile(_) => {
                let mut stats = TensorStats::new();
                stats.observe(channel);
                compute_e4m3(&stats, method)
            }
        }
    })
}

fn check_finite(values: &[f32]) -> Result<()> {
    let Some(wrong) = values.iter().find(|w| !w.is_finite()) else { return Ok(()) };
    Err(Error::new(ErrorKind::Data, format!("a weight is {wrong}"))
        .with_remedy("check how the model was exported"))
}

/// The number of ranges to try for e4m3: one octave, beyond which the mantissas repeat.
const E4M3_CANDIDATES: usize = 16;

fn least_e4m3_error(values: &[f32], abs_max: f32) -> f32 {
    let error = |range: f32| {
        let inverse = e4m3::MAX / range;
        let errors = values.iter().map(|&w| f64::from(e4m3::decode(e4m3::encode(w * inverse)) / inverse - w));
        let (squares, sum) = errors.fold((0.0, 0.0), |(squares, sum), e| (squares + e * e, sum + e));
        squares + SHIFT_WEIGHT * sum * sum
    };
    // A larger range clips nothing, and its mantissas are those of a smaller one.
    let candidates = (0..E4M3_CANDIDATES).map(|k| abs_max * (k as f32 / E4M3_CANDIDATES as f32).exp2());
    let usable = candidates.filter(|range| range.is_finite() && (e4m3::MAX / range).is_normal());
    let judged = usable.map(|range| (error(range), range));
    judged.min_by(|(a, _), (b, _)| a.total_cmp(b)).map_or(abs_max, |(_, range)| range)
}

/// Applies `range` to the weights at every position along `axis`, or to all weights without an axis.
pub(super) fn per_channel(
    values: &[f32],
    shape: &[usize],
    axis: Option<usize>,
    range: impl Fn(&[f32]) -> Result<f32> + Sync,
) -> Result<Vec<f32>> {
    if element_count(shape)? != values.len() {
        return Err(Error::new(
            ErrorKind::Shape,
            format!("shape {shape:?} does not fit {} weights", values.len()),
        ));
    }
    if values.is_empty() {
        return Err(Error::new(ErrorKind::Data, format!("no range: shape {shape:?} holds no weights")));
    }
    let Some(axis) = axis else { return Ok(vec![range(values)?]) };
    let Some(&channels) = shape.get(axis) else {
        return Err(Error::new(ErrorKind::InvalidArgument, format!("shape {shape:?} has no axis {axis}")));
    };
    let run = element_count(&shape[axis + 1..])?;
    let channel = |index: usize| -> Cow<'_, [f32]> {
        if values.len() == channels * run {
            return values[index * run..][..run].into();
        }
        values.chunks_exact(run).skip(index).step_by(channels).flatten().copied().collect()
    };
    parallel::tasks(channels, |index| range(&channel(index))).into_iter().collect()
}

/// Computes the range of some weights. Uses the values themselves if that is quick and gains accuracy.
fn range(values: &[f32], method: Method, target: Target) -> Result<f32> {
    match method {
        Method::Max => target.max_level().map(|_| kernel::active().abs_max(values)),
        Method::Mse => least_output_error(values, kernel::active().abs_max(values), target),
        _ => {
            let mut stats = TensorStats::new();
            stats.observe(values);
            compute(&stats, method, target)
        }
    }
}

/// The magnitudes whose errors have squares within `f32`.
const USUAL: RangeInclusive<f32> = 1.0 / (1 << 30) as f32..=(1 << 30) as f32;

/// Returns the range with the least output error for weights of any magnitude.
///
/// Unusual magnitudes are scaled by a power of two, which does not change the rounding.
fn least_output_error(values: &[f32], abs_max: f32, target: Target) -> Result<f32> {
    if abs_max == 0.0 || USUAL.contains(&abs_max) {
        return least_usual_error(values, abs_max, target);
    }
    let unit = power_of_two(abs_max);
    let scaled: Vec<f32> = values.iter().map(|w| w / unit).collect();
    Ok(least_usual_error(&scaled, abs_max / unit, target)? * unit)
}

/// Returns the largest power of two that is not above a positive number.
fn power_of_two(x: f32) -> f32 {
    let bits = x.to_bits();
    f32::from_bits(if x.is_normal() { bits & f32::INFINITY.to_bits() } else { 1 << bits.ilog2() })
}

fn least_usual_error(values: &[f32], abs_max: f32, target: Target) -> Result<f32> {
    let high = target.max_level()? as f32;
    let low = if target.unsigned { 0.0 } else { -high - 1.0 };
    // Values that no candidate clips add nothing to the clipping error.
    let large: Vec<f32> = values.iter().copied().filter(|w| w.abs() > LOWEST * abs_max).collect();
    let mut best = (f64::INFINITY, abs_max);
    for range in candidates(abs_max) {
        let step = range / high;
        if clipping_error(&large, low * step, high * step) > MARGIN * best.0 {
            // Smaller ranges clip more.
            break;
        }
        let error = output_error(values, step, low, high);
        if error < best.0 {
            best = (error, range);
        }
    }
    Ok(best.1)
}

/// Returns the ranges to try, from the largest magnitude downwards.
fn candidates(abs_max: f32) -> impl Iterator<Item = f32> {
    (0..CANDIDATES).map(move |k| abs_max * (1.0 - (1.0 - LOWEST) * k as f32 / CANDIDATES as f32))
}

/// Computes Σ e² of the values beyond the bounds. It is at most Σ e² + 2 (Σ e)² of all values.
fn clipping_error(values: &[f32], low: f32, high: f32) -> f64 {
    values.iter().map(|&w| f64::from(w - w.clamp(low, high)).powi(2)).sum()
}

/// Computes Σ e² + 2 (Σ e)² for weights that are rounded to multiples of `step`.
fn output_error(values: &[f32], step: f32, low: f32, high: f32) -> f64 {
    let (squares, sum) = kernel::active().rounding_errors(values, step, low, high);
    squares + SHIFT_WEIGHT * sum * sum
}

#[cfg(test)]
mod tests {
    use super::super::samples::{laplace, normal, single, uniform};
    use super::*;

    fn max(shape: &[usize], axis: Option<usize>) -> Vec<f32> {
        let values: Vec<f32> = (0..24).map(|i| if i % 2 == 0 { i as f32 } else { -(i as f32) }).collect();
        weights(&values, shape, axis, Method::Max, Target::default()).unwrap()
    }

    #[test]
    fn every_position_along_the_axis_has_its_own_range() {
        assert_eq!(max(&[2, 3, 4], None), [23.0]);
        assert_eq!(max(&[2, 3, 4], Some(0)), [11.0, 23.0]);
        assert_eq!(max(&[2, 3, 4], Some(1)), [15.0, 19.0, 23.0]);
        assert_eq!(max(&[2, 3, 4], Some(2)), [20.0, 21.0, 22.0, 23.0]);
        assert_eq!(max(&[1, 24], Some(0)), [23.0]);
    }

    #[test]
    fn weights_that_are_not_finite_are_refused_in_every_format() {
        for values in [[1.0, f32::NAN], [f32::INFINITY, 1.0]] {
            for method in [Method::Max, Method::Mse] {
                let refused = [
                    weights(&values, &[2], None, method, Target::default()),
                    weights_e4m3(&values, &[2], None, method),
                ];
                assert!(refused.iter().all(|it| it.as_ref().is_err_and(|e| e.kind() == ErrorKind::Data)));
            }
        }
    }

    #[test]
    fn a_channel_of_zeros_has_range_zero() {
        let ranges = weights(&[0.0, 0.0, 2.0, -2.0], &[2, 2], Some(0), Method::Mse, Target::default());
        assert_eq!(ranges.unwrap(), [0.0, 2.0]);
    }

    #[test]
    fn least_squared_error_means_that_of_the_output() {
        let error = |values: &[f32], amax: f32| {
            let step = f64::from(amax) / 127.0;
            let errors = values.iter().map(|&w| {
                let w = f64::from(w);
                (w / step).round_ties_even().clamp(-128.0, 127.0) * step - w
            });
            let (squares, sum) = errors.fold((0.0, 0.0), |(squares, sum), e| (squares + e * e, sum + e));
            squares + SHIFT_WEIGHT * sum * sum
        };
        for seed in 0..20 {
            let values = single(normal(seed, 9 + 100 * seed as usize));
            let range =
                |method| weights(&values, &[values.len()], None, method, Target::default()).unwrap()[0];
            let (found, max) = (range(Method::Mse), range(Method::Max));
            assert!(found <= max && found >= LOWEST * max, "seed {seed}: {found} of {max}");
            let least = (0..CANDIDATES)
                .map(|k| error(&values, max * (1.0 - 0.2 * k as f32 / CANDIDATES as f32)))
                .fold(f64::INFINITY, f64::min);
            assert!(error(&values, found) <= 1.01 * least, "seed {seed}");
        }
    }

    #[test]
    fn giving_up_where_clipping_alone_costs_more_changes_nothing() {
        let mut outlier = normal(3, 700);
        outlier.push(30.0);
        let cases = [
            normal(1, 9),
            normal(2, 5000),
            outlier,
            laplace(4, 300),
            laplace(5, 5000),
            uniform(6, 100).collect(),
        ];
        for values in cases.map(single) {
            for (num_bits, unsigned) in [(4, false), (8, false), (8, true)] {
                let target = Target { num_bits, unsigned };
                let high = target.max_level().unwrap() as f32;
                let low = if unsigned { 0.0 } else { -high - 1.0 };
                let abs_max = kernel::active().abs_max(&values);
                let errors =
                    candidates(abs_max).map(|range| (range, output_error(&values, range / high, low, high)));
                let least = errors.reduce(|best, next| if next.1 < best.1 { next } else { best }).unwrap();
                let found = least_output_error(&values, abs_max, target).unwrap();
                assert_eq!(found, least.0, "{} values, {num_bits} bits", values.len());
            }
        }
    }

    #[test]
    fn ranges_grow_and_shrink_with_the_weights() {
        for seed in 0..4 {
            let values = single(normal(seed, 700));
            let range = |values: &[f32]| {
                weights(values, &[values.len()], None, Method::Mse, Target::default()).unwrap()[0]
            };
            let usual = range(&values);
            for power in [-110, -90, -70, -50, -31, 31, 50, 70, 90, 120] {
                let unit = 2f32.powi(power);
                let scaled: Vec<f32> = values.iter().map(|w| w * unit).collect();
                assert_eq!(range(&scaled), usual * unit, "seed {seed}, 2^{power}");
            }
        }
        for amax in [f32::from_bits(1), f32::MIN_POSITIVE, f32::MAX] {
            assert_eq!(range(&[amax, -amax], Method::Mse, Target::default()).unwrap(), amax);
            assert!(power_of_two(amax) <= amax && power_of_two(amax) > amax / 2.0, "{amax}");
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let weights = |values: &[f32], shape: &[usize], axis| {
            weights(values, shape, axis, Method::Max, Target::default()).map_err(|error| error.kind())
        };
        assert_eq!(weights(&[1.0], &[2], None), Err(ErrorKind::Shape));
        assert_eq!(weights(&[1.0], &[1], Some(1)), Err(ErrorKind::InvalidArgument));
        assert_eq!(weights(&[f32::NAN], &[1], Some(0)), Err(ErrorKind::Data));
        assert_eq!(weights(&[], &[3, 0], Some(0)), Err(ErrorKind::Data));
        assert_eq!(weights(&[], &[0], None), Err(ErrorKind::Data));
    }
}
