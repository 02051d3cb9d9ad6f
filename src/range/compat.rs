//! pytorch-quantization's own rules for a range, on its own histogram, for whoever needs its numbers.
//!
//! They are kept with their weaknesses, which the module's own methods do not have:
//!
//! - [`entropy`] lets clipped values join the last bin and leaves empty bins out. On discrete data its
//!   divergence is 0 for nearly any range (pixels k/16: 0.0625 where the largest is 1).
//! - [`mse`] treats a range of 2^-24 or less as 0, so it is meaningless on very small data.
//! - [`percentile`] answers with the lower edge of a bin, so even 100 clips.

use crate::error::{Error, ErrorKind, Result};
use crate::observe::compat::{LinearHistogram, between, check_bins};

use super::Target;
use super::weights::per_channel;

/// Magnitudes up to this are quantized to 0 by pytorch-quantization.
const SMALLEST_AMAX: f32 = 1.0 / (1 << 24) as f32;

/// The bins at which ranges are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Search {
    /// The first bin.
    pub start_bin: usize,
    /// The distance to the next.
    pub stride: usize,
}

impl Default for Search {
    /// Every bin from 128.
    fn default() -> Self {
        Self { start_bin: 128, stride: 1 }
    }
}

impl Search {
    fn bins(self, end: usize) -> Result<impl Iterator<Item = usize>> {
        if self.stride == 0 || self.start_bin >= end {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("no bin to try from {} in steps of {}, below {end}", self.start_bin, self.stride),
            )
            .with_remedy("start at a lower bin or collect with more bins"));
        }
        Ok((self.start_bin..end).step_by(self.stride))
    }
}

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
    let mut best: Option<(usize, f64)> = None;
    for bins in search.bins(counts.len() + 1)? {
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

/// Kullback-Leibler divergence of the first `bins` bins from their quantized form, both scaled to 1.
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
    let max_level = target.max_level()? as f32;
    let centres: Vec<f32> = edges.windows(2).map(|edge| (edge[0] as f32 + edge[1] as f32) / 2.0).collect();
    let mut best = (f32::NAN, f32::INFINITY);
    for candidate in search.bins(centres.len())? {
        let amax = centres[candidate];
        let error = mean(centres.iter().zip(counts).map(|(&centre, &count)| {
            let difference = fake_quantize(centre, amax, max_level) - centre;
            difference * difference * count as f32
        }));
        if error < best.1 || best.0.is_nan() {
            best = (amax, error);
        }
    }
    Ok(best.0)
}

fn mean(values: impl ExactSizeIterator<Item = f32>) -> f32 {
    let count = values.len();
    (values.map(f64::from).sum::<f64>() / count as f64) as f32
}

fn fake_quantize(x: f32, amax: f32, max_level: f32) -> f32 {
    if amax <= SMALLEST_AMAX {
        return 0.0;
    }
    let scale = max_level / amax;
    (x * scale).round_ties_even().clamp(-max_level, max_level) / scale
}

/// The lower edge of the first bin up to which at least `percentile` percent of the counts lie.
///
/// # Errors
///
/// When `percentile` is not 0 to 100 or an edge is missing.
pub fn percentile(histogram: &LinearHistogram, percentile: f64) -> Result<f32> {
    if !(0.0..=100.0).contains(&percentile) {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("percentile {percentile} is out of range"),
        )
        .with_remedy("choose one from 0 to 100"));
    }
    let total: u64 = histogram.counts.iter().sum();
    let mut share = 0.0;
    let reached = histogram.counts.iter().position(|&count| {
        share += count as f64 / total as f64;
        share >= percentile / 100.0
    });
    let edge = histogram.edges.get(reached.unwrap_or(histogram.counts.len()));
    edge.map(|&edge| edge as f32)
        .ok_or_else(|| Error::new(ErrorKind::Data, "the histogram has fewer edges than bins"))
}

/// How [`weights`] chooses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WeightMethod {
    /// The largest magnitude.
    Max,
    /// [`mse`].
    Mse,
    /// [`percentile`] with this percentage.
    Percentile(f64),
}

/// The range of one channel of weights by `calibrate_weights`: [`mse`] or [`percentile`] on a histogram of
/// `num_bins` bins over \[0, max |w|\] as numpy makes it. A channel without weights or of zeros only gives 0.
///
/// # Errors
///
/// For weights that are not finite, `num_bins` of 0 or over 2^24, and those of the methods.
pub fn weights(channel: &[f32], method: WeightMethod, target: Target, num_bins: usize) -> Result<f32> {
    check_bins(num_bins)?;
    let magnitudes: Vec<f32> = channel.iter().map(|w| w.abs()).collect();
    if let Some(wrong) = magnitudes.iter().find(|w| !w.is_finite()) {
        return Err(Error::new(ErrorKind::Data, format!("a weight is {wrong}"))
            .with_remedy("check how the model was exported"));
    }
    let max = magnitudes.iter().copied().fold(0.0, f32::max);
    if max == 0.0 {
        return Ok(0.0);
    }
    let step = f64::from(max) / num_bins as f64;
    let edge = |i| f64::from(if i == num_bins { max } else { (i as f64 * step) as f32 });
    let edges: Vec<f64> = (0..=num_bins).map(edge).collect();
    let histogram = LinearHistogram { counts: between(&magnitudes, &edges), edges };
    match method {
        WeightMethod::Max => Ok(max),
        WeightMethod::Mse => mse(&histogram, target, Search::default()),
        WeightMethod::Percentile(percent) => percentile(&histogram, percent),
    }
}

/// [`weights`] for every position along `axis` of row-major values, or one range for all without an axis.
///
/// # Errors
///
/// When shape, axis and values do not fit each other, and those of [`weights`]. Along an axis there must be weights.
pub fn weights_along(
    values: &[f32],
    shape: &[usize],
    axis: Option<usize>,
    method: WeightMethod,
    target: Target,
    num_bins: usize,
) -> Result<Vec<f32>> {
    per_channel(values, shape, axis, |channel| weights(channel, method, target, num_bins))
}
