//! The definition of every kernel, in plain Rust.

use std::array::from_fn;

use super::in_out::InOut;
use super::lattice::{BETWEEN, Found, Indices, SHIFT, WINDOW};
use super::pattern::Pattern;
use super::table::{Loops, Real};
use super::vector::WIDEST;
use super::{Grid, Kernels, LinearBins, MinMax, e4m3};

/// The table.
pub static KERNELS: Kernels = Kernels {
    name: "scalar",
    f32: loops(),
    f16: loops(),
    bf16: loops(),
    linear_bins: |io, bins| io.map(|x: f32| linear_bin(x, bins)),
    rounding_errors,
    pack_4_bits,
    unpack_4_bits,
};

const fn loops<X: Real>() -> Loops<X> {
    Loops {
        abs_max,
        abs_max_rows,
        min_max,
        lattice,
        quantize: |io, grid| seeing_nan(io, |io| io.map(|x| X::narrow(to_grid(x.widen(), grid)))),
        quantize_f32: |io, grid| seeing_nan(io, |io| io.map(|x: X| to_grid(x.widen(), grid))),
        quantize_i8: |io, grid| seeing_nan(io, |io| io.map(|x: X| to_grid(x.widen(), grid) as i8)),
        quantize_u8: |io, grid| seeing_nan(io, |io| io.map(|x: X| to_grid(x.widen(), grid) as u8)),
        quantize_by: |io, inverse_scales, low, high| {
            let f = |x: X, inverse_scale, _| X::narrow(to_grid(x.widen(), Grid { inverse_scale, low, high }));
            seeing_nan(io, |io| io.map_by(inverse_scales, f))
        },
        quantize_i8_by: |io, inverse_scales, low, high| {
            let f = |x: X, inverse_scale, _| to_grid(x.widen(), Grid { inverse_scale, low, high }) as i8;
            seeing_nan(io, |io| io.map_by(inverse_scales, f))
        },
        quantize_u8_by: |io, inverse_scales, low, high| {
            let f = |x: X, inverse_scale, _| to_grid(x.widen(), Grid { inverse_scale, low, high }) as u8;
            seeing_nan(io, |io| io.map_by(inverse_scales, f))
        },
        fake_quantize: |io, grid, divisor| io.map(|x| X::narrow(to_grid(x.widen(), grid) / divisor)),
        fake_quantize_by: |io, inverse_scales, low, high| {
            io.map_by(inverse_scales, |x: X, inverse_scale, divisor| {
                X::narrow(to_grid(x.widen(), Grid { inverse_scale, low, high }) / divisor)
            });
        },
        fake_e4m3: |io, inverse_scale| io.map(|x| X::narrow(fake_e4m3(x.widen(), inverse_scale))),
        fake_e4m3_by: |io, inverse_scales| {
            io.map_by(inverse_scales, |x: X, inverse_scale, _| X::narrow(fake_e4m3(x.widen(), inverse_scale)))
        },
        mask,
        mask_by,
        dequantize_i8: |io, inverse_scale| io.map(|q| X::narrow(f32::from(q) / inverse_scale)),
        dequantize_u8: |io, inverse_scale| io.map(|q| X::narrow(f32::from(q) / inverse_scale)),
        dequantize_i8_by: |io, inverse_scales| {
            io.map_by(inverse_scales, |q, inverse_scale, _| X::narrow(f32::from(q) / inverse_scale))
        },
        dequantize_u8_by: |io, inverse_scales| {
            io.map_by(inverse_scales, |q, inverse_scale, _| X::narrow(f32::from(q) / inverse_scale))
        },
    }
}

/// Magnitudes below this are 0 in e4m3, whatever the inverse scale.
pub(super) const E4M3_EPSILON: f32 = 1.0 / (1u32 << 24) as f32;

/// Whether `f` is given a NaN.
fn seeing_nan<X: Real, Y>(io: InOut<X, Y>, f: impl FnOnce(InOut<X, Y>)) -> bool {
    let nan = io.input().iter().any(|x| x.widen().is_nan());
    f(io);
    nan
}

/// Without their sign bit, the bits of floats order like integers: numbers, then infinity, then NaN.
fn abs_max<X: Real>(x: &[X]) -> f32 {
    f32::from_bits(x.iter().fold(0, |max, x| max.max(x.widen().abs().to_bits())))
}

fn abs_max_rows<X: Real>(x: &[X], largest: &mut [f32]) {
    for row in x.chunks(largest.len().max(1)) {
        for (largest, x) in largest.iter_mut().zip(row) {
            *largest = f32::from_bits(largest.to_bits().max(x.widen().abs().to_bits()));
        }
    }
}

fn min_max<X: Real>(x: &[X]) -> MinMax {
    extremes(x.iter().map(|x| x.widen()))
}

