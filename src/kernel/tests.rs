//! Comparison of every table of this machine with formulas that are written here independently.

mod large;
mod quotients;
mod same;

use super::*;

/// Returns values for which kernels tend to be wrong: ties, borders, infinities, NaN, subnormals, both zeros.
fn hard_values() -> Vec<f32> {
    let mut values = vec![0.0, 1e-40, f32::MIN_POSITIVE, 1.0, 1e30, f32::MAX, f32::INFINITY, 2147483648.0];
    values.extend((0..600).map(|k| k as f32 / 2.0));
    values.extend(
        [126.5f32, 127.5, 128.5, 0.5, 1.0 / 16_777_216f32].iter().flat_map(|x| [x.next_down(), x.next_up()]),
    );
    values.extend(values.clone().iter().map(|x| -x));
    values.push(f32::NAN);
    values
}

fn same(found: f32, expected: f32) -> bool {
    found.to_bits() == expected.to_bits() || (found.is_nan() && expected.is_nan())
}

#[test]
fn quantize_is_round_then_clamp() {
    let x = hard_values();
    for kernels in available() {
        for (inverse_scale, low, high) in
            [(1.0, -128.0, 127.0), (127.0 / 2.0, -127.0, 127.0), (0.3, -65535.0, 65535.0), (0.0, -8.0, 7.0)]
        {
            let scales = Pattern::one(inverse_scale);
            let (mut q, mut fake) = (vec![9.0; x.len()], vec![9.0; x.len()]);
            kernels.quantize_floats(InOut::new(&x, &mut q), &scales, low, high);
            kernels.fake_quantize(InOut::new(&x, &mut fake), &scales, low, high);
            for ((&x, &q), &fake) in x.iter().zip(&q).zip(&fake) {
                let expected = (x * inverse_scale).round_ties_even().clamp(low, high);
                let name = kernels.name();
                assert!(same(q, expected), "{name}: {x} by {inverse_scale}: {q}, not {expected}");
                assert!(same(fake, expected / inverse_scale), "{name}: {x} by {inverse_scale}: {fake}");
            }
        }
    }
}

#[test]
fn extremes_tell_of_nan_and_infinity() {
    for kernels in available() {
        assert_eq!(kernels.abs_max::<f32>(&[]), 0.0);
        assert_eq!(kernels.abs_max(&[-3.0f32, 2.0, -0.0]), 3.0);
        assert_eq!(kernels.abs_max(&[1.0, f32::NEG_INFINITY]), f32::INFINITY);
        assert!(kernels.abs_max(&[f32::INFINITY, -f32::NAN, 5.0]).is_nan());
        assert_eq!(kernels.abs_max(&[-1e-45f32]), 1e-45);
        let empty = MinMax { min: f32::INFINITY, max: f32::NEG_INFINITY, nan: false };
        assert_eq!(kernels.min_max::<f32>(&[]), empty);
        assert_eq!(kernels.min_max(&[f32::NAN]), MinMax { nan: true, ..empty });
        let found = kernels.min_max(&[2.0, f32::NAN, -7.0, f32::INFINITY]);
        assert_eq!(found, MinMax { min: -7.0, max: f32::INFINITY, nan: true });
        assert_eq!(kernels.min_max(&[-0.0f32]).min.to_bits(), 0);
    }
}

#[test]
fn mask_includes_its_borders_and_not_nan() {
    let x = [-2.0, f32::next_up(2.0), 2.0, f32::NAN, f32::INFINITY, -0.0];
    let gradient = [1.0, 2.0, 3.0, 4.0, f32::NAN, f32::NEG_INFINITY];
    for kernels in available() {
        let mut out = [9.0; 6];
        kernels.mask(&x, InOut::new(&gradient, &mut out), &Pattern::Same(-2.0, 2.0));
        assert_eq!(out, [1.0, 0.0, 3.0, 0.0, 0.0, f32::NEG_INFINITY]);
    }
}

#[test]
fn fake_e4m3_scales_and_drops_tiny_values() {
    let tiny = 1.0 / 16_777_216f32;
    let x = [2.0, -1.0, tiny.next_down(), tiny, f32::INFINITY, f32::NAN];
    for kernels in available() {
        let mut out = [9.0; 6];
        kernels.fake_e4m3(InOut::new(&x, &mut out), &Pattern::one(448.0 / 2.0));
        assert_eq!(out[..5], [2.0, -1.0, 0.0, 0.0, 2.0]);
        assert!(out[5].is_nan());
        kernels.fake_e4m3(InOut::new(&x, &mut out), &Pattern::one(1_048_576.0));
        assert_eq!(out[2..4], [0.0, tiny]);
    }
}

#[test]
fn the_choice_can_be_overridden_and_a_wrong_one_is_an_error() {
    assert_eq!(choose(Some("scalar")).unwrap().kernels.name(), "scalar");
    assert!(available().iter().any(|table| table.name() == choose(None).unwrap().kernels.name()));
    let error = choose(Some("quantum")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.to_string().contains("QDQ_ISA=quantum") && error.to_string().contains("scalar"), "{error}");
}
