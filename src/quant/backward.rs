//! Gradients by the straight-through estimator: rounding counts as the identity, clamping stops the gradient.

use ndarray::{Array, ArrayView, Dimension};

use crate::error::Result;
use crate::kernel::{self, InOut};

use super::dense::{check_gradient, dense, shaped};
use super::element::Element;
use super::group::PerGroup;

/// Returns the gradient of [`fake_tensor_quant`](super::fake_tensor_quant) with respect to x.
///
/// It is `gradient` if |x| <= amax, else 0. It is also 0 if x or amax is NaN. f64 data is compared as f32,
/// the type of amax.
///
/// Bits, sign and narrow range have no effect. So the function is also the gradient of
///
/// - [`tensor_quant`](super::tensor_quant), from the gradient of the integers and without the gradient of
///   their scale;
/// - [`scaled_e4m3`](super::scaled_e4m3), with 448 for amax if it has no amax.
///
/// amax gets no gradient. A negative amax gives 0 everywhere.
///
/// # Errors
///
/// `Shape` if x and `gradient` differ in shape or amax does not fit them.
///
/// ```
/// use ndarray::array;
/// use qdq::quant::fake_tensor_quant_backward;
///
/// let (gradient, x) = (array![1.0f32, 2.0, 3.0], array![-2.0f32, 2.1, 0.0]);
/// assert_eq!(fake_tensor_quant_backward(gradient.view(), x.view(), 2.0)?, array![1.0, 0.0, 3.0]);
/// # Ok::<(), qdq::error::Error>(())
/// ```
pub fn fake_tensor_quant_backward<'a, T: Element, D: Dimension>(
    gradient: ArrayView<'_, T, D>,
    x: ArrayView<'_, T, D>,
    amax: impl Into<PerGroup<'a>>,
) -> Result<Array<T, D>> {
    let (amax, dim) = (amax.into(), x.raw_dim());
    check_gradient(gradient.shape(), x.shape())?;
    let (x, gradient) = (dense(x), dense(gradient));
    let mut out = vec![T::default(); x.len()];
    let low: Vec<f32> = amax.values().iter().map(|amax| -amax).collect();
    let groups = amax.groups(dim.slice(), "amax")?;
    groups.for_each_by(InOut::new(&gradient, &mut out), (&low, amax.values()), |start, io, ends| {
        kernel::active().mask(&x[start..start + io.len()], io, ends);
    });
    shaped(dim, out)
}
