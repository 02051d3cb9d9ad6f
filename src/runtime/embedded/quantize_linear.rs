//! QuantizeLinear and DequantizeLinear for the embedded runtime, computed as ONNX defines them.
//!
//! rten's own QuantizeLinear differs in two ways. It multiplies by the reciprocal of the scale, so a value in
//! the middle between two steps may round differently than in ONNX Runtime and TensorRT. The uint8 kernel
//! converts to integers before it clamps, so values beyond 2^31 steps become 0. rten has no blocks, and
//! neither e4m3 nor integers of 4 and 16 bits. These lie in f32, 8-bit and i32 tensors
//! ([`Model::in_plain_types`](crate::onnx::Model::in_plain_types)).

use rten::{Value, ValueView};
use rten_tensor::prelude::*;
use rten_tensor::{Tensor, TensorView};

use crate::e4m3;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Node;
use crate::onnx::ElementType;
use crate::quant::PerGroup;
use crate::runtime::USE_ONNXRUNTIME;

/// The operands of one QuantizeLinear or DequantizeLinear node.
pub(super) struct Linear<'a> {
    /// The node: its name for messages, and its attributes.
    pub node: &'a Node,
    /// The tensor to quantize or dequantize.
    pub x: ValueView<'a>,
    /// One scale, one for each slice along an axis, or one for each block along it.
    pub scale: ValueView<'a>,
    /// One zero point for each scale. Its type is the type of the integers, if the node does not name one.
    pub zero_point: Option<ValueView<'a>>,
}

