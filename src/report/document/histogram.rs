//! Histograms with few bars.

use serde::Serialize;

use crate::observe::TensorStats;

/// The bars of one octave.
const PER_OCTAVE: usize = 2;
/// The octaves below the largest magnitude that are shown. Smaller values are in the first bar.
pub const OCTAVES: usize = 16;
/// The number of bars.
pub const BARS: usize = PER_OCTAVE * OCTAVES;

/// The shares of magnitudes by their logarithm.
///
/// Bar k counts the magnitudes from `largest`·2^((k - 32)/2) to `largest`·2^((k - 31)/2). The first bar also
/// counts all smaller ones other than zero.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Histogram {
    /// The largest magnitude, where the last bar ends.
    pub largest: f32,
    /// The shares of the values other than zero, in tenths of a percent, rounded up.
    pub bars: Vec<u16>,
}

impl Histogram {
    /// Counts the values of statistics; `None` if all finite values are zero.
    pub fn of(stats: &TensorStats) -> Option<Self> {
        let largest = stats.abs_max().filter(|&largest| largest > 0.0)?;
        let mut counts = vec![0f64; BARS];
        for bin in stats.histogram().bins() {
            // The middle of the bin, which is far narrower than a bar.
            let upper = bin.upper.min(largest).max(bin.lower);
            let middle = (f64::from(bin.lower) + f64::from(upper)) / 2.0;
            counts[Self::bar(largest, middle)] += bin.count as f64;
        }
        let total: f64 = counts.iter().sum();
        let bars = counts.iter().map(|count| (1000.0 * count / total).ceil() as u16);
        (total > 0.0).then(|| Self { largest, bars: bars.collect() })
    }

    /// Returns the number of the bar that counts a magnitude.
    fn bar(largest: f32, magnitude: f64) -> usize {
        (Self::position(largest, magnitude).max(0.0) as usize).min(BARS - 1)
    }

    /// Returns the place of a magnitude among the bars: 0 at the left edge, [`BARS`] at the right one.
    pub fn position(largest: f32, magnitude: f64) -> f64 {
        BARS as f64 + PER_OCTAVE as f64 * (magnitude / f64::from(largest)).log2()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(values: &[f32]) -> Option<Histogram> {
        let mut stats = TensorStats::new();
        stats.observe(values);
        Histogram::of(&stats)
    }

    #[test]
    fn a_bar_is_half_an_octave() {
        let found = histogram(&[0.0, 8.0, 4.0, 3.9, 1e-30]).unwrap();
        assert_eq!((found.largest, found.bars.len()), (8.0, BARS));
        let filled: Vec<(usize, u16)> =
            found.bars.iter().copied().enumerate().filter(|bar| bar.1 > 0).collect();
        assert_eq!(filled, [(0, 250), (BARS - 3, 250), (BARS - 2, 250), (BARS - 1, 250)]);
        assert_eq!(histogram(&[0.0, f32::NAN]), None);
    }

    #[test]
    fn a_single_value_among_millions_has_a_bar() {
        let mut stats = TensorStats::new();
        stats.observe(&vec![1.0; 1 << 20]);
        stats.observe(&[100.0]);
        assert_eq!(Histogram::of(&stats).unwrap().bars[BARS - 1], 1);
    }
}
