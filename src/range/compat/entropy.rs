//! pytorch-quantization's entropy search.

use super::Search;
use crate::error::{Error, ErrorKind, Result};
use crate::observe::compat::LinearHistogram;
use crate::range::Target;

/// Estimates that differ by less than this may be equal.
const TOLERANCE: f64 = 1e-6;

/// Returns the edge with the least divergence, as pytorch-quantization searches it.
///
/// The divergence at edge i compares two forms of the first i bins: with the clipped counts added to the last
/// bin, and quantized to 2^(num_bits - 1 + unsigned) levels. Among equal minima the last one wins. A NaN
/// divergence wins over all others.
///
/// # Errors
///
/// If there is no bin to try or an edge is missing.
pub fn entropy(histogram: &LinearHistogram, target: Target, search: Search) -> Result<f32> {
    let levels = target.max_level()? as usize + 1;
    let mut counts: Vec<f64> = histogram.counts.iter().map(|&count| count as f64).collect();
    if counts.len() > 1 {
        counts[0] = counts[1];
    }
    let sums = running_sums(&counts);
    let mut levels_of = Levels::new(levels);
    let candidates: Vec<usize> = search.bins(counts.len() + 1)?.collect();
    let mut bound = f64::INFINITY;
    let mut estimates = vec![f64::INFINITY; candidates.len()];
    // From wide ranges to narrow ones. Most narrow ranges clip so much that no estimate is needed.
    for (estimate, &bins) in estimates.iter_mut().zip(&candidates).rev() {
        if levels_of.cost_of_clipping(&sums, bins) <= bound + TOLERANCE {
            *estimate = levels_of.estimate(&sums, bins);
            bound = bound.min(*estimate);
        }
    }
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

/// Computes the Kullback-Leibler divergence of the first `bins` bins from their quantized form.
///
/// This is the definition. Both distributions are scaled to a sum of 1.
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

/// Sums over the bins before one bin, as shares of all counts. The share of all bins is 1, its logarithm 0.
#[derive(Clone, Copy, Default)]
struct Before {
    share: f64,
    /// The number of bins that are not empty.
    occupied: f64,
    /// Σ p ln p.
    information: f64,
}

/// Returns the running sums of the bins before each one, and of all bins.
fn running_sums(counts: &[f64]) -> Vec<Before> {
    let total: f64 = counts.iter().sum();
    let mut sum = Before::default();
    let sums = counts.iter().map(|&count| {
        sum.share += count / total;
        sum.occupied += f64::from(u8::from(count > 0.0));
        sum.information += information(count / total);
        sum
    });
    std::iter::once(Before::default()).chain(sums).collect()
}

/// Returns p ln p.
fn information(share: f64) -> f64 {
    if share > 0.0 { share * share.ln() } else { 0.0 }
}

/// The number of levels that are processed together.
const LANES: usize = 8;

/// The sums of the levels of one candidate, in arrays for vector instructions, padded with empty levels.
struct Levels {
    /// The number of levels is 2 to this power.
    power: u32,
    share: Vec<f32>,
    occupied: Vec<f32>,
}

impl Levels {
    fn new(levels: usize) -> Self {
        let none = vec![0.0; levels.next_multiple_of(LANES)];
        Self { power: levels.ilog2(), share: none.clone(), occupied: none }
    }

    /// Returns a lower bound of [`divergence`], or negative infinity if only the definition gives the result.
    ///
    /// P and Q diverge at least as much as they do for two cases only: in the last bin, or not. With the
    /// shares a and b of that bin, the divergence of the two cases is
    /// `a ln(a / b) + (1 - a) ln((1 - a) / (1 - b))`. The second term is at least b - a.
    fn cost_of_clipping(&self, sums: &[Before], bins: usize) -> f64 {
        if bins == 0 {
            return f64::NEG_INFINITY;
        }
        let (all, inside) = (sums[sums.len() - 1], sums[bins]);
        let start = sums[(self.last_level(bins) * bins).div_ceil(1 << self.power)];
        let mean = (inside.share - start.share) / (inside.occupied - start.occupied);
        let (a, b) = (all.share - sums[bins - 1].share, mean / inside.share);
        let cost = a * (a / b).ln() + b - a;
        if cost.is_nan() { f64::NEG_INFINITY } else { cost }
    }

    /// Returns the level of the last of `bins` bins.
    fn last_level(&self, bins: usize) -> usize {
        ((bins - 1) << self.power) / bins
    }

    /// Returns [`divergence`] within half of [`TOLERANCE`], or NaN if only the definition gives the result.
    ///
    /// The formula is Σ p ln p - Σ p ln q + ln S. p are the shares of the bins, with the clipped share in the
    /// last bin, q is the mean of a level, and S is the sum of the first `bins` bins.
    fn estimate(&mut self, sums: &[Before], bins: usize) -> f64 {
        if bins == 0 {
            return f64::NAN;
        }
        let (all, inside, before_last) = (sums[sums.len() - 1], sums[bins], sums[bins - 1]);
        let (last, clipped) = (inside.share - before_last.share, all.share - inside.share);
        if inside.share.is_nan() || inside.share <= 0.0 {
            return f64::NAN;
        }
        if inside.occupied == before_last.occupied && clipped > 0.0 {
            return f64::INFINITY;
        }
        let (mut start, mut edge) = (sums[0], 0);
        for (share, occupied) in self.share.iter_mut().zip(&mut self.occupied).take(1 << self.power) {
            // Exactly the number that the definition rounds up.
            edge += bins;
            let end = sums[edge.div_ceil(1 << self.power)];
            *share = (end.share - start.share) as f32;
            *occupied = (end.occupied - start.occupied) as f32;
            start = end;
        }
        let mut within = [0.0; LANES];
        let (shares, occupied) = (self.share.as_chunks::<LANES>().0, self.occupied.as_chunks::<LANES>().0);
        for (shares, occupied) in shares.iter().zip(occupied) {
            for ((sum, share), occupied) in within.iter_mut().zip(shares).zip(occupied) {
                *sum += f64::from(share * ln((share / occupied.max(1.0)).max(f32::MIN_POSITIVE)));
            }
        }
        let level = self.last_level(bins);
        let mean = f64::from(self.share[level] / self.occupied[level].max(1.0));
        let of_bins = inside.information - information(last) + information(last + clipped);
        of_bins - within.iter().sum::<f64>() - clipped * mean.ln() + inside.share.ln()
    }
}

/// Returns the natural logarithm of a normal positive number, within 2e-7.
fn ln(x: f32) -> f32 {
    const SQRT_HALF: u32 = 0x3f35_04f3;
    let shifted = x.to_bits().wrapping_sub(SQRT_HALF);
    let exponent = (shifted as i32 >> 23) as f32;
    let mantissa = f32::from_bits((shifted & 0x007f_ffff) + SQRT_HALF);
    // ln m = 2 artanh t, and |t| is at most 0.172.
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
            let sums = running_sums(&counts);
            for levels in [8, 128, 256] {
                let mut levels_of = Levels::new(levels);
                for bins in (0..=counts.len()).step_by(7) {
                    let (exact, estimate) =
                        (divergence(&counts, bins, levels), levels_of.estimate(&sums, bins));
                    let least = levels_of.cost_of_clipping(&sums, bins);
                    assert!(
                        exact.is_nan() || least <= exact + TOLERANCE / 2.0,
                        "{name} {levels} {bins}: {least} {exact}"
                    );
                    let near = (exact - estimate).abs() <= TOLERANCE / 2.0;
                    assert!(
                        near || exact == estimate || estimate.is_nan(),
                        "{name} {levels} {bins}: {exact} {estimate}"
                    );
                }
            }
        }
    }

    /// Searches as pytorch-quantization defines it.
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
