//! Kernels with few outputs for many inputs.

use super::super::lattice::{self, Found, Indices};
use super::super::vector::{Lane, Vector, WIDEST};
use super::super::{MinMax, scalar};
use super::{AHEAD, MAGNITUDE, to_grid};

/// Visits the elements in vectors; zeros fill up the last one. (No closure: the compiler compiles a closure
/// for the instruction set only if it is small enough to inline.)
macro_rules! visit {
    ($x:expr, |$vector:ident| $body:expr) => {
        let x = $x;
        let whole = x.len() - x.len() % V::LANES;
        let mut at = 0;
        while at < whole {
            V::prefetch(x.as_ptr().wrapping_add(at).wrapping_byte_add(AHEAD));
            let $vector: V = Lane::load(x.as_ptr().add(at));
            $body;
            at += V::LANES;
        }
        if whole < x.len() {
            let $vector: V = Lane::load_part(x.as_ptr().add(whole), x.len() - whole);
            $body;
        }
    };
}

#[inline(always)]
pub unsafe fn abs_max<V: Vector, X: Lane>(x: &[X]) -> f32 {
    // SAFETY: as the caller promises.
    unsafe {
        match X::as_bits_16(x) {
            // The largest bits are those of the largest magnitude in this type too.
            Some(bits) => {
                let largest = [max_magnitude_16::<V>(bits); WIDEST];
                let mut wide = [0f32; WIDEST];
                X::load::<V>(largest.as_ptr().cast()).store(wide.as_mut_ptr());
                wide[0]
            }
            None => max_magnitude::<V, X>(x),
        }
    }
}

#[inline(always)]
unsafe fn max_magnitude<V: Vector, X: Lane>(x: &[X]) -> f32 {
    // Several registers, because an instruction starts before the previous one has ended.
    const AT_ONCE: usize = 4;
    // SAFETY: whole vectors are within the slice.
    unsafe {
        let magnitude = V::splat_bits(MAGNITUDE);
        let mut largest = [V::splat_bits(0); AT_ONCE];
        let blocks = x.chunks_exact(AT_ONCE * V::LANES);
        let rest = blocks.remainder();
        for block in blocks {
            for (i, largest) in largest.iter_mut().enumerate() {
                let from = block.as_ptr().add(i * V::LANES);
                V::prefetch(from.wrapping_byte_add(AHEAD));
                *largest = largest.max_bits(X::load::<V>(from).and(magnitude));
            }
        }
        visit!(rest, |x| largest[0] = largest[0].max_bits(x.and(magnitude)));
        let all = largest.into_iter().reduce(|all, one| all.max_bits(one)).unwrap_or(V::splat_bits(0));
        let mut lanes = [0f32; WIDEST];
        all.store(lanes.as_mut_ptr());
        f32::from_bits(lanes.iter().fold(0, |max, lane| max.max(lane.to_bits())))
    }
}

/// Returns the largest of 16-bit numbers without their sign bit.
#[inline(always)]
unsafe fn max_magnitude_16<V: Vector>(x: &[u16]) -> u16 {
    const AT_ONCE: usize = 4;
    const SIGNLESS: u16 = 0x7fff;
    let lanes = 2 * V::LANES;
    // SAFETY: whole vectors are within the slice; a register of f32 holds any bits.
    unsafe {
        let magnitude = V::splat_bits(0x7fff_7fff);
        let mut largest = [V::splat_bits(0); AT_ONCE];
        let blocks = x.chunks_exact(AT_ONCE * lanes);
        let rest = blocks.remainder();
        for block in blocks {
            for (i, largest) in largest.iter_mut().enumerate() {
                let bits = V::load(block.as_ptr().add(i * lanes).cast());
                *largest = largest.max_u16(bits.and(magnitude));
            }
        }
        let all = largest.into_iter().reduce(|all, one| all.max_u16(one)).unwrap_or(V::splat_bits(0));
        let mut found = [0u16; 2 * WIDEST];
        all.store(found.as_mut_ptr().cast());
        found.iter().chain(rest).fold(0, |max, x| max.max(x & SIGNLESS))
    }
}

#[inline(always)]
pub unsafe fn min_max<V: Vector, X: Lane>(x: &[X]) -> MinMax {
    let whole = x.len() - x.len() % V::LANES;
    // SAFETY: as the caller promises.
    unsafe {
        let (mut min, mut max) = (V::splat(f32::INFINITY), V::splat(f32::NEG_INFINITY));
        let mut nan = V::none();
        visit!(&x[..whole], |x| {
            min = x.min(min);
            max = x.max(max);
            nan = V::either(nan, x.is_nan());
        });
        let (mut least, mut most, mut rest) = ([0f32; WIDEST], [0f32; WIDEST], [0f32; WIDEST]);
        min.store(least.as_mut_ptr());
        max.store(most.as_mut_ptr());
        X::load_part::<V>(x.as_ptr().add(whole), x.len() - whole).store(rest.as_mut_ptr());
        let lanes = least[..V::LANES].iter().chain(&most[..V::LANES]);
        let lanes = lanes.take(if whole == 0 { 0 } else { 2 * V::LANES });
        let found = scalar::extremes(lanes.chain(&rest[..x.len() - whole]).copied());
        MinMax { nan: found.nan || V::count(nan) > 0, ..found }
    }
}

