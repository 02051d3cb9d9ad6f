//! Arithmetic of single numbers, shared by the tables.

/// Rounds half to even, for a value within ±2^22, keeping the sign of zero.
///
/// The sum with 1.5 * 2^23 has no bits for the fraction, so the addition itself rounds. Unlike
/// `f32::round_ties_even`, this is no function call on machines without a rounding instruction.
pub fn round(x: f32) -> f32 {
    const SHIFT: f32 = 12_582_912.0;
    ((x + SHIFT) - SHIFT).copysign(x)
}

/// Returns the integer clamp(rne(x * inverse_scale), low, high).
///
/// The bounds are integers, so clamping before rounding gives the same as clamping after it. Comparisons with
/// NaN are false, so NaN stays NaN.
pub fn to_grid(x: f32, inverse_scale: f32, low: f32, high: f32) -> f32 {
    let scaled = x * inverse_scale;
    let above = if scaled < low { low } else { scaled };
    round(if above > high { high } else { above })
}
