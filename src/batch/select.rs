//! The selection of samples from a data set.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Positions of the samples still to be read, ascending.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Selection {
    ranges: VecDeque<Range<usize>>,
    len: usize,
}

impl Selection {
    /// Selects at most `limit` of `count` samples, in the order of the data.
    ///
    /// Without a seed, it takes the first ones. With a seed, it draws them at random without repetition. The
    /// same seed draws the same samples on every machine.
    pub fn new(count: usize, limit: Option<usize>, seed: Option<u64>) -> Self {
        match (limit, seed) {
            (Some(limit), Some(seed)) if limit < count => {
                let ranges = draw(count, limit, seed).into_iter().map(|i| i..i + 1).collect();
                Self { ranges, len: limit }
            }
            _ => {
                let len = limit.unwrap_or(count).min(count);
                Self { ranges: std::iter::once(0..len).collect(), len }
            }
        }
    }

    /// Returns the number of samples that are left.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Keeps only the first `len`.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Takes the next `count` samples, or all that are left if there are fewer.
    pub fn take(&mut self, count: usize) -> Vec<Range<usize>> {
        let mut missing = count.min(self.len);
        self.len -= missing;
        let mut taken: Vec<Range<usize>> = Vec::new();
        while missing > 0 {
            let Some(range) = self.ranges.pop_front() else { break };
            let end = range.end.min(range.start + missing);
            missing -= end - range.start;
            if end < range.end {
                self.ranges.push_front(end..range.end);
            }
            match taken.last_mut() {
                Some(last) if last.end == range.start => last.end = end,
                _ => taken.push(range.start..end),
            }
        }
        taken
    }
}

/// Draws `limit` different numbers below `count` (Floyd's sampling: every set is equally likely).
fn draw(count: usize, limit: usize, seed: u64) -> BTreeSet<usize> {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let mut random = ChaCha8Rng::from_seed(key);
    let mut drawn = BTreeSet::new();
    for last in count - limit..count {
        let number = below(&mut random, last as u64 + 1) as usize;
        if !drawn.insert(number) {
            drawn.insert(last);
        }
    }
    drawn
}

/// Draws a number below `bound`, each equally likely. Numbers past the last whole multiple are drawn again.
fn below(random: &mut ChaCha8Rng, bound: u64) -> u64 {
    let whole = u64::MAX - u64::MAX % bound;
    loop {
        let number = random.next_u64();
        if number < whole {
            return number % bound;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers follow from ChaCha's definition and were computed independently of this program.
    #[test]
    fn a_seed_means_the_same_samples_for_ever() {
        let drawn: Vec<usize> = draw(1000, 5, 42).into_iter().collect();
        assert_eq!(drawn, [11, 322, 510, 814, 890]);
    }

    #[test]
    fn every_sample_is_drawn_about_as_often() {
        let mut counts = [0; 10];
        for seed in 0..2000 {
            draw(10, 3, seed).into_iter().for_each(|sample| counts[sample] += 1);
        }
        // 600 expected, with a standard deviation of about 20.
        assert!(counts.iter().all(|count| (500..700).contains(count)), "{counts:?}");
    }

    #[test]
    fn ranges_are_split_and_joined() {
        let mut selection = Selection { ranges: [0..3, 5..6, 6..9].into_iter().collect(), len: 7 };
        assert_eq!(selection.take(2).first(), Some(&(0..2)));
        assert_eq!(selection.take(3), [2..3, 5..7]);
        assert_eq!(selection.len(), 2);
        assert_eq!(selection.take(9).first(), Some(&(7..9)));
        assert!(selection.take(1).is_empty());
    }
}
