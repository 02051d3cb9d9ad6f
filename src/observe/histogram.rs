//! The histogram of |x| on the lattice of the floating-point numbers themselves.
//!
//! A bin is named by the upper bits of the number's representation: exponent and [`MANTISSA_BITS`] bits of the
//! mantissa. So bin `i` holds the numbers from `f32::from_bits(i << 14)` up to, not including, the lower edge
//! of bin `i + 1`; its width is a power of two, 1/512 of the power of two at or below the number. A number with
//! at most ten significant bits (an integer up to 1024, a pixel k/16 or k/128) is the lower edge of its bin.
//!
//! Subnormal numbers, below 2^-126, share their last power of two and so have bins of one width.
//!
//! The lattice does not depend on the data, so counts never have to be moved: the order of the values, the
//! cut into batches and the tree of merges cannot change the result. Memory is bounded by a window of
//! [`OCTAVES`] octaves that ends above the largest number seen. What is smaller than the window is counted
//! together in one bin `below`; when the largest number grows, the window moves up and the octaves that it
//! leaves are added to `below`. In the end `below` counts the numbers under the last window, whatever the
//! order was.
//!
//! A lattice of equal steps would cost the resolution of everything else as soon as one outlier stretches it:
//! with 2048 steps and one value 1000 times the rest, the rest shares two bins. Here it keeps every bin.

/// Bits of the mantissa that tell bins apart.
pub const MANTISSA_BITS: u32 = 9;
/// Bins in one octave, the numbers from a power of two up to the next.
pub const BINS_PER_OCTAVE: u32 = 1 << MANTISSA_BITS;
/// Octaves that are kept below the largest number: a factor of about a million.
pub const OCTAVES: u32 = 20;

/// Length of the window in bins (80 KiB of counts).
pub(super) const WINDOW: usize = (OCTAVES * BINS_PER_OCTAVE) as usize;
const SHIFT: u32 = f32::MANTISSA_DIGITS - 1 - MANTISSA_BITS;
/// The bin of infinity: one past the last bin of a finite number.
pub(super) const END: u32 = f32::INFINITY.to_bits() >> SHIFT;

/// Counts of |x| over the lattice, for finite x other than zero.
///
/// Two histograms of the same values are equal, however the values came in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Lattice index of `counts[0]`.
    first: u32,
    /// The window; empty until the first value, so that an unused histogram costs nothing.
    counts: Vec<u64>,
    below: u64,
}

/// An occupied bin: `count` values v with `lower` ≤ v < `upper`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// Smallest value that belongs to the bin.
    pub lower: f32,
    /// Lower edge of the next bin; infinite above the last bin of finite numbers.
    pub upper: f32,
    /// How many values.
    pub count: u64,
}

impl Bin {
    /// The lattice index of the lower edge: neighbouring bins have neighbouring numbers.
    pub(crate) fn index(&self) -> u32 {
        index_of(self.lower.to_bits())
    }
}

/// The lattice index of a finite magnitude given by its bits.
#[inline]
fn index_of(bits: u32) -> u32 {
    bits >> SHIFT
}

/// The lower edge of the bin with lattice index `index`.
fn edge(index: u32) -> f32 {
    f32::from_bits(index << SHIFT)
}

/// Where the window starts once the bin `index` has been seen: its octave is the last one of the window.
fn window_start(index: u32) -> u32 {
    ((index >> MANTISSA_BITS) + 1).saturating_sub(OCTAVES) << MANTISSA_BITS
}

impl Histogram {
    /// Occupied bins from small to large. The values below the window come first, as one bin from 0.
    pub fn bins(&self) -> impl Iterator<Item = Bin> + '_ {
        let below = Bin { lower: 0.0, upper: edge(self.first), count: self.below };
        let window =
            self.indexed().map(|(index, count)| Bin { lower: edge(index), upper: edge(index + 1), count });
        std::iter::once(below).filter(|bin| bin.count > 0).chain(window)
    }

    /// The number of values.
    pub fn total(&self) -> u64 {
        self.counts.iter().fold(self.below, |sum, &count| sum.saturating_add(count))
    }

    /// Values too small for the window.
    pub fn below(&self) -> u64 {
        self.below
    }

    /// Lattice index and count of the occupied bins of the window.
    pub(super) fn indexed(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        (self.first..).zip(self.counts.iter().copied()).filter(|&(_, count)| count > 0)
    }

    /// Adds magnitudes given by their bits, all of them finite and none larger than `largest`; zeros are
    /// returned as a count and not added.
    pub(super) fn add(&mut self, magnitudes: impl Iterator<Item = u32>, largest: u32) -> u64 {
        let mut zeros = 0;
        if largest > 0 {
            self.reach(index_of(largest));
        }
        for bits in magnitudes {
            if bits == 0 {
                zeros += 1;
                continue;
            }
            match self.counts.get_mut(index_of(bits).wrapping_sub(self.first) as usize) {
                Some(count) => *count += 1,
                None => self.below += 1,
            }
        }
        zeros
    }

    /// Adds `count` values in the bin with lattice index `index`, which must be below [`END`].
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

    /// Adds the values of `other`. Counts stop at 2^64 - 1.
    pub fn merge(&mut self, other: &Self) {
        if !other.counts.is_empty() {
            self.reach(other.first + WINDOW as u32 - 1);
        }
        self.add_below(other.below);
        for (index, count) in other.indexed() {
            self.add_bin(index, count);
        }
    }

    /// Moves the window up so that it ends with the octave of `index`, unless it reaches that far already.
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
        let largest = values.iter().map(|x| x.abs().to_bits()).max().unwrap_or(0);
        histogram.add(values.iter().map(|x| x.abs().to_bits()), largest);
        histogram
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
