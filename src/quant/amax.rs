//! The largest magnitude.

use ndarray::{ArrayD, ArrayView, Dimension, IxDyn};

use crate::error::{Error, ErrorKind, Result};

use super::dense::{dense, shaped};
use super::element::Element;
use super::group::PerGroup;

/// max |x| over all axes but the kept ones, which give one number per index; NaN where there is a NaN.
///
/// Without kept axes the result has no axis, otherwise the rank of x with size 1 in the other axes, so that
/// it groups x again. Negative axes count from the last one.
///
/// # Errors
///
/// When x has no such axis, or has it twice, or has no element.
///
/// ```
/// use ndarray::array;
/// use qdq::quant::abs_max;
///
/// let x = array![[1.0f32, -3.0], [-0.5, 2.0]];
/// assert_eq!(abs_max(x.view(), None)?, ndarray::arr0(3.0).into_dyn());
/// assert_eq!(abs_max(x.view(), Some(&[-1]))?, array![[1.0, 3.0]].into_dyn());
/// # Ok::<(), qdq::error::Error>(())
/// ```
pub fn abs_max<T: Element, D: Dimension>(
    x: ArrayView<'_, T, D>,
    axis: Option<&[isize]>,
) -> Result<ArrayD<f32>> {
    check_not_empty(x.shape())?;
    let kept = kept_axes(axis.unwrap_or_default(), x.ndim())?;
    let shape: Vec<usize> = match axis {
        None => Vec::new(),
        Some(_) => (0..x.ndim()).map(|axis| if kept.contains(&axis) { x.shape()[axis] } else { 1 }).collect(),
    };
    largest(x, ArrayD::zeros(IxDyn(&shape)).into(), &shape)
}

/// max |x| of every block of `size` neighbours along `axis`, of which the last may be shorter; for
/// [`PerGroup::per_block`]. All other axes are kept.
///
/// # Errors
///
/// When x has no such axis or no element, or the size is 0.
pub fn abs_max_per_block<T: Element, D: Dimension>(
    x: ArrayView<'_, T, D>,
    axis: usize,
    size: usize,
) -> Result<ArrayD<f32>> {
    check_not_empty(x.shape())?;
    let mut shape = x.shape().to_vec();
    let blocked = shape.get_mut(axis).ok_or_else(|| no_axis(axis as isize, x.ndim()))?;
    *blocked = blocked.div_ceil(size.max(1));
    let start = ArrayD::zeros(IxDyn(&shape));
    largest(x, PerGroup::per_block(start, axis, size)?, &shape)
}

fn largest<T: Element, D: Dimension>(
    x: ArrayView<'_, T, D>,
    start: PerGroup<'_>,
    shape: &[usize],
) -> Result<ArrayD<f32>> {
    let groups = start.groups(x.shape(), "amax")?;
    shaped(IxDyn(shape), groups.abs_max(&dense(x), start.values().len()))
}

/// Before anything is allocated: beside an axis of size 0 the others may have any size.
fn check_not_empty(shape: &[usize]) -> Result<()> {
    if shape.contains(&0) {
        return Err(Error::new(ErrorKind::Data, format!("data of shape {shape:?} has no maximum"))
            .with_remedy("leave empty tensors out"));
    }
    Ok(())
}

/// Axes counted from the first one.
pub(super) fn kept_axes(axes: &[isize], rank: usize) -> Result<Vec<usize>> {
    let mut kept = Vec::with_capacity(axes.len());
    for &axis in axes {
        let found = from_first(axis, rank)?;
        if kept.contains(&found) {
            return Err(Error::new(ErrorKind::InvalidArgument, format!("axis {axis} is given twice"))
                .with_remedy("name every axis once"));
        }
        kept.push(found);
    }
    Ok(kept)
}

/// An axis counted from the first one; a negative one counts from the last.
pub(super) fn from_first(axis: isize, rank: usize) -> Result<usize> {
    let found = if axis < 0 { axis.checked_add_unsigned(rank) } else { Some(axis) };
    let found = found.and_then(|axis| usize::try_from(axis).ok());
    found.filter(|&axis| axis < rank).ok_or_else(|| no_axis(axis, rank))
}

fn no_axis(axis: isize, rank: usize) -> Error {
    Error::new(ErrorKind::Shape, format!("data of rank {rank} has no axis {axis}"))
        .with_remedy(format!("use an axis from -{rank} to below {rank}"))
}
