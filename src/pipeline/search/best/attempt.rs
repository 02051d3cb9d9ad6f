//! The changes that the search for the best quantization tries.

use crate::recover::Recovery;

/// The gain in decibels for which a layer may stay in float.
const LEAST_GAIN: f64 = 1.0;

/// A change to try.
pub(super) enum Attempt {
    /// The best range of each tensor.
    Ranges,
    /// A method of recovery, beside those that were kept.
    Recovery(&'static str, fn(&mut Recovery)),
    /// The noisiest layer in float.
    Float,
}

impl Attempt {
    /// Lists all changes in their order.
    pub fn all(layers: usize) -> Vec<Self> {
        let mut all = vec![
            Self::Ranges,
            Self::Recovery("equalization", |recovery| recovery.equalization = true),
            Self::Recovery("smoothing", |recovery| recovery.smooth = true),
            Self::Recovery("activation-aware scaling", |recovery| recovery.awq = true),
            Self::Recovery("learned rounding", |recovery| recovery.learned_rounding = true),
            Self::Recovery("bias correction", |recovery| recovery.bias_correction = true),
        ];
        all.extend((0..layers).map(|_| Self::Float));
        all
    }

    /// Returns the name before the change was tried.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ranges => "ranges by auto",
            Self::Recovery(name, _) => name,
            Self::Float => "a layer in float",
        }
    }

    pub fn is_float(&self) -> bool {
        matches!(self, Self::Float)
    }

    /// Returns the gain in decibels that the change must bring.
    pub fn least_gain(&self) -> f64 {
        if self.is_float() { LEAST_GAIN } else { 0.0 }
    }
}