/// Writes largest = max(largest, |x|) at every place of a row, by bits, so that NaN stays.
#[inline(always)]
pub unsafe fn abs_max_rows<V: Vector, X: Lane>(x: &[X], largest: &mut [f32]) {
    // The number of rows for which the maxima are read and written once.
    const TOGETHER: usize = 4;
    let width = largest.len().max(1);
    let groups = x.chunks_exact(TOGETHER * width);
    let rest = groups.remainder();
    // SAFETY: as the caller promises; the rows are as long as the maxima, or shorter.
    unsafe {
        for group in groups {
            max_of_rows::<V, X, TOGETHER>(group.as_ptr(), largest);
        }
        for row in rest.chunks(width) {
            max_of_rows::<V, X, 1>(row.as_ptr(), &mut largest[..row.len()]);
        }
    }
}

/// Does the same for that many rows, which begin at `x` and follow each other.
#[inline(always)]
unsafe fn max_of_rows<V: Vector, X: Lane, const ROWS: usize>(x: *const X, largest: &mut [f32]) {
    let (width, to) = (largest.len(), largest.as_mut_ptr());
    let whole = width - width % V::LANES;
    // SAFETY: whole vectors are within the rows and the maxima, and so is the rest.
    unsafe {
        let magnitude = V::splat_bits(MAGNITUDE);
        let mut at = 0;
        while at < whole {
            let mut found = V::load(to.add(at));
            for row in 0..ROWS {
                let from = x.add(row * width + at);
                V::prefetch(from.wrapping_byte_add(AHEAD));
                found = found.max_bits(X::load::<V>(from).and(magnitude));
            }
            found.store(to.add(at));
            at += V::LANES;
        }
        if at < width {
            let rest = width - at;
            let mut found = V::load_part(to.add(at), rest);
            for row in 0..ROWS {
                found = found.max_bits(X::load_part::<V>(x.add(row * width + at), rest).and(magnitude));
            }
            found.store_part(to.add(at), rest);
        }
    }
}

#[inline(always)]
pub unsafe fn lattice<V: Vector, X: Lane>(x: &[X], first: u32, indices: &mut Indices) -> Found {
    assert!(indices.len() >= x.len() + WIDEST, "room for every index and a vector more");
    let to = indices.as_mut_ptr();
    // SAFETY: the indices never outnumber the elements, and there is space for one more vector.
    unsafe {
        let (magnitude, nothing) = (V::splat_bits(MAGNITUDE), V::splat_bits(0));
        let (remainder, first) = (V::splat_bits(lattice::BETWEEN), V::splat_bits(first));
        let window = V::splat_bits(lattice::WINDOW);
        let (mut kept, mut zeros, mut on_edge, mut vectors) = (0, 0, 0, 0);
        visit!(x, |x| {
            let bits = x.and(magnitude);
            let index = bits.shift_right::<{ lattice::SHIFT }>().sub_bits(first);
            let zero = bits.equal_bits(nothing);
            // An index below the window wraps round to a large one. So does that of zero, unless the window
            // begins there.
            let inside = V::both(index.less_bits(window), nothing.less_bits(bits));
            kept += index.compress(inside, to.add(kept));
            zeros += V::count(zero);
            on_edge += V::count(bits.and(remainder).equal_bits(nothing));
            vectors += 1;
        });
        let filling = vectors * V::LANES - x.len();
        let (zeros, on_edge) = (zeros - filling, on_edge - filling);
        Found { kept, zeros, outside: x.len() - kept - zeros, between: x.len() - on_edge }
    }
}

#[inline(always)]
pub unsafe fn rounding_errors<V: Vector>(x: &[f32], step: f32, low: f32, high: f32) -> (f64, f64) {
    let (mut squares, mut sum) = (0.0, 0.0);
    for run in x.chunks(scalar::RUN) {
        let (mut lane_squares, mut lane_sums) = ([0f32; WIDEST], [0f32; WIDEST]);
        let whole = run.len() - run.len() % WIDEST;
        // SAFETY: WIDEST is a whole number of vectors.
        unsafe {
            // The sum is over w less its rounded value; the sum of errors subtracts it.
            let (inverse, step) = (V::splat(step.recip()), V::splat(-step));
            let (low, high) = (V::splat(low), V::splat(high));
            let mut rest = [0f32; WIDEST];
            rest[..run.len() - whole].copy_from_slice(&run[whole..]);
            for first in (0..WIDEST).step_by(V::LANES) {
                let (mut squares, mut sums) = (V::splat(0.0), V::splat(0.0));
                let mut at = first;
                while at < run.len() {
                    let from = if at < whole { run.as_ptr().add(at) } else { rest.as_ptr().add(first) };
                    let w = V::load(from);
                    let error = to_grid(w, inverse, low, high).mul_add(step, w);
                    squares = error.mul_add(error, squares);
                    sums = sums.sub(error);
                    at += WIDEST;
                }
                squares.store(lane_squares.as_mut_ptr().add(first));
                sums.store(lane_sums.as_mut_ptr().add(first));
            }
        }
        squares += scalar::total(lane_squares);
        sum += scalar::total(lane_sums);
    }
    (squares, sum)
}
