//! Kernels with as many outputs as inputs.
//!
//! An [`Op`] computes a vector, and [`Numbers`] gives the two numbers of its elements. Both are types, not
//! closures: the compiler compiles a closure for the instruction set only if it is small enough to inline.

use super::super::in_out::InOut;
use super::super::pattern::{Pattern, RowPosition};
use super::super::vector::{Lane, Vector, WIDEST};
use super::super::{LinearBins, scalar};
use super::{AHEAD, MAGNITUDE, to_grid};
use crate::e4m3;

/// Output from this size on, in bytes, bypasses the caches, because it would only evict their content.
const STREAMING: usize = 32 << 20;

pub(super) trait Op<V> {
    /// Computes the result for x with its two numbers.
    unsafe fn apply(&mut self, x: V, first: V, second: V) -> V;
}

trait Numbers<V> {
    /// Returns the two numbers of each element of the vector that begins at `element`. Calls must be in
    /// order, each at most a vector after the previous one.
    unsafe fn at(&mut self, element: usize) -> (V, V);
}

/// All elements have the same numbers.
struct Same<V>(V, V);

impl<V: Vector> Numbers<V> for Same<V> {
    #[inline(always)]
    unsafe fn at(&mut self, _: usize) -> (V, V) {
        (self.0, self.1)
    }
}

impl<V: Vector> Numbers<V> for RowPosition<'_> {
    #[inline(always)]
    unsafe fn at(&mut self, element: usize) -> (V, V) {
        let (first, second) = self.pointers(element);
        // SAFETY: both are valid for a vector.
        unsafe { (V::load(first), V::load(second)) }
    }
}

/// The numbers of [`Pattern::Runs`] whose runs are no shorter than a vector, so that a vector is in at most
/// two runs.
struct Neighbours<'a, V> {
    run: usize,
    pairs: (&'a [f32], &'a [f32]),
    /// The run of the last element of the previous call, and the end of that run.
    number: usize,
    end: usize,
    here: (V, V),
}

impl<'a, V: Vector> Neighbours<'a, V> {
    #[inline(always)]
    unsafe fn new(run: usize, start: usize, first: &'a [f32], second: &'a [f32]) -> Self {
        // SAFETY: as the caller promises.
        let here = unsafe { (V::splat(first[start]), V::splat(second[start])) };
        Self { run, pairs: (first, second), number: start, end: run, here }
    }

    fn next(&self) -> usize {
        if self.number + 1 == self.pairs.0.len() { 0 } else { self.number + 1 }
    }
}

impl<V: Vector> Numbers<V> for Neighbours<'_, V> {
    #[inline(always)]
    unsafe fn at(&mut self, element: usize) -> (V, V) {
        // SAFETY: as the caller promises; the table of lanes is as long as the widest vector.
        unsafe {
            if element >= self.end {
                self.number = self.next();
                self.end += self.run;
                self.here = (V::splat(self.pairs.0[self.number]), V::splat(self.pairs.1[self.number]));
            }
            if element + V::LANES <= self.end {
                return self.here;
            }
            let next = self.next();
            let is_here = V::load(LANE.as_ptr()).less(V::splat((self.end - element) as f32));
            (
                V::select(is_here, self.here.0, V::splat(self.pairs.0[next])),
                V::select(is_here, self.here.1, V::splat(self.pairs.1[next])),
            )
        }
    }
}

/// The index of each lane.
static LANE: [f32; WIDEST] = {
    let mut lanes = [0.0; WIDEST];
    let mut lane = 0;
    while lane < WIDEST {
        lanes[lane] = lane as f32;
        lane += 1;
    }
    lanes
};

/// Writes out = op(x) past the caches if that `streams`. Only f32 does.
#[inline(always)]
unsafe fn map<V: Vector, X: Lane, Y: Lane>(
    streams: bool,
    io: InOut<X, Y>,
    numbers: &mut impl Numbers<V>,
    op: &mut impl Op<V>,
) {
    let (x, out, len) = io.pointers();
    let streams = X::IS_F32 && Y::IS_F32 && streams;
    let mut at = 0;
    // SAFETY: whole vectors are within the slices, and so is the rest; the first part has aligned the
    // addresses of streamed stores.
    unsafe {
        if streams {
            at = out.cast::<f32>().align_offset(V::LANES * size_of::<f32>()).min(len);
            map_part(x, out, at, numbers.at(0), op);
        }
        while len - at >= V::LANES {
            V::prefetch(x.wrapping_add(at).wrapping_byte_add(AHEAD));
            let (first, second) = numbers.at(at);
            let y = op.apply(X::load(x.add(at)), first, second);
            if streams {
                y.stream(out.add(at).cast());
            } else {
                Y::store(y, out.add(at));
            }
            at += V::LANES;
        }
        if at < len {
            map_part(x.add(at), out.add(at), len - at, numbers.at(at), op);
        }
        if streams {
            V::fence();
        }
    }
}

