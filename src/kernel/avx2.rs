//! AVX2 with fused multiplication and the conversion of 16-bit floats: x86-64 since 2013.

use std::arch::x86_64::*;

use half::{bf16, f16};

use super::vector::{Vector, lanewise};

/// Whether this machine has the instruction sets of the table.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("f16c")
        && is_x86_feature_detected!("popcnt")
}

/// Eight numbers.
#[derive(Clone, Copy)]
pub(super) struct Avx2(__m256);

impl Avx2 {
    #[inline(always)]
    fn bits(self) -> __m256i {
        // SAFETY: both are 256 bits.
        unsafe { std::mem::transmute(self.0) }
    }

    #[inline(always)]
    fn of(bits: __m256i) -> Self {
        // SAFETY: both are 256 bits.
        Self(unsafe { std::mem::transmute::<__m256i, __m256>(bits) })
    }

    /// Returns the low halves of the lanes, in order.
    #[inline(always)]
    unsafe fn low_halves(self) -> __m128i {
        // SAFETY: as `Vector` demands.
        unsafe {
            let low = _mm256_and_si256(self.bits(), _mm256_set1_epi32(0xffff));
            let packed = _mm256_packus_epi32(low, low);
            _mm256_castsi256_si128(_mm256_permute4x64_epi64::<0b1000>(packed))
        }
    }
}

/// For every mask of eight lanes: the byte indices, in a register of u16, of the lanes that are set.
static COMPRESS: [[u8; 16]; 256] = {
    let mut table = [[0x80; 16]; 256];
    let mut mask = 0;
    while mask < 256 {
        let (mut lane, mut at) = (0, 0);
        while lane < 8 {
            if mask >> lane & 1 == 1 {
                table[mask][at] = 2 * lane;
                table[mask][at + 1] = 2 * lane + 1;
                at += 2;
            }
            lane += 1;
        }
        mask += 1;
    }
    table
};

/// Returns the mask of the first `count` lanes, fewer than all.
#[inline(always)]
unsafe fn first(count: usize) -> __m256i {
    static LANES: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    // SAFETY: as `Vector` demands; the load reads eight of the sixteen numbers, from index 8 - count.
    unsafe { _mm256_loadu_si256(LANES[8 - count..].as_ptr().cast()) }
}