impl Linear<'_> {
    /// Computes `clamp(round_half_even(x / scale) + zero_point, lowest, highest)`.
    ///
    /// `lowest` and `highest` are the limits of the result's type. NaN gives the zero point. For e4m3 it is
    /// the nearest number to `x / scale`, and NaN stays NaN.
    ///
    /// # Errors
    /// `Unsupported` for types that the runtime does not have; `Shape` if the operands do not fit.
    pub fn quantize(&self) -> Result<Value> {
        let (ValueView::FloatTensor(x), ValueView::FloatTensor(scale)) = (&self.x, &self.scale) else {
            return Err(self.unsupported("takes only an f32 input and scale"));
        };
        let groups = self.groups(scale, x.shape())?;
        let zero = self.zero_points(&groups)?;
        let scale = groups.values();
        // The sum is exact within the type's range.
        let integer = |at: usize, least: f32, most: f32| {
            let (scale, zero) = (scale[at], zero[at]);
            move |x: f32| {
                let step = (x / scale).round_ties_even();
                if step.is_nan() { zero } else { (step + zero).clamp(least, most) }
            }
        };
        macro_rules! integers {
            ($type:ty, $least:expr, $most:expr) => {
                self.map(x, &groups, |at| {
                    let number = integer(at, $least, $most);
                    move |x| number(x) as $type
                })
            };
        }
        match self.element()? {
            ElementType::I8 => integers!(i8, -128.0, 127.0),
            ElementType::U8 => integers!(u8, 0.0, 255.0),
            ElementType::I4 => integers!(i8, -8.0, 7.0),
            ElementType::U4 => integers!(u8, 0.0, 15.0),
            ElementType::I16 => integers!(i32, -32768.0, 32767.0),
            ElementType::U16 => integers!(i32, 0.0, 65535.0),
            ElementType::F8E4M3Fn => {
                let saturates = self.node.int("saturate", 1) != 0;
                self.map(x, &groups, |at| {
                    let scale = scale[at];
                    move |x: f32| e4m3_nearest(x / scale, saturates)
                })
            }
            other => Err(self.unsupported(&format!("does not quantize to {other}"))),
        }
    }

    /// Computes `(x - zero_point) * scale`.
    ///
    /// # Errors
    /// As for [`quantize`](Self::quantize).
    pub fn dequantize(&self) -> Result<Value> {
        let ValueView::FloatTensor(scale) = &self.scale else {
            return Err(self.unsupported("takes only an f32 scale"));
        };
        let groups = self.groups(scale, &self.x.shape())?;
        let (zero, scale) = (self.zero_points(&groups)?, groups.values());
        let integer = |at: usize| {
            let (scale, zero) = (scale[at], zero[at] as i32);
            move |x: i32| x.wrapping_sub(zero) as f32 * scale
        };
        match &self.x {
            ValueView::FloatTensor(x) => self.map(x, &groups, |at| {
                let scale = scale[at];
                move |x: f32| x * scale
            }),
            ValueView::Int8Tensor(x) => self.map(x, &groups, |at| {
                let number = integer(at);
                move |x: i8| number(x.into())
            }),
            ValueView::UInt8Tensor(x) => self.map(x, &groups, |at| {
                let number = integer(at);
                move |x: u8| number(x.into())
            }),
            ValueView::Int32Tensor(x) => self.map(x, &groups, integer),
            _ => Err(self.unsupported("takes no sequence")),
        }
    }

    /// Returns the type of the integers.
    fn element(&self) -> Result<ElementType> {
        match (self.node.int("output_dtype", 0), &self.zero_point) {
            (0, None | Some(ValueView::UInt8Tensor(_))) => Ok(ElementType::U8),
            (0, Some(ValueView::Int8Tensor(_))) => Ok(ElementType::I8),
            (code, _) => i32::try_from(code)
                .ok()
                .filter(|&code| code != 0)
                .and_then(ElementType::from_code)
                .ok_or_else(|| self.unsupported("does not have the type of its zero point")),
        }
    }

    /// Returns the scales with the elements that share them.
    fn groups<'s>(&self, scale: &TensorView<'s, f32>, shape: &[usize]) -> Result<PerGroup<'s>> {
        let (rank, block) = (shape.len(), self.node.int("block_size", 0));
        let (given, count) = (scale.shape().to_vec(), scale.len());
        let values = scale.to_vec();
        let owned = |shape: &[usize]| Ok(PerGroup::new(&values, shape)?.map(|scale| scale));
        if count == 1 && block == 0 {
            return owned(&[]);
        }
        let axis = self.node.int("axis", 1);
        let axis = if axis < 0 { axis.saturating_add(rank as i64) } else { axis };
        let axis = usize::try_from(axis).ok().filter(|&axis| axis < rank);
        let misfit = || self.misfit(&given, shape);
        let axis = axis.ok_or_else(misfit)?;
        let groups = match block {
            0 if given.len() == 1 && count == shape[axis] => {
                let mut along = vec![1; rank];
                along[axis] = count;
                owned(&along)?
            }
            0 => return Err(misfit()),
            _ => {
                let block = usize::try_from(block).map_err(|_| misfit())?;
                let fits = |at: usize| {
                    given[at] == if at == axis { shape[at].div_ceil(block.max(1)) } else { shape[at] }
                };
                if block == 0 || given.len() != rank || !(0..rank).all(fits) {
                    return Err(misfit());
                }
                PerGroup::per_block(owned(&given)?, axis, block)?
            }
        };
        Ok(groups)
    }

    /// Returns one zero point per scale.
    fn zero_points(&self, groups: &PerGroup<'_>) -> Result<Vec<f32>> {
        let count = groups.values().len();
        let zero = match &self.zero_point {
            None => vec![0.0; count],
            Some(ValueView::Int8Tensor(zero)) => zero.iter().map(|&zero| zero.into()).collect(),
            Some(ValueView::UInt8Tensor(zero)) => zero.iter().map(|&zero| zero.into()).collect(),
            Some(ValueView::Int32Tensor(zero)) => zero.iter().map(|&zero| zero as f32).collect(),
            Some(ValueView::FloatTensor(zero)) => zero.to_vec(),
            Some(_) => return Err(self.unsupported("takes no sequence")),
        };
        if zero.len() != count {
            let message = format!("{}: {count} scales and {} zero points", self.label(), zero.len());
            return Err(Error::new(ErrorKind::Shape, message));
        }
        Ok(zero)
    }

    fn map<X: Copy + Sync, Y: Copy + Default + Send, F: Fn(X) -> Y>(
        &self,
        x: &TensorView<'_, X>,
        groups: &PerGroup<'_>,
        f: impl Fn(usize) -> F + Sync,
    ) -> Result<Value>
    where
        Value: From<Tensor<Y>>,
    {
        let (shape, x) = (x.shape().to_vec(), x.to_contiguous());
        let values = groups.map_elements(x.data(), &shape, f)?;
        Tensor::try_from_data(&*shape, values).map(Value::from).map_err(|source| {
            Error::new(ErrorKind::Internal, format!("{}: its result has another shape", self.label()))
                .with_source(source)
        })
    }

    fn misfit(&self, scale: &[usize], shape: &[usize]) -> Error {
        let (axis, block) = (self.node.int("axis", 1), self.node.int("block_size", 0));
        let blocks = if block == 0 { String::new() } else { format!(" in blocks of {block}") };
        let message = format!(
            "{}: scales of shape {scale:?} do not fit axis {axis} of shape {shape:?}{blocks}",
            self.label()
        );
        Error::new(ErrorKind::Shape, message)
    }

    fn label(&self) -> String {
        format!("node '{}' ({})", self.node.name, self.node.op)
    }

    fn unsupported(&self, what: &str) -> Error {
        Error::new(ErrorKind::Unsupported, format!("{}: the embedded runtime {what}", self.label()))
            .with_remedy(USE_ONNXRUNTIME)
    }
}

