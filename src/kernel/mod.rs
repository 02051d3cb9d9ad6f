//! Loops over slices. They read and write slices and know no shapes.
//!
//! A [`Kernels`] is a table of functions for one instruction set. [`scalar`] is the definition: every other
//! table gives the same bits for every input, NaN and infinities included. The first use chooses the table.
//! The environment variable [`QDQ_ISA`](ISA_VARIABLE) overrides the choice.

#![allow(unsafe_code, reason = "vector instructions and the pointers they read and write")]

use std::env;
use std::sync::OnceLock;

use crate::error::{Error, ErrorKind, Result};

pub(crate) mod arithmetic;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod generic;
mod in_out;
mod instructions;
pub mod lattice;
mod list;
#[cfg(target_arch = "aarch64")]
mod neon;
pub mod parallel;
mod pattern;
pub mod scalar;
mod table;
#[cfg(test)]
mod tests;
mod vector;

use instructions::table;

pub use in_out::InOut;
pub use pattern::{Pattern, Row};
pub use table::{Integer, Integers, Kernels, Loops, Real};

/// The environment variable that names the table to use.
pub const ISA_VARIABLE: &str = "QDQ_ISA";

/// Bins of equal width over magnitudes. The bin of x is trunc((|x| - low) * count / width), at
/// most count - 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinearBins {
    /// The start of the first bin, at most 0.
    pub low: f32,
    /// The width of all bins together.
    pub width: f32,
    /// The number of bins, 1 to 2^24.
    pub count: f32,
}

/// The smallest and the largest value, without NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MinMax {
    /// The smallest value; +inf if there is none.
    pub min: f32,
    /// The largest value; -inf if there is none.
    pub max: f32,
    /// Whether there was a NaN.
    pub nan: bool,
}

/// A table and the reason for its choice.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The table.
    pub kernels: &'static Kernels,
    /// The reason, for `qdq info`.
    pub reason: String,
}

/// Lists the tables that this machine can run, the fastest last.
pub fn available() -> Vec<&'static Kernels> {
    let mut tables = vec![&scalar::KERNELS];
    #[cfg(target_arch = "x86_64")]
    {
        tables.extend(avx2::is_available().then_some(&avx2::KERNELS));
        tables.extend(avx512::is_available().then_some(&avx512::KERNELS));
    }
    #[cfg(target_arch = "aarch64")]
    tables.extend(neon::is_available().then_some(&neon::KERNELS));
    tables
}

/// Chooses the table with the name `requested`, or the fastest one.
///
/// # Errors
///
/// `InvalidArgument` if no table of that name runs on this machine.
pub fn choose(requested: Option<&str>) -> Result<Choice> {
    let tables = available();
    let Some(requested) = requested else {
        let kernels = tables.last().copied().unwrap_or(&scalar::KERNELS);
        return Ok(Choice { kernels, reason: "the fastest that this machine runs".into() });
    };
    match tables.iter().find(|table| table.name == requested) {
        Some(kernels) => Ok(Choice { kernels, reason: format!("{ISA_VARIABLE}={requested}") }),
        None => {
            let names: Vec<_> = tables.iter().map(|table| table.name).collect();
            Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("{ISA_VARIABLE}={requested}: no such instruction set on this machine"),
            )
            .with_remedy(format!("use one of {}, or unset {ISA_VARIABLE}", names.join(", "))))
        }
    }
}

/// Chooses the table that the environment requests.
///
/// # Errors
///
/// `InvalidArgument` if [`QDQ_ISA`](ISA_VARIABLE) names no table of this machine. A program that prefers to
/// stop instead of running with other kernels checks this at its start. [`active`] only warns.
pub fn requested() -> Result<Choice> {
    let value = env::var_os(ISA_VARIABLE).filter(|value| !value.is_empty());
    choose(value.as_ref().map(|value| value.to_string_lossy()).as_deref())
}

/// Returns the choice in use, which the first use makes. A wrong [`QDQ_ISA`](ISA_VARIABLE) gives a warning
/// and has no other effect.
pub fn choice() -> &'static Choice {
    static CHOICE: OnceLock<Choice> = OnceLock::new();
    CHOICE.get_or_init(|| {
        requested().unwrap_or_else(|error| {
            tracing::warn!("{error}; using {}", scalar::KERNELS.name);
            Choice { kernels: &scalar::KERNELS, reason: error.message().to_owned() }
        })
    })
}

/// Returns the table in use.
pub fn active() -> &'static Kernels {
    choice().kernels
}
