//! The samples by which quantizations are tried and judged, held in memory.

use std::collections::VecDeque;

use crate::batch::{Batch, BatchSource};
use crate::error::{Error, ErrorKind, Result};
use crate::finding::{Finding, counted};
use crate::pipeline::recover::Passes;

/// The memory that the held samples take at most, in bytes.
const MOST_BYTES: usize = 512 << 20;

/// The number of batches from which on some of them only judge.
const LEAST_BATCHES: usize = 4;

/// Some samples of the data, in memory.
#[derive(Default)]
pub(super) struct Samples {
    /// The batches by which changes are found.
    pub teaching: Vec<Batch>,
    /// The batches by which changes are judged. They are others than those of `teaching` if there are enough.
    pub judging: Vec<Batch>,
    /// Whether no batch does both.
    pub is_held_out: bool,
    /// The findings about the choice of the samples.
    pub findings: Vec<Finding>,
}

impl Samples {
    /// Reads the data once and holds at most `most` samples for each of the two purposes, evenly spread.
    ///
    /// Half of the data judges. Data of fewer than four batches do both.
    pub fn split(passes: &mut Passes<'_>, most: usize) -> Result<Self> {
        Self::read(passes, most, true)
    }

    /// Reads the data once and holds at most `most` samples for judging, evenly spread.
    pub fn judging(passes: &mut Passes<'_>, most: usize) -> Result<Self> {
        Self::read(passes, most, false)
    }

    fn read(passes: &mut Passes<'_>, most: usize, has_teaching: bool) -> Result<Self> {
        let mut source = (passes.open)()?;
        let total = source.remaining();
        let mut samples = Self { is_held_out: has_teaching, ..Self::default() };
        let (mut seen, mut bytes, mut dropped) = (0, 0, 0);
        while let Some(batch) = source.next_batch()? {
            let purpose = Purpose::of(total, seen, most.div_ceil(batch.samples.max(1)), has_teaching);
            seen += 1;
            let part = match purpose {
                Purpose::Judges => &mut samples.judging,
                Purpose::Teaches => &mut samples.teaching,
                Purpose::Neither => continue,
            };
            let size: usize =
                batch.inputs.iter().map(|(_, tensor)| tensor.view().data().as_bytes().len()).sum();
            if bytes + size > MOST_BYTES && !part.is_empty() {
                dropped += batch.samples;
                continue;
            }
            bytes += size;
            part.push(batch);
        }
        if samples.judging.is_empty() && samples.teaching.is_empty() {
            return Err(Error::new(ErrorKind::Data, "the data holds no sample")
                .with_remedy("give at least one sample; a few hundred make good ranges"));
        }
        if has_teaching && (samples.judging.is_empty() || samples.teaching.is_empty()) {
            samples.teaching.append(&mut samples.judging);
            samples.judging = samples.teaching.clone();
            samples.is_held_out = false;
        }
        if dropped > 0 {
            let message =
                format!("{} more would not fit into memory and judge nothing", counted(dropped, "sample"));
            samples.findings.push(Finding::note(message));
        }
        samples.findings.iter().for_each(Finding::log);
        Ok(samples)
    }

    /// Returns all held batches, those that judge first.
    pub fn all(&self) -> Vec<Batch> {
        let others: &[Batch] = if self.is_held_out { &self.teaching } else { &[] };
        [&self.judging, others].concat()
    }
}

/// The purpose of a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Purpose {
    Judges,
    Teaches,
    Neither,
}

impl Purpose {
    /// Decides on batch `at` of `total`, of which `most` may have each use.
    ///
    /// If the total is unknown, every other batch is taken until there are enough.
    fn of(total: Option<usize>, at: usize, most: usize, has_teaching: bool) -> Self {
        let spread = |wanted: usize, at: usize, of: usize| at * wanted / of != (at + 1) * wanted / of;
        match total {
            Some(total) if total > at => {
                if !has_teaching {
                    return if spread(most.min(total), at, total) { Self::Judges } else { Self::Neither };
                }
                if total < LEAST_BATCHES {
                    return Self::Teaches;
                }
                let judges = most.min(total / 2);
                if spread(judges, at, total) {
                    return Self::Judges;
                }
                let before = at * judges / total;
                let others = total - judges;
                if spread(most.min(others), at - before, others) { Self::Teaches } else { Self::Neither }
            }
            _ if !has_teaching => {
                if at < most {
                    Self::Judges
                } else {
                    Self::Neither
                }
            }
            _ if at >= 2 * most => Self::Neither,
            _ if at.is_multiple_of(2) => Self::Teaches,
            _ => Self::Judges,
        }
    }
}

/// A source of batches that are held in memory.
pub(super) struct Held {
    batches: VecDeque<Batch>,
}

impl Held {
    pub fn new(batches: &[Batch]) -> Self {
        Self { batches: batches.iter().cloned().collect() }
    }
}

impl BatchSource for Held {
    fn next_batch(&mut self) -> Result<Option<Batch>> {
        Ok(self.batches.pop_front())
    }

    fn remaining(&self) -> Option<usize> {
        Some(self.batches.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(total: usize, most: usize, has_teaching: bool, purpose: Purpose) -> usize {
        (0..total).filter(|&at| Purpose::of(Some(total), at, most, has_teaching) == purpose).count()
    }

    #[test]
    fn half_of_the_data_judges_and_the_other_half_teaches() {
        for (total, most, judging, teaching) in
            [(4, 32, 2, 2), (50, 32, 25, 25), (1000, 32, 32, 32), (200, 8, 8, 8), (3, 32, 0, 3)]
        {
            let found = [Purpose::Judges, Purpose::Teaches].map(|purpose| count(total, most, true, purpose));
            assert_eq!(found, [judging, teaching], "{total} batches, {most}");
        }
    }

    #[test]
    fn samples_that_judge_are_spread() {
        let chosen: Vec<usize> =
            (0..12).filter(|&at| Purpose::of(Some(12), at, 3, false) == Purpose::Judges).collect();
        assert_eq!(chosen, [3, 7, 11]);
        assert_eq!(count(5, 32, false, Purpose::Judges), 5);
    }

    #[test]
    fn data_of_unknown_length_is_divided_as_it_comes() {
        let of = |at| Purpose::of(None, at, 2, true);
        let found: Vec<Purpose> = (0..9).map(of).collect();
        use Purpose::{Judges, Neither, Teaches};
        assert_eq!(found, [Teaches, Judges, Teaches, Judges, Neither, Neither, Neither, Neither, Neither]);
    }
}
