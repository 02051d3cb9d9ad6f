//! QuantizeLinear for the embedded runtime, computed as ONNX defines it.
//!
//! rten's own kernels differ in two ways. They multiply by the reciprocal of the scale, so a value in the
//! middle between two steps may round differently than in ONNX Runtime and TensorRT. The uint8 kernel
//! converts to integers before it clamps, so values beyond 2^31 steps become 0.

use rten::{Value, ValueView};
use rten_tensor::prelude::*;
use rten_tensor::{Tensor, TensorView};

use crate::error::{Error, ErrorKind, Result};
use crate::runtime::USE_ONNXRUNTIME;

/// ONNX's number of the type u8.
const ONNX_U8: i64 = 2;
const ONNX_I8: i64 = 3;

/// The operands of one QuantizeLinear node.
pub(super) struct QuantizeLinear<'a> {
    /// The node's name, for messages.
    pub node: &'a str,
    /// The tensor to quantize.
    pub x: ValueView<'a>,
    /// One scale, or one scale for each slice along `axis`.
    pub scale: ValueView<'a>,
    /// One zero point for each scale. Its type is the type of the result.
    pub zero_point: Option<ValueView<'a>>,
    /// The axis of the scales; a negative value counts from the end.
    pub axis: i64,
    /// ONNX's number of the result's type if there is no zero point. 0 means u8.
    pub output_type: i64,
}

impl QuantizeLinear<'_> {
    /// Computes `q = clamp(round_half_even(x / scale) + zero_point, lowest, highest)`.
    ///
    /// `lowest` and `highest` are the limits of the result's type. NaN gives the zero point.
    ///
    /// # Errors
    /// `Unsupported` for types other than f32 to i8 or u8, and for blocks; `Shape` if the operands do not
    /// fit.
    pub fn run(&self) -> Result<Value> {
        let (ValueView::FloatTensor(x), ValueView::FloatTensor(scale)) = (&self.x, &self.scale) else {
            return Err(self.unsupported("takes only an f32 input and scale"));
        };
        if scale.ndim() > 1 {
            return Err(self.unsupported("cannot quantize in blocks"));
        }
        let scale = scale.to_vec();
        match &self.zero_point {
            Some(ValueView::Int8Tensor(zero)) => Ok(self.quantize(x, &scale, &zero.to_vec())?.into()),
            Some(ValueView::UInt8Tensor(zero)) => Ok(self.quantize(x, &scale, &zero.to_vec())?.into()),
            Some(_) => Err(self.unsupported("gives only i8 and u8")),
            None if self.output_type == ONNX_I8 => {
                Ok(self.quantize(x, &scale, &vec![0i8; scale.len()])?.into())
            }
            None if matches!(self.output_type, 0 | ONNX_U8) => {
                Ok(self.quantize(x, &scale, &vec![0u8; scale.len()])?.into())
            }
            None => Err(self.unsupported("gives only i8 and u8")),
        }
    }

    fn quantize<T: Step>(&self, x: &TensorView<'_, f32>, scale: &[f32], zero: &[T]) -> Result<Tensor<T>> {
        let shape = x.shape();
        let mismatch = || {
            Error::new(
                ErrorKind::Shape,
                format!(
                    "node '{}' (QuantizeLinear): {} scales and {} zero points do not fit axis {} of shape {shape:?}",
                    self.node,
                    scale.len(),
                    zero.len(),
                    self.axis
                ),
            )
        };
        let x = x.to_contiguous();
        let values = x.data();
        let slice = if scale.len() == 1 {
            values.len()
        } else {
            let rank = shape.len() as i64;
            let axis = if self.axis < 0 { self.axis.saturating_add(rank) } else { self.axis };
            let axis = usize::try_from(axis).ok().filter(|&axis| shape.get(axis) == Some(&scale.len()));
            shape[axis.ok_or_else(mismatch)? + 1..].iter().product()
        };
        if zero.len() != scale.len() {
            return Err(mismatch());
        }
        let mut quantized = Vec::with_capacity(values.len());
        // chunks() needs a size above 0, even for an empty tensor.
        for (values, (&scale, &zero)) in values.chunks(slice.max(1)).zip(scale.iter().zip(zero).cycle()) {
            quantized.extend(values.iter().map(|&x| T::quantize(x, scale, zero)));
        }
        Tensor::try_from_data(shape, quantized).map_err(|_| mismatch())
    }

    fn unsupported(&self, what: &str) -> Error {
        Error::new(
            ErrorKind::Unsupported,
            format!("node '{}' (QuantizeLinear): the embedded runtime {what}", self.node),
        )
        .with_remedy(USE_ONNXRUNTIME)
    }
}

