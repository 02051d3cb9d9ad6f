//! The operations that kernels need from an instruction set.

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

/// The widest vector of all instruction sets, in numbers of f32. This many elements are a whole number of
/// vectors in every instruction set.
pub const WIDEST: usize = 16;

/// A register of f32. Some operations use it as the u32 of its bits, or as twice as many u16.
///
/// # Safety
///
/// All functions need the instruction set of the type. Pointers must be valid for [`LANES`](Self::LANES)
/// elements of their type, except in the functions that say otherwise. They need no alignment.
pub trait Vector: Copy {
    /// The number of f32 in a register; divides [`WIDEST`].
    const LANES: usize;
    /// One boolean per lane.
    type Mask: Copy;

    unsafe fn splat(x: f32) -> Self;
    unsafe fn splat_bits(bits: u32) -> Self;

    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    /// Like [`load`](Self::load), for fewer elements. Zeros follow them.
    unsafe fn load_part(from: *const f32, count: usize) -> Self;
    /// Like [`store`](Self::store), for the first elements, fewer than there are.
    unsafe fn store_part(self, to: *mut f32, count: usize);
    /// [`store`](Self::store) that bypasses the caches, to an address that is a multiple of the register's
    /// size.
    unsafe fn stream(self, to: *mut f32);
    /// Prefetches the cache line at `from`, which need not be a valid address.
    fn prefetch<X>(_from: *const X) {}
    /// Makes streamed data visible to other threads.
    unsafe fn fence();
    unsafe fn load_f16(from: *const f16) -> Self;
    /// Rounds half to even.
    unsafe fn store_f16(self, to: *mut f16);
    unsafe fn load_bf16(from: *const bf16) -> Self;
    /// Rounds half to even.
    unsafe fn store_bf16(self, to: *mut bf16);
    unsafe fn load_i8(from: *const i8) -> Self;
    unsafe fn load_u8(from: *const u8) -> Self;
    /// Stores the low bytes of integers within -128 and 255.
    unsafe fn store_bytes(self, to: *mut u8);

    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    unsafe fn div(self, other: Self) -> Self;
    /// self * by + plus, rounded once.
    unsafe fn mul_add(self, by: Self, plus: Self) -> Self;
    /// self if self < other, else other.
    unsafe fn min(self, other: Self) -> Self;
    /// self if self > other, else other.
    unsafe fn max(self, other: Self) -> Self;
    /// Rounds to the nearest integer, half to even, keeping the sign of zero.
    unsafe fn round(self) -> Self;

    unsafe fn and(self, other: Self) -> Self;
    unsafe fn or(self, other: Self) -> Self;
    unsafe fn add_bits(self, other: Self) -> Self;
    unsafe fn sub_bits(self, other: Self) -> Self;
    unsafe fn max_bits(self, other: Self) -> Self;
    unsafe fn shift_right<const BITS: u32>(self) -> Self;
    /// The larger of each pair of u16.
    unsafe fn max_u16(self, other: Self) -> Self;

    unsafe fn less(self, other: Self) -> Self::Mask;
    unsafe fn less_or_equal(self, other: Self) -> Self::Mask;
    unsafe fn less_bits(self, other: Self) -> Self::Mask;
    unsafe fn equal_bits(self, other: Self) -> Self::Mask;
    unsafe fn is_nan(self) -> Self::Mask;
    unsafe fn both(mask: Self::Mask, other: Self::Mask) -> Self::Mask;
    unsafe fn either(mask: Self::Mask, other: Self::Mask) -> Self::Mask;
    unsafe fn none() -> Self::Mask;
    unsafe fn count(mask: Self::Mask) -> usize;
    /// yes if the mask is set, else no; lane by lane.
    unsafe fn select(mask: Self::Mask, yes: Self, no: Self) -> Self;
    /// Writes the lower u16 of the lanes in the mask one after the other and returns their number. `to` must
    /// be valid for [`LANES`](Self::LANES) elements, however many are written.
    unsafe fn compress(self, mask: Self::Mask, to: *mut u16) -> usize;
}

/// Implements functions of two vectors that are one instruction, on floats or on bits.
macro_rules! lanewise {
    (floats: $($float:ident = $float_by:ident),*; bits: $($bits:ident = $bits_by:ident),*;) => {
        $(#[inline(always)]
        unsafe fn $float(self, other: Self) -> Self {
            Self($float_by(self.0, other.0))
        })*

        $(#[inline(always)]
        unsafe fn $bits(self, other: Self) -> Self {
            Self::of($bits_by(self.bits(), other.bits()))
        })*
    };
}

pub(super) use lanewise;

