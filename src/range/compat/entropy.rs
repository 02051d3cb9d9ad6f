//! pytorch-quantization's entropy search.

use super::Search;
use crate::error::{Error, ErrorKind, Result};
use crate::observe::compat::LinearHistogram;
use crate::range::Target;

/// Estimates that differ by less may be equal.
const TOLERANCE: f64 = 1e-6;

/// The edge i at which the first i bins, quantized to 2^(num_bits - 1 + unsigned) levels, diverge least from
/// themselves with the clipped counts added to the last bin. The last of equal minima wins, and a divergence
/// that is no number wins over all.
///
/// # Errors
///
/// When there is no bin to try or an edge is missing.
pub fn entropy(histogram: &LinearHistogram, target: Target, search: Search) -> Result<f32> {
    let levels = target.max_level()? as usize + 1;
    let mut counts: Vec<f64> = histogram.counts.iter().map(|&count| count as f64).collect();
    if counts.len() > 1 {
        counts[0] = counts[1];
    }
    let sums = Sums::new(&counts);
    let mut levels_of = Levels::new(levels);
    let candidates: Vec<usize> = search.bins(counts.len() + 1)?.collect();
    let estimates: Vec<f64> =
        candidates.iter().map(|&bins| levels_of.estimate(&counts, &sums, bins)).collect();
    let bound = estimates.iter().copied().filter(|estimate| !estimate.is_nan()).fold(f64::INFINITY, f64::min);
    let mut best: Option<(usize, f64)> = None;
    for (&bins, &estimate) in candidates.iter().zip(&estimates) {
        if estimate > bound + TOLERANCE {
            continue;
        }
        let divergence = divergence(&counts, bins, levels);
        let better = match best {
            None => true,
            Some((_, least)) if least.is_nan() => divergence.is_nan(),
            Some((_, least)) => divergence.is_nan() || divergence <= least,
        };
        if better {
            best = Some((bins, divergence));
        }
    }
    let edge = best.and_then(|(bins, _)| histogram.edges.get(bins));
    edge.map(|&edge| edge as f32)
        .ok_or_else(|| Error::new(ErrorKind::Data, "the histogram has fewer edges than bins"))
}

/// Kullback-Leibler divergence of the first `bins` bins from their quantized form, both scaled to 1: the definition.
fn divergence(counts: &[f64], bins: usize, levels: usize) -> f64 {
    if bins == 0 {
        return f64::NAN;
    }
    let (inside, outside) = counts.split_at(bins);
    let level_edge = |level: usize| level as f64 * (bins as f64 / levels as f64);
    let mut quantized = vec![0.0; bins];
    let mut start = 0;
    for level in 1..=levels {
        let end = if level == levels { bins } else { (level_edge(level).ceil() as usize).min(bins) };
        let occupied = inside[start..end].iter().filter(|&&count| count != 0.0).count();
        let mean = inside[start..end].iter().sum::<f64>() / occupied as f64;
        for bin in start..end {
            if inside[bin] != 0.0 {
                quantized[bin] = mean;
            }
        }
        start = end;
    }
    let clipped: f64 = outside.iter().sum();
    let total: f64 = inside.iter().sum::<f64>() + clipped;
    let total_quantized: f64 = quantized.iter().sum();
    let term = |bin: usize| {
        let count = inside[bin] + if bin + 1 == bins { clipped } else { 0.0 };
        let (p, q) = (count / total, quantized[bin] / total_quantized);
        match (p, q) {
            _ if p.is_nan() || q.is_nan() => f64::NAN,
            (0.0, _) => 0.0,
            (_, 0.0) => f64::INFINITY,
            _ => p * (p / q).ln(),
        }
    };
    (0..bins).map(term).sum()
}

/// Running sums over the bins before each one.
struct Sums {
    count: Vec<f64>,
    /// Σ c ln c.
    information: Vec<f64>,
    /// How many bins are not empty.
    occupied: Vec<f64>,
}

impl Sums {
    fn new(counts: &[f64]) -> Self {
        let running = |of: fn(f64) -> f64| {
            let mut sum = 0.0;
            let sums = counts.iter().map(|&count| {
                sum += of(count);
                sum
            });
            std::iter::once(0.0).chain(sums).collect()
        };
        Self {
            count: running(|count| count),
            information: running(|count| if count > 0.0 { count * count.ln() } else { 0.0 }),
            occupied: running(|count| f64::from(u8::from(count > 0.0))),
        }
    }
}

/// What the levels of one candidate hold, laid out for vectors.
struct Levels {
    count: Vec<f32>,
    occupied: Vec<f32>,
}

impl Levels {
    fn new(levels: usize) -> Self {
        Self { count: vec![0.0; levels], occupied: vec![0.0; levels] }
    }

