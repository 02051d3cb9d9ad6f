//! Cross-layer equalization: the channels between two layers get scales of their own.
//!
//! The channels of an activation share one scale, and so do the columns in a row of the weight that reads it.
//! So a channel with large values costs channels with small values their resolution. Suppose that only
//! operators with f(x / s) = f(x) / s for s > 0 are between two layers. Then channel c of the first layer may
//! be divided by s, and column c of the second layer multiplied by s. The network still computes the same
//! (Nagel et al., 2019).
//!
//! Let a be the largest magnitude that the second layer reads in the channel, and r the largest magnitude of
//! the channel's column relative to the rows. Then s = a^α / r^(1 - α). α = 1 makes the activation even, α =
//! 0 the weight. The best α depends on the bits of both, so [`BALANCES`] are tried and measured.
//!
//! Each s is a power of two. This costs at most a factor of √2 in evenness. The float network stays the same
//! bit for bit. So does the rounding of the first layer's weight, if it has a scale per channel. If it has
//! one scale for all channels, other scales are tried too: they round no channel more coarsely than before.

use std::collections::BTreeMap;

use crate::error::{Error, ErrorKind, Result};
use crate::onnx::Model;
use crate::tensor::{Tensor, TensorView};

use super::channels::{Axis, ByChannel, Weight};
use super::pair::Pair;

/// The values of α that are tried.
pub const BALANCES: [f32; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];
/// The largest absolute value of a scale's exponent.
const MOST_EXPONENT: f32 = 12.0;

impl ByChannel for Pair {
    fn channels(&self) -> usize {
        self.channels
    }

    fn each(&self, x: TensorView<'_>, mut f: impl FnMut(usize, f32)) {
        let (shape, data) = (x.shape(), x.data());
        let Some(values) = data.to_f32() else { return };
        if shape.len() < 2 || shape[1] % self.channels != 0 {
            return;
        }
        let axis = Axis { span: shape[1] / self.channels, ..Axis::new(shape, 1) };
        values.iter().enumerate().for_each(|(at, &value)| f(axis.of(at), value));
    }
}

impl Pair {
    /// Returns the scale of each channel, a power of two.
    ///
    /// It follows from the largest magnitude of the channel in `maxima` and from the second layer's weight in
    /// `model`.
    ///
    /// # Errors
    /// Those of [`Model::constant`].
    pub fn scales(&self, model: &Model, maxima: &[f32], balance: f32) -> Result<Vec<f32>> {
        let second = value(model, &self.second.name)?;
        let columns = columns(&self.second, self.has_row_scales[1], self.channels, &second);
        Ok(balanced(maxima, &columns, balance))
    }

    /// Returns scales with a lower limit, if the first weight has one scale for all rows.
    ///
    /// The scales are so large that no row exceeds the largest row from before, which is divided by 1. Then
    /// no channel gets a larger step. Returns `None` if the first weight has a scale per row.
    ///
    /// # Errors
    /// Those of [`Model::constant`].
    pub fn held(&self, model: &Model, scales: &[f32]) -> Result<Option<Vec<f32>>> {
        if self.has_row_scales[0] {
            return Ok(None);
        }
        let rows = rows(&self.first, &value(model, &self.first.name)?);
        let (most, largest) = (largest(scales), largest(&rows));
        let least = |row: &f32| (row / largest).log2().ceil().max(-MOST_EXPONENT).exp2();
        Ok(Some(scales.iter().zip(&rows).map(|(scale, row)| (scale / most).max(least(row))).collect()))
    }

    /// Returns the pair's weights and bias by name, with the channels divided by `scales`.
    ///
    /// Returns `None` if one of the values would not come back exactly.
    ///
    /// # Errors
    /// Those of [`Model::constant`].
    pub fn scaled(&self, model: &Model, scales: &[f32]) -> Result<Option<BTreeMap<String, Tensor>>> {
        let inverse: Vec<f32> = scales.iter().map(|scale| scale.recip()).collect();
        let mut scaled = BTreeMap::new();
        let firsts = [Some(&self.first), self.bias.as_ref()].into_iter().flatten();
        for (weight, factors) in
            firsts.map(|weight| (weight, &inverse)).chain([(&self.second, &scales.to_vec())])
        {
            let value = value(model, &weight.name)?;
            let view = value.view().data();
            let old = view.to_f32().unwrap_or_default();
            let factor = |at: usize| factors[weight.channel.of(at)];
            let new: Vec<f32> = old.iter().enumerate().map(|(at, &old)| old * factor(at)).collect();
            let is_exact =
                |(at, (new, old)): (usize, (&f32, &f32))| new / factor(at) == *old && new.is_finite();
            if !new.iter().zip(old.iter()).enumerate().all(is_exact) {
                return Ok(None);
            }
            scaled.insert(weight.name.clone(), Tensor::new(value.shape().to_vec(), new)?);
        }
        Ok(Some(scaled))
    }
}

/// Returns the largest magnitude of each column of a weight, relative to its row if rows have scales of their
/// own.
pub(super) fn columns(weight: &Weight, has_row_scales: bool, channels: usize, value: &Tensor) -> Vec<f32> {
    let data = value.view().data();
    let rows = rows(weight, value);
    let mut columns = vec![0f32; channels];
    for (at, value) in data.to_f32().unwrap_or_default().iter().enumerate() {
        let row = if has_row_scales { rows[weight.row.of(at)] } else { 1.0 };
        let relative = if row > 0.0 { value.abs() / row } else { 0.0 };
        let column = &mut columns[weight.channel.of(at)];
        *column = column.max(relative);
    }
    columns
}

/// Returns the scale of each channel: a^α / r^(1 - α) as a power of two, relative to the geometric mean of
/// all channels. A channel without a magnitude has the scale 1.
pub(super) fn balanced(maxima: &[f32], columns: &[f32], balance: f32) -> Vec<f32> {
    let exponents: Vec<Option<f32>> = (maxima.iter().zip(columns))
        .map(|(&a, &r)| (a > 0.0 && r > 0.0).then(|| balance * a.log2() - (1.0 - balance) * r.log2()))
        .collect();
    let known = exponents.iter().flatten().count().max(1) as f32;
    let middle = exponents.iter().flatten().sum::<f32>() / known;
    let scale = |exponent: &Option<f32>| {
        let exponent = exponent.map_or(0.0, |exponent| (exponent - middle).round());
        exponent.clamp(-MOST_EXPONENT, MOST_EXPONENT).exp2()
    };
    exponents.iter().map(scale).collect()
}

/// Returns the largest magnitude of each row.
fn rows(weight: &Weight, value: &Tensor) -> Vec<f32> {
    let data = value.view().data();
    let mut rows = vec![0f32; weight.row.size];
    for (at, value) in data.to_f32().unwrap_or_default().iter().enumerate() {
        let row = &mut rows[weight.row.of(at)];
        *row = row.max(value.abs());
    }
    rows
}

fn largest(values: &[f32]) -> f32 {
    values.iter().copied().fold(f32::MIN_POSITIVE, f32::max)
}

pub(super) fn value(model: &Model, name: &str) -> Result<Tensor> {
    model.constant(name)?.ok_or_else(|| Error::new(ErrorKind::Internal, format!("'{name}' is not stored")))
}
