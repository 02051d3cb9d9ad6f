//! The ranges to try for a tensor.

use crate::error::Result;
use crate::range::Method;

/// The methods whose ranges are tried.
pub const METHODS: [Method; 4] = [Method::Mse, Method::Max, Method::Entropy, Method::Percentile(99.99)];

/// The number of steps between the smallest and the largest range.
const STEPS: u8 = 6;

/// The ratio below which two ranges count as one.
const CLOSE: f32 = 1.04;

/// Returns the ranges to try for a tensor, each once. They are those of `methods`, of which the first comes
/// first, and steps of equal ratio between the smallest and the largest of them.
///
/// Ranges that differ by less than 4% count as one, since the error of a tensor hardly changes between them.
///
/// # Errors
/// Those of `amax`, which computes the range by a method.
pub fn ranges(methods: &[Method], amax: impl Fn(Method) -> Result<f32>) -> Result<Vec<f32>> {
    let mut found: Vec<f32> = Vec::new();
    let add = |found: &mut Vec<f32>, amax: f32| {
        let is_close = |&other: &f32| amax.max(other) <= CLOSE * amax.min(other);
        if found.is_empty() || (amax > 0.0 && !found.iter().any(is_close)) {
            found.push(amax);
        }
    };
    for &method in methods {
        add(&mut found, amax(method)?);
    }
    let low = found.iter().copied().fold(f32::INFINITY, f32::min);
    let high = found.iter().copied().fold(0.0, f32::max);
    if low > 0.0 {
        for step in 1..STEPS {
            add(&mut found, low * (high / low).powf(f32::from(step) / f32::from(STEPS)));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ranges_of: [f32; 4]) -> Vec<f32> {
        let position = |method| METHODS.iter().position(|&other| other == method).unwrap();
        ranges(&METHODS, |method| Ok(ranges_of[position(method)])).unwrap()
    }

    #[test]
    fn steps_lie_between_the_ranges_of_the_methods() {
        let found = of([4.0, 64.0, 4.1, 16.0]);
        assert_eq!(found[..3], [4.0, 64.0, 16.0], "4.1 is close to 4");
        assert_eq!(found.len(), 7, "the step at 16 is there already: {found:?}");
        assert!(found.iter().all(|&amax| (4.0..=64.0).contains(&amax)));
    }

    #[test]
    fn one_range_is_enough_if_the_methods_agree() {
        assert_eq!(of([2.0, 2.02, 2.01, 2.0]), [2.0]);
        assert_eq!(of([0.0; 4]), [0.0], "a tensor of zeros");
    }
}
