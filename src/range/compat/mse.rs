//! pytorch-quantization's search for the least squared error.

use super::Search;
use crate::error::{Error, ErrorKind, Result};
use crate::kernel::{self, Grid, InOut};
use crate::observe::compat::LinearHistogram;
use crate::range::Target;

/// Magnitudes up to this are quantized to 0 by pytorch-quantization.
const SMALLEST_AMAX: f32 = 1.0 / (1 << 24) as f32;

/// Estimates that differ by less may be equal: the definition computes in f32.
const TOLERANCE: f64 = 1e-3;

/// The middle of the bin at which quantizing the middles of all bins makes the least squared error, weighted
/// by the counts. The first of equal minima wins.
///
/// # Errors
///
/// When there is no bin to try, or counts and edges do not fit each other.
pub fn mse(histogram: &LinearHistogram, target: Target, search: Search) -> Result<f32> {
    let LinearHistogram { counts, edges } = histogram;
    if edges.len() != counts.len() + 1 {
        return Err(Error::new(
            ErrorKind::Data,
            format!("{} bins do not fit {} edges", counts.len(), edges.len()),
        )
        .with_remedy("use the default statistics; pytorch-quantization fails on this histogram too"));
    }
    let max_level = target.max_level()?;
    let centres: Vec<f32> = edges.windows(2).map(|edge| (edge[0] as f32 + edge[1] as f32) / 2.0).collect();
    let candidates: Vec<usize> = search.bins(centres.len())?.collect();
    let weights: Vec<f32> = counts.iter().map(|&count| count as f32).collect();
    let error =
        |candidate: usize| (candidate, error(&centres, &weights, centres[candidate], max_level as f32));
    let likely = Sums::new(&centres, counts).map_or(Vec::new(), |sums| {
        sums.likely(&centres, &candidates, max_level).into_iter().map(error).collect()
    });
    // Errors beyond f32 have an order of their own, which the definition keeps: a first one that is no number stays.
    let is_usual = |(_, error): &(usize, f32)| error.is_finite();
    let best = if !likely.is_empty() && likely.iter().all(is_usual) && !error(candidates[0]).1.is_nan() {
        least(likely.into_iter())
    } else {
        least(candidates.iter().copied().map(error))
    };
    best.map(|(candidate, _)| centres[candidate])
        .ok_or_else(|| Error::new(ErrorKind::Internal, "a search without candidates"))
}

/// The first of the least errors.
fn least(errors: impl Iterator<Item = (usize, f32)>) -> Option<(usize, f32)> {
    errors.reduce(|best, next| if next.1 < best.1 { next } else { best })
}

/// The mean of the squared errors of the middles, weighted by the counts: the definition.
fn error(centres: &[f32], counts: &[f32], amax: f32, max_level: f32) -> f32 {
    let mut quantized = vec![0.0; centres.len()];
    if amax > SMALLEST_AMAX {
        let grid = Grid { scale: max_level / amax, low: -max_level, high: max_level };
        kernel::active().fake_quantize(InOut::new(centres, &mut quantized), grid, grid.scale);
    }
    let squares = centres.iter().zip(&quantized).zip(counts).map(|((&centre, &quantized), &count)| {
        let difference = quantized - centre;
        f64::from(difference * difference * count)
    });
    (squares.sum::<f64>() / centres.len() as f64) as f32
}

/// Running sums over the bins before each one, for middles c of evenly spaced bins and counts n.
struct Sums {
    width: f64,
    /// Σ n, Σ n c, Σ n c².
    moments: Vec<[f64; 3]>,
}

impl Sums {
    /// `None` for bins that are not as usual.
    fn new(centres: &[f32], counts: &[u64]) -> Option<Self> {
        let (&first, &last) = (centres.first()?, centres.last()?);
        let width = f64::from(last - first) / (centres.len() - 1).max(1) as f64;
        let is_even = |pair: &[f32]| (f64::from(pair[1] - pair[0]) / width - 1.0).abs() < 0.5;
        if first < 0.0 || !width.is_normal() || !centres.windows(2).all(is_even) {
            return None;
        }
        let mut sum = [0.0; 3];
        let mut moments = vec![sum];
        moments.extend(centres.iter().zip(counts).map(|(&centre, &count)| {
            let (centre, count) = (f64::from(centre), count as f64);
            sum = [sum[0] + count, sum[1] + count * centre, sum[2] + count * centre * centre];
            sum
        }));
        Some(Self { width, moments })
    }

