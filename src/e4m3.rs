//! The 8-bit float e4m3: 1 sign, 4 exponent (bias 7) and 3 mantissa bits, no infinities.
//!
//! The largest finite value is 448 (code 0x7e), the smallest normal 2^-6 (0x08), the smallest subnormal 2^-9
//! (0x01). NaN is 0x7f and 0xff. This is ONNX's FLOAT8E4M3FN.

/// The largest finite value.
pub const MAX: f32 = 448.0;

/// The smallest number above zero.
pub const SMALLEST: f32 = 1.0 / SUBNORMALS_PER_UNIT;

const SMALLEST_NORMAL: f32 = 1.0 / 64.0;
const SUBNORMALS_PER_UNIT: f32 = 512.0;
const NAN: u8 = 0x7f;
const LARGEST: u8 = 0x7e;
/// The mantissa bits of a binary32 that e4m3 does not have.
const DROPPED: u32 = 20;
/// The difference of the two exponent biases, above the three mantissa bits that stay.
const BIAS: u32 = (127 - 7) << 3;

/// Returns the code of the nearest e4m3 value, ties to even.
///
/// It saturates: everything beyond 448, infinities included, becomes 448 with its sign. NaN stays NaN.
pub fn encode(x: f32) -> u8 {
    let sign = (x.to_bits() >> 24) as u8 & 0x80;
    let magnitude = x.abs();
    let code = if magnitude.is_nan() {
        NAN
    } else if magnitude >= MAX {
        LARGEST
    } else if magnitude < SMALLEST_NORMAL {
        // 8 of the smallest subnormals are the smallest normal, whose code is also 8.
        (magnitude * SUBNORMALS_PER_UNIT).round_ties_even() as u8
    } else {
        let bits = magnitude.to_bits();
        let half = (1 << (DROPPED - 1)) - 1 + (bits >> DROPPED & 1);
        // A carry out of the mantissa raises the exponent, which is correct.
        (((bits + half) >> DROPPED) - BIAS) as u8
    };
    sign | code
}

/// Returns the exact value of a code.
pub fn decode(code: u8) -> f32 {
    let (exponent, mantissa) = (u32::from(code >> 3 & 0x0f), u32::from(code & 0x07));
    let magnitude = if code & NAN == NAN {
        f32::NAN
    } else if exponent == 0 {
        mantissa as f32 / SUBNORMALS_PER_UNIT
    } else {
        f32::from_bits(((exponent << 3 | mantissa) + BIAS) << DROPPED)
    };
    if code & 0x80 == 0 { magnitude } else { -magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e4m3_codes_are_the_nearest_values() {
        let values: Vec<f32> = (0..=0x7e).map(decode).collect();
        assert!(values.is_sorted());
        for (code, pair) in values.windows(2).enumerate() {
            let middle = (pair[0] + pair[1]) / 2.0;
            let code = code as u8;
            let even = code + code % 2;
            for (x, expected) in
                [(pair[0], code), (middle.next_down(), code), (middle, even), (middle.next_up(), code + 1)]
            {
                assert_eq!(encode(x), expected, "{x}");
                assert_eq!(encode(-x), expected | 0x80, "-{x}");
            }
        }
        for x in [448.0, 449.0, 1e30, f32::INFINITY] {
            assert_eq!(encode(x), 0x7e);
            assert_eq!(encode(-x), 0xfe);
        }
        assert_eq!(encode(f32::NAN) & 0x7f, 0x7f);
        assert!(decode(0x7f).is_nan() && decode(0xff).is_nan());
    }
}
