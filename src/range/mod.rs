//! Methods that compute ranges from statistics.
//!
//! A range is amax, the magnitude that the largest integer represents. Every method is a pure function of the
//! same statistics, so one calibration run is enough for all of them.
//!
//! The special cases are the same for every method. If all values are zero, the range is 0. NaN and infinite
//! values are ignored: the range covers the finite values, and [`TensorStats`] counts the others. Without a
//! finite value the result is an error.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind, Result};
use crate::observe::TensorStats;

pub mod compat;
mod entropy;
mod mse;
mod percentile;
#[cfg(test)]
mod samples;
mod weights;

pub use weights::{weights, weights_e4m3};

/// The percentile for `percentile` without a number.
const USUAL_PERCENTILE: f64 = 99.99;

/// The method that computes a range from statistics. It is parsed from and printed as `max`, `entropy`,
/// `percentile=99.99` or `mse`.
///
/// The default is `mse`, which gave the best results. The table shows, for signed 8 bits, the accuracy on the
/// 500 test images of the digits model (float: 99.6%), the SQNR of its logits in dB, and the mean SQNR of the
/// outputs of fifteen small networks (`make peers`):
///
/// | | max | percentile=99.99 | entropy | **mse** |
/// |---|---|---|---|---|
/// | digits, accuracy | 99.6 | 99.8 | 99.8 | 99.6 |
/// | digits, SQNR | 41.2 | 41.0 | 41.3 | **41.4** |
/// | fifteen networks, SQNR | 35.8 | 36.1 | 36.0 | **36.0** |
///
/// Differences below about half a decibel are chance: the choice of one weight range changes the result by as
/// much. Only mse finds ranges in which discrete inputs such as pixels are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Method {
    /// The largest magnitude. Nothing is clipped.
    Max,
    /// The range whose quantized distribution is nearest to the true one (Kullback-Leibler divergence).
    Entropy,
    /// The magnitude that this percentage of the values other than zero do not exceed. Above 0, at most 100.
    Percentile(f64),
    /// The range with the least expected squared error.
    #[default]
    Mse,
}

/// The integer type of the quantized values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The number of bits of one integer, 2 to 16.
    pub num_bits: u32,
    /// Whether the integers start at 0. Otherwise they are symmetric about 0.
    pub unsigned: bool,
}

impl Default for Target {
    /// Signed 8-bit integers.
    fn default() -> Self {
        Self { num_bits: 8, unsigned: false }
    }
}

impl Target {
    /// Returns the largest integer, M = 2^(num_bits - 1 + unsigned) - 1.
    ///
    /// # Errors
    ///
    /// If `num_bits` is not 2 to 16.
    pub fn max_level(self) -> Result<u32> {
        if !(2..=16).contains(&self.num_bits) {
            return Err(Error::new(ErrorKind::InvalidArgument, format!("{} bits", self.num_bits))
                .with_remedy("choose 2 to 16 bits"));
        }
        Ok((1 << (self.num_bits - 1 + u32::from(self.unsigned))) - 1)
    }
}

/// Computes the range of one tensor: finite and at least 0. It is 0 if all finite values are 0.
///
/// # Errors
///
/// If there is no finite value; if there are negative values and the target is unsigned; if an argument is
/// out of its range. The messages do not name the tensor; the caller adds its name.
pub fn compute(stats: &TensorStats, method: Method, target: Target) -> Result<f32> {
    let max_level = target.max_level()?;
    let (min, abs_max) = finite_ends(stats)?;
    if target.unsigned && min < 0.0 {
        return Err(Error::new(ErrorKind::Data, format!("the value {min} does not fit unsigned integers"))
            .with_remedy("quantize this tensor to signed integers"));
    }
    if abs_max == 0.0 {
        return Ok(0.0);
    }
    match method {
        Method::Max => Ok(abs_max),
        Method::Entropy => Ok(entropy::amax(stats.histogram(), abs_max, max_level)),
        Method::Mse => Ok(mse::amax(stats.histogram(), abs_max, max_level)),
        Method::Percentile(percentile) => percentile::amax(stats.histogram(), abs_max, percentile),
    }
}

