//! Calibration methods as numbers.

use crate::error::Result;
use crate::range::{Method, Target};

use super::number_set::NumberSet;

/// The rule that computes a range from statistics: one of the QDQ_METHOD_ numbers. Functions that take a
/// method also take a percentile, which only QDQ_METHOD_PERCENTILE uses.
pub type qdq_method = i32;

/// The range with the least expected squared error. It gave the best results in measurements.
pub const QDQ_METHOD_MSE: qdq_method = 0;
/// The largest magnitude: nothing is clipped.
pub const QDQ_METHOD_MAX: qdq_method = 1;
/// The range whose quantized distribution is closest to the true one by the Kullback-Leibler divergence.
pub const QDQ_METHOD_ENTROPY: qdq_method = 2;
/// The magnitude that this percentage of the non-zero values does not exceed. The percentile is above 0 and
/// at most 100; 0 stands for 99.99.
pub const QDQ_METHOD_PERCENTILE: qdq_method = 3;

/// The names of the methods.
const METHODS: NumberSet<&str> = NumberSet::new(
    "method",
    "QDQ_METHOD_",
    &[
        (QDQ_METHOD_MSE, "mse"),
        (QDQ_METHOD_MAX, "max"),
        (QDQ_METHOD_ENTROPY, "entropy"),
        (QDQ_METHOD_PERCENTILE, "percentile"),
    ],
);

pub(super) fn method_of(number: qdq_method, percentile: f64) -> Result<Method> {
    let name = METHODS.value(number)?;
    match number {
        QDQ_METHOD_PERCENTILE if percentile != 0.0 => format!("{name}={percentile}").parse(),
        _ => name.parse(),
    }
}

/// Returns the integer type for which a range is chosen.
pub(super) fn target(num_bits: u32, is_unsigned: bool) -> Target {
    Target { num_bits, unsigned: is_unsigned }
}