/// Writes out = op(x) for `count` elements, fewer than a vector has.
#[inline(always)]
unsafe fn map_part<V: Vector, X: Lane, Y: Lane>(
    x: *const X,
    out: *mut Y,
    count: usize,
    (first, second): (V, V),
    op: &mut impl Op<V>,
) {
    // SAFETY: as the caller promises.
    unsafe { Y::store_part(op.apply(X::load_part(x, count), first, second), out, count) }
}

/// Whether the output is too large for the caches.
fn streams<X, Y>(io: &InOut<X, Y>) -> bool {
    io.len() * size_of::<Y>() >= STREAMING && !io.is_in_place()
}

#[inline(always)]
pub(super) unsafe fn map_by<V: Vector, X: Lane, Y: Lane>(
    mut io: InOut<X, Y>,
    pattern: &Pattern,
    op: &mut impl Op<V>,
) {
    let streams = streams(&io);
    // SAFETY: as the caller promises.
    unsafe {
        match pattern {
            &Pattern::Same(first, second) => {
                map(streams, io, &mut Same(V::splat(first), V::splat(second)), op);
            }
            Pattern::Row(row) => map(streams, io, &mut RowPosition::new(row), op),
            Pattern::Runs { run, start, first, second } if *run >= V::LANES => {
                map(streams, io, &mut Neighbours::new(*run, *start, first, second), op);
            }
            Pattern::Runs { run, start, first, second } => {
                for (index, from) in (0..io.len()).step_by(*run).enumerate() {
                    let number = (start + index) % first.len();
                    let part = io.part(from..io.len().min(from + run));
                    map(false, part, &mut Same(V::splat(first[number]), V::splat(second[number])), op);
                }
            }
        }
    }
}

/// clamp(rne(x * first), low, high), with detection of NaN.
struct Quantize<V: Vector> {
    low: V,
    high: V,
    nan: V::Mask,
}

impl<V: Vector> Quantize<V> {
    #[inline(always)]
    unsafe fn new(low: f32, high: f32) -> Self {
        // SAFETY: as the caller promises.
        unsafe { Self { low: V::splat(low), high: V::splat(high), nan: V::none() } }
    }
}

impl<V: Vector> Op<V> for Quantize<V> {
    #[inline(always)]
    unsafe fn apply(&mut self, x: V, inverse_scale: V, _: V) -> V {
        // SAFETY: as the caller promises.
        unsafe {
            self.nan = V::either(self.nan, x.is_nan());
            to_grid(x, inverse_scale, self.low, self.high)
        }
    }
}

#[inline(always)]
pub unsafe fn quantize_floats<V: Vector, X: Lane>(
    io: InOut<X>,
    inverse_scales: &Pattern,
    low: f32,
    high: f32,
) -> bool {
    // SAFETY: as the caller promises.
    unsafe { quantize::<V, X, X>(io, inverse_scales, low, high) }
}

#[inline(always)]
pub unsafe fn quantize<V: Vector, X: Lane, Y: Lane>(
    io: InOut<X, Y>,
    inverse_scales: &Pattern,
    low: f32,
    high: f32,
) -> bool {
    // SAFETY: as the caller promises.
    unsafe {
        let mut op = Quantize::<V>::new(low, high);
        map_by(io, inverse_scales, &mut op);
        V::count(op.nan) > 0
    }
}

/// e4m3(x * first) / first.
struct FakeE4m3;

impl<V: Vector> Op<V> for FakeE4m3 {
    #[inline(always)]
    unsafe fn apply(&mut self, x: V, inverse_scale: V, _: V) -> V {
        // SAFETY: as the caller promises.
        unsafe {
            let magnitude = V::splat_bits(MAGNITUDE);
            let scaled = x.mul(inverse_scale);
            let size = V::splat(e4m3::MAX).min(scaled.and(magnitude));
            // Three bits of the mantissa stay. The sum carries if the other bits round up.
            let odd = size.shift_right::<20>().and(V::splat_bits(1));
            let normal = size.add_bits(V::splat_bits(0x7_ffff)).add_bits(odd).and(V::splat_bits(0xfff0_0000));
            // The last bit of such a number is 2^-9, a subnormal step.
            let shift = V::splat(1.5 * 16384.0);
            let subnormal = size.add(shift).sub(shift);
            let rounded = V::select(size.less(V::splat(1.0 / 64.0)), subnormal, normal);
            let rounded = rounded.or(scaled.and(V::splat_bits(!MAGNITUDE)));
            let result = V::select(scaled.is_nan(), scaled, rounded).div(inverse_scale);
            V::select(x.and(magnitude).less(V::splat(scalar::E4M3_EPSILON)), V::splat(0.0), result)
        }
    }
}

