//! Quantization of a tensor by its descriptor, which sets the range, the groups and the format.

use ndarray::{Array, ArrayD, ArrayView, Dimension};

use crate::error::Result;

use super::apply::{Quantized, fake_tensor_quant_slice, tensor_quant};
use super::backward::fake_tensor_quant_backward;
use super::dense::{check_lengths, dense, shaped};
use super::descriptor::{NumBits, QuantDescriptor};
use super::element::Element;
use super::fp8::{dequantize_e4m3, quantize_e4m3, scaled_e4m3};
use super::group::PerGroup;
use super::learned_step::{
    LearnedStepGradients, learned_step_gradient_scale, learned_step_quant, learned_step_quant_backward,
};
use super::params::QuantParams;
use super::stored::{Stored, StoredMut};

/// The format of quantized numbers.
enum Format {
    Integers(QuantParams),
    E4m3,
}

/// Quantization by the descriptor, for every format.
///
/// An `amax` or scale has a shape that groups the data. If the descriptor has blocks, it has one number per
/// block. Without an `amax`, each function uses [`amax_of`](Self::amax_of): the fixed amax, or that of the
/// data. The functions that quantize have the errors of [`validate`](Self::validate) too.
impl QuantDescriptor {
    /// Quantizes to integers, or to numbers of e4m3, in the type of the data, and returns their inverse scale
    /// too.
    ///
    /// Integers come from [`tensor_quant`]. For e4m3, [`dequantize_e4m3`] converts the codes with the inverse
    /// scale 1.
    ///
    /// # Errors
    ///
    /// Those of [`tensor_quant`] or [`quantize_e4m3`].
    pub fn tensor_quant<T: Element, D: Dimension>(
        &self,
        x: ArrayView<'_, T, D>,
        amax: Option<PerGroup<'_>>,
    ) -> Result<Quantized<T, D>> {
        let (format, amax) = (self.format()?, self.groups(x.view(), amax)?);
        match format {
            Format::Integers(params) => tensor_quant(x, amax, &params),
            Format::E4m3 => {
                let Quantized { values, inverse_scale } = quantize_e4m3(x, Some(amax))?;
                Ok(Quantized { values: dequantize_e4m3(values.view(), 1.0)?, inverse_scale })
            }
        }
    }

