//! From arrays to row-major slices and back.

use std::borrow::Cow;

use ndarray::{Array, ArrayView, Dimension};

use crate::error::{Context, Error, ErrorKind, Result};
use crate::tensor::element_count;

/// The elements in row-major order, copied only where they lie otherwise.
pub(crate) fn dense<'a, T: Clone, D: Dimension>(x: ArrayView<'a, T, D>) -> Cow<'a, [T]> {
    match x.to_slice() {
        Some(slice) => slice.into(),
        None => x.iter().cloned().collect(),
    }
}

/// The array of dimension `dim` with these row-major elements.
pub(crate) fn shaped<T, D: Dimension>(dim: D, values: Vec<T>) -> Result<Array<T, D>> {
    Array::from_shape_vec(dim, values).context(ErrorKind::Internal, || "a result lost its shape".into())
}

/// Refuses slices that do not have the elements of `shape`.
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
