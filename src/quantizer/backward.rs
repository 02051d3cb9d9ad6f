//! The gradients of a quantizer.

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
    /// With respect to the ends of the clip range, if [`forward`](TensorQuantizer::forward) clips. Sum them
    /// over batches with `+=`.
    pub clip: Option<ClipGradient>,
}

impl TensorQuantizer {
    /// Returns the gradients of [`forward`](Self::forward) at its input `x`, with the current switches and
    /// ranges.
    ///
    /// `gradient` is the gradient of its result.
    ///
    /// Step by step backwards:
    ///
    /// - quantizing passes the gradient if |x| is not above the amax in use, see
    ///   [`QuantDescriptor::backward`](crate::quant::QuantDescriptor::backward). This holds for integers and
    ///   numbers of e4m3 too, whose scale has no gradient. If the amax comes from the clip range, it passes
    ///   everywhere;
    /// - clipping passes the gradient strictly inside the range and adds the rest to the ends, see
    ///   [`clip_backward`];
    /// - the pre_quant_scale multiplies the gradient.
    ///
    /// amax and pre_quant_scale get no gradient.
    ///
    /// # Errors
    ///
    /// `Shape` if x and `gradient` differ in shape or if a pre_quant_scale or an amax does not fit them;
    /// `InvalidArgument` if learn_amax has no clip range.
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