// Each intrinsic needs the instruction sets that `is_available` checks, and pointers that are valid for the
// register. `Vector` requires both of its callers.
#[allow(unsafe_op_in_unsafe_fn)]
impl Vector for Avx2 {
    const LANES: usize = 8;
    type Mask = __m256;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Self(_mm256_set1_ps(x))
    }

    #[inline(always)]
    unsafe fn splat_bits(bits: u32) -> Self {
        Self::of(_mm256_set1_epi32(bits as i32))
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(_mm256_loadu_ps(from))
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        _mm256_storeu_ps(to, self.0);
    }

    #[inline(always)]
    unsafe fn load_part(from: *const f32, count: usize) -> Self {
        Self(_mm256_maskload_ps(from, first(count)))
    }

    #[inline(always)]
    unsafe fn store_part(self, to: *mut f32, count: usize) {
        _mm256_maskstore_ps(to, first(count), self.0);
    }

    #[inline(always)]
    unsafe fn stream(self, to: *mut f32) {
        _mm256_stream_ps(to, self.0);
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
        Self(_mm256_cvtph_ps(_mm_loadu_si128(from.cast())))
    }

    #[inline(always)]
    unsafe fn store_f16(self, to: *mut f16) {
        _mm_storeu_si128(to.cast(), _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(self.0));
    }

    #[inline(always)]
    unsafe fn load_bf16(from: *const bf16) -> Self {
        Self::of(_mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(_mm_loadu_si128(from.cast()))))
    }

    #[inline(always)]
    unsafe fn store_bf16(self, to: *mut bf16) {
        _mm_storeu_si128(to.cast(), super::generic::bf16_bits(self).low_halves());
    }

    #[inline(always)]
    unsafe fn load_i8(from: *const i8) -> Self {
        Self(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(from.cast()))))
    }

    #[inline(always)]
    unsafe fn load_u8(from: *const u8) -> Self {
        Self(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(from.cast()))))
    }

    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8) {
        let integers = _mm256_and_si256(_mm256_cvttps_epi32(self.0), _mm256_set1_epi32(0xff));
        let halves = Self::of(integers).low_halves();
        _mm_storel_epi64(to.cast(), _mm_packus_epi16(halves, halves));
    }

    lanewise! {
        floats: add = _mm256_add_ps, sub = _mm256_sub_ps, mul = _mm256_mul_ps, div = _mm256_div_ps, min = _mm256_min_ps, max = _mm256_max_ps;
        bits: and = _mm256_and_si256, or = _mm256_or_si256, add_bits = _mm256_add_epi32, sub_bits = _mm256_sub_epi32, max_bits = _mm256_max_epu32, max_u16 = _mm256_max_epu16;
    }

    #[inline(always)]
    unsafe fn mul_add(self, by: Self, plus: Self) -> Self {
        Self(_mm256_fmadd_ps(self.0, by.0, plus.0))
    }

    #[inline(always)]
    unsafe fn round(self) -> Self {
        Self(_mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0))
    }

    #[inline(always)]
    unsafe fn shift_right<const BITS: u32>(self) -> Self {
        Self::of(_mm256_srl_epi32(self.bits(), _mm_cvtsi32_si128(BITS as i32)))
    }

    #[inline(always)]
    unsafe fn less(self, other: Self) -> Self::Mask {
        _mm256_cmp_ps::<_CMP_LT_OQ>(self.0, other.0)
    }

    #[inline(always)]
    unsafe fn less_or_equal(self, other: Self) -> Self::Mask {
        _mm256_cmp_ps::<_CMP_LE_OQ>(self.0, other.0)
    }

    #[inline(always)]
    unsafe fn less_bits(self, other: Self) -> Self::Mask {
        // There is only a signed comparison. With the upper bits flipped, it orders like the unsigned one.
        let flip = _mm256_set1_epi32(i32::MIN);
        let (one, two) = (_mm256_xor_si256(self.bits(), flip), _mm256_xor_si256(other.bits(), flip));
        Self::of(_mm256_cmpgt_epi32(two, one)).0
    }

    #[inline(always)]
    unsafe fn equal_bits(self, other: Self) -> Self::Mask {
        Self::of(_mm256_cmpeq_epi32(self.bits(), other.bits())).0
    }

    #[inline(always)]
    unsafe fn is_nan(self) -> Self::Mask {
        _mm256_cmp_ps::<_CMP_UNORD_Q>(self.0, self.0)
    }

    #[inline(always)]
    unsafe fn both(mask: Self::Mask, other: Self::Mask) -> Self::Mask {
        _mm256_and_ps(mask, other)
    }

    #[inline(always)]
    unsafe fn either(mask: Self::Mask, other: Self::Mask) -> Self::Mask {
        _mm256_or_ps(mask, other)
    }

    #[inline(always)]
    unsafe fn none() -> Self::Mask {
        _mm256_setzero_ps()
    }

    #[inline(always)]
    unsafe fn count(mask: Self::Mask) -> usize {
        _mm256_movemask_ps(mask).count_ones() as usize
    }

    #[inline(always)]
    unsafe fn select(mask: Self::Mask, yes: Self, no: Self) -> Self {
        Self(_mm256_blendv_ps(no.0, yes.0, mask))
    }

    #[inline(always)]
    unsafe fn compress(self, mask: Self::Mask, to: *mut u16) -> usize {
        let lanes = _mm256_movemask_ps(mask) as usize;
        let order = _mm_loadu_si128(COMPRESS[lanes & 0xff].as_ptr().cast());
        _mm_storeu_si128(to.cast(), _mm_shuffle_epi8(self.low_halves(), order));
        lanes.count_ones() as usize
    }
}

super::table!("avx2", Avx2, "avx2,fma,f16c,popcnt");
