//! Collectors that turn activations into statistics.
//!
//! A [`TensorStats`] reads every value of one tensor once and uses a fixed amount of memory. [`Stats`] is the
//! result of a whole calibration run. It can be saved, loaded and merged. All counts are exact. The
//! statistics and their file are therefore the same for any division of the data into batches, threads, files
//! or machines, in any order. Only [`TensorStats::observe_sampled`] counts some values for all, and depends
//! on the batches. Maxima per axis have their own file format ([`axis_max_file`]).
//!
//! | collector | keeps | for |
//! |---|---|---|
//! | [`TensorStats`] | extremes, counts of zeros, NaN and infinities, [`Histogram`] of magnitudes | every method of the module `range` |
//! | [`AxisMax`](axis_max::AxisMax) | max of magnitudes, per tensor or along kept axes | ranges per channel |
//! | [`compat::HistogramCalibrator`] | pytorch-quantization's own bins | users who need its numbers |

use std::collections::BTreeMap;

use crate::error::{Error, ErrorKind, Result};
use crate::finding::Finding;

pub mod axis_max;
pub mod axis_max_file;
pub mod compat;
mod fields;
pub mod histogram;
mod stats_file;
#[cfg(test)]
mod tests;

use crate::kernel::{self, MinMax, Real, parallel};
use histogram::Tally;

pub use histogram::{Bin, Histogram};

/// The number of values in a piece. Each piece is read twice and stays in the fastest cache in between.
const CHUNK: usize = 4096;

/// [`TensorStats::observe_sampled`] counts one of so many values.
pub const SAMPLED: usize = 13;
/// Tensors with fewer values are counted whole.
const FEWEST_SAMPLED: usize = 4096;
/// The sampled positions of a block: one of every [`SAMPLED`].
///
/// A constant distance would see the same column again and again if it divided the width of an image.
const POSITIONS: [usize; SAMPLED] = {
    let mut positions = [0; SAMPLED];
    let mut at = 0;
    while at < SAMPLED {
        positions[at] = at * SAMPLED + at * 5 % SAMPLED;
        at += 1;
    }
    positions
};

/// The statistics of one tensor over all values so far.
///
/// NaN and infinities are only counted: the extremes and the histogram cover the finite values. Minus zero
/// counts as zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TensorStats {
    zeros: u64,
    nans: u64,
    infinities: u64,
    limits: Option<Limits>,
    histogram: Histogram,
}

/// The smallest and the largest finite value.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Limits {
    min: f32,
    max: f32,
}

impl Limits {
    fn union(self, other: Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max) }
    }
}

impl TensorStats {
    /// Creates empty statistics.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `values` (f32, f16 or bf16). The order and the number of values do not matter; they may be empty.
    ///
    /// Several threads share the work if there are many values, see [`parallel`].
    pub fn observe<X: Real>(&mut self, values: &[X]) {
        let parts = parallel::map_parts(values, parallel::ANYWHERE, |start, part| {
            // Usually there is one part, which needs no statistics of its own.
            (start > 0 || part.len() < values.len()).then(|| {
                let mut stats = Self::new();
                stats.observe_part(part);
                stats
            })
        });
        for part in parts {
            match part {
                Some(stats) => self.merge(&stats),
                None => self.observe_part(values),
            }
        }
    }

    /// Adds only the extremes of `values`, and counts NaN and infinities.
    ///
    /// The histogram stays empty. This takes a tenth of the time of [`TensorStats::observe`].
    pub fn observe_limits<X: Real>(&mut self, values: &[X]) {
        for chunk in values.chunks(CHUNK) {
            let MinMax { min, max, nan } = kernel::active().min_max(chunk);
            if nan || min == f32::NEG_INFINITY || max == f32::INFINITY {
                for x in chunk.iter().map(|x| x.widen()) {
                    match x {
                        _ if x.is_nan() => self.nans += 1,
                        _ if x.is_infinite() => self.infinities += 1,
                        _ => self.add_limits(Limits { min: x, max: x }),
                    }
                }
            } else if min <= max {
                self.add_limits(Limits { min, max });
            }
        }
    }

    /// Adds the extremes of all `values`, and a histogram of every [`SAMPLED`]th value.
    ///
    /// Each sampled value counts [`SAMPLED`] times, so that the counts add up to the number of values. Which
    /// values are sampled follows from their positions in `values`. Few values, and values with NaN or
    /// infinities, are added by [`TensorStats::observe`].
    pub fn observe_sampled<X: Real>(&mut self, values: &[X]) {
        let MinMax { min, max, nan } = kernel::active().min_max(values);
        let is_finite = !nan && min > f32::NEG_INFINITY && max < f32::INFINITY;
        if values.len() < FEWEST_SAMPLED || !is_finite || min == max {
            return self.observe(values);
        }
        let largest = min.abs().max(max.abs());
        // A histogram ends at the largest magnitude, which stands for the first value here.
        let others = &values[1..];
        let (blocks, rest) = others.as_chunks::<{ SAMPLED * SAMPLED }>();
        let mut tally = Tally::weighted(others.len() / SAMPLED, SAMPLED as u64);
        let mut sampled = Vec::with_capacity(CHUNK);
        for blocks in blocks.chunks(CHUNK / SAMPLED) {
            sampled.clear();
            sampled.extend(blocks.iter().flat_map(|block| POSITIONS.map(|position| block[position])));
            self.zeros += self.histogram.add(&sampled, largest, &mut tally);
        }
        self.histogram.absorb(&mut tally);
        self.zeros += self.histogram.add(rest, largest, &mut Tally::new(0));
        self.histogram.add_same(largest, 1);
        self.add_limits(Limits { min, max });
    }

