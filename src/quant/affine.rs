//! Quantization of an asymmetric range.

use ndarray::{Array, ArrayView, Dimension};

use crate::error::{Error, ErrorKind, Result};
use crate::kernel::{self, InOut, Pattern};

use super::dense::{check_gradient, dense, shaped};
use super::element::{Element, Function};

/// Fake-quantizes x in the range `min` to `max`, with a zero point.
///
/// With b bits: step = (max - min) / (2^b - 1), z = rne(min / step) + 2^(b-1), q = clamp(rne(x / step) - z,
/// -2^(b-1), 2^(b-1) - 1), y = (q + z) * step; NaN stays NaN. All in f32 (f64 data in f64). Both ends move to
/// the nearest multiple of the step, so that 0 is exact.
///
/// # Errors
///
/// `InvalidArgument` if `min` is not below `max`, if one of them or the step is not a usable number, or if
/// `num_bits` is not within 2 to 16. Equal ends, for which pytorch-quantization gives NaN, are an error.
///
/// ```
/// use ndarray::array;
/// use qdq::quant::fake_affine_tensor_quant;
///
/// let x = array![-2.0f32, 0.1, 0.0, 0.9, 4.0];
/// assert_eq!(fake_affine_tensor_quant(x.view(), -1.0, 2.0, 2)?, array![-1.0, 0.0, 0.0, 1.0, 2.0]);
/// # Ok::<(), qdq::error::Error>(())
/// ```
pub fn fake_affine_tensor_quant<T: Element, D: Dimension>(
    x: ArrayView<'_, T, D>,
    min: f32,
    max: f32,
    num_bits: u32,
) -> Result<Array<T, D>> {
    if !(2..=16).contains(&num_bits) {
        return Err(Error::new(ErrorKind::InvalidArgument, format!("num_bits is {num_bits}"))
            .with_remedy("use 2 to 16 bits"));
    }
    let levels = (1u32 << num_bits) as f32;
    let step = (max - min) / (levels - 1.0);
    let zero = (min / step).round_ties_even() + levels / 2.0;
    if !(min.is_finite() && max.is_finite() && step.is_normal() && step > 0.0 && zero.is_finite()) {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("there are no {levels} steps from {min} to {max}"),
        )
        .with_remedy("give a finite range whose minimum is below its maximum"));
    }
    let dim = x.raw_dim();
    let x = dense(x);
    let mut out = vec![T::default(); x.len()];
    T::map(&x, &mut out, &Affine { step, zero, low: -levels / 2.0, high: levels / 2.0 - 1.0 });
    shaped(dim, out)
}

/// Returns the gradient of [`fake_affine_tensor_quant`] with respect to x: `gradient` if min <= x <= max,
/// else 0.
///
/// # Errors
///
/// `Shape` if x and `gradient` differ in shape.
pub fn fake_affine_tensor_quant_backward<T: Element, D: Dimension>(
    gradient: ArrayView<'_, T, D>,
    x: ArrayView<'_, T, D>,
    min: f32,
    max: f32,
) -> Result<Array<T, D>> {
    let dim = x.raw_dim();
    check_gradient(gradient.shape(), x.shape())?;
    let (x, gradient) = (dense(x), dense(gradient));
    let mut out = vec![T::default(); x.len()];
    kernel::active().mask(&x, InOut::new(&gradient, &mut out), &Pattern::Same(min, max));
    shaped(dim, out)
}

struct Affine {
    step: f32,
    zero: f32,
    low: f32,
    high: f32,
}

impl Function for Affine {
    fn f32(&self, x: &[f32], out: &mut [f32]) {
        for (out, &x) in out.iter_mut().zip(x) {
            let q = ((x / self.step).round_ties_even() - self.zero).clamp(self.low, self.high);
            *out = (q + self.zero) * self.step;
        }
    }

    fn f64(&self, x: f64) -> f64 {
        let (step, zero) = (f64::from(self.step), f64::from(self.zero));
        let q = ((x / step).round_ties_even() - zero).clamp(self.low.into(), self.high.into());
        (q + zero) * step
    }
}
