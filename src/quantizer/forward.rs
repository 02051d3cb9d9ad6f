//! From data to quantized data.

use ndarray::{Array, ArrayD, ArrayView, ArrayViewD, CowArray, Dimension, IxDyn, arr0};

use crate::error::{Error, ErrorKind, Result};
use crate::quant::dense::{dense, shaped};
use crate::quant::{Element, PerGroup, Quantized, clip, multiply};

use super::{ClipRange, TensorQuantizer};

/// What comes out of a quantizer.
#[derive(Clone, Debug, PartialEq)]
pub struct Output<T, D: Dimension> {
    /// The values, in the shape and type of the data.
    pub values: Array<T, D>,
    /// With integers (no fake_quant) their inverse scale, grouped like amax: x is about value /
    /// inverse_scale. With blocks it goes through
    /// [`QuantDescriptor::per_group`](crate::quant::QuantDescriptor::per_group).
    pub inverse_scale: Option<ArrayD<f32>>,
}

impl TensorQuantizer {
    /// The whole machine, see [`TensorQuantizer`]: with fake_quant floats, else integers in the type of the
    /// data (numbers of e4m3 where that is the format), whose [`inverse_scale`](Self::inverse_scale) is
    /// remembered.
    ///
    /// Empty data stays as it is under a dynamic range.
    ///
    /// # Errors
    ///
    /// A pre_quant_scale or an amax that does not fit the data, learn_amax without a clip range, those of
    /// [`observe`](Self::observe) while calibrating, and those of the quantization, see
    /// [`QuantDescriptor::fake_quantize`](crate::quant::QuantDescriptor::fake_quantize) and
    /// [`QuantDescriptor::tensor_quant`](crate::quant::QuantDescriptor::tensor_quant).
    pub fn forward<T: Element, D: Dimension>(&mut self, x: ArrayView<'_, T, D>) -> Result<Array<T, D>> {
        let dim = x.raw_dim();
        let mut out = vec![T::default(); x.len()];
        self.forward_into(x, &mut out)?;
        shaped(dim, out)
    }

    /// [`forward`](Self::forward) into a slice, row-major.
    ///
    /// # Errors
    ///
    /// Those of [`forward`](Self::forward), and a slice that does not have as many elements as x. After an
    /// error `out` is unspecified.
    pub fn forward_into<T: Element, D: Dimension>(
        &mut self,
        x: ArrayView<'_, T, D>,
        out: &mut [T],
    ) -> Result<()> {
        let x = self.scaled(x.into_dyn())?;
        if self.calibrating && !self.disabled {
            self.calibration.observe(&self.descriptor, x.view()).map_err(|error| self.within(error))?;
        }
        if let Some(inverse_scale) = self.finish(x.view(), out)? {
            self.inverse_scale = Some(inverse_scale);
        }
        Ok(())
    }

    /// [`forward`](Self::forward) for several threads: nothing is observed, whatever the switch, and the
    /// inverse scale is returned instead of remembered.
    ///
    /// # Errors
    ///
    /// Those of [`forward`](Self::forward).
    pub fn quantize<T: Element, D: Dimension>(&self, x: ArrayView<'_, T, D>) -> Result<Output<T, D>> {
        let dim = x.raw_dim();
        let mut out = vec![T::default(); x.len()];
        let inverse_scale = self.quantize_into(x, &mut out)?;
        Ok(Output { values: shaped(dim, out)?, inverse_scale })
    }

    /// [`quantize`](Self::quantize) into a slice, row-major. Returns the inverse scale of integers.
    ///
    /// # Errors
    ///
    /// Those of [`forward_into`](Self::forward_into).
    pub fn quantize_into<T: Element, D: Dimension>(
        &self,
        x: ArrayView<'_, T, D>,
        out: &mut [T],
    ) -> Result<Option<ArrayD<f32>>> {
        self.finish(self.scaled(x.into_dyn())?.view(), out)
    }