/// A type to quantize to.
trait Step: Copy {
    fn quantize(x: f32, scale: f32, zero_point: Self) -> Self;
}

macro_rules! step {
    ($($integer:ty),*) => {
        $(impl Step for $integer {
            fn quantize(x: f32, scale: f32, zero_point: Self) -> Self {
                let q = (x / scale).round_ties_even();
                // The sum is exact within the type's range. Beyond it, the cast saturates.
                if q.is_nan() { zero_point } else { (q + f32::from(zero_point)) as $integer }
            }
        })*
    };
}

step!(i8, u8);

#[cfg(test)]
mod tests {
    use super::*;

    fn run(x: &[f32], shape: &[usize], scale: &[f32], zero: Option<Value>, axis: i64) -> Result<Value> {
        let scale_shape: &[usize] = if scale.len() == 1 { &[] } else { &[scale.len()] };
        QuantizeLinear {
            node: "q",
            x: ValueView::from_shape(shape, x).unwrap(),
            scale: ValueView::from_shape(scale_shape, scale).unwrap(),
            zero_point: zero.as_ref().map(Value::as_view),
            axis,
            output_type: ONNX_I8,
        }
        .run()
    }

    #[test]
    fn values_saturate_and_ties_go_to_even() {
        let x =
            [0.0, 0.5, 1.5, 2.5, -2.5, 127.4, 128.0, 3e9, f32::MAX, f32::INFINITY, -3e9, f32::NAN, -1e-40];
        let expected = [0, 0, 2, 2, -2, 127, 127, 127, 127, 127, -128, 0, 0];
        let got = run(&x, &[13], &[1.0], None, 0).unwrap();
        assert_eq!(got, Value::from_shape([13], expected.map(|q: i32| q as i8).to_vec()).unwrap());

        let zero = Value::from_shape([], vec![128u8]).unwrap();
        let got = run(&x, &[13], &[1.0], Some(zero), 0).unwrap();
        let shifted = [128, 128, 130, 130, 126, 255, 255, 255, 255, 255, 0, 128, 128];
        assert_eq!(got, Value::from_shape([13], shifted.map(|q: i32| q as u8).to_vec()).unwrap());
    }

    #[test]
    fn each_slice_along_the_axis_has_its_scale() {
        let x: Vec<f32> = (0..12).map(|x| x as f32).collect();
        let expected = vec![0i8, 1, 2, 2, 2, 2, 6, 7, 8, 4, 5, 6];
        for axis in [1, -2] {
            let got = run(&x, &[2, 2, 3], &[1.0, 2.0], None, axis).unwrap();
            assert_eq!(got, Value::from_shape([2, 2, 3], expected.clone()).unwrap());
        }
    }

    #[test]
    fn operands_that_do_not_fit_are_errors() {
        let zero = Value::from_shape([2], vec![0i8; 2]).unwrap();
        let cases = [
            run(&[0.0; 6], &[2, 3], &[1.0, 1.0], None, 1),
            run(&[0.0; 6], &[2, 3], &[1.0, 1.0], None, 7),
            run(&[0.0; 6], &[2, 3], &[1.0, 1.0], None, i64::MIN),
            run(&[0.0; 6], &[2, 3], &[1.0], Some(zero), 0),
        ];
        for case in cases {
            assert_eq!(case.unwrap_err().kind(), ErrorKind::Shape);
        }
        assert_eq!(run(&[], &[2, 0], &[1.0, 2.0], None, 0).unwrap().as_view().len(), 0);
    }
}
