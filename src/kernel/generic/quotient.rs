//! Integers divided by an inverse scale, without the division, which would be most of the work.
//!
//! Let n be an integer of at most 16 bits, and r the number nearest to 1 / d. Then two fused multiplications
//! find the number nearest to n / d: with q the number nearest to n r, n - q d is exact, and q + (n - q d) r
//! rounds to it. (Markstein, "Computation of elementary functions on the IBM RISC System/6000 processor",
//! 1990; it was checked for every n and every d from 1 to 2. Powers of two change nothing as long as nothing
//! is subnormal.) Four instructions that start every cycle replace one that starts every ten.

use super::super::in_out::InOut;
use super::super::pattern::Pattern;
use super::super::vector::{Lane, Vector};
use super::map::{Op, map_by};
use super::{MAGNITUDE, to_grid};

/// Returns -1 / d for a divisor d if every quotient and every intermediate rest is a normal number.
fn negative_inverse(divisor: f32) -> Option<f32> {
    const FAR: f32 = (1u64 << 60) as f32;
    (1.0 / FAR..=FAR).contains(&divisor).then(|| -1.0 / divisor)
}

/// Returns the [`negative_inverse`] of each divisor, if all have one and enough elements use them to make it
/// faster.
fn negative_inverses(divisors: &[f32], elements: usize) -> Option<Vec<f32>> {
    const USES: usize = 256;
    if divisors.len() > 1 && elements < USES * divisors.len() {
        return None;
    }
    divisors.iter().map(|&divisor| negative_inverse(divisor)).collect()
}

/// Whether integers from `low` to `high` have at most 16 bits.
fn are_short(low: f32, high: f32) -> bool {
    low >= -65535.0 && high <= 65535.0
}

/// Returns n / divisor, for an integer n of at most 16 bits and a divisor that has a [`negative_inverse`].
#[inline(always)]
unsafe fn quotient<V: Vector>(n: V, divisor: V, negative_inverse: V) -> V {
    // SAFETY: as the caller promises.
    unsafe {
        let near = n.mul(negative_inverse);
        let rest = near.mul_add(divisor, n);
        let negative = rest.mul_add(negative_inverse, near);
        // Take the sign of n, which a zero would lose.
        negative.and(V::splat_bits(MAGNITUDE)).or(n.and(V::splat_bits(!MAGNITUDE)))
    }
}

/// clamp(rne(x * first), low, high) / second.
struct FakeQuantize<V> {
    low: V,
    high: V,
}

impl<V: Vector> Op<V> for FakeQuantize<V> {
    #[inline(always)]
    unsafe fn apply(&mut self, x: V, inverse_scale: V, divisor: V) -> V {
        // SAFETY: as the caller promises.
        unsafe { to_grid(x, inverse_scale, self.low, self.high).div(divisor) }
    }
}

/// clamp(rne(x * first), low, high) / first. The second number is the [`negative_inverse`] of the first.
struct QuickFakeQuantize<V> {
    low: V,
    high: V,
}

impl<V: Vector> Op<V> for QuickFakeQuantize<V> {
    #[inline(always)]
    unsafe fn apply(&mut self, x: V, inverse_scale: V, negative_inverse: V) -> V {
        // SAFETY: as the caller promises.
        unsafe { quotient(to_grid(x, inverse_scale, self.low, self.high), inverse_scale, negative_inverse) }
    }
}

#[inline(always)]
pub unsafe fn fake_quantize<V: Vector, X: Lane>(io: InOut<X>, scales: &Pattern, low: f32, high: f32) {
    let (numbers, divisors) = scales.numbers();
    let is_quick = numbers == divisors && are_short(low, high);
    let inverses = if is_quick { negative_inverses(divisors, io.len()) } else { None };
    // SAFETY: as the caller promises.
    unsafe {
        let (low, high) = (V::splat(low), V::splat(high));
        match inverses {
            Some(inverses) => {
                map_by(io, &scales.with_second(&inverses), &mut QuickFakeQuantize::<V> { low, high });
            }
            None => map_by(io, scales, &mut FakeQuantize::<V> { low, high }),
        }
    }
}

/// x / first.
struct Dequantize;

impl<V: Vector> Op<V> for Dequantize {
    #[inline(always)]
    unsafe fn apply(&mut self, q: V, inverse_scale: V, _: V) -> V {
        // SAFETY: as the caller promises.
        unsafe { q.div(inverse_scale) }
    }
}

/// x / first. The second number is the [`negative_inverse`] of the first.
struct QuickDequantize;

impl<V: Vector> Op<V> for QuickDequantize {
    #[inline(always)]
    unsafe fn apply(&mut self, q: V, inverse_scale: V, negative_inverse: V) -> V {
        // SAFETY: as the caller promises.
        unsafe { quotient(q, inverse_scale, negative_inverse) }
    }
}

#[inline(always)]
pub unsafe fn dequantize<V: Vector, X: Lane, Q: Lane>(io: InOut<Q, X>, inverse_scales: &Pattern) {
    let inverses = negative_inverses(inverse_scales.numbers().0, io.len());
    // SAFETY: as the caller promises.
    unsafe {
        match inverses {
            Some(inverses) => {
                map_by::<V, Q, X>(io, &inverse_scales.with_second(&inverses), &mut QuickDequantize)
            }
            None => map_by::<V, Q, X>(io, inverse_scales, &mut Dequantize),
        }
    }
}
