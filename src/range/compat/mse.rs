//! pytorch-quantization's search for the least squared error.

use std::ops::Range;

use super::Search;
use crate::error::{Error, ErrorKind, Result};
use crate::kernel::{self, InOut, Pattern};
use crate::observe::compat::LinearHistogram;
use crate::range::Target;

/// pytorch-quantization quantizes everything to 0 if amax is not above this.
const SMALLEST_AMAX: f32 = 1.0 / (1 << 24) as f32;

/// The largest relative rounding error of an f32 number.
const F32: f64 = f32::EPSILON as f64 / 2.0;

/// Returns the middle of the bin with the least squared error, as pytorch-quantization searches it.
///
/// The error of a candidate is that of quantizing the middles of all bins, weighted by the counts. Among
/// equal minima the first one wins.
///
/// The sums are in f64 here and in f32 vectors in torch. If two errors differ by less than about 5e-8
/// relative, torch may choose the other range.
///
/// # Errors
///
/// If there is no bin to try; if counts and edges do not fit each other; if a range to try is negative; if a
/// middle is negative and the integers are unsigned. Negative middles occur in numpy's histogram of a first
/// batch that is one small number: its bins extend 1/2 to either side of the number.
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
    let refused = candidates.iter().copied().find(|&bin| centres[bin] < 0.0);
    if let Some(bin) = refused.or_else(|| target.unsigned.then(|| centres.iter().position(|&x| x < 0.0))?) {
        let message = format!("the middle of bin {bin}, {}, is negative and so is no range", centres[bin]);
        return Err(Error::new(ErrorKind::Data, message).with_remedy(
            "observe a batch of different values first; pytorch-quantization fails on this histogram too",
        ));
    }
    let weights: Vec<f32> = counts.iter().map(|&count| count as f32).collect();
    let error =
        |candidate: usize| (candidate, error(&centres, &weights, centres[candidate], max_level as f32));
    let likely = match Bins::new(&centres, counts) {
        Some(bins) if candidates.iter().all(|&candidate| centres[candidate] > SMALLEST_AMAX) => {
            bins.likely(&candidates, max_level).into_iter().map(error).collect()
        }
        _ => Vec::new(),
    };
    // The definition compares errors that overflow f32 in its own way: a first error that is NaN wins.
    let is_usual = |(_, error): &(usize, f32)| error.is_finite();
    let best = if !likely.is_empty() && likely.iter().all(is_usual) && !error(candidates[0]).1.is_nan() {
        least(likely.into_iter())
    } else {
        least(candidates.iter().copied().map(error))
    };
    best.map(|(candidate, _)| centres[candidate])
        .ok_or_else(|| Error::new(ErrorKind::Internal, "a search without candidates"))
}

/// Returns the first of the least errors.
fn least(errors: impl Iterator<Item = (usize, f32)>) -> Option<(usize, f32)> {
    errors.reduce(|best, next| if next.1 < best.1 { next } else { best })
}

/// Computes the mean of the squared errors of the middles, weighted by the counts. This is the definition.
fn error(centres: &[f32], counts: &[f32], amax: f32, max_level: f32) -> f32 {
    let mut quantized = vec![0.0; centres.len()];
    if amax > SMALLEST_AMAX {
        let (io, scales) = (InOut::new(centres, &mut quantized), Pattern::one(max_level / amax));
        kernel::active().fake_quantize(io, &scales, -max_level, max_level);
    }
    let square = |bin: usize| {
        let difference = quantized[bin] - centres[bin];
        f64::from(difference * difference * counts[bin])
    };
    // Four independent sums, so that the additions need not wait for each other.
    let mut sums = [0.0; 4];
    for bin in 0..centres.len() {
        sums[bin % 4] += square(bin);
    }
    (sums.iter().sum::<f64>() / centres.len() as f64) as f32
}

/// Evenly spaced bins with running sums.
struct Bins {
    width: f64,
    /// The bins, followed by an empty one at infinity.
    bins: Vec<Bin>,
}

struct Bin {
    /// The middle c.
    centre: f64,
    /// The count n.
    count: f64,
    /// Σ n, Σ n c, Σ n c² of the bins before.
    before: [f64; 3],
}

impl Bins {
    /// Returns `None` if the bins are not evenly spaced from 0 or above.
    fn new(centres: &[f32], counts: &[u64]) -> Option<Self> {
        let (first, last) = (f64::from(*centres.first()?), f64::from(*centres.last()?));
        let width = (last - first) / (centres.len() - 1).max(1) as f64;
        let is_even = |(bin, &centre): (usize, &f32)| {
            (f64::from(centre) - first - bin as f64 * width).abs() < 0.25 * width
        };
        if first < 0.0 || !width.is_normal() || !centres.iter().enumerate().all(is_even) {
            return None;
        }
        let mut before = [0.0; 3];
        let ends = [(f64::INFINITY, 0.0)];
        let bins = centres.iter().zip(counts).map(|(&centre, &count)| (f64::from(centre), count as f64));
        let bins = bins.chain(ends).map(|(centre, count)| {
            let bin = Bin { centre, count, before };
            let [n, c, square] = before;
            before = [n + count, c + count * centre, square + count * centre * centre];
            bin
        });
        Some(Self { width, bins: bins.collect() })
    }

