//! NEON, the vectors of every 64-bit Arm.

use std::arch::aarch64::*;

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

use super::vector::{Vector, lanewise};

/// Whether this machine has NEON.
pub(super) fn is_available() -> bool {
    std::arch::is_aarch64_feature_detected!("neon")
}

/// Four numbers.
#[derive(Clone, Copy)]
pub(super) struct Neon(float32x4_t);

// Each intrinsic needs the instruction set that `is_available` checks, and pointers that are valid for the
// register. `Vector` requires both of its callers.
#[allow(unsafe_op_in_unsafe_fn)]
impl Neon {
    #[inline(always)]
    unsafe fn bits(self) -> uint32x4_t {
        vreinterpretq_u32_f32(self.0)
    }

    #[inline(always)]
    unsafe fn of(bits: uint32x4_t) -> Self {
        Self(vreinterpretq_f32_u32(bits))
    }

    /// Loads four bytes as integers. `widen` extends them by sign or by zeros.
    #[inline(always)]
    unsafe fn four_bytes(from: *const u8) -> uint8x8_t {
        vcreate_u8(u64::from(from.cast::<u32>().read_unaligned()))
    }
}

#[allow(unsafe_op_in_unsafe_fn)]
impl Vector for Neon {
    const LANES: usize = 4;
    type Mask = uint32x4_t;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Self(vdupq_n_f32(x))
    }

    #[inline(always)]
    unsafe fn splat_bits(bits: u32) -> Self {
        Self::of(vdupq_n_u32(bits))
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(vld1q_f32(from))
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        vst1q_f32(to, self.0);
    }

    #[inline(always)]
    unsafe fn load_part(from: *const f32, count: usize) -> Self {
        let mut part = [0.0; 4];
        std::ptr::copy_nonoverlapping(from, part.as_mut_ptr(), count);
        Self::load(part.as_ptr())
    }

    #[inline(always)]
    unsafe fn store_part(self, to: *mut f32, count: usize) {
        let mut part = [0.0; 4];
        self.store(part.as_mut_ptr());
        std::ptr::copy_nonoverlapping(part.as_ptr(), to, count);
    }

    #[inline(always)]
    unsafe fn stream(self, to: *mut f32) {
        // The processors detect long runs of stores by themselves.
        self.store(to);
    }

    #[inline(always)]
    unsafe fn fence() {}

    #[inline(always)]
    unsafe fn load_f16(from: *const f16) -> Self {
        let mut wide = [0.0; 4];
        from.cast::<[f16; 4]>().read_unaligned().convert_to_f32_slice(&mut wide);
        Self::load(wide.as_ptr())
    }

    #[inline(always)]
    unsafe fn store_f16(self, to: *mut f16) {
        let (mut wide, mut narrow) = ([0.0; 4], [f16::ZERO; 4]);
        self.store(wide.as_mut_ptr());
        narrow.convert_from_f32_slice(&wide);
        to.cast::<[f16; 4]>().write_unaligned(narrow);
    }

    #[inline(always)]
    unsafe fn load_bf16(from: *const bf16) -> Self {
        Self::of(vshll_n_u16::<16>(vld1_u16(from.cast())))
    }

    #[inline(always)]
    unsafe fn store_bf16(self, to: *mut bf16) {
        vst1_u16(to.cast(), vmovn_u32(super::generic::bf16_bits(self).bits()));
    }

    #[inline(always)]
    unsafe fn load_i8(from: *const i8) -> Self {
        let wide = vmovl_s8(vreinterpret_s8_u8(Self::four_bytes(from.cast())));
        Self(vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide))))
    }

    #[inline(always)]
    unsafe fn load_u8(from: *const u8) -> Self {
        let wide = vmovl_u8(Self::four_bytes(from));
        Self(vcvtq_f32_u32(vmovl_u16(vget_low_u16(wide))))
    }

    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8) {
        let halves = vmovn_u32(vreinterpretq_u32_s32(vcvtq_s32_f32(self.0)));
        let bytes = vmovn_u16(vcombine_u16(halves, halves));
        to.cast::<u32>().write_unaligned(vget_lane_u32::<0>(vreinterpret_u32_u8(bytes)));
    }

    lanewise! {
        floats: add = vaddq_f32, sub = vsubq_f32, mul = vmulq_f32, div = vdivq_f32;
        bits: and = vandq_u32, or = vorrq_u32, add_bits = vaddq_u32, sub_bits = vsubq_u32, max_bits = vmaxq_u32;
    }

    #[inline(always)]
    unsafe fn mul_add(self, by: Self, plus: Self) -> Self {
        Self(vfmaq_f32(plus.0, self.0, by.0))
    }

    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        // The instruction for this operation treats NaN differently.
        Self::select(self.less(other), self, other)
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        Self::select(other.less(self), self, other)
    }

    #[inline(always)]
    unsafe fn round(self) -> Self {
        Self(vrndnq_f32(self.0))
    }

    #[inline(always)]
    unsafe fn shift_right<const BITS: u32>(self) -> Self {
        Self::of(vshlq_u32(self.bits(), vdupq_n_s32(-(BITS as i32))))
    }

    #[inline(always)]
    unsafe fn max_u16(self, other: Self) -> Self {
        let halves = |x: Self| vreinterpretq_u16_f32(x.0);
        Self(vreinterpretq_f32_u16(vmaxq_u16(halves(self), halves(other))))
    }

    #[inline(always)]
    unsafe fn less(self, other: Self) -> Self::Mask {
        vcltq_f32(self.0, other.0)
    }

    #[inline(always)]
    unsafe fn less_or_equal(self, other: Self) -> Self::Mask {
        vcleq_f32(self.0, other.0)
    }

    #[inline(always)]
    unsafe fn less_bits(self, other: Self) -> Self::Mask {
        vcltq_u32(self.bits(), other.bits())
    }

    #[inline(always)]
    unsafe fn equal_bits(self, other: Self) -> Self::Mask {
        vceqq_u32(self.bits(), other.bits())
    }

    #[inline(always)]
    unsafe fn is_nan(self) -> Self::Mask {
        vmvnq_u32(vceqq_f32(self.0, self.0))
    }

    #[inline(always)]
    unsafe fn both(mask: Self::Mask, other: Self::Mask) -> Self::Mask {
        vandq_u32(mask, other)
    }

    #[inline(always)]
    unsafe fn either(mask: Self::Mask, other: Self::Mask) -> Self::Mask {
        vorrq_u32(mask, other)
    }

    #[inline(always)]
    unsafe fn none() -> Self::Mask {
        vdupq_n_u32(0)
    }

    #[inline(always)]
    unsafe fn count(mask: Self::Mask) -> usize {
        vaddvq_u32(vshrq_n_u32::<31>(mask)) as usize
    }

    #[inline(always)]
    unsafe fn select(mask: Self::Mask, yes: Self, no: Self) -> Self {
        Self(vbslq_f32(mask, yes.0, no.0))
    }

    #[inline(always)]
    unsafe fn compress(self, mask: Self::Mask, to: *mut u16) -> usize {
        let (mut lanes, mut set) = ([0u32; 4], [0u32; 4]);
        vst1q_u32(lanes.as_mut_ptr(), self.bits());
        vst1q_u32(set.as_mut_ptr(), vshrq_n_u32::<31>(mask));
        let mut count = 0;
        for (lane, set) in lanes.into_iter().zip(set) {
            to.add(count).write(lane as u16);
            count += set as usize;
        }
        count
    }
}

super::table!("neon", Neon, "neon");
