//! The integer grid and its arithmetic.

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

use super::element::StorageRange;
use super::group::PerGroup;

/// An integer grid: q = clamp(rne(x * inverse_scale), low, high).
#[derive(Clone, Copy)]
pub(super) struct Grid {
    /// M / amax; 0 if amax counts as zero.
    pub inverse_scale: f32,
    pub low: f32,
    pub high: f32,
}

/// A range counts as zero if its amax is at or below this number (2^-24).
pub const EPSILON: f32 = 1.0 / (1u32 << 24) as f32;

/// The arithmetic of fake quantization. For f32 data with a finite amax above 2^-24, `Reference` and
/// `Corrected` are equal.
///
/// | | `Reference` | `GpuCompat` | `Corrected` |
/// |---|---|---|---|
/// | equal to pytorch-quantization | on a CPU, bit for bit | on a GPU (fake quantization) | except for its defects |
/// | lowest signed integer | by `narrow_range` | always -M | by `narrow_range` |
/// | amax counted as zero | up to 2^-24 | below 2^-24 | up to 2^-24 |
/// | ±inf with such an amax | NaN | 0 | 0 |
/// | NaN with such an amax | NaN | 0 | NaN |
/// | amax NaN or inf | NaN results | NaN results | an error |
/// | f16 | integers and inverse scale rounded to f16, so an amax below M / 65520 (0.0019 for 8 bits) gives only zeros | f32, rounded once | f32, rounded once |
/// | f64 | f64 | f32 | f64 |
///
/// bf16 is computed in f32 and rounded once in every mode. PyTorch's handling of bf16 depends on the types of
/// the other operands and has no counterpart here. Every group is checked by itself. pytorch-quantization
/// instead stops checking for zero ranges and for negative unsigned data if there is one NaN anywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// pytorch-quantization on a CPU.
    #[default]
    Reference,
    /// pytorch-quantization's CUDA kernel for fake quantization. The kernel ignores the flag for the narrow
    /// range, so models trained on a GPU used the narrow one. The other functions are as in `Reference`.
    GpuCompat,
    /// Without the known defects.
    Corrected,
}

/// The number of bits, the sign and the bounds of the integers, and the arithmetic.
///
/// M = 2^(num_bits - 1 + unsigned) - 1 is the integer of amax. The lowest integer L is 0 if unsigned (this
/// has precedence over the narrow range), -M with the narrow range, and -M - 1 otherwise.
///
/// inverse_scale = M / amax, q = clamp(rne(x * inverse_scale), L, M), y = q / inverse_scale. rne rounds half
/// to even.
///
/// ```
/// use qdq::quant::QuantParams;
///
/// let params = QuantParams::new(8)?;
/// assert_eq!((params.low(), params.high()), (-128, 127));
/// assert_eq!(params.narrow_range(true).low(), -127);
/// assert_eq!(params.unsigned(true).high(), 255);
/// assert!(QuantParams::new(17).is_err());
/// # Ok::<(), qdq::error::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QuantParams {
    num_bits: u32,
    unsigned: bool,
    narrow_range: bool,
    mode: Mode,
}

impl QuantParams {
    /// Makes parameters of `num_bits` bits: signed, not narrow, in the default [`Mode`].
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if `num_bits` is not within 2 to 16.
    pub fn new(num_bits: u32) -> Result<Self> {
        if !(2..=16).contains(&num_bits) {
            return Err(Error::new(ErrorKind::InvalidArgument, format!("num_bits is {num_bits}"))
                .with_remedy("use 2 to 16 bits"));
        }
        Ok(Self { num_bits, unsigned: false, narrow_range: false, mode: Mode::default() })
    }

    /// Sets whether integers start at 0, for data without negative values.
    #[must_use]
    pub fn unsigned(self, unsigned: bool) -> Self {
        Self { unsigned, ..self }
    }

    /// Sets whether the bounds are symmetric: the lowest integer is -M instead of -M - 1.
    #[must_use]
    pub fn narrow_range(self, narrow_range: bool) -> Self {
        Self { narrow_range, ..self }
    }

    /// Sets the arithmetic.
    #[must_use]
    pub fn mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// Returns the number of bits, 2 to 16.
    pub fn num_bits(&self) -> u32 {
        self.num_bits
    }

    /// Whether the integers start at 0.
    pub fn is_unsigned(&self) -> bool {
        self.unsigned
    }

    /// Returns the highest integer M.
    pub fn high(&self) -> i32 {
        (1 << (self.num_bits - 1 + u32::from(self.unsigned))) - 1
    }

    /// Returns the lowest integer L.
    pub fn low(&self) -> i32 {
        match (self.unsigned, self.narrow_range) {
            (true, _) => 0,
            (false, true) => -self.high(),
            (false, false) => -self.high() - 1,
        }
    }

    pub(super) fn in_mode(&self) -> Mode {
        self.mode
    }

    /// Whether fake quantization with `amax` gives 0 for every number.
    pub(super) fn fakes_zero(&self, amax: f32) -> bool {
        if self.mode == Mode::GpuCompat { amax < EPSILON } else { amax <= EPSILON }
    }

    /// Returns the grid of one amax. If that counts as zero, the inverse scale is 0.
    pub(super) fn grid(&self, amax: f32) -> Grid {
        let inverse_scale = if amax <= EPSILON { 0.0 } else { self.high() as f32 / amax };
        Grid { inverse_scale, low: self.low() as f32, high: self.high() as f32 }
    }

    /// Returns the grid of one amax in fake quantization.
    pub(super) fn fake_grid(&self, amax: f32) -> Grid {
        if self.mode != Mode::GpuCompat {
            return self.grid(amax);
        }
        let high = self.high() as f32;
        Grid { inverse_scale: high / amax, low: if self.unsigned { 0.0 } else { -high }, high }
    }

    /// Returns the inverse scale as functions report it: M / amax, or 1 if amax counts as zero.
    pub fn inverse_scale(&self, amax: f32) -> f32 {
        if amax <= EPSILON { 1.0 } else { self.high() as f32 / amax }
    }

    /// Refuses amax values that are not valid in the mode. `finite` refuses NaN and infinity in every mode.
    pub(super) fn check_amax<'a>(&self, amax: impl Iterator<Item = &'a f32>, finite: bool) -> Result<()> {
        let finite = finite || self.mode == Mode::Corrected;
        for amax in amax {
            if *amax < 0.0 || (finite && !amax.is_finite()) {
                return Err(bad_amax(*amax));
            }
        }
        Ok(())
    }

    /// Refuses an integer type that cannot hold L to M.
    pub(super) fn check_storage(&self, name: &str, range: StorageRange) -> Result<()> {
        if range.contains(&self.low()) && range.contains(&self.high()) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Type,
            format!("{name} does not hold the integers {} to {}", self.low(), self.high()),
        )
        .with_remedy("use a type that has the bits and the sign of the quantization"))
    }
}

pub(super) fn bad_amax(amax: f32) -> Error {
    Error::new(ErrorKind::InvalidArgument, format!("amax is {amax}"))
        .with_remedy("use a finite amax that is not negative")
}

/// Refuses inverse scales that are not positive finite numbers.
pub(super) fn check_inverse_scale(inverse_scale: &PerGroup<'_>) -> Result<()> {
    match inverse_scale
        .values()
        .iter()
        .find(|inverse_scale| !(inverse_scale.is_finite() && **inverse_scale > 0.0))
    {
        Some(bad) => Err(Error::new(ErrorKind::InvalidArgument, format!("inverse scale is {bad}"))
            .with_remedy("use a positive finite inverse scale")),
        None => Ok(()),
    }
}