/// Smallest and largest value.
pub(super) fn extremes(x: impl Iterator<Item = f32>) -> MinMax {
    let start = MinMax { min: f32::INFINITY, max: f32::NEG_INFINITY, nan: false };
    let found = x.fold(start, |found, x| MinMax {
        min: if x < found.min { x } else { found.min },
        max: if x > found.max { x } else { found.max },
        nan: found.nan | x.is_nan(),
    });
    // Which of two equal zeros came first must not show.
    MinMax { min: found.min + 0.0, max: found.max + 0.0, ..found }
}

fn lattice<X: Real>(x: &[X], first: u32, indices: &mut Indices) -> Found {
    let mut found = Found { kept: 0, zeros: 0, outside: 0, between: 0 };
    for bits in x.iter().map(|x| x.widen().abs().to_bits()) {
        // What is below the window wraps round to a large index.
        let index = (bits >> SHIFT).wrapping_sub(first);
        found.between += usize::from(bits & BETWEEN != 0);
        if bits == 0 {
            found.zeros += 1;
        } else if index < WINDOW {
            indices[found.kept] = index as u16;
            found.kept += 1;
        } else {
            found.outside += 1;
        }
    }
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
    let scaled = x * grid.inverse_scale;
    let above = if scaled < grid.low { grid.low } else { scaled };
    round(if above > grid.high { grid.high } else { above })
}

/// e4m3(x * inverse_scale) / inverse_scale.
pub(crate) fn fake_e4m3(x: f32, inverse_scale: f32) -> f32 {
    let tiny = x.abs() < E4M3_EPSILON;
    if tiny { 0.0 } else { e4m3::decode(e4m3::encode(x * inverse_scale)) / inverse_scale }
}

fn mask<X: Real>(x: &[X], gradient: InOut<X>, low: f32, high: f32) {
    mask_by(x, gradient, &Pattern::Runs { run: x.len().max(1), start: 0, first: &[low], second: &[high] });
}

fn mask_by<X: Real>(x: &[X], gradient: InOut<X>, ends: &Pattern) {
    let (from, out, len) = gradient.pointers();
    assert_eq!(x.len(), len, "as many gradients as elements");
    for ((at, x), (low, high)) in x.iter().map(|x| x.widen()).enumerate().zip(ends.iter()) {
        // SAFETY: within the slices, which have the same length.
        unsafe {
            out.add(at).write(if x >= low && x <= high { from.add(at).read() } else { X::default() });
        }
    }
}

fn linear_bin(x: f32, bins: LinearBins) -> f32 {
    let bin = ((x.abs() - bins.low) * bins.count / bins.width).trunc();
    let last = bins.count - 1.0;
    if bin < last { bin } else { last }
}

/// As many elements are added up in f32, in lanes.
pub(super) const RUN: usize = 1024;

fn rounding_errors(x: &[f32], step: f32, low: f32, high: f32) -> (f64, f64) {
    let grid = Grid { inverse_scale: step.recip(), low, high };
    let (mut squares, mut sum) = (0.0, 0.0);
    for run in x.chunks(RUN) {
        let (mut lane_squares, mut lane_sums) = ([0f32; WIDEST], [0f32; WIDEST]);
        for (at, &x) in run.iter().enumerate() {
            let error = to_grid(x, grid).mul_add(-step, x);
            lane_squares[at % WIDEST] = error.mul_add(error, lane_squares[at % WIDEST]);
            lane_sums[at % WIDEST] -= error;
        }
        squares += total(lane_squares);
        sum += total(lane_sums);
    }
    (squares, sum)
}

/// The sum, by halves, for additions that need not wait for each other.
#[inline(always)]
pub(super) fn total(lanes: [f32; WIDEST]) -> f64 {
    let eight: [f32; 8] = from_fn(|at| lanes[at] + lanes[at + 8]);
    let four: [f32; 4] = from_fn(|at| eight[at] + eight[at + 4]);
    f64::from((four[0] + four[2]) + (four[1] + four[3]))
}

#[inline(always)]
pub(super) fn pack_4_bits(values: &[u8], bytes: &mut [u8]) {
    let (pairs, rest) = values.as_chunks::<2>();
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        *byte = pair[0] & 0x0f | pair[1] << 4;
    }
    if let ([last], Some(byte)) = (rest, bytes.last_mut()) {
        *byte = last & 0x0f;
    }
}

#[inline(always)]
pub(super) fn unpack_4_bits(bytes: &[u8], values: &mut [u8]) {
    let (pairs, rest) = values.as_chunks_mut::<2>();
    for (pair, byte) in pairs.iter_mut().zip(bytes) {
        *pair = [byte & 0x0f, byte >> 4];
    }
    if let ([last], Some(byte)) = (rest, bytes.last()) {
        *last = byte & 0x0f;
    }
}
