//! pytorch-quantization's own range rules on its own histogram, for users who need its numbers.
//!
//! The rules keep their weaknesses, which the methods of [`range`](super) do not have:
//!
//! - [`entropy`] adds clipped values to the last bin and ignores empty bins. On discrete data its divergence
//!   is 0 for nearly any range (pixels k/16: the result is 0.0625 if the largest value is 1).
//! - [`mse`] treats a range of 2^-24 or less as 0, so it is meaningless for very small data.
//! - [`percentile`] returns the lower edge of a bin, so even 100 clips.
//!
//! The definitions read every bin for every range. Here, running sums first estimate all ranges. The
//! definition then decides only among the ranges that the estimate cannot distinguish from the best one. The
//! result is the same.

use crate::error::{Error, ErrorKind, Result};
use crate::observe::compat::{LinearHistogram, between, check_bins, check_increasing};

use super::weights::per_channel;
use super::{Method, Target};

mod entropy;
mod mse;
#[cfg(test)]
mod samples;

pub use entropy::entropy;
pub use mse::mse;

/// The bins at which ranges are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Search {
    /// The first bin.
    pub start_bin: usize,
    /// The distance to the next bin.
    pub stride: usize,
}

impl Default for Search {
    /// Returns the search over every bin from 128.
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
            .with_remedy("start at a lower bin or observe with more bins"));
        }
        Ok((self.start_bin..end).step_by(self.stride))
    }
}

/// Returns the lower edge of the first bin at which the running share of the counts reaches `percentile`
/// percent.
///
/// # Errors
///
/// If `percentile` is not 0 to 100 or an edge is missing.
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

/// Computes the range of one channel of weights as `calibrate_weights` does.
///
/// It takes the largest magnitude, or applies [`mse`] or [`percentile`] to a histogram of `num_bins` bins
/// over \[0, max |w|\], made as in numpy. A channel without weights, or with zeros only, gives 0.
///
/// # Errors
///
/// If the method is entropy, which the original does not have for weights; if a weight is not finite; if the
/// weights are too small for so many bins; if `num_bins` is 0 or more than 2^24; the errors of the methods.
pub fn weights(channel: &[f32], method: Method, target: Target, num_bins: usize) -> Result<f32> {
    check_bins(num_bins)?;
    if method == Method::Entropy {
        let message = "pytorch-quantization has no entropy for weights";
        return Err(Error::new(ErrorKind::InvalidArgument, message).with_remedy("use max, mse or percentile"));
    }
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
    check_increasing(&edges)?;
    let histogram = LinearHistogram { counts: between(&magnitudes, &edges), edges };
    match method {
        Method::Mse => mse(&histogram, target, Search::default()),
        Method::Percentile(percent) => percentile(&histogram, percent),
        Method::Max | Method::Entropy => Ok(max),
    }
}

/// Applies [`weights`] to every position along `axis` of row-major values, or to all values without an axis.
///
/// # Errors
///
/// If shape, axis and values do not fit each other; if there are no weights along the axis; the errors of
/// [`weights`].
#[expect(clippy::too_many_arguments, reason = "those of calibrate_weights, of which each has its own name")]
pub fn weights_along(
    values: &[f32],
    shape: &[usize],
    axis: Option<usize>,
    method: Method,
    target: Target,
    num_bins: usize,
) -> Result<Vec<f32>> {
    per_channel(values, shape, axis, |channel| weights(channel, method, target, num_bins))
}
