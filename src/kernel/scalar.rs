//! The definition of every kernel, in plain Rust.

use super::{Grid, Kernels, MinMax, e4m3};

/// The table.
pub static KERNELS: Kernels =
    Kernels { name: "scalar", abs_max, min_max, quantize, fake_quantize, mask, fake_e4m3 };

/// Magnitudes below this are 0 in e4m3, whatever the scale.
const E4M3_EPSILON: f32 = 1.0 / (1u32 << 24) as f32;

/// Without their sign bit, the bits of floats order like integers: numbers, then infinity, then NaN.
fn abs_max(x: &[f32]) -> f32 {
    f32::from_bits(x.iter().fold(0, |max, x| max.max(x.to_bits() & 0x7fff_ffff)))
}

fn min_max(x: &[f32]) -> MinMax {
    let start = MinMax { min: f32::INFINITY, max: f32::NEG_INFINITY, nan: false };
    let mut found = x.iter().fold(start, |found, &x| MinMax {
        min: if x < found.min { x } else { found.min },
        max: if x > found.max { x } else { found.max },
        nan: found.nan | x.is_nan(),
    });
    // Which of two equal zeros came first must not show.
    found.min += 0.0;
    found.max += 0.0;
    found
}

/// Round half to even of a value within ±2^22, keeping the sign of zero.
///
/// Adding 1.5 * 2^23 leaves no bits for the fraction, so the addition itself rounds. Unlike
/// `f32::round_ties_even` this is no function call where the machine lacks a rounding instruction.
pub(crate) fn round(x: f32) -> f32 {
    const SHIFT: f32 = 12_582_912.0;
    ((x + SHIFT) - SHIFT).copysign(x)
}

/// The bounds are integers, so clamping before rounding gives what clamping after it would. Comparisons with
/// NaN are false, so NaN passes.
fn to_grid(x: f32, grid: Grid) -> f32 {
    let scaled = x * grid.scale;
    let above = if scaled < grid.low { grid.low } else { scaled };
    round(if above > grid.high { grid.high } else { above })
}

fn quantize(x: &[f32], out: &mut [f32], grid: Grid) {
    for (out, &x) in out.iter_mut().zip(x) {
        *out = to_grid(x, grid);
    }
}

fn fake_quantize(x: &[f32], out: &mut [f32], grid: Grid) {
    for (out, &x) in out.iter_mut().zip(x) {
        *out = to_grid(x, grid) / grid.scale;
    }
}

fn mask(x: &[f32], gradient: &[f32], out: &mut [f32], low: f32, high: f32) {
    for ((out, &x), &gradient) in out.iter_mut().zip(x).zip(gradient) {
        *out = if x >= low && x <= high { gradient } else { 0.0 };
    }
}

fn fake_e4m3(x: &[f32], out: &mut [f32], scale: f32) {
    for (out, &x) in out.iter_mut().zip(x) {
        let tiny = x.abs() < E4M3_EPSILON;
        *out = if tiny { 0.0 } else { e4m3::decode(e4m3::encode(x * scale)) / scale };
    }
}
