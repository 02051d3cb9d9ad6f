//! The definition of every kernel, in plain Rust.

use std::array::from_fn;

use super::arithmetic::to_grid;
use super::in_out::InOut;
use super::lattice::{BETWEEN, Found, Indices, SHIFT, WINDOW};
use super::list::kernels;
use super::pattern::Pattern;
use super::table::{Integer, Integers, Kernels, Loops, Real};
use super::vector::WIDEST;
use super::{LinearBins, MinMax};
use crate::e4m3;

/// Makes the table of the functions below.
macro_rules! plain {
    (
        data { $($(#[$about:meta])* $name:ident $arguments:tt -> $result:ty $(where $holds:expr, $why:literal)?;)* }
        integers { $(
            $(#[$integer_about:meta])*
            $integer_name:ident $integer_arguments:tt -> $integer_result:ty
            $(where $integer_holds:expr, $integer_why:literal)?;
        )* }
        other { $(
            $(#[$other_about:meta])*
            $other_name:ident $other_arguments:tt -> $other_result:ty
            $(where $other_holds:expr, $other_why:literal)?;
        )* }
    ) => {
        /// The table.
        pub static KERNELS: Kernels = Kernels {
            name: "scalar",
            f32: loops(),
            f16: loops(),
            bf16: loops(),
            f64: loops(),
            $($other_name,)*
        };

        pub(super) const fn loops<X: Real>() -> Loops<X> {
            Loops { $($name,)* i8: integers(), u8: integers(), i16: integers(), u16: integers() }
        }

        const fn integers<X: Real, Q: Integer>() -> Integers<X, Q> {
            Integers { $($integer_name,)* }
        }
    };
}

kernels! { [plain] }

/// Magnitudes below this are 0 in e4m3, for every inverse scale.
pub(super) const E4M3_EPSILON: f32 = 1.0 / (1u32 << 24) as f32;

/// Calls `f` and returns whether an input was NaN.
fn seeing_nan<X: Real, Y>(io: InOut<X, Y>, f: impl FnOnce(InOut<X, Y>)) -> bool {
    let nan = io.input().iter().any(|x| x.widen().is_nan());
    f(io);
    nan
}

/// Without their sign bit, the bits of floats are ordered like integers: numbers, then infinity, then NaN.
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

/// Returns the smallest and the largest value.
pub(super) fn extremes(x: impl Iterator<Item = f32>) -> MinMax {
    let start = MinMax { min: f32::INFINITY, max: f32::NEG_INFINITY, nan: false };
    let found = x.fold(start, |found, x| MinMax {
        min: if x < found.min { x } else { found.min },
        max: if x > found.max { x } else { found.max },
        nan: found.nan | x.is_nan(),
    });
    // The order of two equal zeros must not affect the result.
    MinMax { min: found.min + 0.0, max: found.max + 0.0, ..found }
}

fn lattice<X: Real>(x: &[X], first: u32, indices: &mut Indices) -> Found {
    let mut found = Found { kept: 0, zeros: 0, outside: 0, between: 0 };
    for bits in x.iter().map(|x| x.widen().abs().to_bits()) {
        // A number below the window wraps round to a large index.
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

fn quantize_floats<X: Real>(io: InOut<X>, inverse_scales: &Pattern, low: f32, high: f32) -> bool {
    let f = |x: X, inverse_scale, _| X::narrow(x.to_grid(inverse_scale, low, high));
    seeing_nan(io, |io| io.map_by(inverse_scales, f))
}

fn quantize<X: Real, Q: Integer>(io: InOut<X, Q>, inverse_scales: &Pattern, low: f32, high: f32) -> bool {
    let f = |x: X, inverse_scale, _| Q::of(x.to_grid(inverse_scale, low, high));
    seeing_nan(io, |io| io.map_by(inverse_scales, f))
}

fn dequantize<X: Real, Q: Integer>(io: InOut<Q, X>, inverse_scales: &Pattern) {
    io.map_by(inverse_scales, |q, inverse_scale, _| X::quotient(q.into(), inverse_scale));
}

fn fake_quantize<X: Real>(io: InOut<X>, scales: &Pattern, low: f32, high: f32) {
    io.map_by(scales, |x, inverse_scale, divisor| X::quotient(x.to_grid(inverse_scale, low, high), divisor));
}

fn fake_e4m3<X: Real>(io: InOut<X>, inverse_scales: &Pattern) {
    io.map_by(inverse_scales, |x, inverse_scale, _| {
        let x = x.widen();
        let tiny = x.abs() < E4M3_EPSILON;
        X::narrow(if tiny { 0.0 } else { e4m3::decode(e4m3::encode(x * inverse_scale)) / inverse_scale })
    });
}

fn mask<X: Real>(x: &[X], gradient: InOut<X>, ends: &Pattern) {
    // The comparison is in f32, like the ends: the largest f64 may exceed its own amax in f32.
    gradient.zip_by(
        x,
        ends,
        |gradient, x, low, high| {
            if (low..=high).contains(&x.widen()) { gradient } else { X::default() }
        },
    );
}

fn linear_bins(io: InOut<f32>, bins: LinearBins) {
    io.map(|x| linear_bin(x, bins));
}

fn linear_bin(x: f32, bins: LinearBins) -> f32 {
    let bin = ((x.abs() - bins.low) * bins.count / bins.width).trunc();
    let last = bins.count - 1.0;
    if bin < last { bin } else { last }
}

/// The number of elements that are added in f32, in lanes.
pub(super) const RUN: usize = 1024;

fn rounding_errors(x: &[f32], step: f32, low: f32, high: f32) -> (f64, f64) {
    let inverse_scale = step.recip();
    let (mut squares, mut sum) = (0.0, 0.0);
    for run in x.chunks(RUN) {
        let (mut lane_squares, mut lane_sums) = ([0f32; WIDEST], [0f32; WIDEST]);
        for (at, &x) in run.iter().enumerate() {
            let error = to_grid(x, inverse_scale, low, high).mul_add(-step, x);
            lane_squares[at % WIDEST] = error.mul_add(error, lane_squares[at % WIDEST]);
            lane_sums[at % WIDEST] -= error;
        }
        squares += total(lane_squares);
        sum += total(lane_sums);
    }
    (squares, sum)
}

/// Adds the lanes by halves, so that additions need not wait for each other.
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
