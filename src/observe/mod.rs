//! Activations in, statistics out.
//!
//! A [`TensorStats`] sees every value of one tensor once and keeps a fixed amount of memory. [`Stats`] is
//! what a whole calibration run leaves behind: it is saved, loaded and merged. All counts are exact, so any
//! cut of the data into batches, threads, files or machines, in any order, gives the same statistics and the
//! same file. Maxima per axis have a file of their own ([`axis_max_file`]).
//!
//! | collector | keeps | for |
//! |---|---|---|
//! | [`TensorStats`] | extremes, counts of zeros, NaN and infinities, [`Histogram`] of magnitudes | every method of the module `range` |
//! | [`AxisMax`](axis_max::AxisMax) | max of magnitudes, per tensor or along kept axes | ranges per channel |
//! | [`compat::HistogramCalibrator`] | pytorch-quantization's own bins | whoever needs its numbers |

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

/// Values are looked at in pieces of this many, which stay in the fastest cache between the two looks at
/// them.
const CHUNK: usize = 4096;

/// Statistics of one tensor over all the values seen so far.
///
/// NaN and the infinities are counted and otherwise left out: extremes and histogram are those of the finite
/// values. Minus zero counts as zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TensorStats {
    zeros: u64,
    nans: u64,
    infinities: u64,
    limits: Option<Limits>,
    histogram: Histogram,
}

/// Smallest and largest finite value.
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
    /// Statistics that have seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `values` (f32, f16 or bf16), in any order and any number, zero included. Many are shared among
    /// threads, see [`parallel`].
    pub fn observe<X: Real>(&mut self, values: &[X]) {
        let parts = parallel::map_parts(values, parallel::ANYWHERE, |start, part| {
            // Most of the time there is one part, which needs no statistics of its own.
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

    fn observe_part<X: Real>(&mut self, values: &[X]) {
        let mut tally = Tally::new(values.len());
        // The tally counts no further than u32.
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

    /// Counts NaN and infinities, and observes the others.
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

    /// Adds what `other` has seen: the result is that of one collector that saw both.
    /// Counts stop at 2^64 - 1.
    pub fn merge(&mut self, other: &Self) {
        self.zeros = self.zeros.saturating_add(other.zeros);
        self.nans = self.nans.saturating_add(other.nans);
        self.infinities = self.infinities.saturating_add(other.infinities);
        if let Some(limits) = other.limits {
            self.add_limits(limits);
        }
        self.histogram.merge(&other.histogram);
    }

    /// The number of values, NaN and infinities included.
    pub fn count(&self) -> u64 {
        [self.zeros, self.nans, self.infinities].into_iter().fold(self.histogram.total(), u64::saturating_add)
    }

    /// How many values were zero.
    pub fn zeros(&self) -> u64 {
        self.zeros
    }

    /// How many values were NaN.
    pub fn nans(&self) -> u64 {
        self.nans
    }

    /// How many values were infinite, of either sign.
    pub fn infinities(&self) -> u64 {
        self.infinities
    }

    /// The smallest finite value; `None` where there was none.
    pub fn min(&self) -> Option<f32> {
        self.limits.map(|limits| limits.min)
    }

    /// The largest finite value; `None` where there was none.
    pub fn max(&self) -> Option<f32> {
        self.limits.map(|limits| limits.max)
    }

    /// The largest finite magnitude; `None` where there was no finite value.
    pub fn abs_max(&self) -> Option<f32> {
        self.limits.map(|limits| limits.min.abs().max(limits.max.abs()))
    }

    /// Counts of the magnitudes of the finite values other than zero.
    pub fn histogram(&self) -> &Histogram {
        &self.histogram
    }
}

/// What a calibration run has learned: statistics by tensor name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// The observed tensors.
    pub tensors: BTreeMap<String, TensorStats>,
    /// How many samples the model ran on.
    pub samples: u64,
    /// What the user must know of the run, such as samples that were left out; files do not hold it.
    pub findings: Vec<Finding>,
}

impl Stats {
    /// Adds another run over other samples of the same model.
    ///
    /// The tensors of the result are those of either run. A tensor that only one of them has keeps its
    /// statistics, so runs that observed different parts of a model can be joined.
    ///
    /// # Errors
    ///
    /// When the number of samples does not fit 64 bits; `self` is unchanged then.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        self.samples = self.samples.checked_add(other.samples).ok_or_else(|| {
            Error::new(ErrorKind::Data, "merged statistics: the number of samples does not fit 64 bits")
        })?;
        for (name, theirs) in &other.tensors {
            self.tensors.entry(name.clone()).or_default().merge(theirs);
        }
        for finding in &other.findings {
            if !self.findings.contains(finding) {
                self.findings.push(finding.clone());
            }
        }
        Ok(())
    }
}
