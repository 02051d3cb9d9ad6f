//! AVX-512, with its parts for bytes, words and shorter vectors: servers since 2017, Zen 4 and later.

use std::arch::x86_64::*;

use half::{bf16, f16};

use super::vector::{Vector, lanewise};

/// Whether this machine has these instruction sets.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
}

/// Sixteen numbers.
#[derive(Clone, Copy)]
pub(super) struct Avx512(__m512);

impl Avx512 {
    #[inline(always)]
    fn bits(self) -> __m512i {
        // SAFETY: both are 512 bits.
        unsafe { std::mem::transmute(self.0) }
    }

    #[inline(always)]
    fn of(bits: __m512i) -> Self {
        // SAFETY: both are 512 bits.
        Self(unsafe { std::mem::transmute::<__m512i, __m512>(bits) })
    }
}

/// Returns the mask of the first `count` lanes, fewer than all.
#[inline(always)]
fn first(count: usize) -> __mmask16 {
    (1 << count) - 1
}

// Each intrinsic needs the instruction sets that `is_available` checks, and pointers that are valid for the
// register. `Vector` requires both of its callers.
#[allow(unsafe_op_in_unsafe_fn)]
impl Vector for Avx512 {
    const LANES: usize = 16;
    type Mask = __mmask16;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Self(_mm512_set1_ps(x))
    }

    #[inline(always)]
    unsafe fn splat_bits(bits: u32) -> Self {
        Self::of(_mm512_set1_epi32(bits as i32))
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(_mm512_loadu_ps(from))
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        _mm512_storeu_ps(to, self.0);
    }

    #[inline(always)]
    unsafe fn load_part(from: *const f32, count: usize) -> Self {
        Self(_mm512_maskz_loadu_ps(first(count), from))
    }

    #[inline(always)]
    unsafe fn store_part(self, to: *mut f32, count: usize) {
        _mm512_mask_storeu_ps(to, first(count), self.0);
    }

    #[inline(always)]
    unsafe fn stream(self, to: *mut f32) {
        _mm512_stream_ps(to, self.0);
    }

    #[inline(always)]
    fn prefetch<X>(from: *const X) {
        // SAFETY: a prefetch accesses no memory, for any address, and every x86-64 has it.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(from.cast()) }
    }

    #[inline(always)]
    unsafe fn fence() {
        _mm_sfence();
    }

    #[inline(always)]
    unsafe fn load_f16(from: *const f16) -> Self {
        Self(_mm512_cvtph_ps(_mm256_loadu_si256(from.cast())))
    }

    #[inline(always)]
    unsafe fn store_f16(self, to: *mut f16) {
        _mm256_storeu_si256(to.cast(), _mm512_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(self.0));
    }

    #[inline(always)]
    unsafe fn load_bf16(from: *const bf16) -> Self {
        let wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(from.cast()));
        Self::of(_mm512_slli_epi32::<16>(wide))
    }

    #[inline(always)]
    unsafe fn store_bf16(self, to: *mut bf16) {
        let bits = super::generic::bf16_bits(self).bits();
        _mm256_storeu_si256(to.cast(), _mm512_cvtepi32_epi16(bits));
    }

    #[inline(always)]
    unsafe fn load_i8(from: *const i8) -> Self {
        Self(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(from.cast()))))
    }

    #[inline(always)]
    unsafe fn load_u8(from: *const u8) -> Self {
        Self(_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(from.cast()))))
    }

    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8) {
        _mm_storeu_si128(to.cast(), _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(self.0)));
    }

    lanewise! {
        floats: add = _mm512_add_ps, sub = _mm512_sub_ps, mul = _mm512_mul_ps, div = _mm512_div_ps, min = _mm512_min_ps, max = _mm512_max_ps;
        bits: and = _mm512_and_si512, or = _mm512_or_si512, add_bits = _mm512_add_epi32, sub_bits = _mm512_sub_epi32, max_bits = _mm512_max_epu32, max_u16 = _mm512_max_epu16;
    }

    #[inline(always)]
    unsafe fn mul_add(self, by: Self, plus: Self) -> Self {
        Self(_mm512_fmadd_ps(self.0, by.0, plus.0))
    }

    #[inline(always)]
    unsafe fn round(self) -> Self {
        Self(_mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0))
    }

    #[inline(always)]
    unsafe fn shift_right<const BITS: u32>(self) -> Self {
        Self::of(_mm512_srli_epi32::<BITS>(self.bits()))
    }

    #[inline(always)]
    unsafe fn less(self, other: Self) -> Self::Mask {
        _mm512_cmp_ps_mask::<_CMP_LT_OQ>(self.0, other.0)
    }

    #[inline(always)]
    unsafe fn less_or_equal(self, other: Self) -> Self::Mask {
        _mm512_cmp_ps_mask::<_CMP_LE_OQ>(self.0, other.0)
    }

    #[inline(always)]
    unsafe fn less_bits(self, other: Self) -> Self::Mask {
        _mm512_cmplt_epu32_mask(self.bits(), other.bits())
    }

    #[inline(always)]
    unsafe fn equal_bits(self, other: Self) -> Self::Mask {
        _mm512_cmpeq_epi32_mask(self.bits(), other.bits())
    }

    #[inline(always)]
    unsafe fn is_nan(self) -> Self::Mask {
        _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(self.0, self.0)
    }

    #[inline(always)]
    unsafe fn both(mask: Self::Mask, other: Self::Mask) -> Self::Mask {
        mask & other
    }

    #[inline(always)]
    unsafe fn either(mask: Self::Mask, other: Self::Mask) -> Self::Mask {
        mask | other
    }

    #[inline(always)]
    unsafe fn none() -> Self::Mask {
        0
    }

    #[inline(always)]
    unsafe fn count(mask: Self::Mask) -> usize {
        mask.count_ones() as usize
    }

    #[inline(always)]
    unsafe fn select(mask: Self::Mask, yes: Self, no: Self) -> Self {
        Self(_mm512_mask_blend_ps(mask, no.0, yes.0))
    }

    #[inline(always)]
    unsafe fn compress(self, mask: Self::Mask, to: *mut u16) -> usize {
        let together = _mm512_maskz_compress_epi32(mask, self.bits());
        _mm256_storeu_si256(to.cast(), _mm512_cvtepi32_epi16(together));
        Self::count(mask)
    }
}

super::table!("avx512", Avx512, "avx512f,avx512bw,avx512dq,avx512vl,f16c,popcnt,bmi1,bmi2");
