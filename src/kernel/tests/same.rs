//! Comparison of every table of this machine with the scalar one, bit for bit.
//!
//! The lengths go from none to four of the widest vectors and one more. The data has all offsets from a
//! vector's alignment, values for which kernels tend to be wrong, and every type. NaN need not keep its
//! payload.

use std::fmt::Debug;

use half::{bf16, f16};

use super::super::lattice::{self, BLOCK};
use super::super::vector::WIDEST;
use super::super::*;
use super::hard_values;

const LONGEST: usize = 4 * WIDEST + 1;

/// Returns data with hard values everywhere, in an irregular order.
fn data<X: Real>() -> Vec<X> {
    let values = hard_values();
    (0..4 * values.len()).map(|i| X::narrow(values[i * 7919 % values.len()])).collect()
}

/// Returns finite data of usual size, with some zeros.
fn finite<X: Real>() -> Vec<X> {
    let value = |i: usize| match i % 5 {
        0 => 0.0,
        _ => ((i * 7919 % 1009) as f32 - 504.0) / 77.0 * 2f32.powi((i * 31 % 40) as i32 - 30),
    };
    (0..4 * BLOCK).map(|i| X::narrow(value(i))).filter(|x| x.widen().is_finite()).collect()
}

/// Lists lengths with every offset, and a few of more than one block.
fn stretches(available: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let short = (0..=LONGEST).flat_map(|len| (0..WIDEST).map(move |start| start..start + len));
    short.chain([3..available - 5, 0..available])
}

/// The bits of a float. All NaN are equal.
trait Bits: Copy + Debug + Default {
    fn bits(self) -> u64;
}

macro_rules! bits {
    ($($float:ty),*; $($integer:ty),*) => {
        $(impl Bits for $float {
            fn bits(self) -> u64 { if self.is_nan() { u64::MAX } else { self.to_bits().into() } }
        })*
        $(impl Bits for $integer {
            fn bits(self) -> u64 { self as u64 }
        })*
    };
}

bits!(f32, f16, bf16; i8, u8, i16, u16);

/// Runs `f` with every table on copies and checks that all write the same and nothing beyond the output.
fn same<X: Copy, Y: Bits, R: PartialEq + Debug>(
    what: &str,
    x: &[X],
    f: impl Fn(&Kernels, &[X], &mut [Y]) -> R,
) {
    for stretch in stretches(x.len()) {
        let x = &x[stretch.clone()];
        let run = |kernels: &Kernels| {
            let mut out = vec![Y::default(); x.len() + 2 * WIDEST];
            let (written, guard) = out[stretch.start % WIDEST..].split_at_mut(x.len());
            let result = f(kernels, x, written);
            assert!(guard.iter().all(|y| y.bits() == 0), "{what} {}: wrote beyond", kernels.name());
            (out.into_iter().map(Bits::bits).collect::<Vec<_>>(), result)
        };
        let expected = run(&scalar::KERNELS);
        for kernels in available() {
            let found = run(kernels);
            assert!(found == expected, "{what} {} {stretch:?}: {found:?}, not {expected:?}", kernels.name());
        }
    }
}

const GRIDS: [(f32, f32, f32); 4] =
    [(1.0, -128.0, 127.0), (63.5, -127.0, 127.0), (0.3, -7.0, 7.0), (0.0, -8.0, 7.0)];

/// Calls `test` with patterns for any data: a row of usual length, a row shorter than a vector, and runs
/// shorter and longer than a vector.
fn patterns(test: impl Fn(&Pattern, &str)) {
    let number = |at: usize| (1.0 + at as f32 / 3.0, 2.0 + at as f32 / 7.0);
    for period in [3, WIDEST, 37] {
        let row = Row::new(period, number);
        test(&Pattern::Row(row.clone()), "row");
        test(&Pattern::Row(row.from(5)), "row from its middle");
        let single = Row::new(period, |at| (number(at).0, number(at).0));
        test(&Pattern::Row(single.from(2)), "row of equal pairs");
    }
    let (first, second): (Vec<f32>, Vec<f32>) = (0..5).map(number).unzip();
    for run in [1, 9, WIDEST, 21, 64, 100] {
        test(&Pattern::Runs { run, start: 0, first: &first, second: &second }, "runs");
        test(&Pattern::Runs { run, start: 4, first: &first, second: &second }, "runs from the last");
        test(
            &Pattern::Runs { run, start: 0, first: &first[..1], second: &second[..1] },
            "runs of one number",
        );
        test(&Pattern::Runs { run, start: 1, first: &first, second: &first }, "runs of equal pairs");
    }
}

