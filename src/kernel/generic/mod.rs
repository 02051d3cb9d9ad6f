//! Every kernel over any [`Vector`], shared by the instruction sets.
//!
//! The elements after the last whole vector become a vector of their own, so that the same instructions
//! compute every element.
//!
//! The functions here are inlined into the functions that `table!` makes for an instruction set, which enable
//! it. They are unsafe because the machine must have the instruction set of `V`.

mod bits;
mod map;
mod quotient;
mod reduce;

use super::vector::Vector;

pub use bits::*;
pub use map::*;
pub use quotient::*;
pub use reduce::*;

/// All bits but the sign.
const MAGNITUDE: u32 = 0x7fff_ffff;

/// The distance of prefetches in bytes. It is beyond the end of the page, at which the machine's own
/// prefetcher stops.
const AHEAD: usize = 4 << 10;

/// Returns clamp(rne(x * inverse_scale), low, high). The bounds are integers, so clamping first gives the
/// same. NaN stays NaN in both.
#[inline(always)]
unsafe fn to_grid<V: Vector>(x: V, inverse_scale: V, low: V, high: V) -> V {
    // SAFETY: as the caller promises.
    unsafe { high.min(low.max(x.mul(inverse_scale))).round() }
}

/// Returns the bits of the nearest bf16, ties to even, in the lower half of each lane. NaN becomes a quiet
/// NaN.
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