    /// The candidates that may be the best, in order.
    fn likely(&self, centres: &[f32], candidates: &[usize], max_level: u32) -> Vec<usize> {
        let [_, _, all] = self.moments[centres.len()];
        // Running sums lose as much, the definition less.
        let noise = 1e-11 * all;
        let mut bound = f64::INFINITY;
        let mut estimates = vec![f64::INFINITY; candidates.len()];
        // A few come first, for the better the best so far, the sooner the others are given up.
        for stride in [16, 1] {
            for (estimate, &candidate) in estimates.iter_mut().zip(candidates).rev().step_by(stride) {
                let limit = bound * (1.0 + TOLERANCE) + noise;
                let amax = f64::from(centres[candidate]);
                let clipping = self.about(candidate, centres.len(), amax);
                *estimate = if centres[candidate] <= SMALLEST_AMAX {
                    all
                } else if clipping > limit {
                    // Smaller ranges clip more.
                    break;
                } else {
                    self.error(centres, amax, max_level, limit - clipping)
                };
                bound = bound.min(*estimate);
            }
        }
        let limit = bound * (1.0 + TOLERANCE) + noise;
        let likely = candidates.iter().zip(estimates).filter(|(_, estimate)| *estimate <= limit);
        likely.map(|(&candidate, _)| candidate).collect()
    }

    /// Σ n (y - c)² with the nearest level y for each middle; infinite where those below the last level alone are beyond the limit.
    fn error(&self, centres: &[f32], amax: f64, max_level: u32, limit: f64) -> f64 {
        let step = amax / f64::from(max_level);
        let first = f64::from(centres[0]);
        let per_bin = self.width.recip();
        let mut start = 0;
        let mut error = 0.0;
        for level in 0..max_level {
            let end = f64::from(level) * step + step / 2.0;
            // Where the next level begins is computed, and one bin aside where rounding has misled. Of a middle halfway
            // between levels either is as far.
            let mut bin = (((end - first) * per_bin) as usize + 1).clamp(start, centres.len());
            if bin > start && f64::from(centres[bin - 1]) > end {
                bin -= 1;
            } else if bin < centres.len() && f64::from(centres[bin]) <= end {
                bin += 1;
            }
            error += self.about(start, bin, f64::from(level) * step);
            start = bin;
            if error > limit {
                return f64::INFINITY;
            }
        }
        error + self.about(start, centres.len(), amax)
    }

    /// Σ n (y - c)² over the bins from `start` up to `end`.
    fn about(&self, start: usize, end: usize, y: f64) -> f64 {
        let ([n, c, square], [m, d, other]) = (self.moments[end], self.moments[start]);
        ((n - m) * y - 2.0 * (c - d)) * y + (square - other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition written down anew.
    fn error(centres: &[f32], counts: &[u64], amax: f32, max_level: f32) -> f32 {
        let fake_quantize = |x: f32| match amax <= 1.0 / (1 << 24) as f32 {
            true => 0.0,
            false => {
                (x * (max_level / amax)).round_ties_even().clamp(-max_level, max_level) / (max_level / amax)
            }
        };
        let squares = centres.iter().zip(counts).map(|(&centre, &count)| {
            let difference = fake_quantize(centre) - centre;
            f64::from(difference * difference * count as f32)
        });
        (squares.sum::<f64>() / centres.len() as f64) as f32
    }

    #[test]
    fn the_result_is_that_of_the_definition() {
        for (name, counts) in super::super::samples::histograms() {
            for scale in [1e-12, 0.01, 1.0, 1e17, 1e18, 3e18, 1e19, 1e20, 1e30] {
                let edges = (0..=counts.len()).map(|edge| f64::from(edge as f32 * scale / 100.0)).collect();
                let histogram = LinearHistogram { counts: counts.clone(), edges };
                for num_bits in [4, 8] {
                    let target = Target { num_bits, unsigned: false };
                    let found = mse(&histogram, target, Search::default()).unwrap();
                    let centres: Vec<f32> = histogram
                        .edges
                        .windows(2)
                        .map(|edge| (edge[0] as f32 + edge[1] as f32) / 2.0)
                        .collect();
                    let max_level = target.max_level().unwrap() as f32;
                    let mut best = (f32::NAN, f32::INFINITY);
                    for &centre in &centres[128..] {
                        let error = error(&centres, &histogram.counts, centre, max_level);
                        if error < best.1 || best.0.is_nan() {
                            best = (centre, error);
                        }
                    }
                    assert_eq!(found, best.0, "{name}, {num_bits} bits, scale {scale}");
                }
            }
        }
    }
}