fn quantize<X: Real + Bits>(x: &[X], scales: &Pattern, low: f32, high: f32) {
    same("quantize_floats", x, |kernels, x, out: &mut [X]| {
        kernels.quantize_floats(InOut::new(x, out), scales, low, high)
    });
    same("quantize i8", x, |kernels, x, out: &mut [i8]| {
        kernels.quantize(InOut::new(x, out), scales, low, high)
    });
    same("quantize u8", x, |kernels, x, out: &mut [u8]| {
        kernels.quantize(InOut::new(x, out), scales, 0.0, 255.0)
    });
    same("quantize i16", x, |kernels, x, out: &mut [i16]| {
        kernels.quantize(InOut::new(x, out), scales, 16.0 * low, 255.0 * high)
    });
    same("quantize u16", x, |kernels, x, out: &mut [u16]| {
        kernels.quantize(InOut::new(x, out), scales, 0.0, 65535.0)
    });
}

fn dequantize<X: Real + Bits, Q: Integer>(integer: impl Fn(usize) -> Q) {
    let integers: Vec<Q> = (0..2000).map(integer).collect();
    same("dequantize", &integers, |kernels, q, out: &mut [X]| {
        kernels.dequantize(InOut::new(q, out), &Pattern::one(12.7));
    });
    patterns(|pattern, name| {
        same(name, &integers, |kernels, q, out: &mut [X]| {
            kernels.dequantize(InOut::new(q, out), pattern);
        });
    });
}

fn every_kernel<X: Real + Bits>() {
    let x = data::<X>();
    same("abs_max", &x, |kernels, x, _: &mut [X]| kernels.abs_max(x).bits());
    same("min_max", &x, |kernels, x, _: &mut [X]| {
        let MinMax { min, max, nan } = kernels.min_max(x);
        (min.bits(), max.bits(), nan)
    });
    for width in [1, 5, WIDEST, 40] {
        same("abs_max_rows", &x, |kernels, x, _: &mut [X]| {
            let mut largest = vec![1.0; width];
            kernels.abs_max_rows(x, &mut largest);
            largest.into_iter().map(Bits::bits).collect::<Vec<_>>()
        });
    }
    for (inverse_scale, low, high) in GRIDS {
        let (scales, uneven) =
            (Pattern::one(inverse_scale), Pattern::Same(inverse_scale, inverse_scale * 1.5));
        quantize(&x, &scales, low, high);
        same("fake_quantize", &x, |kernels, x, out: &mut [X]| {
            kernels.fake_quantize(InOut::new(x, out), &uneven, low, high);
        });
        same("fake_quantize in place", &x, |kernels, x, out: &mut [X]| {
            out.copy_from_slice(x);
            kernels.fake_quantize(InOut::in_place(out), &scales, low, high);
        });
    }
    for inverse_scale in [1.0, 0.37, 1e6, f32::INFINITY] {
        same("fake_e4m3", &x, |kernels, x, out: &mut [X]| {
            kernels.fake_e4m3(InOut::new(x, out), &Pattern::one(inverse_scale))
        });
    }
    let gradient: Vec<X> = x.iter().rev().copied().collect();
    same("mask", &x, |kernels, x, out: &mut [X]| {
        kernels.mask(x, InOut::new(&gradient[..x.len()], out), &Pattern::Same(-2.5, 3.0));
    });
    patterns(|pattern, name| {
        quantize(&x, pattern, -128.0, 127.0);
        same(name, &x, |kernels, x, out: &mut [X]| {
            kernels.fake_quantize(InOut::new(x, out), pattern, -128.0, 127.0);
        });
        same(name, &x, |kernels, x, out: &mut [X]| kernels.fake_e4m3(InOut::new(x, out), pattern));
        same(name, &x, |kernels, x, out: &mut [X]| {
            kernels.mask(x, InOut::new(&gradient[..x.len()], out), pattern);
        });
    });
    dequantize::<X, i8>(|at| (at * 31 % 256) as u8 as i8);
    dequantize::<X, u8>(|at| (at * 31 % 256) as u8);
    dequantize::<X, i16>(|at| (at * 4099 % 65536) as u16 as i16);
    dequantize::<X, u16>(|at| (at * 4099 % 65536) as u16);
    let x = finite::<X>();
    for first in
        [0, 100 << lattice::MANTISSA_BITS, 110 << lattice::MANTISSA_BITS, 250 << lattice::MANTISSA_BITS]
    {
        same("lattice", &x, |kernels, x, _: &mut [X]| {
            let mut all = Vec::new();
            for block in x.chunks(BLOCK) {
                let mut indices = [0; _];
                let found = kernels.lattice(block, first, &mut indices);
                all.push((found, indices[..found.kept].to_vec()));
            }
            all
        });
    }
}

