//! Quantization of data by a quantizer.

use ndarray::{Array, ArrayD, ArrayView, ArrayViewD, CowArray, Dimension, IxDyn, arr0};

use crate::error::{Error, ErrorKind, Result};
use crate::quant::dense::{dense, shaped};
use crate::quant::{Element, PerGroup, Quantized, clip, multiply};

use super::{ClipRange, TensorQuantizer};

/// The result of a quantizer.
#[derive(Clone, Debug, PartialEq)]
pub struct Output<T, D: Dimension> {
    /// The values, in the shape and type of the data.
    pub values: Array<T, D>,
    /// The inverse scale of integers (no fake_quant), grouped like amax: x is about value / inverse_scale.
    /// With blocks, pass it through [`QuantDescriptor::per_group`](crate::quant::QuantDescriptor::per_group).
    pub inverse_scale: Option<ArrayD<f32>>,
}

impl TensorQuantizer {
    /// Runs all steps of the quantizer on x, see [`TensorQuantizer`].
    ///
    /// With fake_quant it returns floats. Otherwise it returns integers in the type of the data (numbers of
    /// e4m3 if that is the format) and keeps their [`inverse_scale`](Self::inverse_scale).
    ///
    /// With a dynamic range, empty data stays unchanged.
    ///
    /// # Errors
    ///
    /// - `Shape` if a pre_quant_scale or an amax does not fit the data.
    /// - `InvalidArgument` if learn_amax has no clip range.
    /// - While calibrating, the errors of [`observe`](Self::observe).
    /// - The errors of the quantization, see
    ///   [`QuantDescriptor::fake_quantize`](crate::quant::QuantDescriptor::fake_quantize) and
    ///   [`QuantDescriptor::tensor_quant`](crate::quant::QuantDescriptor::tensor_quant).
    pub fn forward<T: Element, D: Dimension>(&mut self, x: ArrayView<'_, T, D>) -> Result<Array<T, D>> {
        let dim = x.raw_dim();
        let mut out = vec![T::default(); x.len()];
        self.forward_into(x, &mut out)?;
        shaped(dim, out)
    }

    /// Writes [`forward`](Self::forward) into a row-major slice.
    ///
    /// # Errors
    ///
    /// Those of [`forward`](Self::forward); `Shape` if the slice has another number of elements than x. After
    /// an error `out` is unspecified.
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

    /// Computes [`forward`](Self::forward) for several threads.
    ///
    /// It never observes x, not even while calibrating. It returns the inverse scale instead of keeping it.
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

    /// Writes [`quantize`](Self::quantize) into a row-major slice. Returns the inverse scale of integers.
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

    /// Adds x, times the pre_quant_scale, to the statistics. The switches have no effect.
    ///
    /// The maximum keeps the descriptor's axes or blocks. It leaves NaN out and counts infinities. The
    /// histogram counts NaN and infinities but keeps them out of its ranges. A batch without a number adds
    /// nothing to maxima.
    ///
    /// # Errors
    ///
    /// `Shape` if the pre_quant_scale does not fit the data. For maxima also if the data does not have an
    /// axis, or if the kept axes have another size than before.
    pub fn observe<T: Element, D: Dimension>(&mut self, x: ArrayView<'_, T, D>) -> Result<()> {
        let x = self.scaled(x.into_dyn())?;
        self.calibration.observe(&self.descriptor, x.view()).map_err(|error| self.within(error))
    }

    /// Returns x times the pre_quant_scale.
    pub(super) fn scaled<'a, T: Element>(&self, x: ArrayViewD<'a, T>) -> Result<CowArray<'a, T, IxDyn>> {
        match &self.pre_quant_scale {
            Some(factors) => match multiply(x, factors) {
                Ok(product) => Ok(product.into()),
                Err(error) => Err(self.within(error.within("pre_quant_scale"))),
            },
            // One copy here saves a copy in each of the following functions.
            None if !x.is_standard_layout() => shaped(x.raw_dim(), dense(x).into_owned()).map(CowArray::from),
            None => Ok(x.into()),
        }
    }

    /// Returns the clip range if x is to be clipped.
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

    /// Returns the learned amax. Without it, the descriptor has or computes the amax.
    pub(super) fn learned_amax(&self) -> Option<ArrayD<f32>> {
        let range = self.clip_range.filter(|_| self.descriptor.learn_amax);
        range.map(|range| arr0(range.amax()).into_dyn())
    }

    /// Runs the steps after observing.
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

/// Copies the elements, which have no inverse scale.
fn copy<T: Element>(x: ArrayViewD<'_, T>, out: &mut [T]) -> Result<Option<ArrayD<f32>>> {
    out.copy_from_slice(&dense(x));
    Ok(None)
}
