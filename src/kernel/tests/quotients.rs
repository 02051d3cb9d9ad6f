//! Integers divided by an inverse scale: the multiplications of the vectors against the division.

use super::super::*;

const LARGEST: f32 = 65535.0;

/// Checks that division and fake quantization by `inverse_scale` give the expected result, bit for bit.
fn check(kernels: &Kernels, numbers: &[f32], inverse_scale: f32, expected: &mut [f32], found: &mut [f32]) {
    for (expected, n) in expected.iter_mut().zip(numbers) {
        *expected = n / inverse_scale;
    }
    found.copy_from_slice(expected);
    kernels.fake_quantize(InOut::in_place(found), &Pattern::one(inverse_scale), -LARGEST, LARGEST);
    if found != expected {
        let at = found.iter().zip(&*expected).position(|(found, expected)| found != expected).unwrap();
        panic!(
            "{} / {inverse_scale} by {}: {}, not {}",
            numbers[at],
            kernels.name(),
            found[at],
            expected[at]
        );
    }
}

/// Checks all integers of 16 bits from 1 in steps of `step`.
fn check_all(inverse_scales: impl Iterator<Item = f32> + Clone, step: usize) {
    let numbers: Vec<f32> = (1..=LARGEST as u16).step_by(step).map(f32::from).collect();
    let (mut expected, mut found) = (numbers.clone(), numbers.clone());
    // The scalar table divides.
    for kernels in available().into_iter().filter(|kernels| kernels.name() != "scalar") {
        inverse_scales
            .clone()
            .for_each(|inverse_scale| check(kernels, &numbers, inverse_scale, &mut expected, &mut found));
    }
}

fn from_1_to_2(step: usize) -> impl Iterator<Item = f32> + Clone {
    (0..1u32 << 23).step_by(step).map(|mantissa| f32::from_bits(1f32.to_bits() + mantissa))
}

#[test]
#[cfg_attr(miri, ignore = "there is nothing beside the scalar table in Miri")]
fn quotients_are_those_of_a_division() {
    check_all(from_1_to_2(40_009), 1);
    // The limits of the quick method, and exponents beyond.
    let exponents = [-125, -90, -61, -60, -59, -1, 0, 1, 59, 60, 61, 90, 100];
    let mantissas = [1.0, 1f32.next_up(), 1.1, 2f32.next_down()];
    let inverse_scales =
        exponents.into_iter().flat_map(|exponent| mantissas.map(|m| m * 2f32.powi(exponent)));
    check_all(inverse_scales, 7);
}

#[test]
#[cfg_attr(miri, ignore = "there is nothing beside the scalar table in Miri")]
fn quotients_of_zeros_keep_their_sign() {
    for kernels in available() {
        for inverse_scale in [1.0, 0.3, 1e-30, 1e30] {
            let mut x = [0.0f32, -0.0, 0.2 / inverse_scale, -0.2 / inverse_scale, f32::NAN];
            kernels.fake_quantize(InOut::in_place(&mut x), &Pattern::one(inverse_scale), -8.0, 7.0);
            assert_eq!(
                x.map(|x| x.is_sign_negative())[..4],
                [false, true, false, true],
                "{}",
                kernels.name()
            );
            assert!(
                x[..4].iter().all(|x| *x == 0.0) && x[4].is_nan(),
                "{} {inverse_scale}: {x:?}",
                kernels.name()
            );
        }
    }
}

/// Uses so many elements per inverse scale that the quick method applies.
#[test]
#[cfg_attr(miri, ignore = "there is nothing beside the scalar table in Miri")]
fn quotients_by_patterns_are_those_of_a_division() {
    const LEN: usize = 40_003;
    let integers: Vec<i8> = (0..LEN).map(|i| (i * 31 % 256) as u8 as i8).collect();
    let x: Vec<f32> = integers.iter().map(|&q| f32::from(q) / 9.7).collect();
    let inverse_scales: Vec<f32> = (0..37).map(|at| 1.0 + at as f32 / 3.0).collect();
    let row = Row::new(inverse_scales.len(), |at| (inverse_scales[at], inverse_scales[at]));
    let runs = |run| Pattern::Runs { run, start: 2, first: &inverse_scales, second: &inverse_scales };
    for pattern in [Pattern::Row(row.from(5)), runs(7), runs(100), runs(1000)] {
        let run = |kernels: &Kernels| {
            let (mut fake, mut dequantized) = (vec![0.0f32; LEN], vec![0.0f32; LEN]);
            kernels.fake_quantize(InOut::new(&x, &mut fake), &pattern, -128.0, 127.0);
            kernels.dequantize(InOut::new(&integers, &mut dequantized), &pattern);
            [fake, dequantized].map(|y| y.into_iter().map(f32::to_bits).collect::<Vec<_>>())
        };
        let expected = run(&scalar::KERNELS);
        for kernels in available() {
            assert!(run(kernels) == expected, "{} {pattern:?}", kernels.name());
        }
    }
}

/// `make quotients`
#[test]
#[ignore = "takes minutes"]
fn every_quotient_of_16_bits() {
    // An even number is an odd one times a power of two.
    check_all(from_1_to_2(1), 2);
}
