//! Every kernel over any [`Vector`]: what the instruction sets share.
//!
//! The elements after the last whole vector become a vector of their own, so that the same instructions see
//! every element.
//!
//! Functions here are inlined into those that `table!` makes for an instruction set, which has enabled it.
//! They are unsafe because the instruction set of `V` must be there.

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

/// How many bytes ahead memory is asked for: beyond the end of the page, where the machine itself stops
/// looking.
const AHEAD: usize = 4 << 10;

/// clamp(rne(x * inverse_scale), low, high). The bounds are integers, so clamping first gives the same; NaN
/// passes both.
#[inline(always)]
unsafe fn to_grid<V: Vector>(x: V, inverse_scale: V, low: V, high: V) -> V {
    // SAFETY: as the caller promises.
    unsafe { high.min(low.max(x.mul(inverse_scale))).round() }
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
