//! Shares and units of observed values.

use crate::observe::{Histogram, TensorStats};
use crate::range::{self, Method, Target};

use super::super::figure::text;

/// Returns the share of all values whose magnitude is above `limit`, 0 to 1.
///
/// The values of a bin count as evenly spread over it, unless all values are discrete.
pub fn above(stats: &TensorStats, limit: f32) -> f64 {
    share(stats, |lower, upper| 1.0 - below(limit, lower, upper))
}

/// Returns the share of all values other than zero whose magnitude is below `limit`, 0 to 1.
pub fn lost(stats: &TensorStats, limit: f32) -> f64 {
    let others = stats.histogram().total() as f64;
    let found = share(stats, |lower, upper| below(limit, lower, upper));
    if others > 0.0 { found * stats.count() as f64 / others } else { 0.0 }
}

/// Returns the share of the magnitudes between two edges that `limit` is not below.
fn below(limit: f32, lower: f64, upper: f64) -> f64 {
    let limit = f64::from(limit);
    match upper > lower {
        true => ((limit - lower) / (upper - lower)).clamp(0.0, 1.0),
        false => f64::from(u8::from(lower <= limit)),
    }
}

fn share(stats: &TensorStats, part: impl Fn(f64, f64) -> f64) -> f64 {
    let histogram = stats.histogram();
    let largest = f64::from(stats.abs_max().unwrap_or(0.0));
    let counted = histogram.bins().map(|bin| {
        // The last bin ends at the largest value. Discrete values are the lower edges.
        let upper =
            if histogram.between() == 0 { bin.lower.into() } else { f64::from(bin.upper).min(largest) };
        part(bin.lower.into(), upper) * bin.count as f64
    });
    let count = stats.count() as f64;
    if count > 0.0 { counted.sum::<f64>() / count } else { 0.0 }
}

/// Returns the magnitude that 99.99% of the values other than zero do not exceed.
pub fn usual_largest(stats: &TensorStats) -> Option<f32> {
    range::compute(stats, Method::Percentile(99.99), Target::default()).ok()
}

/// Returns the largest number of which all values are multiples, if the values are discrete.
///
/// They are so if every value has at most ten significant bits, and if there are at least three magnitudes.
pub fn unit(stats: &TensorStats) -> Option<f32> {
    let histogram: &Histogram = stats.histogram();
    if histogram.between() > 0 || histogram.below() > 0 {
        return None;
    }
    let edges: Vec<f64> = histogram.bins().map(|bin| f64::from(bin.lower)).collect();
    let smallest = edges.first().filter(|_| edges.len() > 2)?;
    // Ten significant bits: the last of the smallest value is 2^9 below its first.
    let base = (smallest.log2().floor() - 9.0).exp2();
    let multiples = edges.iter().map(|edge| (edge / base) as u64);
    let divisor = multiples.fold(0, gcd);
    Some((divisor as f64 * base) as f32)
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Returns a number with four significant digits.
pub fn shown(value: f32) -> String {
    text(value.into())
}

/// Returns the evidence of a channel that is much larger than the median one.
pub fn of_channel(at: usize, largest: f32, median: f32) -> Vec<(&'static str, f64)> {
    vec![("channel", at as f64), ("channel_max", largest.into()), ("median_channel_max", median.into())]
}

/// Returns the largest of some magnitudes, its position, and the median.
pub fn largest_and_median(magnitudes: &[f32]) -> Option<(usize, f32, f32)> {
    let (at, &largest) = magnitudes.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
    let mut sorted = magnitudes.to_vec();
    sorted.sort_by(f32::total_cmp);
    Some((at, largest, sorted[(sorted.len() - 1) / 2]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(values: &[f32]) -> TensorStats {
        let mut stats = TensorStats::new();
        stats.observe(values);
        stats
    }

    #[test]
    fn shares_are_of_all_values() {
        let found = stats(&[0.0, 0.0, 1.0, 2.0, -4.0, 8.0, 0.001, 16.0]);
        assert!((above(&found, 3.0) - 3.0 / 8.0).abs() < 1e-9);
        assert!((above(&found, 16.0)).abs() < 1e-6);
        assert!((lost(&found, 0.5) - 1.0 / 6.0).abs() < 1e-9, "zeros are exact");
        assert_eq!((above(&stats(&[]), 1.0), lost(&stats(&[0.0]), 1.0)), (0.0, 0.0));
    }

    #[test]
    fn discrete_values_have_a_unit() {
        assert_eq!(unit(&stats(&[0.0, 3.0, 6.0, -255.0])), Some(3.0));
        assert_eq!(unit(&stats(&[0.5, 0.75, 1.0])), Some(0.25));
        assert_eq!(unit(&stats(&[0.1, 0.2, 0.3])), None);
        assert_eq!(unit(&stats(&[1.0, 2.0])), None, "two magnitudes are no pixels");
    }

    #[test]
    fn the_median_is_the_lower_one() {
        assert_eq!(largest_and_median(&[3.0, 9.0, 1.0, 4.0]), Some((1, 9.0, 3.0)));
        assert_eq!(largest_and_median(&[]), None);
    }
}
