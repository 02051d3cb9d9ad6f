//! The histogram of |x| on the lattice of the floating-point numbers themselves.
//!
//! The upper bits of a number's representation select its bin: the exponent and [`MANTISSA_BITS`] bits of the
//! mantissa. Bin `i` holds the numbers from `f32::from_bits(i << 14)` to the lower edge of bin `i + 1`,
//! excluding that edge. The width of a bin is a power of two: 1/512 of the largest power of two that is not
//! above the number. A number with at most ten significant bits (an integer up to 1024, a pixel k/16 or
//! k/128) is the lower edge of its bin.
//!
//! Subnormal numbers, below 2^-126, share their last power of two and so have bins of one width.
//!
//! The lattice does not depend on the data, so counts never move to other bins. The order of the values,
//! their division into batches and the tree of merges cannot change the result.
//!
//! A window of [`OCTAVES`] octaves bounds the memory. It ends above the largest number so far. The count
//! `below` covers all numbers under the window. When the largest number grows, the window moves up, and the
//! octaves that leave it are added to `below`. At the end, `below` counts the numbers under the last window,
//! for any order of the values.
//!
//! Bins of equal width would lose the resolution of all other values if one outlier stretches the range: with
//! 2048 bins and one value 1000 times the rest, the rest shares two bins. On this lattice the rest keeps all
//! its bins.

use crate::kernel::lattice::{BLOCK, Indices, SHIFT};
use crate::kernel::{self, Real, lattice};

pub use crate::kernel::lattice::{MANTISSA_BITS, OCTAVES};

/// The number of bins in one octave. An octave is the range from a power of two up to the next.
pub const BINS_PER_OCTAVE: u32 = 1 << MANTISSA_BITS;

/// The length of the window in bins (80 KiB of counts).
pub(super) const WINDOW: usize = lattice::WINDOW as usize;
/// The bins of a run, which divides an octave.
const RUN: usize = 64;
/// The bin of infinity, one after the last bin of a finite number.
pub(super) const END: u32 = f32::INFINITY.to_bits() >> SHIFT;

/// Temporary counts for many values, in two halves that take turns.
///
/// With one array, two equal values in a row would be slow: the second increment would wait for the first.
pub(super) struct Tally {
    halves: Vec<[u32; HALF]>,
    /// The number of values for which each counted one stands.
    weight: u64,
}

/// The number of bins in a window, rounded up to a power of two.
const HALF: usize = WINDOW.next_power_of_two();
/// The smallest number of values for which a tally saves time.
const MANY: usize = 1 << 15;

impl Tally {
    /// Creates a tally for `values` values. It stays empty for few values.
    pub(super) fn new(values: usize) -> Self {
        Self::weighted(values, 1)
    }

    /// Creates a tally for `values` values, each of which stands for `weight` values.
    pub(super) fn weighted(values: usize, weight: u64) -> Self {
        Self { halves: if values < MANY { Vec::new() } else { vec![[0; HALF]; 2] }, weight }
    }

    fn count(&mut self, indices: &[u16]) {
        let [one, other] = &mut self.halves[..] else { return };
        let (pairs, rest) = indices.as_chunks::<2>();
        for pair in pairs {
            one[usize::from(pair[0]) % HALF] += 1;
            other[usize::from(pair[1]) % HALF] += 1;
        }
        for &index in rest {
            one[usize::from(index) % HALF] += 1;
        }
    }
}

/// Counts of |x| over the lattice, for finite x other than zero.
///
/// Two histograms of the same values are equal, in whatever order and batches the values arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// The lattice index of `counts[0]`.
    first: u32,
    /// The window. It is empty before the first value, so an unused histogram costs nothing.
    counts: Vec<u64>,
    below: u64,
    between: u64,
}

/// An occupied bin: `count` values v with `lower` ≤ v < `upper`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// The smallest value that belongs to the bin.
    pub lower: f32,
    /// The lower edge of the next bin. It is infinite for the last bin of finite numbers.
    pub upper: f32,
    /// The number of values.
    pub count: u64,
}

impl Bin {
    /// Returns the lattice index of the lower edge. Neighbouring bins have consecutive indices.
    pub(crate) fn index(&self) -> u32 {
        index_of(self.lower.to_bits())
    }
}

/// Returns the lattice index of a finite magnitude, given by its bits.
#[inline]
fn index_of(bits: u32) -> u32 {
    bits >> SHIFT
}

