//! The range with the least expected squared error of the real quantiser.
//!
//! The values of a bin are taken to lie in its middle, those of the last bin at the largest magnitude. The
//! quantiser is the symmetric one: q = min(round(|x| M / amax), M), y = q amax / M. The error
//! Σ count (y - |x|)² is computed in f64 for candidates from the largest magnitude downwards, 128 an octave,
//! until what is clipped alone costs more than the best candidate so far: below that nothing can be better.
//! Of equal candidates the largest wins, so data that M levels represent exactly is not clipped.

use super::candidates;
use crate::observe::Histogram;

/// Magnitude and number of the values of one bin.
struct Mass {
    at: f64,
    count: f64,
}

/// The amax with the least error for the magnitudes in `histogram`, the largest of which is `abs_max`.
pub(super) fn amax(histogram: &Histogram, abs_max: f32, max_level: u32) -> f32 {
    let masses = masses(histogram, abs_max);
    let (mut best, mut least) = (abs_max, f64::INFINITY);
    for candidate in candidates(abs_max) {
        let range = f64::from(candidate);
        let clipped = masses.partition_point(|mass| mass.at <= range);
        let clipping: f64 = masses[clipped..].iter().map(|mass| mass.count * (mass.at - range).powi(2)).sum();
        if clipping >= least {
            break;
        }
        let error = clipping + rounding(&masses[..clipped], range / f64::from(max_level));
        if error < least {
            (best, least) = (candidate, error);
        }
    }
    best
}

fn masses(histogram: &Histogram, abs_max: f32) -> Vec<Mass> {
    let mut masses: Vec<Mass> = histogram
        .bins()
        .map(|bin| Mass {
            at: (f64::from(bin.lower) + f64::from(bin.upper.min(abs_max))) / 2.0,
            count: bin.count as f64,
        })
        .collect();
    if let Some(last) = masses.last_mut() {
        last.at = f64::from(abs_max);
    }
    masses
}

/// Σ count (y - x)² where nothing is clipped: y is the multiple of `step` next to x.
fn rounding(masses: &[Mass], step: f64) -> f64 {
    let inverse = step.recip();
    let error = |mass: &Mass| {
        // Rounded by truncation, which is much cheaper; where it differs, both neighbours are as far.
        let level = (mass.at * inverse + 0.5) as u32;
        mass.count * (mass.at - f64::from(level) * step).powi(2)
    };
    masses.iter().map(error).sum()
}

#[cfg(test)]
mod tests {
    use super::super::samples::{laplace, normal, single, stats, uniform};
    use super::*;

    fn range(values: &[f32], max_level: u32) -> f32 {
        let stats = stats(values);
        amax(stats.histogram(), stats.abs_max().unwrap(), max_level)
    }

    /// Mean squared error of the quantiser itself on the values themselves.
    fn error(values: &[f32], amax: f32, max_level: u32) -> f64 {
        let step = f64::from(amax) / f64::from(max_level);
        let level = |x: f64| (x / step).round_ties_even().abs().min(f64::from(max_level)).copysign(x);
        let sum: f64 = values.iter().map(|&x| (level(x.into()) * step - f64::from(x)).powi(2)).sum();
        sum / values.len() as f64
    }

    #[test]
    fn the_error_is_nearly_the_least_there_is() {
        let mut outliers = laplace(3, 5000);
        outliers.push(100.0);
        let cases: [(&str, Vec<f32>); 7] = [
            ("normal", single(normal(1, 5000))),
            ("laplace", single(laplace(2, 5000))),
            ("outlier", single(outliers)),
            ("relu", single(normal(4, 5000).into_iter().map(|x| x.max(0.0)))),
            ("uniform", single(uniform(5, 5000))),
            ("tiny", single(normal(6, 5000).into_iter().map(|x| x * 1e-20))),
            ("huge", single(normal(7, 5000).into_iter().map(|x| x * 1e30))),
        ];
        for (name, values) in cases {
            let max = values.iter().fold(0.0f32, |max, x| max.max(x.abs()));
            for max_level in [7, 127, 255] {
                let found = error(&values, range(&values, max_level), max_level);
                let least = (1..=400)
                    .map(|k| error(&values, max * k as f32 / 400.0, max_level))
                    .fold(f64::INFINITY, f64::min);
                assert!(found <= 1.03 * least, "{name}, {max_level} levels: {found:e} against {least:e}");
            }
        }
    }

    #[test]
    fn what_levels_represent_exactly_is_not_clipped() {
        for constant in [0.3f32, 1e-30, 1e30, f32::MAX, f32::MIN_POSITIVE, 1e-45] {
            assert_eq!(range(&[constant, -constant], 127), constant);
        }
        let one_hot = [0.0, 0.0, 1.0, 0.0];
        assert_eq!(range(&one_hot, 127), 1.0);
    }
}
