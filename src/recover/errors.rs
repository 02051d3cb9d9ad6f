//! The error of a layer's output, channel by channel.

use crate::tensor::TensorView;

/// Sums of the error e = y - y' of a tensor, by channel.
///
/// A pair counts only if both values are finite.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ErrorSums {
    pub(super) channels: Vec<Sums>,
}

/// The sums of one channel.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sums {
    pub count: u64,
    pub sum: f64,
    pub squares: f64,
    /// The sum of y².
    pub signal: f64,
}

impl ErrorSums {
    /// Adds the pairs of a float tensor and its quantized form, with channels along `axis`.
    ///
    /// `unit` is the divisor of each channel of the quantized form; empty if there is none. Tensors of
    /// different shapes, or without that axis, change nothing.
    pub fn add(&mut self, expected: TensorView<'_>, found: TensorView<'_>, axis: usize, unit: &[f32]) {
        let shape = expected.shape();
        let (y, other) = (expected.data(), found.data());
        let (Some(y), Some(other)) = (y.to_f32(), other.to_f32()) else { return };
        if shape != found.shape() || axis >= shape.len() || y.is_empty() {
            return;
        }
        let inner: usize = shape[axis + 1..].iter().product();
        if self.channels.is_empty() {
            self.channels = vec![Sums::default(); shape[axis]];
        }
        for (at, (y, other)) in y.chunks(inner).zip(other.chunks(inner)).enumerate() {
            let channel = at % shape[axis];
            let Some(sums) = self.channels.get_mut(channel) else { continue };
            let unit = f64::from(unit.get(channel).copied().unwrap_or(1.0));
            for (&y, &other) in y.iter().zip(other).filter(|(y, other)| y.is_finite() && other.is_finite()) {
                let error = f64::from(y) - unit * f64::from(other);
                sums.signal += f64::from(y) * f64::from(y);
                sums.count += 1;
                sums.sum += error;
                sums.squares += error * error;
            }
        }
    }

    /// Returns the number of channels that were seen.
    pub fn channels(&self) -> usize {
        self.channels.len()
    }

    /// Returns the mean of e²; `None` if nothing was seen.
    pub fn mean_square(&self) -> Option<f64> {
        let count: u64 = self.channels.iter().map(|sums| sums.count).sum();
        (count > 0).then(|| self.channels.iter().map(|sums| sums.squares).sum::<f64>() / count as f64)
    }

    /// Returns the number of pairs that were added.
    pub fn count(&self) -> u64 {
        self.channels.iter().map(|sums| sums.count).sum()
    }

    /// Returns the ratio of noise to signal, Σe² / Σy²; `None` if nothing was seen or y is zero.
    pub fn noise(&self) -> Option<f64> {
        let signal: f64 = self.channels.iter().map(|sums| sums.signal).sum();
        let noise: f64 = self.channels.iter().map(|sums| sums.squares).sum();
        (signal > 0.0).then(|| noise / signal)
    }

    /// Returns the signal-to-quantization-noise ratio in decibels, -10·log10 of [`ErrorSums::noise`].
    pub fn sqnr_db(&self) -> Option<f64> {
        self.noise().map(|noise| -10.0 * noise.log10())
    }

    /// Returns, for each channel, whether a change lowered its error.
    ///
    /// `self` was measured with the change, `before` without it.
    pub fn lower_than(&self, before: &Self) -> Vec<bool> {
        let pairs = self.channels.iter().zip(&before.channels);
        pairs.map(|(after, before)| after.count == before.count && after.squares < before.squares).collect()
    }

    /// Returns the errors if only the `kept` channels have a change.
    ///
    /// `self` was measured with the change. The other channels are as in `before`.
    pub fn where_kept(&self, kept: &[bool], before: &Self) -> Self {
        let pairs = self.channels.iter().zip(&before.channels).zip(kept);
        let channels = pairs.map(|((after, before), &kept)| if kept { *after } else { *before });
        Self { channels: channels.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Tensor;

    fn sums(expected: &[f32], found: &[f32], unit: &[f32]) -> ErrorSums {
        let tensor = |values: &[f32]| Tensor::new(vec![values.len() / 2, 2], values.to_vec()).unwrap();
        let mut sums = ErrorSums::default();
        sums.add(tensor(expected).view(), tensor(found).view(), 1, unit);
        sums
    }

    #[test]
    fn channels_are_judged_in_their_own_unit_and_by_themselves() {
        let (y, before) = ([8.0, 1.0, 4.0, 1.0], sums(&[8.0, 1.0, 4.0, 1.0], &[7.0, 2.0, 4.0, 1.0], &[]));
        let scaled = sums(&y, &[1.75, 4.0, 1.0, 1.0], &[4.0, 0.5]);
        assert_eq!((before.mean_square(), scaled.mean_square()), (Some(0.5), Some(0.5625)));
        let after = sums(&y, &[8.0, 3.0, 4.0, 1.0], &[]);
        assert_eq!(after.lower_than(&before), [true, false]);
        assert_eq!(after.where_kept(&[true, false], &before).mean_square(), Some(0.25));
        assert_eq!(before.lower_than(&before), [false, false]);
    }

    #[test]
    fn what_overflows_is_not_smaller() {
        let before = sums(&[1.0, 1.0], &[2.0, 2.0], &[]);
        assert_eq!(sums(&[1.0, 1.0], &[f32::INFINITY, 1.0], &[]).lower_than(&before), [false, true]);
    }
}
