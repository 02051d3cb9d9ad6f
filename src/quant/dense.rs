//! Conversion between arrays and row-major slices.

use std::borrow::Cow;

use ndarray::{Array, ArrayView, Dimension};

use crate::error::{Context, Error, ErrorKind, Result};
use crate::tensor::element_count;

/// Returns the elements in row-major order. Copies them only if they are in another order.
pub(crate) fn dense<'a, T: Clone, D: Dimension>(x: ArrayView<'a, T, D>) -> Cow<'a, [T]> {
    match x.to_slice() {
        Some(slice) => slice.into(),
        None => x.iter().cloned().collect(),
    }
}

/// Returns the array of dimension `dim` with these row-major elements.
pub(crate) fn shaped<T, D: Dimension>(dim: D, values: Vec<T>) -> Result<Array<T, D>> {
    Array::from_shape_vec(dim, values).context(ErrorKind::Internal, || "a result lost its shape".into())
}

/// Refuses slices with another number of elements than `shape`.
pub(super) fn check_lengths(shape: &[usize], lengths: &[usize]) -> Result<()> {
    let expected = element_count(shape)?;
    match lengths.iter().find(|&&length| length != expected) {
        None => Ok(()),
        Some(found) => {
            let message = format!("shape {shape:?} needs {expected} elements, found {found}");
            Err(Error::new(ErrorKind::Shape, message))
        }
    }
}

/// Refuses a gradient of another shape than the data.
pub(crate) fn check_gradient(gradient: &[usize], x: &[usize]) -> Result<()> {
    if gradient == x {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Shape,
        format!("a gradient of shape {gradient:?} does not fit data of shape {x:?}"),
    ))
}
