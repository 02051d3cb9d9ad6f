//! Multiplication by a factor per group.

use ndarray::{Array, ArrayView, Dimension};

use crate::error::Result;
use crate::kernel::InOut;

use super::dense::{dense, shaped};
use super::element::Element;
use super::group::PerGroup;

/// Multiplies x by a factor per group: y = x * factor.
///
/// The product is computed in f32 and rounded once to the type of the data (f64 data in f64).
///
/// # Errors
///
/// `Shape` if the factors do not fit the shape of x.
///
/// ```
/// use ndarray::array;
/// use qdq::quant::multiply;
///
/// let x = array![[1.0f32, 2.0], [3.0, 4.0]];
/// assert_eq!(multiply(x.view(), &array![0.5f32, 10.0])?, array![[0.5, 20.0], [1.5, 40.0]]);
/// # Ok::<(), qdq::error::Error>(())
/// ```
pub fn multiply<'a, T: Element, D: Dimension>(
    x: ArrayView<'_, T, D>,
    factors: impl Into<PerGroup<'a>>,
) -> Result<Array<T, D>> {
    let (factors, dim) = (factors.into(), x.raw_dim());
    let x = dense(x);
    let mut out = vec![T::default(); x.len()];
    factors.groups(dim.slice(), "factor")?.for_each(InOut::new(&x, &mut out), |_, io, number| {
        let factor = factors.values()[number];
        io.map(|x| T::product(x, factor));
    });
    shaped(dim, out)
}