    /// Returns Σ n, Σ n c, Σ n c² of the bins from `bin` on.
    fn tail(&self, bin: usize) -> [f64; 3] {
        let (all, before) = (&self.bins[self.bins.len() - 1].before, &self.bins[bin].before);
        std::array::from_fn(|moment| all[moment] - before[moment])
    }

    /// Returns the candidates that may be the best, in order.
    ///
    /// The error E of the range a has the derivative 2 Σ n (y - c) y / a. Its root r therefore changes by at
    /// most ‖y‖ / a, and ‖y‖ ≤ ‖c‖ + r. So ‖c‖ + r shrinks no faster than a. Ranges that must be worse than
    /// the best so far are skipped.
    fn likely(&self, candidates: &[usize], max_level: u32) -> Vec<usize> {
        let [_, _, squares] = self.tail(0);
        let norm = squares.sqrt();
        // A better first estimate allows more candidates to be skipped.
        let few = candidates.iter().step_by(64).map(|&candidate| self.root(candidate, max_level).end);
        let mut limit = few.fold(f64::INFINITY, f64::min);
        let mut roots = Vec::new();
        let mut wider = candidates.len();
        while let Some((&candidate, narrower)) = candidates[..wider].split_last() {
            if self.clipping(candidate) > limit * limit {
                // Narrower ranges clip more.
                break;
            }
            let root = self.root(candidate, max_level);
            limit = limit.min(root.end);
            let reach = self.bins[candidate].centre * (norm + limit);
            let may_be_best = |&candidate: &usize| self.bins[candidate].centre * (norm + root.start) <= reach;
            wider = narrower.iter().rposition(may_be_best).map_or(0, |last| last + 1);
            roots.push((candidate, root.start));
        }
        roots.into_iter().rev().filter(|(_, root)| *root <= limit).map(|(candidate, _)| candidate).collect()
    }

    /// Returns a lower estimate of Σ n (c - a)² of the bins beyond the range.
    fn clipping(&self, candidate: usize) -> f64 {
        let ([n, c, square], amax) = (self.tail(candidate), self.bins[candidate].centre);
        (n * amax - 2.0 * c) * amax + square - self.lost(amax)
    }

    /// Returns an upper bound of the rounding error that running sums cause in an error.
    fn lost(&self, amax: f64) -> f64 {
        let [count, ..] = self.tail(0);
        1e-11 * count * amax * amax
    }

    /// Returns an interval that contains the square root of the definition's error.
    fn root(&self, candidate: usize, max_level: u32) -> Range<f64> {
        let amax = self.bins[candidate].centre;
        let [count, ..] = self.tail(0);
        let error = self.error(amax, max_level);
        // The definition computes each y - c in f32, from numbers up to the range.
        let (lost_here, lost_there) = (self.lost(amax), 4.0 * F32 * amax * count.sqrt());
        let root = |error: f64| error.max(0.0).sqrt();
        (root(error - lost_here) - lost_there).max(0.0)
            ..(root(error + lost_here) + lost_there) * (1.0 + 4.0 * F32)
    }

    /// Computes Σ n (y - c)² with the nearest level y for each c, up to the rounding of the running sums.
    ///
    /// If every c took the last level, the error would be Σ n (a - c)². A c below the end e = (k + 1/2) s of
    /// a lower level k takes level k instead of level k + 1. These c reduce the error by 2 s Σ n (e - c).
    fn error(&self, amax: f64, max_level: u32) -> f64 {
        let step = amax / f64::from(max_level);
        let mut lessened = 0.0;
        // The index of the middle nearest to an end, as a fixed-point number.
        let place = |x: f64| (x / self.width * f64::from(1 << 30)) as i64;
        let (mut nearest, per_level) =
            (place(step / 2.0 - self.bins[0].centre + self.width / 2.0), place(step));
        for level in 0..max_level {
            let end = (f64::from(level) + 0.5) * step;
            let bin = &self.bins[(nearest >> 30).max(0) as usize];
            let [n, c, _] = bin.before;
            // This comparison decides exactly whether that middle is below the end; the index is rounded.
            let distance = end - bin.centre;
            lessened += n * end - c + bin.count * if distance > 0.0 { distance } else { 0.0 };
            nearest += per_level;
        }
        let [n, c, square] = self.tail(0);
        (n * amax - 2.0 * c) * amax + square - 2.0 * step * lessened
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computes the definition in an independent way.
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
    fn ranges_that_are_negative_are_refused_as_by_the_original() {
        use crate::observe::compat::{HistogramCalibrator, Library};
        let histogram = |value: f32| {
            let mut calibrator = HistogramCalibrator::new(2048, false, Library::Numpy).unwrap();
            calibrator.observe(&[value; 9]).unwrap();
            calibrator.histogram().cloned().unwrap()
        };
        let found =
            |value, unsigned| mse(&histogram(value), Target { num_bits: 8, unsigned }, Search::default());
        // First case: bins from -0.3 to 0.7, candidates from -0.24 on. Second case: bins from -0.05,
        // candidates from 0.01 on.
        let refused = found(0.2, false).unwrap_err();
        assert!(refused.message().contains("bin 128") && refused.message().contains("negative"), "{refused}");
        assert!(found(0.45, false).is_ok());
        assert!(found(0.45, true).unwrap_err().message().contains("bin 0"));
        assert!(found(3.0, true).is_ok());
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
