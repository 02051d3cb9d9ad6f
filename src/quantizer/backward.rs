//! Gradients.

use ndarray::{Array, ArrayView, Dimension};

use crate::error::Result;
use crate::quant::dense::{check_gradient, dense, shaped};
use crate::quant::{ClipGradient, Element, PerGroup, clip_backward, multiply};

use super::TensorQuantizer;

/// The gradients of a quantizer.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients<T, D: Dimension> {
    /// With respect to x, in its shape.
    pub x: Array<T, D>,
    /// With respect to the ends of the clip range, where [`forward`](TensorQuantizer::forward) clips. Add
    /// them up over batches with `+=`.
    pub clip: Option<ClipGradient>,
}

impl TensorQuantizer {
    /// The gradients of [`forward`](Self::forward) at `x`, its input, from `gradient`, that of its result,
    /// with the switches and ranges of now.
    ///
    /// Step by step backwards:
    ///
    /// - quantizing lets the gradient pass where |x| is not above the amax used, see
    ///   [`QuantDescriptor::backward`](crate::quant::QuantDescriptor::backward): with integers and e4m3
    ///   numbers too, whose scale has no gradient. Below an amax learned from the clip range that is
    ///   everywhere;
    /// - clipping lets it pass strictly inside and sends the rest to the ends, see [`clip_backward`];
    /// - the pre_quant_scale multiplies it.
    ///
    /// amax and pre_quant_scale get no gradient.
    ///
    /// # Errors
    ///
    /// When x and `gradient` differ in shape, a pre_quant_scale or an amax does not fit them, or learn_amax
    /// has no clip range.
    pub fn backward<T: Element, D: Dimension>(
        &self,
        gradient: ArrayView<'_, T, D>,
        x: ArrayView<'_, T, D>,
    ) -> Result<Gradients<T, D>> {
        check_gradient(gradient.shape(), x.shape()).map_err(|error| self.within(error))?;
        let dim = x.raw_dim();
        let (x, gradient) = (self.scaled(x.into_dyn())?, gradient.into_dyn());
        let clip_range = if self.disabled { None } else { self.clips()? };
        let (to_x, clip) = match clip_range {
            Some(range) => {
                let (to_x, clip) = clip_backward(gradient, x.view(), range.min, range.max)?;
                (to_x, Some(clip))
            }
            None if self.disabled || !self.quantizing || (x.is_empty() && self.is_dynamic()) => {
                (gradient.to_owned(), None)
            }
            None => {
                let amax = self.learned_amax();
                let amax = amax.as_ref().map(PerGroup::from);
                let to_x = self.descriptor.backward(gradient, x.view(), amax);
                (to_x.map_err(|error| self.within(error))?, None)
            }
        };
        let to_x = match &self.pre_quant_scale {
            Some(factors) => multiply(to_x.view(), factors).map_err(|error| self.within(error))?,
            None => to_x,
        };
        Ok(Gradients { x: shaped(dim, dense(to_x.view()).into_owned())?, clip })
    }
}
