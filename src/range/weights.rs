//! Ranges of weights, which are known as a whole: no statistics have to be kept.

use super::{Method, Target, compute};
use crate::error::{Error, ErrorKind, Result};
use crate::observe::TensorStats;
use crate::tensor::element_count;

/// One range for every position along `axis` of row-major weights, or a single one without an axis.
///
/// Weights have few values per channel and no outliers from unusual inputs, so [`Method::Mse`] is the choice
/// that costs least accuracy.
///
/// # Errors
///
/// When shape, axis and values do not fit each other, when a weight is NaN or infinite, and those of
/// [`compute`]. Without any weight there is no range, and that is an error too.
pub fn weights(
    values: &[f32],
    shape: &[usize],
    axis: Option<usize>,
    method: Method,
    target: Target,
) -> Result<Vec<f32>> {
    if element_count(shape)? != values.len() {
        return Err(Error::new(
            ErrorKind::Shape,
            format!("shape {shape:?} does not fit {} weights", values.len()),
        ));
    }
    if let Some(wrong) = values.iter().find(|w| !w.is_finite()) {
        return Err(Error::new(ErrorKind::Data, format!("a weight is {wrong}"))
            .with_remedy("check how the model was exported"));
    }
    let range = |channel: &mut dyn Iterator<Item = &[f32]>| {
        let mut stats = TensorStats::new();
        channel.for_each(|run| stats.observe(run));
        compute(&stats, method, target)
    };
    let Some(axis) = axis else {
        return Ok(vec![range(&mut std::iter::once(values))?]);
    };
    let Some(&channels) = shape.get(axis) else {
        return Err(Error::new(ErrorKind::InvalidArgument, format!("shape {shape:?} has no axis {axis}")));
    };
    if values.is_empty() {
        return Err(Error::new(ErrorKind::Data, format!("no range: shape {shape:?} holds no weights")));
    }
    let run = element_count(&shape[axis + 1..])?;
    // Along the last axis a channel's values lie apart; gathered, they are observed at once.
    (0..channels)
        .map(|channel| {
            let runs = values.chunks_exact(run).skip(channel).step_by(channels);
            if run >= 16 {
                return range(&mut runs.into_iter());
            }
            let gathered: Vec<f32> = runs.flatten().copied().collect();
            range(&mut std::iter::once(gathered.as_slice()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn max(shape: &[usize], axis: Option<usize>) -> Vec<f32> {
        let values: Vec<f32> = (0..24).map(|i| if i % 2 == 0 { i as f32 } else { -(i as f32) }).collect();
        weights(&values, shape, axis, Method::Max, Target::default()).unwrap()
    }

    #[test]
    fn every_position_along_the_axis_has_its_own_range() {
        assert_eq!(max(&[2, 3, 4], None), [23.0]);
        assert_eq!(max(&[2, 3, 4], Some(0)), [11.0, 23.0]);
        assert_eq!(max(&[2, 3, 4], Some(1)), [15.0, 19.0, 23.0]);
        assert_eq!(max(&[2, 3, 4], Some(2)), [20.0, 21.0, 22.0, 23.0]);
        assert_eq!(max(&[1, 24], Some(0)), [23.0]);
    }

    #[test]
    fn a_channel_of_zeros_has_range_zero() {
        let ranges = weights(&[0.0, 0.0, 1.0, -2.0], &[2, 2], Some(0), Method::Mse, Target::default());
        assert_eq!(ranges.unwrap(), [0.0, 2.0]);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let weights = |values: &[f32], shape: &[usize], axis| {
            weights(values, shape, axis, Method::Max, Target::default()).map_err(|error| error.kind())
        };
        assert_eq!(weights(&[1.0], &[2], None), Err(ErrorKind::Shape));
        assert_eq!(weights(&[1.0], &[1], Some(1)), Err(ErrorKind::InvalidArgument));
        assert_eq!(weights(&[f32::NAN], &[1], Some(0)), Err(ErrorKind::Data));
        assert_eq!(weights(&[], &[3, 0], Some(0)), Err(ErrorKind::Data));
        assert_eq!(weights(&[], &[0], None), Err(ErrorKind::Data));
    }
}