#[inline(always)]
pub unsafe fn fake_e4m3<V: Vector, X: Lane>(io: InOut<X>, inverse_scales: &Pattern) {
    // SAFETY: as the caller promises.
    unsafe { map_by::<V, X, X>(io, inverse_scales, &mut FakeE4m3) }
}

/// The bin of a magnitude among bins of one width, which is the second number. The first number is the count
/// of bins.
struct LinearBin<V> {
    low: V,
    last: V,
}

impl<V: Vector> Op<V> for LinearBin<V> {
    #[inline(always)]
    unsafe fn apply(&mut self, x: V, count: V, width: V) -> V {
        // SAFETY: as the caller promises.
        unsafe {
            let place = x.and(V::splat_bits(MAGNITUDE)).sub(self.low).mul(count).div(width);
            let nearest = place.round();
            let whole = V::select(place.less(nearest), nearest.sub(V::splat(1.0)), nearest);
            whole.min(self.last)
        }
    }
}

#[inline(always)]
pub unsafe fn linear_bins<V: Vector>(io: InOut<f32>, bins: LinearBins) {
    // SAFETY: as the caller promises.
    unsafe {
        let mut op = LinearBin::<V> { low: V::splat(bins.low), last: V::splat(bins.count - 1.0) };
        map_by(io, &Pattern::Same(bins.count, bins.width), &mut op);
    }
}

#[inline(always)]
pub unsafe fn mask<V: Vector, X: Lane>(x: &[X], mut gradient: InOut<X>, ends: &Pattern) {
    // SAFETY: as the caller promises.
    unsafe {
        match ends {
            &Pattern::Same(low, high) => mask_within(x, gradient, &mut Same(V::splat(low), V::splat(high))),
            Pattern::Row(row) => mask_within::<V, X>(x, gradient, &mut RowPosition::new(row)),
            Pattern::Runs { run, start, first, second } if *run >= V::LANES => {
                mask_within::<V, X>(x, gradient, &mut Neighbours::new(*run, *start, first, second));
            }
            Pattern::Runs { run, start, first, second } => {
                for (index, x) in x.chunks(*run).enumerate() {
                    let (number, from) = ((start + index) % first.len(), index * run);
                    let mut ends = Same(V::splat(first[number]), V::splat(second[number]));
                    mask_within(x, gradient.part(from..from + x.len()), &mut ends);
                }
            }
        }
    }
}

/// Writes out = gradient if x is not below its first number and not above its second, else 0.
#[inline(always)]
unsafe fn mask_within<V: Vector, X: Lane>(x: &[X], gradient: InOut<X>, ends: &mut impl Numbers<V>) {
    let (gradient, out, len) = gradient.pointers();
    assert_eq!(x.len(), len, "as many gradients as elements");
    let (x, whole) = (x.as_ptr(), len - len % V::LANES);
    // SAFETY: whole vectors are within the slices, and so is the rest.
    unsafe {
        let mut at = 0;
        while at < whole {
            V::prefetch(x.wrapping_add(at).wrapping_byte_add(AHEAD));
            V::prefetch(gradient.wrapping_add(at).wrapping_byte_add(AHEAD));
            let y = masked(X::load(x.add(at)), X::load(gradient.add(at)), ends.at(at));
            X::store(y, out.add(at));
            at += V::LANES;
        }
        if at < len {
            let rest = len - at;
            let y = masked(X::load_part(x.add(at), rest), X::load_part(gradient.add(at), rest), ends.at(at));
            X::store_part(y, out.add(at), rest);
        }
    }
}

#[inline(always)]
unsafe fn masked<V: Vector>(x: V, gradient: V, (low, high): (V, V)) -> V {
    // SAFETY: as the caller promises.
    unsafe { V::select(V::both(low.less_or_equal(x), x.less_or_equal(high)), gradient, V::splat(0.0)) }
}