/// A type that kernels read and write, one vector of f32 at a time.
pub trait Lane: Copy + Default + 'static {
    /// Whether this is f32.
    const IS_F32: bool = false;

    /// # Safety
    /// As [`Vector`].
    unsafe fn load<V: Vector>(from: *const Self) -> V;
    /// # Safety
    /// As [`Vector`].
    unsafe fn store<V: Vector>(value: V, to: *mut Self);

    /// Loads a vector of the `count` elements that are left, fewer than it has. Zeros follow them.
    /// # Safety
    /// As [`Vector`].
    #[inline(always)]
    unsafe fn load_part<V: Vector>(from: *const Self, count: usize) -> V {
        let mut part = [Self::default(); WIDEST];
        // SAFETY: the caller has that many elements, fewer than the array.
        unsafe {
            std::ptr::copy_nonoverlapping(from, part.as_mut_ptr(), count);
            Self::load(part.as_ptr())
        }
    }

    /// Stores the first `count` elements of a vector, fewer than it has.
    /// # Safety
    /// As [`Vector`].
    #[inline(always)]
    unsafe fn store_part<V: Vector>(value: V, to: *mut Self, count: usize) {
        let mut part = [Self::default(); WIDEST];
        // SAFETY: the caller has space for that many elements, fewer than the array.
        unsafe {
            Self::store(value, part.as_mut_ptr());
            std::ptr::copy_nonoverlapping(part.as_ptr(), to, count);
        }
    }

    /// Returns the bits of the elements if they have 16.
    fn as_bits_16(_: &[Self]) -> Option<&[u16]> {
        None
    }
}

macro_rules! lanes {
    ($($element:ty: $load:ident, $store:ident $(, $as:item)?;)*) => {
        $(impl Lane for $element {
            #[inline(always)]
            unsafe fn load<V: Vector>(from: *const Self) -> V {
                // SAFETY: as the caller promises.
                unsafe { V::$load(from) }
            }

            #[inline(always)]
            unsafe fn store<V: Vector>(value: V, to: *mut Self) {
                // SAFETY: as the caller promises.
                unsafe { value.$store(to.cast()) }
            }

            $($as)?
        })*
    };
}

impl Lane for f32 {
    const IS_F32: bool = true;

    #[inline(always)]
    unsafe fn load<V: Vector>(from: *const Self) -> V {
        // SAFETY: as the caller promises.
        unsafe { V::load(from) }
    }

    #[inline(always)]
    unsafe fn store<V: Vector>(value: V, to: *mut Self) {
        // SAFETY: as the caller promises.
        unsafe { value.store(to) }
    }

    #[inline(always)]
    unsafe fn load_part<V: Vector>(from: *const Self, count: usize) -> V {
        // SAFETY: as the caller promises.
        unsafe { V::load_part(from, count) }
    }

    #[inline(always)]
    unsafe fn store_part<V: Vector>(value: V, to: *mut Self, count: usize) {
        // SAFETY: as the caller promises.
        unsafe { value.store_part(to, count) }
    }
}

lanes! {
    f16: load_f16, store_f16, fn as_bits_16(x: &[Self]) -> Option<&[u16]> { Some(x.reinterpret_cast()) };
    bf16: load_bf16, store_bf16, fn as_bits_16(x: &[Self]) -> Option<&[u16]> { Some(x.reinterpret_cast()) };
    i8: load_i8, store_bytes;
    u8: load_u8, store_bytes;
}

/// Implements integers of 16 bits through f32 in memory, because [`Vector`] has no operation for them.
macro_rules! wide_integers {
    ($($element:ty),*) => {
        $(impl Lane for $element {
            #[inline(always)]
            unsafe fn load<V: Vector>(from: *const Self) -> V {
                let mut lanes = [0f32; WIDEST];
                for (at, lane) in lanes[..V::LANES].iter_mut().enumerate() {
                    // SAFETY: as the caller promises.
                    *lane = unsafe { from.add(at).read_unaligned() }.into();
                }
                // SAFETY: as the caller promises; the array has that many lanes.
                unsafe { V::load(lanes.as_ptr()) }
            }

            #[inline(always)]
            unsafe fn store<V: Vector>(value: V, to: *mut Self) {
                let mut lanes = [0f32; WIDEST];
                // SAFETY: as the caller promises; the array has that many lanes.
                unsafe { value.store(lanes.as_mut_ptr()) };
                for (at, &lane) in lanes[..V::LANES].iter().enumerate() {
                    // SAFETY: as the caller promises.
                    unsafe { to.add(at).write_unaligned(lane as Self) };
                }
            }
        })*
    };
}

wide_integers!(i16, u16);