#[test]
#[cfg_attr(miri, ignore = "there is nothing beside the scalar table in Miri")]
fn f32() {
    every_kernel::<f32>();
}

#[test]
#[cfg_attr(miri, ignore = "there is nothing beside the scalar table in Miri")]
fn f16() {
    every_kernel::<f16>();
}

#[test]
#[cfg_attr(miri, ignore = "there is nothing beside the scalar table in Miri")]
fn bf16() {
    every_kernel::<bf16>();
}

#[test]
#[cfg_attr(miri, ignore = "there is nothing beside the scalar table in Miri")]
fn bins_of_one_width() {
    for (low, width, count) in
        [(0.0, 3.0, 2048.0), (-1.0, 2.0, 7.0), (0.0, 1e-30, 1.0), (0.0, f32::MAX, 16_777_216.0)]
    {
        same("linear_bins", &data::<f32>(), |kernels, x, out: &mut [f32]| {
            kernels.linear_bins(InOut::new(x, out), LinearBins { low, width, count });
        });
    }
}

#[test]
#[cfg_attr(miri, ignore = "there is nothing beside the scalar table in Miri")]
fn sums_of_rounding_errors() {
    for (step, low, high) in
        [(0.01, -128.0, 127.0), (0.3, -8.0, 7.0), (1e-6, -127.0, 127.0), (1e30, 0.0, 255.0)]
    {
        same("rounding_errors", &finite::<f32>(), |kernels, x, _: &mut [f32]| {
            let (squares, sum) = kernels.rounding_errors(x, step, low, high);
            (squares.to_bits(), sum.to_bits())
        });
    }
}

#[test]
#[cfg_attr(miri, ignore = "there is nothing beside the scalar table in Miri")]
fn four_bits() {
    let values: Vec<u8> = (0..2000).map(|i| (i * 37 % 256) as u8).collect();
    same("pack_4_bits", &values, |kernels, values, _: &mut [u8]| {
        let mut bytes = vec![0; values.len().div_ceil(2)];
        kernels.pack_4_bits(values, &mut bytes);
        let mut again = vec![0; values.len()];
        kernels.unpack_4_bits(&bytes, &mut again);
        assert!(again.iter().zip(values).all(|(again, value)| *again == value & 0x0f));
        bytes
    });
}

#[test]
fn what_does_not_fit_panics_before_anything_is_written() {
    let run = |f: &dyn Fn()| std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).is_err();
    let x = [1.0f32; 8];
    assert!(run(&|| {
        InOut::new(&x, &mut [0.0f32; 7]);
    }));
    let numbers = [1.0; 2];
    let uneven = Pattern::Runs { run: 3, start: 0, first: &numbers, second: &numbers[..1] };
    let beyond = Pattern::Runs { run: 3, start: 2, first: &numbers, second: &numbers };
    let none = Pattern::Runs { run: 0, start: 0, first: &numbers, second: &numbers };
    for kernels in available() {
        for wrong in [&uneven, &beyond, &none] {
            assert!(run(&|| kernels.fake_quantize(InOut::new(&x, &mut [0.0; 8]), wrong, -8.0, 7.0)));
        }
        let ends = Pattern::Same(0.0, 1.0);
        assert!(run(&|| kernels.mask(&x[..7], InOut::new(&x, &mut [0.0; 8]), &ends)));
        assert!(run(&|| kernels.pack_4_bits(&[1, 2, 3], &mut [0; 1])));
        assert!(run(&|| {
            kernels.lattice(&[1.0f32; BLOCK + 1], 0, &mut [0; _]);
        }));
    }
}