    /// Quantizes to integers or codes of e4m3 in the type that stores them, and returns their inverse scale.
    ///
    /// See [`quantize`](super::quantize) and [`quantize_e4m3`].
    ///
    /// # Errors
    ///
    /// Those of these two functions; `Type` if the type does not hold the format; `Shape` if `out` has
    /// another size. After an error `out` is unspecified.
    ///
    /// ```
    /// use ndarray::array;
    /// use qdq::quant::{QuantDescriptor, Stored, StoredMut};
    ///
    /// let descriptor = QuantDescriptor { num_bits: 4.into(), ..QuantDescriptor::default() };
    /// let (x, mut packed) = (array![-2.0f32, -0.3, 0.4, 9.0], [0; 2]);
    /// let scale = descriptor.quantize(x.view(), Some(2.0.into()), StoredMut::I4(&mut packed))?;
    /// assert_eq!(packed, [0xf9, 0x71]); // -7, -1, 1, 7
    /// let back = descriptor.dequantize::<f32>(Stored::I4(&packed), &[4], scale)?;
    /// assert_eq!(back[3], 2.0);
    /// # Ok::<(), qdq::error::Error>(())
    /// ```
    pub fn quantize<T: Element, D: Dimension>(
        &self,
        x: ArrayView<'_, T, D>,
        amax: Option<PerGroup<'_>>,
        out: StoredMut<'_>,
    ) -> Result<PerGroup<'static>> {
        let (format, amax) = (self.format()?, self.groups(x.view(), amax)?);
        match format {
            Format::Integers(params) => {
                let shape = x.shape().to_vec();
                out.quantize(&dense(x), &shape, &amax, &params)?;
                Ok(amax.map(|amax| params.inverse_scale(amax)))
            }
            Format::E4m3 => {
                let found = quantize_e4m3(x, Some(amax))?;
                out.store_codes(&dense(found.values.view()))?;
                Ok(found.inverse_scale)
            }
        }
    }

    /// Fake-quantizes by [`fake_tensor_quant`](super::fake_tensor_quant) or [`scaled_e4m3`].
    ///
    /// # Errors
    ///
    /// Those of these two functions.
    ///
    /// ```
    /// use ndarray::array;
    /// use qdq::quant::{NumBits, QuantDescriptor};
    ///
    /// let integers = QuantDescriptor { num_bits: 4.into(), ..QuantDescriptor::default() };
    /// let floats = QuantDescriptor { num_bits: NumBits::E4M3, ..QuantDescriptor::default() };
    /// let x = array![7.0f32, 2.2, -0.4];
    /// assert_eq!(integers.fake_quantize(x.view(), None)?, array![7.0, 2.0, -0.0]);
    /// assert_eq!(floats.fake_quantize(x.view(), Some(448.0.into()))?, array![7.0, 2.25, -0.40625]);
    /// # Ok::<(), qdq::error::Error>(())
    /// ```
    pub fn fake_quantize<T: Element, D: Dimension>(
        &self,
        x: ArrayView<'_, T, D>,
        amax: Option<PerGroup<'_>>,
    ) -> Result<Array<T, D>> {
        let dim = x.raw_dim();
        let mut out = vec![T::default(); x.len()];
        self.fake_quantize_into(x, amax, &mut out)?;
        shaped(dim, out)
    }

    /// Writes [`fake_quantize`](Self::fake_quantize) into a row-major slice.
    ///
    /// # Errors
    ///
    /// Those of [`fake_quantize`](Self::fake_quantize); `Shape` if the slice has another number of elements
    /// than x.
    pub fn fake_quantize_into<T: Element, D: Dimension>(
        &self,
        x: ArrayView<'_, T, D>,
        amax: Option<PerGroup<'_>>,
        out: &mut [T],
    ) -> Result<()> {
        let (format, amax) = (self.format()?, self.groups(x.view(), amax)?);
        check_lengths(x.shape(), &[out.len()])?;
        match format {
            Format::Integers(params) => {
                let shape = x.shape().to_vec();
                fake_tensor_quant_slice(&dense(x), &shape, &amax, &params, out)
            }
            Format::E4m3 => {
                out.copy_from_slice(&dense(scaled_e4m3(x, Some(amax))?.view()));
                Ok(())
            }
        }
    }

    /// Dequantizes the stored values that [`quantize`](Self::quantize) wrote for data of `shape`.
    ///
    /// Integers go through [`dequantize`](super::dequantize), codes through
    /// [`dequantize_e4m3`](super::dequantize_e4m3). Values are codes if their type or the format is e4m3.
    ///
    /// # Errors
    ///
    /// Those of these two functions; `Shape` if the values do not fill the shape.
    pub fn dequantize<T: Element>(
        &self,
        values: Stored<'_>,
        shape: &[usize],
        inverse_scale: PerGroup<'_>,
    ) -> Result<ArrayD<T>> {
        let inverse_scale = self.per_group(inverse_scale, shape.len())?;
        values.dequantize(shape, &inverse_scale, self.num_bits == NumBits::E4M3)
    }

    /// Returns the gradient of all these functions with respect to x, by the straight-through estimator:
    /// [`fake_tensor_quant_backward`].
    ///
    /// # Errors
    ///
    /// Those of [`fake_tensor_quant_backward`].
    pub fn backward<T: Element, D: Dimension>(
        &self,
        gradient: ArrayView<'_, T, D>,
        x: ArrayView<'_, T, D>,
        amax: Option<PerGroup<'_>>,
    ) -> Result<Array<T, D>> {
        let amax = self.groups(x.view(), amax)?;
        fake_tensor_quant_backward(gradient, x, amax)
    }

    /// Computes [`learned_step_quant`](super::learned_step_quant) with the descriptor's integers.
    ///
    /// # Errors
    ///
    /// Those of [`learned_step_quant`](super::learned_step_quant) and of [`params`](Self::params).
    pub fn learned_step_quant<T: Element, D: Dimension>(
        &self,
        x: ArrayView<'_, T, D>,
        step: PerGroup<'_>,
    ) -> Result<Array<T, D>> {
        let step = self.per_group(step, x.ndim())?;
        learned_step_quant(x, step, &self.params()?)
    }

    /// Computes [`learned_step_quant_backward`](super::learned_step_quant_backward) with the descriptor's
    /// integers.
    ///
    /// # Errors
    ///
    /// Those of [`learned_step_quant_backward`](super::learned_step_quant_backward) and of
    /// [`params`](Self::params).
    pub fn learned_step_quant_backward<T: Element, D: Dimension>(
        &self,
        gradient: ArrayView<'_, T, D>,
        x: ArrayView<'_, T, D>,
        step: PerGroup<'_>,
        gradient_scale: f32,
    ) -> Result<LearnedStepGradients<T, D>> {
        let step = self.per_group(step, x.ndim())?;
        learned_step_quant_backward(gradient, x, step, &self.params()?, gradient_scale)
    }

    /// Computes [`learned_step_gradient_scale`](super::learned_step_gradient_scale) with the descriptor's
    /// integers.
    ///
    /// # Errors
    ///
    /// Those of [`params`](Self::params).
    pub fn learned_step_gradient_scale(&self, count: usize) -> Result<f32> {
        Ok(learned_step_gradient_scale(count, &self.params()?))
    }

    fn format(&self) -> Result<Format> {
        match self.num_bits {
            NumBits::Integer(_) => self.params().map(Format::Integers),
            NumBits::Float(..) => self.validate().map(|()| Format::E4m3),
        }
    }

    /// Returns the range of x, grouped.
    fn groups<'a, T: Element, D: Dimension>(
        &self,
        x: ArrayView<'_, T, D>,
        amax: Option<PerGroup<'a>>,
    ) -> Result<PerGroup<'a>> {
        let rank = x.ndim();
        match amax {
            Some(amax) => self.per_group(amax, rank),
            None => self.per_group(self.amax_of(x)?, rank),
        }
    }
}