/// Returns the nearest number of e4m3. Beyond the largest one it is the largest one, or NaN if nothing
/// `saturates`.
pub(super) fn e4m3_nearest(x: f32, saturates: bool) -> f32 {
    // The middle between the largest number and the next one, which does not exist, belongs to the former.
    const MOST: f32 = 464.0;
    if !saturates && x.abs() > MOST { f32::NAN } else { e4m3::decode(e4m3::encode(x)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Attribute;

    const I8: i64 = 3;
    const E4M3: i64 = 17;
    const I4: i64 = 22;

    fn node(attributes: &[(&str, i64)]) -> Node {
        let attributes = attributes.iter().map(|&(name, value)| (name.to_owned(), Attribute::Int(value)));
        Node {
            name: "q".to_owned(),
            op: "QuantizeLinear".to_owned(),
            attributes: attributes.collect(),
            ..Node::default()
        }
    }

    /// Quantizes by scales of a shape. An empty shape is one scale.
    fn run(
        (x, shape): (&[f32], &[usize]),
        (scale, scales): (&[f32], &[usize]),
        zero: Option<Value>,
        attributes: &[(&str, i64)],
    ) -> Result<Value> {
        Linear {
            node: &node(attributes),
            x: ValueView::from_shape(shape, x).unwrap(),
            scale: ValueView::from_shape(scales, scale).unwrap(),
            zero_point: zero.as_ref().map(Value::as_view),
        }
        .quantize()
    }

    #[test]
    fn values_saturate_and_ties_go_to_even() {
        let x =
            [0.0, 0.5, 1.5, 2.5, -2.5, 127.4, 128.0, 3e9, f32::MAX, f32::INFINITY, -3e9, f32::NAN, -1e-40];
        let expected = [0, 0, 2, 2, -2, 127, 127, 127, 127, 127, -128, 0, 0];
        let got = run((&x, &[13]), (&[1.0], &[]), None, &[("output_dtype", I8)]).unwrap();
        assert_eq!(got, Value::from_shape([13], expected.map(|q: i32| q as i8).to_vec()).unwrap());
        let got = run((&x, &[13]), (&[1.0], &[]), None, &[("output_dtype", I4)]).unwrap();
        assert_eq!(
            got,
            Value::from_shape([13], expected.map(|q: i32| q.clamp(-8, 7) as i8).to_vec()).unwrap()
        );

        let zero = Value::from_shape([], vec![128u8]).unwrap();
        let got = run((&x, &[13]), (&[1.0], &[]), Some(zero), &[]).unwrap();
        let shifted = [128, 128, 130, 130, 126, 255, 255, 255, 255, 255, 0, 128, 128];
        assert_eq!(got, Value::from_shape([13], shifted.map(|q: i32| q as u8).to_vec()).unwrap());
    }

    #[test]
    fn e4m3_saturates_unless_told_otherwise() {
        let x = [0.3, 17.0, 464.0, 465.0, f32::INFINITY, -1e9, -0.001];
        let number = |saturate: i64| {
            let attributes = [("output_dtype", E4M3), ("saturate", saturate)];
            match run((&x, &[7]), (&[1.0], &[]), None, &attributes).unwrap() {
                Value::FloatTensor(tensor) => tensor.into_data(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(number(1), [0.3125, 16.0, 448.0, 448.0, 448.0, -448.0, -0.001953125]);
        assert!(number(0)[3..6].iter().all(|x| x.is_nan()));
        assert_eq!(number(0)[..3], [0.3125, 16.0, 448.0]);
    }

    #[test]
    fn each_slice_along_the_axis_has_its_scale() {
        let x: Vec<f32> = (0..12).map(|x| x as f32).collect();
        let expected = vec![0i8, 1, 2, 2, 2, 2, 6, 7, 8, 4, 5, 6];
        for axis in [1, -2] {
            let attributes = [("axis", axis), ("output_dtype", I8)];
            let got = run((&x, &[2, 2, 3]), (&[1.0, 2.0], &[2]), None, &attributes).unwrap();
            assert_eq!(got, Value::from_shape([2, 2, 3], expected.clone()).unwrap());
        }
    }

    #[test]
    fn each_block_along_the_axis_has_its_scale() {
        let x: Vec<f32> = (0..10).map(|x| x as f32).collect();
        let attributes =
            |axis: i64, block: i64| [("axis", axis), ("block_size", block), ("output_dtype", I8)];
        // The last block of a row is shorter.
        let got = run((&x, &[2, 5]), (&[1.0, 2.0, 0.5, 4.0], &[2, 2]), None, &attributes(1, 3)).unwrap();
        assert_eq!(got, Value::from_shape([2, 5], vec![0i8, 1, 2, 2, 2, 10, 12, 14, 2, 2]).unwrap());
        let got = run((&x, &[5, 2]), (&[1.0, 2.0, 0.5, 4.0], &[2, 2]), None, &attributes(0, 3)).unwrap();
        assert_eq!(got, Value::from_shape([5, 2], vec![0i8, 0, 2, 2, 4, 2, 12, 2, 16, 2]).unwrap());
    }

    #[test]
    fn operands_that_do_not_fit_are_errors() {
        let zero = Value::from_shape([2], vec![0i8; 2]).unwrap();
        let x: (&[f32], &[usize]) = (&[0.0; 6], &[2, 3]);
        let two: (&[f32], &[usize]) = (&[1.0, 1.0], &[2]);
        let blocks = |axis: i64, block: i64| [("axis", axis), ("block_size", block)];
        let cases = [
            run(x, two, None, &[("axis", 1)]),
            run(x, two, None, &[("axis", 7)]),
            run(x, two, None, &[("axis", i64::MIN)]),
            run(x, (&[1.0], &[]), Some(zero), &[]),
            run(x, (&[1.0; 4], &[2, 2]), None, &[]),
            run(x, two, None, &blocks(1, 2)),
            run(x, (&[1.0; 4], &[2, 2]), None, &blocks(1, -2)),
            run(x, (&[1.0; 4], &[2, 2]), None, &blocks(0, 2)),
            run(x, (&[1.0; 6], &[2, 3]), None, &blocks(1, 2)),
            run(x, (&[1.0; 2], &[1, 2]), None, &blocks(1, 2)),
        ];
        for case in cases {
            assert_eq!(case.unwrap_err().kind(), ErrorKind::Shape);
        }
        let empty = run((&[], &[2, 0]), (&[1.0, 2.0], &[2]), None, &[("axis", 0)]).unwrap();
        assert_eq!(empty.as_view().len(), 0);
    }
}
