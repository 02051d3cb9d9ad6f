//! Histograms for tests: usual ones, and some that mislead a search.

use super::super::samples::{laplace, normal, uniform};

/// Returns counts over bins of equal width, by name.
pub(super) fn histograms() -> Vec<(&'static str, Vec<u64>)> {
    let counted = |values: Vec<f64>, bins: usize| {
        let max = values.iter().fold(0.0f64, |max, x| max.max(x.abs()));
        let mut counts = vec![0; bins];
        for x in values {
            counts[((x.abs() / max * bins as f64) as usize).min(bins - 1)] += 1;
        }
        counts
    };
    let mut outlier = normal(3, 4000);
    outlier.push(60.0);
    let pixels = (0..4000).map(|k| f64::from(k % 17) / 16.0).collect();
    let mut one = vec![0; 500];
    one[300] = 7;
    // A few bins, far apart and with very different counts: the errors jump from range to range.
    let mut sparse = vec![0; 1500];
    for (k, x) in uniform(7, 40).enumerate() {
        sparse[k * 37 + (x * 30.0) as usize] = 10u64.pow(k as u32 % 9);
    }
    vec![
        ("normal", counted(normal(1, 20000), 2048)),
        ("laplace", counted(laplace(2, 4000), 700)),
        ("relu", counted(normal(4, 8000).into_iter().map(|x| x.max(0.0)).collect(), 2048)),
        ("outlier", counted(outlier, 600)),
        ("uniform", counted(uniform(5, 4000).collect(), 300)),
        ("pixels", counted(pixels, 1000)),
        ("one bin", one),
        ("sparse", sparse),
        ("few bins", counted(normal(6, 1000), 131)),
        ("nothing", vec![0; 200]),
    ]
}
