//! Every kernel over any [`Vector`]: what the instruction sets share.
//!
//! The elements after the last whole vector become a vector of their own, so that the same instructions see every
//! element.
//!
//! Functions here are inlined into those that `table!` makes for an instruction set, which has enabled it.

use super::in_out::InOut;
use super::lattice::{self, Found, Indices};
use super::pattern::{Pattern, Place};
use super::vector::{Lane, Vector, WIDEST};
use super::{Grid, MinMax, scalar};

/// Output from this size on, in bytes, goes past the caches, which it would only sweep.
const STREAMING: usize = 32 << 20;

/// All bits but the sign.
const MAGNITUDE: u32 = 0x7fff_ffff;

/// out = f(place, x), where places count elements and lie at most a vector apart.
///
/// # Safety
/// The instruction set of `V` must be there; so for all functions of this file.
#[inline(always)]
unsafe fn map_from<V: Vector, X: Lane, Y: Lane>(
    start: usize,
    io: InOut<X, Y>,
    mut f: impl FnMut(usize, V) -> V,
) {
    let (x, out, len) = io.pointers();
    let whole = len - len % V::LANES;
    // SAFETY: whole vectors within the slices, and what is left of them.
    unsafe {
        let mut at = 0;
        while at < whole {
            Y::store(f(start + at, X::load(x.add(at))), out.add(at));
            at += V::LANES;
        }
        if at < len {
            Y::store_part(f(start + at, X::load_part(x.add(at), len - at)), out.add(at), len - at);
        }
    }
}

/// out = f(x).
#[inline(always)]
unsafe fn map<V: Vector, X: Lane, Y: Lane>(io: InOut<X, Y>, f: impl Fn(V) -> V) {
    // SAFETY: as the caller promises.
    unsafe { map_from(0, io, |_, x| f(x)) }
}

/// As [`map_from`], past the caches where those could not hold the result.
#[inline(always)]
unsafe fn map_large<V: Vector, X: Lane, Y: Lane>(io: InOut<X, Y>, mut f: impl FnMut(usize, V) -> V) {
    let io = match io.into_f32() {
        Ok(io) if io.len() * size_of::<f32>() >= STREAMING && !io.is_in_place() => io,
        // SAFETY: as the caller promises.
        Ok(io) => return unsafe { map_from(0, io, f) },
        // SAFETY: as the caller promises.
        Err(io) => return unsafe { map_from(0, io, f) },
    };
    let (_, out, len) = io.pointers();
    let aligned = out.align_offset(V::LANES * size_of::<f32>()).min(len);
    let (head, body) = io.split_at(aligned);
    let whole = body.len() - body.len() % V::LANES;
    let (body, tail) = body.split_at(whole);
    let (x, out, _) = body.pointers();
    // SAFETY: whole vectors within the slices, at addresses that the head has aligned.
    unsafe {
        map_from(0, head, &mut f);
        let mut at = 0;
        while at < whole {
            f(aligned + at, V::load(x.add(at))).stream(out.add(at));
            at += V::LANES;
        }
        V::fence();
        map_from(aligned + whole, tail, f);
    }
}

/// out = f(x, the two numbers of x).
#[inline(always)]
unsafe fn map_pattern<V: Vector, X: Lane, Y: Lane>(
    mut io: InOut<X, Y>,
    pattern: &Pattern,
    mut f: impl FnMut(V, V, V) -> V,
) {
    // SAFETY: as the caller promises, and what a place in a row points to is good for a vector.
    unsafe {
        match pattern {
            Pattern::Row(row) => {
                let mut place = Place::new(row);
                map_large(io, |at, x| {
                    let (first, second) = place.pointers(at);
                    f(x, V::load(first), V::load(second))
                });
            }
            Pattern::Runs { run, first, second } => {
                let len = io.len();
                for (number, start) in (0..len).step_by(*run).enumerate() {
                    let (first, second) = (V::splat(first[number]), V::splat(second[number]));
                    map_from(0, io.part(start..len.min(start + run)), |_, x| f(x, first, second));
                }
            }
        }
    }
}

/// Visits x in vectors, the last one filled up with zeros.
#[inline(always)]
unsafe fn visit<V: Vector, X: Lane>(x: &[X], mut f: impl FnMut(V)) {
    let whole = x.len() - x.len() % V::LANES;
    // SAFETY: whole vectors within the slice.
    unsafe {
        let mut at = 0;
        while at < whole {
            f(X::load(x.as_ptr().add(at)));
            at += V::LANES;
        }
        if whole < x.len() {
            f(X::load_part(x.as_ptr().add(whole), x.len() - whole));
        }
    }
}

