//! Calibration methods as numbers.

use crate::error::Result;
use crate::range::{Method, Target};

use super::number_set::NumberSet;

/// How a range follows from statistics: one of the QDQ_METHOD_ numbers. Functions that take one also take a
/// percentile, which only QDQ_METHOD_PERCENTILE reads.
pub type qdq_method = i32;

/// The range with the least expected squared error: the one that measured best.
pub const QDQ_METHOD_MSE: qdq_method = 0;
/// The largest magnitude: nothing is clipped.
pub const QDQ_METHOD_MAX: qdq_method = 1;
/// The range whose quantized distribution tells most about the true one (Kullback-Leibler).
pub const QDQ_METHOD_ENTROPY: qdq_method = 2;
/// The magnitude that this percentage of the values other than zero do not exceed: over 0, up to 100; a
/// percentile of 0 stands for 99.99.
pub const QDQ_METHOD_PERCENTILE: qdq_method = 3;

/// The methods by their names.
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

/// The integers that a range is chosen for.
pub(super) fn target(num_bits: u32, is_unsigned: bool) -> Target {
    Target { num_bits, unsigned: is_unsigned }
}
