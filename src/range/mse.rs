//! The range with the least expected squared error of the real quantizer.
//!
//! The search places the values of a bin at its middle, and those of the last bin at the largest magnitude.
//! The quantizer is the symmetric one: q = min(round(|x| M / amax), M), y = q amax / M. For e4m3 the levels
//! are its numbers: y = e4m3(448 |x| / amax) amax / 448.
//!
//! The search computes the error Σ count (y - |x|)² in f64. The candidates go from the largest magnitude
//! downwards, 128 for each octave. The search stops when the clipped values alone cost more than the best
//! candidate so far, because no smaller range can be better then. A second search tries 1024 candidates for
//! each octave around the best one. Among equal candidates the largest wins, so data that M levels represent
//! exactly is not clipped.
//!
//! Discrete data (pixels, token ids, masks) is a multiple of some power of two, its grain. The range is then
//! M grain / n, with the largest n that clips nothing. It makes every value an integer number of steps, so
//! the error is 0; the largest magnitude itself as the range would round nearly all values. Pixels k/16 up to
//! 1 get 127/112 instead of 1.

use super::candidates;
use crate::e4m3;
use crate::observe::Histogram;

/// The number of finer candidates on each side of the best one. The error of few values has many small
/// minima.
const FINER: i32 = 8;

/// Adding this number to a value and subtracting it again rounds the value to an integer.
const WHOLE: f64 = 1.5 * (1u64 << 52) as f64;

/// The magnitude and the number of the values of one bin.
struct Mass {
    at: f64,
    count: f64,
}

/// Returns the amax with the least error for the magnitudes in `histogram`. `abs_max` is the largest of them.
pub(super) fn amax(histogram: &Histogram, abs_max: f32, max_level: u32) -> f32 {
    exact_range(histogram, abs_max, max_level).unwrap_or_else(|| {
        let rounding = |masses: &[Mass], range: f64| rounding(masses, range / f64::from(max_level));
        search(&masses(histogram, abs_max), abs_max, rounding)
    })
}

/// Returns the amax with the least error for e4m3.
pub(super) fn amax_e4m3(histogram: &Histogram, abs_max: f32) -> f32 {
    search(&masses(histogram, abs_max), abs_max, rounding_e4m3)
}

/// Returns the range of discrete data in which every value is a whole number of steps, if there is one.
fn exact_range(histogram: &Histogram, abs_max: f32, max_level: u32) -> Option<f32> {
    if histogram.between() > 0 || histogram.below() > 0 {
        return None;
    }
    let grain = histogram.bins().map(|bin| lowest_bit(bin.lower)).reduce(f64::min)?;
    let steps = (f64::from(max_level) * grain / f64::from(abs_max)).floor();
    let range = (f64::from(max_level) * grain / steps) as f32;
    (steps >= 1.0 && range.is_finite()).then_some(range)
}

/// Returns the largest power of two that divides a positive number.
fn lowest_bit(x: f32) -> f64 {
    let mantissa = x.to_bits() & 0x007f_ffff | 0x0080_0000;
    let exponent = (x.to_bits() >> 23) as i32 - 150;
    if x.is_subnormal() {
        return f64::from(1 << (x.to_bits()).trailing_zeros()) * 2f64.powi(-149);
    }
    2f64.powi(exponent + mantissa.trailing_zeros() as i32)
}

/// Searches the range with the least error. `rounding` gives the error of masses that are not above a range.
fn search(masses: &[Mass], abs_max: f32, rounding: impl Fn(&[Mass], f64) -> f64) -> f32 {
    let mut best = Best { range: abs_max, error: f64::INFINITY };
    for candidate in candidates(abs_max) {
        if !best.try_range(masses, candidate, &rounding) {
            break;
        }
    }
    let coarse = f64::from(best.range);
    for finer in -FINER..FINER {
        let factor = (f64::from(finer) / f64::from(FINER) / 128.0).exp2();
        let candidate = (coarse * factor) as f32;
        if candidate > 0.0 && candidate <= abs_max {
            best.try_range(masses, candidate, &rounding);
        }
    }
    best.range
}

/// The best candidate so far.
struct Best {
    range: f32,
    error: f64,
}

impl Best {
    /// Takes `candidate` if its error is less than the best so far.
    ///
    /// Returns false if the clipped values alone cost more than the best candidate. Every smaller candidate
    /// then costs more too.
    fn try_range(
        &mut self,
        masses: &[Mass],
        candidate: f32,
        rounding: &impl Fn(&[Mass], f64) -> f64,
    ) -> bool {
        let range = f64::from(candidate);
        let clipped = masses.partition_point(|mass| mass.at <= range);
        let clipping: f64 = masses[clipped..].iter().map(|mass| mass.count * (mass.at - range).powi(2)).sum();
        if clipping >= self.error {
            return false;
        }
        let error = clipping + rounding(&masses[..clipped], range);
        if error < self.error {
            *self = Self { range: candidate, error };
        }
        true
    }
}

