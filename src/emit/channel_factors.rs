//! One scale for all channels of a weight, and the factors of the channels.
//!
//! See [`one_scale`](super::one_scale) for the formula, and for why.

use crate::precision::Half;

/// The largest number of half precision.
pub(crate) const LARGEST: f32 = Half::F16.largest();

/// The smallest normal number of half precision: smaller numbers lose bits.
const SMALLEST: f32 = Half::F16.smallest_normal();

/// The channels of a weight.
pub(crate) struct Channels<'a> {
    /// The integers, channel by channel.
    pub integers: &'a [i8],
    /// One scale per channel.
    pub scales: &'a [f32],
}

impl Channels<'_> {
    fn each(&self) -> impl Iterator<Item = (&[i8], f32)> {
        let size = self.integers.len() / self.scales.len();
        self.integers.chunks(size.max(1)).zip(self.scales.iter().copied())
    }

    /// Returns the one scale for inputs up to `largest_input`; `None` if results could exceed [`LARGEST`]
    /// with every normal one.
    pub fn one_scale(&self, largest_input: f32) -> Option<f32> {
        let live = || self.each().filter(|(integers, _)| integers.iter().any(|&integer| integer != 0));
        let highest = live().map(|(_, scale)| scale).fold(0f32, f32::max);
        let lowest = live().map(|(_, scale)| scale).fold(f32::MAX, f32::min);
        if highest == 0.0 {
            return Some(1.0);
        }
        let sum = |integers: &[i8]| integers.iter().map(|&integer| u64::from(integer.unsigned_abs())).sum();
        let sum: u64 = live().map(|(integers, _)| sum(integers)).max().unwrap_or_default();
        let limit = f64::from(LARGEST) / (f64::from(largest_input) * sum as f64);
        // The factors of the channels shall be normal numbers too, if that is possible.
        let wanted = highest.min(lowest / SMALLEST).max(SMALLEST);
        let scale = power_of_two_up_to(wanted.min(limit.min(f64::from(f32::MAX)) as f32));
        (scale >= SMALLEST && highest / scale <= LARGEST).then_some(scale)
    }

    /// Returns the factors of the results: s / t for each channel, and 0 for a channel of zeros.
    pub fn factors(&self, scale: f32) -> Vec<f32> {
        let factor = |(integers, own): (&[i8], f32)| match integers.iter().all(|&integer| integer == 0) {
            true => 0.0,
            false => own / scale,
        };
        self.each().map(factor).collect()
    }
}

/// Returns the largest power of two that is at most `x`, a positive number; 0 if it would be subnormal.
fn power_of_two_up_to(x: f32) -> f32 {
    f32::from_bits(x.to_bits() & 0x7F80_0000)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes channels of equal integers, one for each number and scale, and the largest input.
    fn weight(channels: &[(i8, f32)], largest_input: f32) -> (Vec<i8>, Vec<f32>, f32) {
        let integers = channels.iter().flat_map(|(integer, _)| [*integer; 10]).collect();
        (integers, channels.iter().map(|(_, scale)| *scale).collect(), largest_input)
    }

    #[test]
    fn the_scale_is_a_power_of_two_that_keeps_results_and_factors_in_half_precision() {
        let cases = [
            // The largest power of two up to the largest scale.
            (weight(&[(100, 0.3), (1, 0.01)], 1.0), Some(0.25)),
            // Results up to 1000 * 127 * 10 would be too large with it.
            (weight(&[(127, 0.3), (1, 0.01)], 1000.0), Some(0.03125)),
            (weight(&[(127, 0.3)], 1e6), None),
            // Factors of small channels stay normal, if that is possible.
            (weight(&[(1, 1.0), (1, 1e-6)], 1.0), Some(2f32.powi(-6))),
            (weight(&[(1, 1.0), (1, 1e-30)], 1.0), Some(SMALLEST)),
            // Small scales alone.
            (weight(&[(1, 1e-9)], 1.0), Some(SMALLEST)),
            // Factors are numbers of half precision too.
            (weight(&[(127, 1e7)], 100.0), None),
            // Channels of zeros do not count.
            (weight(&[(0, 1.0), (5, 0.01)], 1.0), Some(2f32.powi(-7))),
            (weight(&[(0, 1.0)], 1.0), Some(1.0)),
            (weight(&[(3, 0.5)], 0.0), Some(0.5)),
        ];
        for ((integers, scales, largest_input), expected) in cases {
            let channels = Channels { integers: &integers, scales: &scales };
            let found = channels.one_scale(largest_input);
            assert_eq!(found, expected, "{scales:?} {largest_input}");
            let Some(scale) = found else { continue };
            for ((integers, own), factor) in channels.each().zip(channels.factors(scale)) {
                let sum: f32 = integers.iter().map(|&integer| f32::from(integer)).sum();
                assert!(largest_input * sum * scale <= LARGEST);
                assert_eq!(factor, if sum == 0.0 { 0.0 } else { own / scale });
                assert!(factor * scale == own || sum == 0.0);
            }
        }
    }
}
