//! Packing of 4-bit integers, which the compiler vectorizes by itself.

use super::super::scalar;
use super::super::vector::Vector;

#[inline(always)]
pub unsafe fn pack_4_bits<V: Vector>(values: &[u8], bytes: &mut [u8]) {
    scalar::pack_4_bits(values, bytes);
}

#[inline(always)]
pub unsafe fn unpack_4_bits<V: Vector>(bytes: &[u8], values: &mut [u8]) {
    scalar::unpack_4_bits(bytes, values);
}
