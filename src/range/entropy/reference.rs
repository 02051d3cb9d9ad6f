//! The true distribution, in a form that gives the divergence of any range quickly.

use std::ops::Sub;

use crate::observe::{Bin, Histogram};

/// The share of the values that every range must keep unclipped.
const KEPT: f64 = 0.9999;
/// An atom's count exceeds this multiple of the mean count of the bins around it ...
const ATOM_RATIO: f64 = 8.0;
/// ... by more than this number, which chance does not explain.
const ATOM_EXCESS: f64 = 16.0;
/// The distances, in bins, of the bins around an atom. The nearest neighbours are left out, because rounding
/// errors can spread an atom over two bins.
const AROUND: std::ops::RangeInclusive<u32> = 2..=4;

/// The distribution P of the magnitudes other than zero.
pub(super) struct Reference {
    /// The smooth part and the atoms.
    pub parts: [Part; 2],
    /// The smallest range to try.
    pub least_range: f64,
}

impl Reference {
    /// Computes the distribution of `histogram`, in cells that are fine enough for `max_level` levels.
    ///
    /// Bins that are narrower than half a step of the smallest range are joined into cells of at most that
    /// width. This averages detail that no integer can represent. Near zero the histogram has any amount of
    /// such detail.
    pub fn new(histogram: &Histogram, abs_max: f32, max_level: u32) -> Self {
        let bins: Vec<Bin> = histogram.bins().collect();
        let total = histogram.total() as f64;
        let least_range = kept_range(&bins, total, f64::from(abs_max));
        let width = (least_range / (2.0 * f64::from(max_level + 1))).log2().floor().exp2();
        let (mut smooth, mut atoms) = (Vec::<Piece>::new(), Vec::<Piece>::new());
        let mut last_atom = None;
        for (i, bin) in bins.iter().enumerate() {
            let mass = bin.count as f64 / total;
            let (lower, upper) = extent(bin, abs_max);
            let piece = if is_atom(&bins, i) {
                let continued = last_atom.is_some_and(|index: u32| index + 1 == bin.index());
                last_atom = Some(bin.index());
                if let (true, Some(atom)) = (continued, atoms.last_mut()) {
                    atom.mass += mass;
                    continue;
                }
                atoms.push(Piece::atom((lower + upper) / 2.0, mass));
                continue;
            } else if upper - lower < width {
                let cell = (lower / width).floor() * width;
                Piece { lower: cell, upper: cell + width, width, mass }
            } else {
                Piece { lower, upper, width: upper - lower, mass }
            };
            match smooth.last_mut() {
                Some(last) if last.lower == piece.lower => last.mass += mass,
                _ => smooth.push(piece),
            }
        }
        Self { parts: [Part::new(smooth), Part::new(atoms)], least_range }
    }
}

/// Returns the edges of a bin. No value is above `abs_max`, so the upper edge is not above it either.
fn extent(bin: &Bin, abs_max: f32) -> (f64, f64) {
    let upper = if abs_max > bin.lower { bin.upper.min(abs_max) } else { bin.upper };
    (f64::from(bin.lower), f64::from(upper))
}

fn kept_range(bins: &[Bin], total: f64, abs_max: f64) -> f64 {
    let mut seen = 0.0;
    let reached = bins.iter().find(|bin| {
        seen += bin.count as f64;
        seen >= KEPT * total
    });
    reached.map_or(abs_max, |bin| f64::from(bin.upper).min(abs_max))
}

fn is_atom(bins: &[Bin], i: usize) -> bool {
    let reach = *AROUND.end() as usize;
    let around: u64 = bins[i.saturating_sub(reach)..bins.len().min(i + reach + 1)]
        .iter()
        .filter(|other| AROUND.contains(&other.index().abs_diff(bins[i].index())))
        .map(|other| other.count)
        .sum();
    let mean = around as f64 / (2 * AROUND.count()) as f64;
    bins[i].count as f64 > ATOM_RATIO * mean + ATOM_EXCESS
}

/// A share of all values, spread evenly from `lower` to `upper`. It is an atom if these are equal.
#[derive(Clone, Copy)]
pub(super) struct Piece {
    pub lower: f64,
    pub upper: f64,
    /// The weight for dividing the mass of a level among its pieces: the extent, or 1 for every atom.
    pub width: f64,
    pub mass: f64,
}

impl Piece {
    fn atom(at: f64, mass: f64) -> Self {
        Self { lower: at, upper: at, width: 1.0, mass }
    }
}

/// Pieces from small to large with running sums. Any level needs only two lookups.
pub(super) struct Part {
    pieces: Vec<Piece>,
    /// The sums over the pieces before each one, and over all of them.
    sums: Vec<Sums>,
}

/// Sums over pieces: the mass m, the width w and m ln(m / w).
#[derive(Clone, Copy, Default)]
pub(super) struct Sums {
    pub mass: f64,
    width: f64,
    information: f64,
}

impl Part {
    fn new(pieces: Vec<Piece>) -> Self {
        let mut sum = Sums::default();
        let mut sums = vec![sum];
        for Piece { width, mass, .. } in &pieces {
            sum.mass += mass;
            sum.width += width;
            sum.information += mass * (mass / width).ln();
            sums.push(sum);
        }
        Self { pieces, sums }
    }

    /// Returns the sums over all pieces.
    pub fn total(&self) -> Sums {
        self.sums[self.pieces.len()]
    }

    /// Returns the sums over everything below `x`. A piece that contains `x` counts with its share below.
    pub fn below(&self, x: f64) -> Sums {
        let whole = self.pieces.partition_point(|piece| piece.upper <= x);
        let sum = self.sums[whole];
        match self.pieces.get(whole) {
            Some(piece) if piece.lower < x => {
                let share = (x - piece.lower) / (piece.upper - piece.lower);
                sum.plus_share(self.sums[whole + 1], share)
            }
            _ => sum,
        }
    }

    #[cfg(test)]
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }
}

impl Sums {
    /// Interpolates the sums at `share` of the way to `next`.
    fn plus_share(self, next: Self, share: f64) -> Self {
        Self {
            mass: self.mass + share * (next.mass - self.mass),
            width: self.width + share * (next.width - self.width),
            information: self.information + share * (next.information - self.information),
        }
    }

    /// Computes Σ m ln(m / q) over the pieces of one level. q spreads their whole mass by width.
    pub fn divergence(self) -> f64 {
        if self.mass <= 0.0 || self.width <= 0.0 {
            return 0.0;
        }
        // A value below zero comes only from rounding.
        (self.information - self.mass * (self.mass / self.width).ln()).max(0.0)
    }
}

impl Sub for Sums {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            mass: self.mass - other.mass,
            width: self.width - other.width,
            information: self.information - other.information,
        }
    }
}
