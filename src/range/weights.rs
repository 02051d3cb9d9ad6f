//! Ranges of weights, which are known as a whole: no statistics have to be kept.

use rayon::prelude::*;

use super::{Method, Target, compute, mse};
use crate::error::{Error, ErrorKind, Result};
use crate::observe::TensorStats;
use crate::tensor::element_count;

/// Up to so many weights, errors are those of the weights themselves and not of a histogram: the bins' width
/// shows where a channel has few weights.
const EXACT: usize = 8192;

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
    let Some(axis) = axis else {
        return Ok(vec![range(values, method, target)?]);
    };
    let Some(&channels) = shape.get(axis) else {
        return Err(Error::new(ErrorKind::InvalidArgument, format!("shape {shape:?} has no axis {axis}")));
    };
    if values.is_empty() {
        return Err(Error::new(ErrorKind::Data, format!("no range: shape {shape:?} holds no weights")));
    }
    let run = element_count(&shape[axis + 1..])?;
    let channel = |index: usize| -> Vec<f32> {
        values.chunks_exact(run).skip(index).step_by(channels).flatten().copied().collect()
    };
    (0..channels).into_par_iter().map(|index| range(&channel(index), method, target)).collect()
}

/// The range of some weights, from the values themselves where that is quick and gains accuracy.
fn range(values: &[f32], method: Method, target: Target) -> Result<f32> {
    let mut stats = TensorStats::new();
    stats.observe(values);
    let range = compute(&stats, Method::Max, target)?;
    match method {
        Method::Max => Ok(range),
        Method::Mse if values.len() <= EXACT => Ok(mse::amax_of(values, target.max_level()?)),
        _ => compute(&stats, method, target),
    }
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
        let ranges = weights(&[0.0, 0.0, 2.0, -2.0], &[2, 2], Some(0), Method::Mse, Target::default());
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
