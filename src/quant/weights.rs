//! Weights as int8.

use crate::error::{Error, ErrorKind, Result};

/// int8 values with one scale per index of the axis, or one scale.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantisedWeights {
    /// rne(w / scale), clamped.
    pub values: Vec<i8>,
    /// amax / 127, or 1 where that is no normal number.
    pub scale: Vec<f32>,
}

/// Quantises weights symmetrically.
pub fn quantise_weights(values: &[f32], shape: &[usize], axis: Option<usize>) -> Result<QuantisedWeights> {
    let channels = axis.map_or(1, |axis| shape[axis]);
    let inner: usize = axis.map_or(values.len().max(1), |axis| shape[axis + 1..].iter().product());
    let mut amax = vec![0f32; channels];
    for (at, value) in values.iter().enumerate() {
        if !value.is_finite() {
            return Err(Error::new(ErrorKind::Data, format!("element {at} is {value}")));
        }
        let channel = at / inner % channels;
        amax[channel] = amax[channel].max(value.abs());
    }
    let scale: Vec<f32> =
        amax.iter().map(|amax| if amax / 127.0 >= f32::MIN_POSITIVE { amax / 127.0 } else { 1.0 }).collect();
    let values = values
        .iter()
        .enumerate()
        .map(|(at, value)| {
            (value / scale[at / inner % channels]).round_ties_even().clamp(-127.0, 127.0) as i8
        })
        .collect();
    Ok(QuantisedWeights { values, scale })
}
