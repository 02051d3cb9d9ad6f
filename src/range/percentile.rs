//! The magnitude that a given percentage of the values do not exceed.
//!
//! Only values other than zero count. Zero is exact in every range and gives no information about the choice.
//! If zeros counted, the 99.99th percentile of one-hot vectors over 30,000 classes would be 0 and erase them.
//!
//! The result is the upper edge of the bin that contains the percentile, or the largest magnitude if that is
//! smaller. Therefore at most 100 - P percent of the values are clipped, P = 100 gives exactly the largest
//! magnitude, and one repeated value gives itself. The bin's width bounds the excess: 1/512.

use crate::error::{Error, ErrorKind, Result};
use crate::observe::Histogram;

/// Returns the range for a percentile (in percent) of the magnitudes in `histogram`.
pub(super) fn amax(histogram: &Histogram, abs_max: f32, percentile: f64) -> Result<f32> {
    let percentile = check(percentile)?;
    let total = histogram.total();
    let kept = total - clipped(total, percentile);
    let mut seen = 0u64;
    let bin = histogram.bins().find(|bin| {
        seen = seen.saturating_add(bin.count);
        seen >= kept
    });
    Ok(bin.map_or(abs_max, |bin| bin.upper.min(abs_max)))
}

/// Returns how many of `total` values may be clipped.
///
/// A small slack makes 99.9 of 10,000 clip ten values, although 100 - 99.9 is slightly less than 0.1 in
/// binary.
fn clipped(total: u64, percentile: f64) -> u64 {
    let share = (100.0 - percentile) / 100.0 * total as f64;
    ((share * (1.0 + 1e-9)) as u64).min(total.saturating_sub(1))
}

/// Returns the percentile if it is valid.
pub(super) fn check(percentile: f64) -> Result<f64> {
    if percentile > 0.0 && percentile <= 100.0 {
        return Ok(percentile);
    }
    Err(Error::new(ErrorKind::InvalidArgument, format!("percentile {percentile} is out of range"))
        .with_remedy("choose one over 0, up to 100; 99.99 is usual"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::TensorStats;

    fn percentile(values: &[f32], percentile: f64) -> f32 {
        let mut stats = TensorStats::new();
        stats.observe(values);
        amax(stats.histogram(), stats.abs_max().unwrap(), percentile).unwrap()
    }

    #[test]
    fn at_most_the_rest_is_clipped() {
        let values: Vec<f32> = (1..=10_000).map(|k| k as f32 / 7.0).collect();
        for (p, clipped) in [(99.99, 1), (99.9, 10), (99.0, 100), (50.0, 5000), (100.0, 0), (1e-9, 9999)] {
            let amax = percentile(&values, p);
            let over = values.iter().filter(|&&x| x > amax).count();
            assert!(over <= clipped, "{p}: {over} over {amax}");
            let wanted = values[values.len() - 1 - clipped];
            assert!(amax <= wanted * (1.0 + 1.0 / 512.0), "{p}: {amax} for {wanted}");
        }
        assert_eq!(percentile(&values, 100.0), values[9_999]);
    }

    #[test]
    fn zeros_do_not_count_and_a_constant_gives_itself() {
        let mut values = vec![0.0; 100_000];
        values.extend([0.3, -0.3]);
        assert_eq!(percentile(&values, 99.99), 0.3);
        assert_eq!(percentile(&values, 50.0), 0.3);
    }

    #[test]
    fn what_is_no_percentile_is_an_error() {
        for wrong in [0.0, -1.0, 100.1, f64::NAN, f64::INFINITY] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }
}