/// Computes the range of one tensor for the 8-bit float e4m3: finite and at least 0. It is 0 if all finite
/// values are 0.
///
/// # Errors
///
/// If there is no finite value; if an argument is out of its range; for [`Method::Entropy`], because it needs
/// the levels of integers. The messages do not name the tensor; the caller adds its name.
pub fn compute_e4m3(stats: &TensorStats, method: Method) -> Result<f32> {
    let (_, abs_max) = finite_ends(stats)?;
    method.check_e4m3()?;
    match method {
        Method::Mse if abs_max > 0.0 => Ok(mse::amax_e4m3(stats.histogram(), abs_max)),
        // These methods do not use the levels, and mse does not need them if all values are zero.
        _ => compute(stats, method, Target::default()),
    }
}

/// Returns the smallest value and the largest magnitude.
fn finite_ends(stats: &TensorStats) -> Result<(f32, f32)> {
    stats.min().zip(stats.abs_max()).ok_or_else(|| {
        let seen = match stats.count() {
            0 => "no value was seen".to_owned(),
            count => format!("none of the {count} values is finite"),
        };
        Error::new(ErrorKind::Data, format!("no range: {seen}"))
            .with_remedy("calibrate with samples that reach this tensor and are valid inputs of the model")
    })
}

/// Returns the ranges to try: from the largest magnitude downwards, 128 for each octave, as long as the
/// result is above 0 in f32.
fn candidates(abs_max: f32) -> impl Iterator<Item = f32> {
    (0u32..)
        .map(move |k| (f64::from(abs_max) * (-f64::from(k) / 128.0).exp2()) as f32)
        .take_while(|&candidate| candidate > 0.0)
}

impl Method {
    /// Refuses a method that has no ranges for the 8-bit float e4m3.
    ///
    /// # Errors
    /// `Unsupported` for [`Method::Entropy`].
    pub fn check_e4m3(self) -> Result<()> {
        match self {
            Self::Entropy => Err(Error::new(
                ErrorKind::Unsupported,
                "entropy knows the levels of integers, but not those of e4m3",
            )
            .with_remedy("use mse, max or a percentile for e4m3")),
            Self::Max | Self::Percentile(_) | Self::Mse => Ok(()),
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Max => f.write_str("max"),
            Self::Entropy => f.write_str("entropy"),
            Self::Percentile(percentile) => write!(f, "percentile={percentile}"),
            Self::Mse => f.write_str("mse"),
        }
    }
}

impl FromStr for Method {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, argument) = match text.split_once('=') {
            Some((name, argument)) => (name, Some(argument)),
            None => (text, None),
        };
        match (name, argument) {
            ("max", None) => Ok(Self::Max),
            ("entropy", None) => Ok(Self::Entropy),
            ("mse", None) => Ok(Self::Mse),
            ("percentile", None) => Ok(Self::Percentile(USUAL_PERCENTILE)),
            ("percentile", Some(number)) => match number.parse() {
                Ok(number) => percentile::check(number).map(Self::Percentile),
                Err(_) => Err(Error::new(ErrorKind::InvalidArgument, format!("'{number}' is not a number"))
                    .with_remedy("write percentile=99.99")),
            },
            _ => Err(Error::new(ErrorKind::InvalidArgument, format!("unknown calibration method '{text}'"))
                .with_remedy("choose max, entropy, percentile, percentile=P or mse")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{laplace, normal, single, stats};
    use super::*;

    #[test]
    fn ranges_grow_and_shrink_with_the_data() {
        for values in [single(normal(1, 3000)), single(laplace(2, 3000))] {
            for method in [Method::Max, Method::Entropy, Method::Percentile(99.9), Method::Mse] {
                let range = |values: &[f32]| compute(&stats(values), method, Target::default()).unwrap();
                let usual = range(&values);
                for power in [-100, -60, -24, 24, 60, 120] {
                    let unit = 2f32.powi(power);
                    let scaled: Vec<f32> = values.iter().map(|x| x * unit).collect();
                    assert_eq!(range(&scaled), usual * unit, "{method}, 2^{power}");
                }
            }
        }
        // Subnormal numbers have ranges too.
        for method in [Method::Max, Method::Entropy, Method::Percentile(99.9), Method::Mse] {
            let found = compute(&stats(&[f32::from_bits(1), f32::from_bits(9)]), method, Target::default());
            assert!(found.is_ok_and(|amax| amax > 0.0), "{method}");
        }
    }
}
