//! Calibration methods as numbers.

use crate::error::{Error, ErrorKind, Result};
use crate::range::{Method, Target};

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

pub(super) fn method_of(number: qdq_method, percentile: f64) -> Result<Method> {
    match number {
        QDQ_METHOD_MSE => Ok(Method::Mse),
        QDQ_METHOD_MAX => Ok(Method::Max),
        QDQ_METHOD_ENTROPY => Ok(Method::Entropy),
        QDQ_METHOD_PERCENTILE if percentile == 0.0 => "percentile".parse(),
        QDQ_METHOD_PERCENTILE => format!("percentile={percentile}").parse(),
        other => Err(Error::new(ErrorKind::InvalidArgument, format!("method {other} is not known"))
            .with_remedy("use one of the QDQ_METHOD_ numbers")),
    }
}

/// The integers that a range is chosen for.
pub(super) fn target(num_bits: u32, is_unsigned: bool) -> Target {
    Target { num_bits, unsigned: is_unsigned }
}