    /// [`divergence`] within half of [`TOLERANCE`]; NaN where only the definition can tell.
    ///
    /// With P the counts, the clipped ones C in the last bin, Q the mean of a level and S the sum of the first `bins`:
    /// (Σ P ln P - Σ P ln Q) / (S + C) - ln(S + C) + ln S.
    fn estimate(&mut self, counts: &[f64], sums: &Sums, bins: usize) -> f64 {
        let Some(&last) = bins.checked_sub(1).and_then(|last| counts.get(last)) else { return f64::NAN };
        let inside = sums.count[bins];
        let total = sums.count[counts.len()];
        let clipped = total - inside;
        if inside <= 0.0 {
            return f64::NAN;
        }
        if last == 0.0 && clipped > 0.0 {
            return f64::INFINITY;
        }
        let levels = self.count.len();
        let (mut start, mut last_level) = (0, 0);
        for level in 0..levels {
            // The number of levels is a power of two, so that this is what the definition rounds up.
            let end = ((level + 1) * bins).div_ceil(levels);
            self.count[level] = ((sums.count[end] - sums.count[start]) / total) as f32;
            self.occupied[level] = (sums.occupied[end] - sums.occupied[start]) as f32;
            // There may be more levels than bins.
            last_level = if end > start { level } else { last_level };
            start = end;
        }
        let term = |count: f32, occupied: f32| count * ln((count / occupied.max(1.0)).max(f32::MIN_POSITIVE));
        let within: f64 = self.count.iter().zip(&self.occupied).map(|(&c, &o)| f64::from(term(c, o))).sum();
        let mean = f64::from(self.count[last_level] / self.occupied[last_level].max(1.0));
        // All in shares of the total, whose logarithm is then 0.
        let share = |count: f64| if count > 0.0 { count / total * (count / total).ln() } else { 0.0 };
        let information =
            (sums.information[bins] - inside * total.ln()) / total - share(last) + share(last + clipped);
        information - within - clipped / total * mean.ln() + (inside / total).ln()
    }
}

/// The natural logarithm of a normal positive number, within 2e-7.
fn ln(x: f32) -> f32 {
    const SQRT_HALF: u32 = 0x3f35_04f3;
    let shifted = x.to_bits().wrapping_sub(SQRT_HALF);
    let exponent = (shifted as i32 >> 23) as f32;
    let mantissa = f32::from_bits((shifted & 0x007f_ffff) + SQRT_HALF);
    // ln m = 2 artanh t, where |t| is at most 0.172.
    let t = (mantissa - 1.0) / (mantissa + 1.0);
    let square = t * t;
    let series =
        2.0 * t * (1.0 + square * (1.0 / 3.0 + square * (0.2 + square * (1.0 / 7.0 + square / 9.0))));
    exponent * std::f32::consts::LN_2 + series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quick_logarithm_is_near() {
        for x in (0..2000).map(|k| (k as f32 / 10.0 - 80.0).exp()) {
            let exact = f64::from(x).ln();
            assert!((f64::from(ln(x)) - exact).abs() <= 2e-7 * exact.abs().max(1.0), "{x}");
        }
    }

    #[test]
    fn estimates_are_within_half_of_the_tolerance() {
        for (name, counts) in super::super::samples::histograms() {
            let counts: Vec<f64> = counts.iter().map(|&count| count as f64).collect();
            let sums = Sums::new(&counts);
            for levels in [8, 128, 256] {
                let mut levels_of = Levels::new(levels);
                for bins in (0..=counts.len()).step_by(7) {
                    let (exact, estimate) =
                        (divergence(&counts, bins, levels), levels_of.estimate(&counts, &sums, bins));
                    let near = (exact - estimate).abs() <= TOLERANCE / 2.0;
                    assert!(
                        near || exact == estimate || estimate.is_nan(),
                        "{name} {levels} {bins}: {exact} {estimate}"
                    );
                }
            }
        }
    }

    /// The search as pytorch-quantization defines it.
    fn definition(histogram: &LinearHistogram, levels: usize) -> f32 {
        let mut counts: Vec<f64> = histogram.counts.iter().map(|&count| count as f64).collect();
        counts[0] = counts[1];
        let mut best = (0, f64::INFINITY);
        for bins in 128..=counts.len() {
            let divergence = divergence(&counts, bins, levels);
            if divergence.is_nan() || (divergence <= best.1 && !best.1.is_nan()) {
                best = (bins, divergence);
            }
        }
        histogram.edges[best.0] as f32
    }

    #[test]
    fn the_result_is_that_of_the_definition() {
        for (name, counts) in super::super::samples::histograms() {
            let edges = (0..=counts.len()).map(|edge| edge as f64 / 100.0).collect();
            let histogram = LinearHistogram { counts, edges };
            for num_bits in [4, 8] {
                let target = Target { num_bits, unsigned: false };
                let found = entropy(&histogram, target, Search::default()).unwrap();
                assert_eq!(found, definition(&histogram, 1 << (num_bits - 1)), "{name}, {num_bits} bits");
            }
        }
    }
}