#[inline(always)]
pub unsafe fn abs_max<V: Vector, X: Lane>(x: &[X]) -> f32 {
    // SAFETY: as the caller promises.
    unsafe {
        match X::as_bits_16(x) {
            // The largest bits are those of the largest magnitude, in this type too.
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
    // Several registers, for an instruction starts before the one before it has ended.
    const AT_ONCE: usize = 4;
    // SAFETY: whole vectors within the slice.
    unsafe {
        let magnitude = V::splat_bits(MAGNITUDE);
        let mut largest = [V::splat_bits(0); AT_ONCE];
        let blocks = x.chunks_exact(AT_ONCE * V::LANES);
        let rest = blocks.remainder();
        for block in blocks {
            for (i, largest) in largest.iter_mut().enumerate() {
                *largest = largest.max_bits(X::load::<V>(block.as_ptr().add(i * V::LANES)).and(magnitude));
            }
        }
        visit(rest, |x: V| largest[0] = largest[0].max_bits(x.and(magnitude)));
        let all = largest.into_iter().reduce(|all, one| all.max_bits(one)).unwrap_or(V::splat_bits(0));
        let mut lanes = [0f32; WIDEST];
        all.store(lanes.as_mut_ptr());
        f32::from_bits(lanes.iter().fold(0, |max, lane| max.max(lane.to_bits())))
    }
}

/// The largest of 16-bit numbers without their sign bit.
#[inline(always)]
unsafe fn max_magnitude_16<V: Vector>(x: &[u16]) -> u16 {
    const AT_ONCE: usize = 4;
    const SIGNLESS: u16 = 0x7fff;
    let lanes = 2 * V::LANES;
    // SAFETY: whole vectors within the slice; a register of f32 holds any bits.
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
        visit(&x[..whole], |x: V| {
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

/// clamp(rne(x * scale), low, high). The bounds are integers, so clamping first gives the same; NaN passes both.
#[inline(always)]
unsafe fn to_grid<V: Vector>(x: V, scale: V, low: V, high: V) -> V {
    // SAFETY: as the caller promises.
    unsafe { high.min(low.max(x.mul(scale))).round() }
}

#[inline(always)]
pub unsafe fn quantize<V: Vector, X: Lane, Y: Lane>(io: InOut<X, Y>, grid: Grid) -> bool {
    // SAFETY: as the caller promises.
    unsafe {
        let (scale, low, high) = (V::splat(grid.scale), V::splat(grid.low), V::splat(grid.high));
        let mut nan = V::none();
        map_large(io, |_, x: V| {
            nan = V::either(nan, x.is_nan());
            to_grid(x, scale, low, high)
        });
        V::count(nan) > 0
    }
}

#[inline(always)]
pub unsafe fn fake_quantize<V: Vector, X: Lane>(io: InOut<X>, grid: Grid, divisor: f32) {
    // SAFETY: as the caller promises.
    unsafe {
        let (scale, low, high) = (V::splat(grid.scale), V::splat(grid.low), V::splat(grid.high));
        let divisor = V::splat(divisor);
        map_large(io, |_, x: V| to_grid(x, scale, low, high).div(divisor));
    }
}

#[inline(always)]
pub unsafe fn quantize_by<V: Vector, X: Lane, Y: Lane>(
    io: InOut<X, Y>,
    scales: &Pattern,
    low: f32,
    high: f32,
) -> bool {
    // SAFETY: as the caller promises.
    unsafe {
        let (low, high) = (V::splat(low), V::splat(high));
        let mut nan = V::none();
        map_pattern(io, scales, |x: V, scale, _| {
            nan = V::either(nan, x.is_nan());
            to_grid(x, scale, low, high)
        });
        V::count(nan) > 0
    }
}

#[inline(always)]
pub unsafe fn fake_quantize_by<V: Vector, X: Lane>(io: InOut<X>, scales: &Pattern, low: f32, high: f32) {
    // SAFETY: as the caller promises.
    unsafe {
        let (low, high) = (V::splat(low), V::splat(high));
        map_pattern(io, scales, |x: V, scale, divisor| to_grid(x, scale, low, high).div(divisor));
    }
}

/// largest = max(largest, |x|) at every place of a row, by bits, so that NaN stays.
#[inline(always)]
pub unsafe fn abs_max_rows<V: Vector, X: Lane>(x: &[X], largest: &mut [f32]) {
    for row in x.chunks(largest.len().max(1)) {
        let largest = &mut largest[..row.len()];
        let whole = row.len() - row.len() % V::LANES;
        // SAFETY: whole vectors within the slices, which have the same length, and the rest in arrays that hold one.
        unsafe {
            let magnitude = V::splat_bits(MAGNITUDE);
            let (x, to) = (row.as_ptr(), largest.as_mut_ptr());
            let mut at = 0;
            while at < whole {
                let found: V = X::load::<V>(x.add(at)).and(magnitude);
                V::load(to.add(at)).max_bits(found).store(to.add(at));
                at += V::LANES;
            }
            if at < row.len() {
                let rest = row.len() - at;
                let found: V = X::load_part::<V>(x.add(at), rest).and(magnitude);
                V::load_part(to.add(at), rest).max_bits(found).store_part(to.add(at), rest);
            }
        }
    }
}

#[inline(always)]
pub unsafe fn mask<V: Vector, X: Lane>(x: &[X], gradient: InOut<X>, low: f32, high: f32) {
    // SAFETY: as the caller promises.
    unsafe {
        let ends = (V::splat(low), V::splat(high));
        mask_with(x, gradient, |_| ends);
    }
}

#[inline(always)]
pub unsafe fn mask_by<V: Vector, X: Lane>(x: &[X], mut gradient: InOut<X>, ends: &Pattern) {
    // SAFETY: as the caller promises, and what a place in a row points to is good for a vector.
    unsafe {
        match ends {
            Pattern::Row(row) => {
                let mut place = Place::new(row);
                mask_with(x, gradient, |at| {
                    let (low, high) = place.pointers(at);
                    (V::load(low), V::load(high))
                });
            }
            Pattern::Runs { run, first, second } => {
                for (number, x) in x.chunks(*run).enumerate() {
                    let ends = (V::splat(first[number]), V::splat(second[number]));
                    let start = number * run;
                    mask_with(x, gradient.part(start..start + x.len()), |_| ends);
                }
            }
        }
    }
}

/// out = gradient where x is within the ends that `ends` has for the vector at a place, else 0.
#[inline(always)]
unsafe fn mask_with<V: Vector, X: Lane>(x: &[X], gradient: InOut<X>, mut ends: impl FnMut(usize) -> (V, V)) {
    let (gradient, out, len) = gradient.pointers();
    assert_eq!(x.len(), len, "as many gradients as elements");
    let whole = len - len % V::LANES;
    // SAFETY: whole vectors within the slices, and the rest in arrays that hold one.
    unsafe {
        let mut f = |at, x: V, gradient: V| {
            let (low, high) = ends(at);
            V::select(V::both(low.less_or_equal(x), x.less_or_equal(high)), gradient, V::splat(0.0))
        };
        let mut at = 0;
        while at < whole {
            X::store(f(at, X::load(x.as_ptr().add(at)), X::load(gradient.add(at))), out.add(at));
            at += V::LANES;
        }
        if at < len {
            let (x, gradient) = (x.as_ptr().add(at), gradient.add(at));
            let result = f(at, X::load_part(x, len - at), X::load_part(gradient, len - at));
            X::store_part(result, out.add(at), len - at);
        }
    }
}

#[inline(always)]
pub unsafe fn fake_e4m3<V: Vector, X: Lane>(io: InOut<X>, scale: f32) {
    // SAFETY: as the caller promises.
    unsafe {
        let scale = V::splat(scale);
        map(io, |x: V| to_e4m3(x, scale));
    }
}

#[inline(always)]
pub unsafe fn fake_e4m3_by<V: Vector, X: Lane>(io: InOut<X>, scales: &Pattern) {
    // SAFETY: as the caller promises.
    unsafe { map_pattern(io, scales, |x: V, scale, _| to_e4m3(x, scale)) }
}

/// e4m3(x * scale) / scale.
#[inline(always)]
unsafe fn to_e4m3<V: Vector>(x: V, scale: V) -> V {
    // SAFETY: as the caller promises.
    unsafe {
        let (magnitude, sign) = (V::splat_bits(MAGNITUDE), V::splat_bits(!MAGNITUDE));
        let (largest, least_normal) = (V::splat(super::e4m3::MAX), V::splat(1.0 / 64.0));
        // Its last bit is worth 2^-9, a subnormal step.
        let shift = V::splat(1.5 * 16384.0);
        let (one, half, kept) = (V::splat_bits(1), V::splat_bits(0x7_ffff), V::splat_bits(0xfff0_0000));
        let (epsilon, zero) = (V::splat(scalar::E4M3_EPSILON), V::splat(0.0));
        let scaled = x.mul(scale);
        let size = largest.min(scaled.and(magnitude));
        let odd = size.shift_right::<20>().and(one);
        let normal = size.add_bits(half).add_bits(odd).and(kept);
        let subnormal = size.add(shift).sub(shift);
        let rounded = V::select(size.less(least_normal), subnormal, normal).or(scaled.and(sign));
        let result = V::select(scaled.is_nan(), scaled, rounded).div(scale);
        V::select(x.and(magnitude).less(epsilon), zero, result)
    }
}

#[inline(always)]
pub unsafe fn dequantize<V: Vector, Q: Lane, X: Lane>(io: InOut<Q, X>, scale: f32) {
    // SAFETY: as the caller promises.
    unsafe {
        let scale = V::splat(scale);
        map(io, |q: V| q.div(scale));
    }
}

#[inline(always)]
pub unsafe fn dequantize_by<V: Vector, Q: Lane, X: Lane>(io: InOut<Q, X>, scales: &Pattern) {
    // SAFETY: as the caller promises.
    unsafe { map_pattern(io, scales, |q: V, scale, _| q.div(scale)) }
}

#[inline(always)]
pub unsafe fn lattice<V: Vector, X: Lane>(x: &[X], first: u32, indices: &mut Indices) -> Found {
    assert!(indices.len() >= x.len() + WIDEST, "room for every index and a vector more");
    let to = indices.as_mut_ptr();
    // SAFETY: the indices never outnumber the elements, and there is room for a vector more.
    unsafe {
        let (magnitude, nothing) = (V::splat_bits(MAGNITUDE), V::splat_bits(0));
        let (remainder, first) = (V::splat_bits(lattice::BETWEEN), V::splat_bits(first));
        let window = V::splat_bits(lattice::WINDOW);
        let (mut kept, mut zeros, mut on_edge, mut vectors) = (0, 0, 0, 0);
        visit(x, |x: V| {
            let bits = x.and(magnitude);
            let index = bits.shift_right::<{ lattice::SHIFT }>().sub_bits(first);
            let zero = bits.equal_bits(nothing);
            // An index below the window wraps round to a large one, and so does that of zero, unless the window
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
            let (inverse, step) = (V::splat(step.recip()), V::splat(step));
            let (low, high) = (V::splat(low), V::splat(high));
            let mut rest = [0f32; WIDEST];
            rest[..run.len() - whole].copy_from_slice(&run[whole..]);
            for first in (0..WIDEST).step_by(V::LANES) {
                let (mut squares, mut sums) = (V::splat(0.0), V::splat(0.0));
                let mut add = |w: V| {
                    let error = to_grid(w, inverse, low, high).mul(step).sub(w);
                    squares = squares.add(error.mul(error));
                    sums = sums.add(error);
                };
                let mut at = first;
                while at < whole {
                    add(V::load(run.as_ptr().add(at)));
                    at += WIDEST;
                }
                add(V::load(rest.as_ptr().add(first)));
                squares.store(lane_squares.as_mut_ptr().add(first));
                sums.store(lane_sums.as_mut_ptr().add(first));
            }
        }
        squares += lane_squares.iter().map(|&x| f64::from(x)).sum::<f64>();
        sum += lane_sums.iter().map(|&x| f64::from(x)).sum::<f64>();
    }
    (squares, sum)
}

/// The bits of the nearest bf16, ties to even, in the lower half of each lane. NaN becomes a quiet one.
#[inline(always)]
pub unsafe fn bf16_bits<V: Vector>(x: V) -> V {
    // SAFETY: as the caller promises.
    unsafe {
        let upper = x.shift_right::<16>();
        let odd = upper.and(V::splat_bits(1));
        let rounded = x.add_bits(V::splat_bits(0x7fff)).add_bits(odd).shift_right::<16>();
        V::select(x.is_nan(), upper.or(V::splat_bits(0x40)), rounded)
    }
}
