//! Clipping to a learned range.

use ndarray::{Array, ArrayView, Dimension};

use crate::error::{Error, ErrorKind, Result};

use super::dense::{check_gradient, dense, shaped};
use super::element::{Element, Function};

/// The gradients of [`clip`] with respect to the ends of its range. Gradients of several batches add up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ClipGradient {
    /// The sum of the gradient over x <= min.
    pub min: f64,
    /// The sum of the gradient over x >= max.
    pub max: f64,
}

impl std::ops::AddAssign for ClipGradient {
    fn add_assign(&mut self, other: Self) {
        self.min += other.min;
        self.max += other.max;
    }
}

/// Clips x: y = max if x > max, min if x < min, else x; in the type of the data. NaN stays NaN.
///
/// # Errors
///
/// `InvalidArgument` if `min` is above `max` or one of them is not finite.
pub fn clip<T: Element, D: Dimension>(x: ArrayView<'_, T, D>, min: f32, max: f32) -> Result<Array<T, D>> {
    check_clip_range(min, max)?;
    let dim = x.raw_dim();
    let x = dense(x);
    let mut out = vec![T::default(); x.len()];
    T::map(&x, &mut out, &Clip { min, max });
    shaped(dim, out)
}

/// Returns the gradients of [`clip`].
///
/// The gradient of x is `gradient` if min < x < max, else 0. The gradients of the ends are [`ClipGradient`].
/// An x that equals an end counts for that end, and for both ends if they are equal. A NaN counts for
/// nothing.
///
/// # Errors
///
/// Those of [`clip`]; `Shape` if x and `gradient` differ in shape.
///
/// ```
/// use ndarray::array;
/// use qdq::quant::{ClipGradient, clip, clip_backward};
///
/// let (x, gradient) = (array![-3.0f32, -1.0, 0.5, 4.0], array![1.0f32, 2.0, 4.0, 8.0]);
/// assert_eq!(clip(x.view(), -1.0, 2.0)?, array![-1.0, -1.0, 0.5, 2.0]);
/// let (to_x, to_ends) = clip_backward(gradient.view(), x.view(), -1.0, 2.0)?;
/// assert_eq!(to_x, array![0.0, 0.0, 4.0, 0.0]);
/// assert_eq!(to_ends, ClipGradient { min: 3.0, max: 8.0 });
/// # Ok::<(), qdq::error::Error>(())
/// ```
pub fn clip_backward<T: Element, D: Dimension>(
    gradient: ArrayView<'_, T, D>,
    x: ArrayView<'_, T, D>,
    min: f32,
    max: f32,
) -> Result<(Array<T, D>, ClipGradient)> {
    check_clip_range(min, max)?;
    check_gradient(gradient.shape(), x.shape())?;
    let dim = x.raw_dim();
    let (x, gradient) = (dense(x), dense(gradient));
    let mut out = vec![T::default(); x.len()];
    let mut ends = ClipGradient::default();
    let (min, max) = (f64::from(min), f64::from(max));
    for ((out, &x), &gradient) in out.iter_mut().zip(&*x).zip(&*gradient) {
        let x = x.to_f64();
        if min < x && x < max {
            *out = gradient;
        }
        if x <= min {
            ends.min += gradient.to_f64();
        }
        if x >= max {
            ends.max += gradient.to_f64();
        }
    }
    Ok((shaped(dim, out)?, ends))
}

/// Refuses ends that are not the ends of a range.
pub(crate) fn check_clip_range(min: f32, max: f32) -> Result<()> {
    if min <= max && min.is_finite() && max.is_finite() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidArgument, format!("there is no clip range from {min} to {max}"))
        .with_remedy("give finite ends, the minimum not above the maximum"))
}

struct Clip {
    min: f32,
    max: f32,
}

impl Function for Clip {
    fn f32(&self, x: &[f32], out: &mut [f32]) {
        for (out, &x) in out.iter_mut().zip(x) {
            *out = x.clamp(self.min, self.max);
        }
    }

    fn f64(&self, x: f64) -> f64 {
        x.clamp(self.min.into(), self.max.into())
    }
}