fn masses(histogram: &Histogram, abs_max: f32) -> Vec<Mass> {
    let discrete = histogram.between() == 0;
    let mut masses: Vec<Mass> = histogram
        .bins()
        .map(|bin| {
            let upper = if discrete { bin.lower } else { bin.upper.min(abs_max) };
            Mass { at: (f64::from(bin.lower) + f64::from(upper)) / 2.0, count: bin.count as f64 }
        })
        .collect();
    if let Some(last) = masses.last_mut() {
        last.at = f64::from(abs_max);
    }
    masses
}

/// Computes Σ count (y - x)² without clipping. y is the multiple of `step` nearest to x.
fn rounding(masses: &[Mass], step: f64) -> f64 {
    let inverse = step.recip();
    let error = |mass: &Mass| {
        let level = mass.at * inverse + WHOLE - WHOLE;
        let error = mass.at - level * step;
        mass.count * error * error
    };
    // Four independent sums, so that the additions need not wait for each other.
    let mut sums = [0.0; 4];
    let (fours, rest) = masses.as_chunks::<4>();
    for four in fours {
        for (sum, mass) in sums.iter_mut().zip(four) {
            *sum += error(mass);
        }
    }
    sums.iter().sum::<f64>() + rest.iter().map(error).sum::<f64>()
}

/// Computes Σ count (y - x)² for e4m3 with the largest number at `range`. y is its number nearest to x.
fn rounding_e4m3(masses: &[Mass], range: f64) -> f64 {
    let scale = f64::from(e4m3::MAX) / range;
    let error = |mass: &Mass| {
        let y = f64::from(e4m3::decode(e4m3::encode((mass.at * scale) as f32))) / scale;
        mass.count * (mass.at - y).powi(2)
    };
    masses.iter().map(error).sum()
}

#[cfg(test)]
mod tests {
    use super::super::samples::{laplace, normal, single, stats, uniform};
    use super::*;

    fn range(values: &[f32], max_level: u32) -> f32 {
        let stats = stats(values);
        amax(stats.histogram(), stats.abs_max().unwrap(), max_level)
    }

    /// Computes the mean squared error of the quantizer itself on the values themselves.
    fn error(values: &[f32], amax: f32, max_level: u32) -> f64 {
        let step = f64::from(amax) / f64::from(max_level);
        let level = |x: f64| (x / step).round_ties_even().abs().min(f64::from(max_level)).copysign(x);
        let sum: f64 = values.iter().map(|&x| (level(x.into()) * step - f64::from(x)).powi(2)).sum();
        sum / values.len() as f64
    }

    #[test]
    fn the_error_is_nearly_the_least_there_is() {
        let mut outliers = laplace(3, 5000);
        outliers.push(100.0);
        let cases: [(&str, Vec<f32>); 7] = [
            ("normal", single(normal(1, 5000))),
            ("laplace", single(laplace(2, 5000))),
            ("outlier", single(outliers)),
            ("relu", single(normal(4, 5000).into_iter().map(|x| x.max(0.0)))),
            ("uniform", single(uniform(5, 5000))),
            ("tiny", single(normal(6, 5000).into_iter().map(|x| x * 1e-20))),
            ("huge", single(normal(7, 5000).into_iter().map(|x| x * 1e30))),
        ];
        for (name, values) in cases {
            let max = values.iter().fold(0.0f32, |max, x| max.max(x.abs()));
            for max_level in [7, 127, 255] {
                let found = error(&values, range(&values, max_level), max_level);
                let least = (1..=400)
                    .map(|k| error(&values, max * k as f32 / 400.0, max_level))
                    .fold(f64::INFINITY, f64::min);
                assert!(found <= 1.03 * least, "{name}, {max_level} levels: {found:e} against {least:e}");
            }
        }
    }

    #[test]
    fn discrete_data_gets_whole_steps() {
        let pixels: Vec<f32> = (0..=16).map(|k| k as f32 / 16.0).collect();
        let ids: Vec<f32> = (0..50).map(|k| k as f32 - 20.0).collect();
        for (values, max_level, expected) in
            [(&pixels, 127, 127.0 / 112.0), (&pixels, 255, 255.0 / 240.0), (&ids, 127, 127.0 / 4.0)]
        {
            let found = range(values, max_level);
            assert!((found - expected).abs() < 1e-6, "{found} instead of {expected}");
            assert!(error(values, found, max_level) < 1e-12, "{max_level} levels");
        }
        assert!(range(&ids, 7) <= 29.0, "more values than levels: the usual search");
    }

    #[test]
    fn the_grain_is_the_lowest_bit() {
        for (x, expected) in [(1.0, 1.0), (6.0, 2.0), (0.75, 0.25), (1e-45, 2f64.powi(-149)), (1023.0, 1.0)] {
            assert_eq!(lowest_bit(x), expected, "{x}");
        }
    }

    #[test]
    fn what_levels_represent_exactly_is_not_clipped() {
        for constant in [0.3f32, 1e-30, 1e30, f32::MAX, f32::MIN_POSITIVE, 1e-45] {
            assert_eq!(range(&[constant, -constant], 127), constant);
        }
        let one_hot = [0.0, 0.0, 1.0, 0.0];
        assert_eq!(range(&one_hot, 127), 1.0);
    }
}
