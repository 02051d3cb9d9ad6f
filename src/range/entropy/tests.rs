use proptest::prelude::*;

use super::super::samples::{laplace, normal, single, stats, uniform};
use super::*;

fn range(values: &[f32], max_level: u32) -> f32 {
    let stats = stats(values);
    amax(stats.histogram(), stats.abs_max().unwrap(), max_level)
}

/// Computes the divergence from its definition: P and Q side by side, level by level, without running sums.
fn divergence_by_definition(reference: &Reference, range: f64, max_level: u32) -> f64 {
    let step = range / f64::from(max_level);
    let mut sum = 0.0;
    for part in &reference.parts {
        let mut clipped: f64 = part.pieces().iter().map(|piece| piece.mass).sum();
        for level in 0..=max_level {
            let (low, high) = ((f64::from(level) - 0.5).max(0.0) * step, (f64::from(level) + 0.5) * step);
            // The mass and width of each piece in this level.
            let inside: Vec<(f64, f64)> = part
                .pieces()
                .iter()
                .filter_map(|piece| {
                    let extent = piece.upper - piece.lower;
                    let share = if extent == 0.0 {
                        f64::from(u8::from(low <= piece.lower && piece.lower < high))
                    } else {
                        (piece.upper.min(high) - piece.lower.max(low)) / extent
                    };
                    (share > 0.0).then_some((share * piece.mass, share * piece.width))
                })
                .collect();
            let mass: f64 = inside.iter().map(|(p, _)| p).sum();
            let width: f64 = inside.iter().map(|(_, w)| w).sum();
            clipped -= mass;
            sum += inside.iter().map(|(p, w)| p * (p / (mass * w / width)).ln()).sum::<f64>();
        }
        sum += clipped.max(0.0) * 100f64.ln();
    }
    sum
}

#[test]
fn running_sums_equal_the_definition() {
    let mut spiky = single(laplace(9, 3000));
    spiky.extend([0.5; 900]);
    spiky.extend([2.0; 500]);
    spiky.push(70.0);
    for (values, max_level) in [(single(normal(8, 4000)), 127), (spiky.clone(), 127), (spiky, 7)] {
        let stats = stats(&values);
        let abs_max = stats.abs_max().unwrap();
        let reference = Reference::new(stats.histogram(), abs_max, max_level);
        for candidate in candidates(abs_max).take(700).step_by(23) {
            let range = f64::from(candidate);
            let fast = clipping(&reference, range, max_level) + rounding(&reference, range, max_level);
            let defined = divergence_by_definition(&reference, range, max_level);
            assert!((fast - defined).abs() < 1e-9, "{range}: {fast} against {defined}");
        }
    }
}

#[test]
fn the_reference_is_a_distribution() {
    let mut values = single(normal(1, 10_000));
    values.extend([3.0; 1000]);
    let stats = stats(&values);
    let reference = Reference::new(stats.histogram(), stats.abs_max().unwrap(), 127);
    let [smooth, atoms] = &reference.parts;
    assert!((smooth.total().mass + atoms.total().mass - 1.0).abs() < 1e-9);
    assert_eq!(atoms.pieces().len(), 1);
    assert!((3.0..3.01).contains(&atoms.pieces()[0].lower));
    assert!(smooth.pieces().is_sorted_by(|a, b| a.upper <= b.lower));
}

/// Data with enough levels, or data in which every value matters: the range must include the largest value.
#[test]
fn discrete_and_spiky_data_keep_their_range() {
    let mut pixels: Vec<f32> = uniform(1, 20_000).map(|u| (u * u * 17.0).floor() as f32 / 16.0).collect();
    pixels.extend([0.0; 30_000]);
    let one_hot: Vec<f32> = (0..30_000).map(|i| f32::from(u8::from(i % 1000 == 7))).collect();
    let relu6 = single(normal(2, 50_000).into_iter().map(|x| (4.0 * x).clamp(0.0, 6.0)));
    let tokens = single(uniform(3, 50_000).map(|u| (u * 30_000.0).floor()));
    let bytes = single(uniform(4, 50_000).map(|u| (u * u * 256.0).floor() / 255.0));
    let two_values: Vec<f32> = (0..1000).map(|i| if i % 3 == 0 { -3.0 } else { 5.0 }).collect();
    let two_modes: Vec<f32> = single(
        normal(5, 50_000).iter().enumerate().map(|(i, x)| x * 0.1 + if i % 2 == 0 { -3.0 } else { 5.0 }),
    );
    let mut zeros = vec![0.0; 500_000];
    zeros.extend(single(normal(6, 1000).into_iter().map(|x| 3.0 * x.abs())));
    let mut spike = vec![0.5; 500_000];
    spike.extend(single(uniform(7, 1000).map(|u| 8.0 * u)));
    let cases: [(&str, &[f32], f64); 9] = [
        ("pixels", &pixels, 1.0),
        ("one-hot", &one_hot, 1.0),
        ("relu6", &relu6, 1.0),
        ("tokens", &tokens, 0.99),
        ("bytes", &bytes, 0.99),
        ("two values", &two_values, 1.0),
        ("two modes", &two_modes, 0.98),
        ("zeros", &zeros, 0.85),
        ("spike", &spike, 0.97),
    ];
    for (name, values, share) in cases {
        let max = values.iter().fold(0.0f32, |max, x| max.max(x.abs()));
        let found = range(values, 127);
        assert!(f64::from(found) >= share * f64::from(max), "{name}: {found} of {max}");
    }
    for constant in [0.3f32, 1e-40, 1e30, f32::MAX] {
        assert_eq!(range(&[constant; 100], 127), constant);
    }
}

/// Clipping pays off on smooth data with long tails. The bounds enclose the ranges of least squared error
/// (9.9 for Laplace, 3.9 for normal data at 8 bits) and those of the original rule.
#[test]
fn tails_and_outliers_are_clipped() {
    let normal = normal(10, 200_000);
    let mut outlier = normal.clone();
    outlier.push(4000.0);
    let cases = [
        ("normal", single(normal), 3.7..=5.0),
        ("laplace", single(laplace(12, 200_000)), 8.5..=12.8),
        ("outlier", single(outlier), 3.7..=6.0),
    ];
    for (name, values, expected) in cases {
        let found = range(&values, 127);
        assert!(expected.contains(&found), "{name}: {found}");
    }
}

proptest! {
    #[test]
    fn at_most_a_ten_thousandth_is_clipped_whatever_the_data(
        values in prop::collection::vec(prop_oneof![any::<f32>(), -1.0f32..1.0, Just(0.0)], 1..3000),
        max_level in prop::sample::select(vec![1u32, 7, 127, 255]),
    ) {
        let finite: Vec<f32> = values.into_iter().filter(|x| x.is_finite() && *x != 0.0).collect();
        prop_assume!(!finite.is_empty());
        let found = range(&finite, max_level);
        let clipped = finite.iter().filter(|x| x.abs() > found).count();
        prop_assert!(clipped * 10_000 <= finite.len(), "{clipped} of {} over {found}", finite.len());
    }

    #[test]
    fn a_power_of_two_scales_the_range(seed in any::<u64>(), power in -60i32..60) {
        let values = single(laplace(seed, 500));
        let factor = 2f32.powi(power);
        let scaled: Vec<f32> = values.iter().map(|x| x * factor).collect();
        prop_assert_eq!(range(&scaled, 127), range(&values, 127) * factor);
    }
}
