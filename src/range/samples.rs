//! Reproducible random data for the tests of the methods.

use crate::observe::TensorStats;

/// Returns numbers in (0, 1), the same in every run.
pub(super) fn uniform(seed: u64, count: usize) -> impl Iterator<Item = f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    })
    .take(count)
}

/// Returns standard normal numbers.
pub(super) fn normal(seed: u64, count: usize) -> Vec<f64> {
    uniform(seed, count)
        .zip(uniform(seed + 1, count))
        .map(|(u, v)| (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos())
        .collect()
}

/// Returns numbers with the density exp(-|x|) / 2.
pub(super) fn laplace(seed: u64, count: usize) -> Vec<f64> {
    uniform(seed, count).map(|u| if u < 0.5 { (2.0 * u).ln() } else { -(2.0 - 2.0 * u).ln() }).collect()
}

/// Converts the values to single precision.
pub(super) fn single(values: impl IntoIterator<Item = f64>) -> Vec<f32> {
    values.into_iter().map(|x| x as f32).collect()
}

/// Returns the statistics of the values.
pub(super) fn stats(values: &[f32]) -> TensorStats {
    let mut stats = TensorStats::new();
    stats.observe(values);
    stats
}
