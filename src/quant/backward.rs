//! Gradients by the straight-through estimator: rounding counts as the identity, clamping as a wall.

use ndarray::{Array, ArrayView, Dimension};

use crate::error::Result;
use crate::kernel::{self, InOut};

use super::dense::{check_gradient, dense, shaped};
use super::element::Element;
use super::group::PerGroup;

/// The gradient of [`fake_tensor_quant`](super::fake_tensor_quant) with respect to x: `gradient` where
/// |x| <= amax, 0 elsewhere and where x or amax is NaN. f64 data is compared as f32, the type of amax.
///
/// Bits, sign and narrow range do not matter, so it is that of [`tensor_quant`](super::tensor_quant) too,
/// from the gradient of the integers and without that of their scale, and of
/// [`scaled_e4m3`](super::scaled_e4m3), with 448 where that has no amax. There is no gradient to amax. A
/// negative amax lets nothing pass.
///
/// # Errors
///
/// When x and `gradient` differ in shape or amax does not fit them.
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