    fn observe_part<X: Real>(&mut self, values: &[X]) {
        let mut tally = Tally::new(values.len());
        // The tally counts in u32.
        for most in values.chunks(1 << 31) {
            for chunk in most.chunks(CHUNK) {
                self.observe_chunk(chunk, &mut tally);
            }
            self.histogram.absorb(&mut tally);
        }
    }

    fn observe_chunk<X: Real>(&mut self, values: &[X], tally: &mut Tally) {
        let MinMax { min, max, nan } = kernel::active().min_max(values);
        if nan || min == f32::NEG_INFINITY || max == f32::INFINITY {
            return self.observe_finite(values, tally);
        }
        if min > max {
            return;
        }
        if min == max {
            match min == 0.0 {
                true => self.zeros += values.len() as u64,
                false => self.histogram.add_same(min, values.len() as u64),
            }
        } else {
            self.zeros += self.histogram.add(values, min.abs().max(max.abs()), tally);
        }
        self.add_limits(Limits { min, max });
    }

    /// Counts NaN and infinities, and observes the finite values.
    fn observe_finite<X: Real>(&mut self, values: &[X], tally: &mut Tally) {
        let mut finite = Vec::with_capacity(values.len());
        for x in values.iter().map(|x| x.widen()) {
            match x {
                _ if x.is_nan() => self.nans += 1,
                _ if x.is_infinite() => self.infinities += 1,
                _ => finite.push(x),
            }
        }
        self.observe_chunk(&finite, tally);
    }

    fn add_limits(&mut self, new: Limits) {
        self.limits = Some(self.limits.map_or(new, |old| old.union(new)));
    }

    /// Adds the statistics of `other`, as if one collector had seen the values of both.
    ///
    /// Counts saturate at 2^64 - 1.
    pub fn merge(&mut self, other: &Self) {
        self.zeros = self.zeros.saturating_add(other.zeros);
        self.nans = self.nans.saturating_add(other.nans);
        self.infinities = self.infinities.saturating_add(other.infinities);
        if let Some(limits) = other.limits {
            self.add_limits(limits);
        }
        self.histogram.merge(&other.histogram);
    }

    /// Returns the number of values, NaN and infinities included.
    pub fn count(&self) -> u64 {
        [self.zeros, self.nans, self.infinities].into_iter().fold(self.histogram.total(), u64::saturating_add)
    }

    /// Returns the number of zeros.
    pub fn zeros(&self) -> u64 {
        self.zeros
    }

    /// Returns the number of NaN values.
    pub fn nans(&self) -> u64 {
        self.nans
    }

    /// Returns the number of infinite values of both signs.
    pub fn infinities(&self) -> u64 {
        self.infinities
    }

    /// Returns the smallest finite value; `None` if there is no finite value.
    pub fn min(&self) -> Option<f32> {
        self.limits.map(|limits| limits.min)
    }

    /// Returns the largest finite value; `None` if there is no finite value.
    pub fn max(&self) -> Option<f32> {
        self.limits.map(|limits| limits.max)
    }

    /// Returns the largest finite magnitude; `None` if there is no finite value.
    pub fn abs_max(&self) -> Option<f32> {
        self.limits.map(|limits| limits.min.abs().max(limits.max.abs()))
    }

    /// Returns the histogram of the magnitudes of the finite values other than zero.
    pub fn histogram(&self) -> &Histogram {
        &self.histogram
    }
}

/// The result of a calibration run: statistics by tensor name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// The observed tensors.
    pub tensors: BTreeMap<String, TensorStats>,
    /// The number of samples that the model ran on.
    pub samples: u64,
    /// The largest numbers of keys of attentions, by the name of the tensor of probabilities.
    pub keys: BTreeMap<String, u64>,
    /// Findings of the run for the user, such as samples that were left out. They are not part of the file.
    pub findings: Vec<Finding>,
}

impl Stats {
    /// Returns the statistics of the tensors called `names`.
    pub fn only(&self, names: &[String]) -> Self {
        let kept = names.iter().filter_map(|name| Some((name.clone(), self.tensors.get(name)?.clone())));
        Self {
            tensors: kept.collect(),
            samples: self.samples,
            keys: self.keys.clone(),
            findings: self.findings.clone(),
        }
    }

    /// Adds another run over other samples of the same model.
    ///
    /// The result has the tensors of both runs. A tensor that only one run has keeps its statistics, so runs
    /// that observed different parts of a model can be joined.
    ///
    /// # Errors
    /// `Data` if the number of samples does not fit in 64 bits; `self` is unchanged then.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        self.samples = self.samples.checked_add(other.samples).ok_or_else(|| {
            Error::new(ErrorKind::Data, "merged statistics: the number of samples does not fit 64 bits")
        })?;
        for (name, theirs) in &other.tensors {
            self.tensors.entry(name.clone()).or_default().merge(theirs);
        }
        for (name, &theirs) in &other.keys {
            let keys = self.keys.entry(name.clone()).or_default();
            *keys = theirs.max(*keys);
        }
        for finding in &other.findings {
            if !self.findings.contains(finding) {
                self.findings.push(finding.clone());
            }
        }
        Ok(())
    }
}
