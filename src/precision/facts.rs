//! Facts about the values of a tensor, and the cost of their storage in a 16-bit type.

use super::Half;
use crate::observe::TensorStats;

/// Facts about the values of one tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Facts {
    /// The largest finite magnitude.
    pub largest: f32,
    /// The largest value; it is below `largest` if the values are mostly negative.
    pub highest: f32,
    /// The smallest magnitude other than zero, rounded down to 1/512 of its octave; 0 if all values are zero,
    /// `None` if it is unknown.
    pub smallest: Option<f32>,
    /// The root of the mean square of the finite values; `None` if it is unknown.
    pub rms: Option<f64>,
    /// The SQNR in dB of the tensor after rounding to the 16-bit type; `None` if it is unknown, infinite
    /// if the type holds all values exactly.
    pub sqnr: Option<f64>,
    /// The share of the values other than zero below the smallest normal number of the type; `None` if it is
    /// unknown.
    pub coarse: Option<f64>,
    /// The number of values; `None` if it is unknown.
    pub count: Option<u64>,
}

impl Facts {
    /// Derives the facts of a tensor from its statistics; `None` if it had no values.
    ///
    /// A tensor of zeros has the largest magnitude 0 and an infinite SQNR.
    pub fn of(stats: &TensorStats, half: Half) -> Option<Self> {
        let largest = stats.abs_max()?;
        let histogram = stats.histogram();
        let Some(first) = histogram.bins().next() else {
            // All values are zero, or only the extremes were observed.
            let of_largest = Self { highest: stats.max()?, ..Self::of_largest(largest) };
            return Some(if largest > 0.0 { of_largest } else { of_largest.of_zeros(stats.count()) });
        };
        // Values under the window are smaller than 2^-19 of the largest; their own size is unknown.
        let smallest = first.lower.max(f32::MIN_POSITIVE);
        let mut sums = Sums::default();
        if histogram.below() > 0 {
            sums.add(half, 0.0, f64::from(histogram.floor()), &[histogram.below()]);
        }
        histogram.runs().for_each(|(lower, width, counts)| sums.add(half, lower, width, counts));
        let Sums { counted, energy, noise, coarse } = sums;
        let count = stats.count();
        // The lattice has one bit less than f16: if all values are lattice points and normal, f16 is exact.
        let is_exact = half == Half::F16 && histogram.between() == 0 && smallest >= half.smallest_normal();
        let sqnr = if is_exact || energy == 0.0 { f64::INFINITY } else { 10.0 * (energy / noise).log10() };
        Some(Self {
            largest,
            highest: stats.max()?,
            smallest: Some(smallest),
            rms: Some((energy / count as f64).sqrt()),
            sqnr: Some(sqnr),
            coarse: Some(coarse / counted),
            count: Some(count),
        })
    }

    /// Returns the facts of `count` zeros.
    fn of_zeros(self, count: u64) -> Self {
        Self {
            smallest: Some(0.0),
            rms: Some(0.0),
            sqnr: Some(f64::INFINITY),
            coarse: Some(0.0),
            count: Some(count),
            ..self
        }
    }

    /// Makes facts of the largest magnitude alone.
    pub fn of_largest(largest: f32) -> Self {
        Self { largest, highest: largest, smallest: None, rms: None, sqnr: None, coarse: None, count: None }
    }

    /// Whether values other than zero are below `limit`. Unknown values count as such.
    pub fn reaches_below(&self, limit: f32) -> bool {
        self.smallest.is_none_or(|smallest| smallest != 0.0 && smallest < limit)
    }
}

/// Sums over the bins of a histogram.
#[derive(Default)]
struct Sums {
    counted: f64,
    energy: f64,
    /// The squared errors of rounding to the 16-bit type.
    noise: f64,
    /// The number of values below the smallest normal number of the type.
    coarse: f64,
}

impl Sums {
    /// Adds bins of one octave, or one bin, from `lower` on. The type has one step for all of them.
    fn add(&mut self, half: Half, lower: f32, width: f64, counts: &[u64]) {
        let (mut counted, mut energy) = (0.0, 0.0);
        let mut middle = f64::from(lower) + width / 2.0;
        for &count in counts {
            counted += count as f64;
            energy += count as f64 * middle * middle;
            middle += width;
        }
        let all = width * counts.len() as f64;
        let upper = f64::from(lower) + all;
        let step = half.step((upper - all / 2.0) as f32);
        self.counted += counted;
        self.energy += energy;
        self.noise += if upper <= step / 2.0 { energy } else { counted * step * step / 12.0 };
        self.coarse += if upper <= f64::from(half.smallest_normal()) { counted } else { 0.0 };
    }
}

/// Returns the SQNR in dB of a tensor after quantization to int8 by this step.
pub fn int8_sqnr(stats: &TensorStats, step: f32) -> f64 {
    let step = f64::from(step);
    let (mut energy, mut noise) = (0.0, 0.0);
    for bin in stats.histogram().bins() {
        let count = bin.count as f64;
        let middle = (f64::from(bin.lower) + f64::from(bin.upper.min(f32::MAX))) / 2.0;
        energy += count * middle * middle;
        let error = match middle {
            x if x > 127.5 * step => (x - 127.0 * step).powi(2),
            x if x < step / 2.0 => x * x,
            _ => step * step / 12.0,
        };
        noise += count * error;
    }
    if noise == 0.0 { f64::INFINITY } else { 10.0 * (energy / noise).log10() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(values: &[f32]) -> TensorStats {
        let mut stats = TensorStats::new();
        stats.observe(values);
        stats
    }

    /// The SQNR as the values themselves give it.
    fn measured(values: &[f32], half: Half) -> f64 {
        let energy: f64 = values.iter().map(|&x| f64::from(x).powi(2)).sum();
        let noise: f64 = values.iter().map(|&x| (f64::from(x) - f64::from(half.round(x))).powi(2)).sum();
        10.0 * (energy / noise).log10()
    }

    #[test]
    fn the_histogram_tells_what_rounding_costs() {
        for scale in [1.0f32, 1e-3, 3e-5, 1e-6, 2e-8] {
            let values: Vec<f32> = (1..5000).map(|k| (k as f32 * 0.37).sin() * scale).collect();
            for half in [Half::F16, Half::Bf16] {
                let facts = Facts::of(&stats(&values), half).unwrap();
                let (expected, found) = (measured(&values, half), facts.sqnr.unwrap());
                assert!((expected - found).abs() < 1.0, "{half} {scale}: {expected} and {found}");
            }
        }
    }

    #[test]
    fn whole_numbers_are_exact() {
        let values: Vec<f32> = (0..512).map(|k| k as f32).collect();
        assert_eq!(Facts::of(&stats(&values), Half::F16).unwrap().sqnr, Some(f64::INFINITY));
        assert!(Facts::of(&stats(&[]), Half::F16).is_none());
        let zeros = Facts::of(&stats(&[0.0; 4]), Half::F16).unwrap();
        assert_eq!((zeros.largest, zeros.smallest, zeros.sqnr), (0.0, Some(0.0), Some(f64::INFINITY)));
    }

    #[test]
    fn int8_costs_what_the_step_says() {
        let values: Vec<f32> = (1..5000).map(|k| (k as f32 * 0.37).sin()).collect();
        let found = int8_sqnr(&stats(&values), 1.0 / 127.0);
        assert!((found - 49.9).abs() < 0.5, "{found}");
        assert!(int8_sqnr(&stats(&values), 0.5 / 127.0) < found);
    }
}