    /// Adds x, times the pre_quant_scale, to the statistics, whatever the switches.
    ///
    /// The maximum keeps the descriptor's axes or blocks; NaN is left out and infinities count. The histogram
    /// counts NaN and infinities but keeps them out of its ranges. To maxima a batch without a number adds
    /// nothing.
    ///
    /// # Errors
    ///
    /// A pre_quant_scale that does not fit the data; for maxima an axis that the data does not have, or kept
    /// axes of another size than before.
    pub fn observe<T: Element, D: Dimension>(&mut self, x: ArrayView<'_, T, D>) -> Result<()> {
        let x = self.scaled(x.into_dyn())?;
        self.calibration.observe(&self.descriptor, x.view()).map_err(|error| self.within(error))
    }

    /// x times the pre_quant_scale.
    pub(super) fn scaled<'a, T: Element>(&self, x: ArrayViewD<'a, T>) -> Result<CowArray<'a, T, IxDyn>> {
        match &self.pre_quant_scale {
            Some(factors) => match multiply(x, factors) {
                Ok(product) => Ok(product.into()),
                Err(error) => Err(self.within(error.within("pre_quant_scale"))),
            },
            // Copied once here rather than by every function that comes after.
            None if !x.is_standard_layout() => shaped(x.raw_dim(), dense(x).into_owned()).map(CowArray::from),
            None => Ok(x.into()),
        }
    }

    /// The range to clip to, where this is to be done.
    pub(super) fn clips(&self) -> Result<Option<ClipRange>> {
        if !(self.clipping || self.quantizing && self.descriptor.learn_amax) {
            return Ok(None);
        }
        self.clip_range.map(Some).ok_or_else(|| {
            let error = Error::new(ErrorKind::InvalidArgument, "learn_amax has no clip range to start from");
            self.within(
                error.with_remedy("call init_learn_amax after loading an amax, or set the clip range"),
            )
        })
    }

    /// The amax to quantize with where it is learned; else the descriptor has or finds one.
    pub(super) fn learned_amax(&self) -> Option<ArrayD<f32>> {
        let range = self.clip_range.filter(|_| self.descriptor.learn_amax);
        range.map(|range| arr0(range.amax()).into_dyn())
    }

    /// What follows observing.
    fn finish<T: Element>(&self, x: ArrayViewD<'_, T>, out: &mut [T]) -> Result<Option<ArrayD<f32>>> {
        if out.len() != x.len() {
            let message = format!("{} elements of output for data of shape {:?}", out.len(), x.shape());
            let error =
                Error::new(ErrorKind::Shape, message).with_remedy("give one element per element of x");
            return Err(self.within(error));
        }
        if self.disabled {
            return copy(x, out);
        }
        let x = match self.clips()? {
            Some(ClipRange { min, max }) => CowArray::from(clip(x, min, max)?),
            None => x.into(),
        };
        if !self.quantizing || (x.is_empty() && self.is_dynamic()) {
            return copy(x.view(), out);
        }
        self.quantize_clipped(x.view(), out).map_err(|error| self.within(error))
    }

    fn quantize_clipped<T: Element>(
        &self,
        x: ArrayViewD<'_, T>,
        out: &mut [T],
    ) -> Result<Option<ArrayD<f32>>> {
        let amax = self.learned_amax();
        let amax = amax.as_ref().map(PerGroup::from);
        if self.descriptor.fake_quant {
            self.descriptor.fake_quantize_into(x, amax, out)?;
            return Ok(None);
        }
        let Quantized { values, inverse_scale } = self.descriptor.tensor_quant(x, amax)?;
        copy(values.view(), out)?;
        shaped(IxDyn(inverse_scale.shape()), inverse_scale.values().to_vec()).map(Some)
    }
}

/// The elements as they are, which have no inverse scale.
fn copy<T: Element>(x: ArrayViewD<'_, T>, out: &mut [T]) -> Result<Option<ArrayD<f32>>> {
    out.copy_from_slice(&dense(x));
    Ok(None)
}
