//! Loops over slices: slices in, slices out, nothing about shapes.
//!
//! A [`Kernels`] is one table of functions for one instruction set. [`scalar`] is the definition: every other
//! table gives the same bits for every input, NaN and infinities included. The table is chosen once, on first
//! use; the environment variable [`QDQ_ISA`](ISA_VARIABLE) overrides the choice.

use std::env;
use std::sync::OnceLock;

use crate::error::{Error, ErrorKind, Result};

pub mod e4m3;
pub mod scalar;
#[cfg(test)]
mod tests;

/// The environment variable that names the table to use.
pub const ISA_VARIABLE: &str = "QDQ_ISA";

/// An integer grid: q = clamp(rne(x * scale), low, high), where rne rounds half to even.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    /// Integer steps per unit of x. Finite; 0 sends every finite x to 0.
    pub scale: f32,
    /// Lowest integer, at least -65536.
    pub low: f32,
    /// Highest integer, at most 65535.
    pub high: f32,
}

/// Smallest and largest value, NaN left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MinMax {
    /// The smallest value; +inf where there is none.
    pub min: f32,
    /// The largest value; -inf where there is none.
    pub max: f32,
    /// Whether a NaN was met.
    pub nan: bool,
}

/// The functions of one instruction set.
///
/// Inputs and outputs of one call have the same length; a call with other lengths is a defect of the caller and
/// panics before anything is read or written.
#[derive(Debug)]
pub struct Kernels {
    name: &'static str,
    abs_max: fn(&[f32]) -> f32,
    min_max: fn(&[f32]) -> MinMax,
    quantize: fn(&[f32], &mut [f32], Grid),
    fake_quantize: fn(&[f32], &mut [f32], Grid),
    mask: fn(&[f32], &[f32], &mut [f32], f32, f32),
    fake_e4m3: fn(&[f32], &mut [f32], f32),
}

impl Kernels {
    /// The name of the instruction set, as [`QDQ_ISA`](ISA_VARIABLE) takes it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// max |x|: NaN where there is a NaN, 0 where there is no element.
    pub fn abs_max(&self, x: &[f32]) -> f32 {
        (self.abs_max)(x)
    }

    /// Smallest and largest value.
    pub fn min_max(&self, x: &[f32]) -> MinMax {
        (self.min_max)(x)
    }

    /// out = clamp(rne(x * scale), low, high), as floats. NaN stays NaN.
    pub fn quantize(&self, x: &[f32], out: &mut [f32], grid: Grid) {
        assert_eq!(x.len(), out.len());
        (self.quantize)(x, out, grid);
    }

    /// out = clamp(rne(x * scale), low, high) / scale. NaN stays NaN; a scale of 0 gives NaN.
    pub fn fake_quantize(&self, x: &[f32], out: &mut [f32], grid: Grid) {
        assert_eq!(x.len(), out.len());
        (self.fake_quantize)(x, out, grid);
    }

    /// out = gradient where low <= x <= high, else 0. A NaN in x counts as outside.
    pub fn mask(&self, x: &[f32], gradient: &[f32], out: &mut [f32], low: f32, high: f32) {
        assert_eq!(x.len(), out.len());
        assert_eq!(gradient.len(), out.len());
        (self.mask)(x, gradient, out, low, high);
    }

    /// out = e4m3(x * scale) / scale, see [`e4m3`]; 0 where |x| < 2^-24. NaN stays NaN.
    pub fn fake_e4m3(&self, x: &[f32], out: &mut [f32], scale: f32) {
        assert_eq!(x.len(), out.len());
        (self.fake_e4m3)(x, out, scale);
    }
}

/// A table and why it was chosen.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The table.
    pub kernels: &'static Kernels,
    /// The reason, for `qdq info`.
    pub reason: String,
}

/// Every table that this machine can run, the fastest last.
pub fn available() -> Vec<&'static Kernels> {
    vec![&scalar::KERNELS]
}

/// Chooses the table called `requested`, or the fastest one.
///
/// # Errors
///
/// When no table of that name runs on this machine.
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

/// What the environment asks for.
///
/// # Errors
///
/// When [`QDQ_ISA`](ISA_VARIABLE) names no table of this machine. Programs that prefer to stop over running
/// with other kernels than asked for check this at their start; [`active`] only warns.
pub fn requested() -> Result<Choice> {
    let value = env::var_os(ISA_VARIABLE).filter(|value| !value.is_empty());
    choose(value.as_ref().map(|value| value.to_string_lossy()).as_deref())
}

/// The choice in use, made on first use and kept. A wrong [`QDQ_ISA`](ISA_VARIABLE) is warned about and ignored.
pub fn choice() -> &'static Choice {
    static CHOICE: OnceLock<Choice> = OnceLock::new();
    CHOICE.get_or_init(|| {
        requested().unwrap_or_else(|error| {
            tracing::warn!("{error}; using {}", scalar::KERNELS.name);
            Choice { kernels: &scalar::KERNELS, reason: error.message().to_owned() }
        })
    })
}

/// The table in use.
pub fn active() -> &'static Kernels {
    choice().kernels
}