/// Returns the lower edge of the bin with lattice index `index`.
fn edge(index: u32) -> f32 {
    f32::from_bits(index << SHIFT)
}

/// Returns the first index of the window after a value in bin `index`. The octave of `index` is the last one
/// in the window.
fn window_start(index: u32) -> u32 {
    ((index >> MANTISSA_BITS) + 1).saturating_sub(OCTAVES) << MANTISSA_BITS
}

impl Histogram {
    /// Returns the occupied bins from small to large. The values below the window come first, as one bin.
    pub fn bins(&self) -> impl Iterator<Item = Bin> + '_ {
        let below = Bin { lower: 0.0, upper: edge(self.first), count: self.below };
        let window =
            self.indexed().map(|(index, count)| Bin { lower: edge(index), upper: edge(index + 1), count });
        std::iter::once(below).filter(|bin| bin.count > 0).chain(window)
    }

    /// Returns the number of values.
    pub fn total(&self) -> u64 {
        self.counts.iter().fold(self.below, |sum, &count| sum.saturating_add(count))
    }

    /// Returns the number of values that are too small for the window.
    pub fn below(&self) -> u64 {
        self.below
    }

    /// Returns the number of values that are not the lower edge of their bin.
    ///
    /// 0 means discrete data such as integers and pixels: the lower edges are then the values themselves.
    pub fn between(&self) -> u64 {
        self.between
    }

    /// Returns the occupied runs of bins of one width from small to large, with the lower edge of their first
    /// bin, the width, and the counts, of which some may be 0.
    ///
    /// A run lies within one octave, or within the subnormal numbers. [`Histogram::below`] is not included.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (f32, f64, &[u64])> + '_ {
        let runs = (self.first..).step_by(RUN).zip(self.counts.chunks(RUN));
        runs.filter(|(_, counts)| counts.iter().fold(0, |all, count| all | count) != 0).map(
            |(index, counts)| {
                let width = f64::from(edge(index + 1)) - f64::from(edge(index));
                (edge(index), width, counts)
            },
        )
    }

    /// Returns the upper edge of the values that are too small for the window.
    pub(crate) fn floor(&self) -> f32 {
        edge(self.first)
    }

    /// Returns lattice index and count of the occupied bins of the window.
    pub(super) fn indexed(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        (self.first..).zip(self.counts.iter().copied()).filter(|&(_, count)| count > 0)
    }

    /// Adds the magnitudes of at most 2^31 finite values. `largest` is the largest of them.
    ///
    /// Each value counts as often as the tally says. Zeros are not added; the return value is their number.
    /// Values in the tally are part of the histogram only after [`absorb`](Self::absorb).
    pub(super) fn add<X: Real>(&mut self, values: &[X], largest: f32, tally: &mut Tally) -> u64 {
        if largest > 0.0 {
            let index = index_of(largest.to_bits());
            if !self.reaches(index) {
                // The tally's counts belong to the bins of the old window.
                self.absorb(tally);
                self.reach(index);
            }
        }
        let kernels = kernel::active();
        let mut indices: Indices = [0; _];
        let mut zeros = 0;
        for block in values.chunks(BLOCK) {
            let found = kernels.lattice(block, self.first, &mut indices);
            zeros += tally.weight * found.zeros as u64;
            self.below += tally.weight * found.outside as u64;
            self.between += tally.weight * found.between as u64;
            if tally.halves.is_empty() {
                for &index in &indices[..found.kept] {
                    self.counts[usize::from(index)] += tally.weight;
                }
            } else {
                tally.count(&indices[..found.kept]);
            }
        }
        zeros
    }

    /// Adds the counts of the tally and empties it.
    pub(super) fn absorb(&mut self, tally: &mut Tally) {
        for half in &mut tally.halves {
            for (count, tallied) in self.counts.iter_mut().zip(half) {
                *count += tally.weight * u64::from(std::mem::take(tallied));
            }
        }
    }

    /// Adds the magnitude of a finite value other than zero `count` times.
    pub(super) fn add_same(&mut self, x: f32, count: u64) {
        let bits = x.abs().to_bits();
        if bits & lattice::BETWEEN != 0 {
            self.add_between(count);
        }
        self.add_bin(index_of(bits), count);
    }

    /// Adds `count` values to the bin with lattice index `index`, which must be below [`END`].
    pub(super) fn add_bin(&mut self, index: u32, count: u64) {
        self.reach(index);
        let slot = match self.counts.get_mut(index.wrapping_sub(self.first) as usize) {
            Some(slot) => slot,
            None => &mut self.below,
        };
        *slot = slot.saturating_add(count);
    }

    /// Adds `count` values that are too small for the window.
    pub(super) fn add_below(&mut self, count: u64) {
        self.below = self.below.saturating_add(count);
    }

    /// Records that `count` of the values added so far are not the lower edge of their bin.
    pub(super) fn add_between(&mut self, count: u64) {
        self.between = self.between.saturating_add(count);
    }

    /// Adds the values of `other`. Counts saturate at 2^64 - 1.
    pub fn merge(&mut self, other: &Self) {
        if !other.counts.is_empty() {
            self.reach(other.first + WINDOW as u32 - 1);
        }
        self.add_below(other.below);
        self.add_between(other.between);
        for (index, count) in other.indexed() {
            self.add_bin(index, count);
        }
    }

    /// Returns whether the window extends to the octave of `index`.
    fn reaches(&self, index: u32) -> bool {
        !self.counts.is_empty() && window_start(index) <= self.first
    }

    /// Moves the window up so that it ends with the octave of `index`, unless it already extends that far.
    fn reach(&mut self, index: u32) {
        if self.counts.is_empty() {
            self.first = window_start(index);
            self.counts = vec![0; WINDOW];
        }
        let left = window_start(index).saturating_sub(self.first) as usize;
        if left == 0 {
            return;
        }
        let leaving = left.min(WINDOW);
        let sum = self.counts[..leaving].iter().fold(0u64, |sum, &count| sum.saturating_add(count));
        self.add_below(sum);
        self.counts.copy_within(leaving.., 0);
        self.counts[WINDOW - leaving..].fill(0);
        self.first += left as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(values: &[f32]) -> Histogram {
        let mut histogram = Histogram::default();
        let largest = values.iter().fold(0.0f32, |max, x| max.max(x.abs()));
        histogram.add(values, largest, &mut Tally::new(0));
        histogram
    }

    #[test]
    fn values_between_edges_are_counted() {
        let discrete = histogram(&[1.0, 0.5, 1023.0, 0.0, -3.0]);
        assert_eq!(discrete.between(), 0);
        let mut both = histogram(&[0.1, 1.0 + f32::EPSILON, 2.0]);
        assert_eq!(both.between(), 2);
        both.merge(&discrete);
        assert_eq!(both.between(), 2);
    }

    #[test]
    fn numbers_with_few_bits_are_lower_edges() {
        for k in 1..=1024u32 {
            for x in [k as f32, k as f32 / 16.0, k as f32 / 128.0] {
                assert_eq!(edge(index_of(x.to_bits())), x);
            }
        }
    }

    #[test]
    fn every_bin_is_narrower_than_a_512th() {
        for x in [1e-37f32, 0.3, 1.0, 1.999, 2.0, 1000.0, f32::MAX] {
            let bin = histogram(&[x]).bins().next().unwrap();
            assert!(bin.lower <= x && x < bin.upper, "{bin:?} for {x}");
            assert!((bin.upper.min(f32::MAX) - bin.lower) / bin.lower <= 1.0 / 512.0, "{bin:?}");
        }
    }

    #[test]
    fn small_values_leave_the_window_when_large_ones_come() {
        let small = 1.0f32;
        let large = 2f32.powi(OCTAVES as i32);
        for values in [[small, large], [large, small]] {
            let bins: Vec<Bin> = histogram(&values).bins().collect();
            assert_eq!(bins.len(), 2);
            assert_eq!((bins[0].lower, bins[0].upper, bins[0].count), (0.0, 2.0, 1));
            assert_eq!((bins[1].lower, bins[1].count), (large, 1));
        }
        assert_eq!(histogram(&[small, large / 2.0]).below(), 0);
    }

    #[test]
    fn subnormal_and_largest_numbers_have_a_bin() {
        let subnormal = f32::from_bits(1);
        assert_eq!(histogram(&[subnormal]).total(), 1);
        assert_eq!(histogram(&[f32::MAX]).bins().next().unwrap().upper, f32::INFINITY);
        assert_eq!(histogram(&[subnormal, f32::MAX]).below(), 1);
        assert_eq!(index_of(f32::MAX.to_bits()) + 1, END);
    }

    #[test]
    fn nothing_and_zeros_take_no_memory() {
        assert_eq!(histogram(&[]), Histogram::default());
        assert_eq!(histogram(&[0.0, -0.0]), Histogram::default());
    }
}
