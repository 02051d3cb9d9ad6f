//! The largest magnitude.

use ndarray::{ArrayD, ArrayView, Dimension, IxDyn};

use crate::error::{Error, ErrorKind, Result};

use super::dense::{dense, shaped};
use super::element::Element;
use super::group::PerGroup;

/// Returns max |x| over all axes but the kept axes, one number per index of these. A NaN in the data gives
/// NaN.
///
/// Without kept axes the result has no axis. Otherwise it has the rank of x with size 1 in the other axes, so
/// that it can group x again. Negative axes count from the last one.
///
/// # Errors
///
/// `Shape` if x has no such axis; `InvalidArgument` if an axis is given twice; `Data` if x has no element.
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

/// Returns max |x| of every block of `size` neighbours along `axis`, for [`PerGroup::per_block`].
///
/// The last block may be shorter. All other axes are kept.
///
/// # Errors
///
/// `Shape` if x has no such axis; `Data` if x has no element; `InvalidArgument` if `size` is 0.
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

/// Refuses empty data. Call it before any allocation: beside an axis of size 0 the others may have any size.
fn check_not_empty(shape: &[usize]) -> Result<()> {
    if shape.contains(&0) {
        return Err(Error::new(ErrorKind::Data, format!("data of shape {shape:?} has no maximum"))
            .with_remedy("leave empty tensors out"));
    }
    Ok(())
}

/// Returns the axes, counted from the first one.
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

/// Returns the axis counted from the first one. A negative axis counts from the last one.
pub(crate) fn from_first(axis: isize, rank: usize) -> Result<usize> {
    let found = if axis < 0 { axis.checked_add_unsigned(rank) } else { Some(axis) };
    let found = found.and_then(|axis| usize::try_from(axis).ok());
    found.filter(|&axis| axis < rank).ok_or_else(|| no_axis(axis, rank))
}

fn no_axis(axis: isize, rank: usize) -> Error {
    Error::new(ErrorKind::Shape, format!("data of rank {rank} has no axis {axis}"))
        .with_remedy(format!("use an axis from -{rank} to below {rank}"))
}
