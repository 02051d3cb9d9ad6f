//! Scales in the type of the data.
//!
//! From opset 19 on, QuantizeLinear and DequantizeLinear have scales of 16 bits, so that 16-bit data needs no
//! Cast around its pair. The step is rounded to the type before anything is quantized with it. Hardware may
//! replace a subnormal step by 0, so no step is subnormal.

use crate::dtype::DataType;
use crate::e4m3;
use crate::emit::Ranges;
use crate::error::Result;
use crate::graph::Node;
use crate::onnx::Network;
use crate::place::{Format, Plan};
use crate::precision::{Half, MOST_RAISED};
use crate::tensor::{Data, DataView, Tensor};

/// The first opset with scales of 16 bits.
pub const OPSET: i64 = 19;

/// Returns the type of the scales for data of type `dtype` in a model of this opset: f16 or bf16 from
/// [`OPSET`] on if the data has this type, and else f32.
pub fn type_for(dtype: Option<DataType>, opset: i64) -> DataType {
    dtype.filter(|dtype| dtype.is_half() && opset >= OPSET).unwrap_or(DataType::F32)
}

/// Returns the step rounded to a type of scales.
///
/// Returns `None` if the result is not a normal number: the step is below 2^-14 or above 65504 for f16.
pub fn held(step: f32, dtype: DataType) -> Option<f32> {
    let Some(half) = Half::of(dtype) else { return Some(step) };
    Some(half.round(step)).filter(|step| step.is_finite() && *step >= half.smallest_normal())
}

/// Returns the step rounded to a type of scales, and at least the smallest normal number of the type.
///
/// This is for weights, which can be quantized with a larger step. A step above the largest number of the
/// type becomes infinite; no weight of the type has one.
pub fn raised(step: f32, dtype: DataType) -> f32 {
    Half::of(dtype).map_or(step, |half| half.round(step).max(half.smallest_normal()))
}

/// Returns the step of an activation's range in a type of scales, raised as far as the format has headroom.
///
/// Returns `None` if the type does not hold it.
pub fn of_range(amax: f32, format: Format, dtype: DataType) -> Option<f32> {
    let step = format.step(amax);
    held(step, dtype).or_else(|| {
        let raised = raised(step, dtype);
        (raised <= step * format.rules().headroom).then_some(raised)
    })
}

/// The channels of a weight: the elements that share a step.
pub(crate) struct Channels {
    /// The elements in a row that belong to one channel.
    inner: usize,
    count: usize,
    /// The size of the axis and of its blocks, if each block has a step for every element of the other axes.
    blocks: Option<(usize, usize)>,
}

impl Channels {
    /// Returns the channels of the integers of a Dequantize with `count` steps.
    pub fn of(node: &Node, shape: &[usize], count: usize) -> Self {
        let axis = node.int("axis", 1);
        let axis = if axis < 0 { axis + shape.len() as i64 } else { axis };
        let axis = usize::try_from(axis).unwrap_or_default();
        let block = usize::try_from(node.int("block_size", 0)).ok().filter(|&block| block > 0);
        let blocks = shape.get(axis).copied().zip(block);
        match blocks {
            Some(_) => Self { inner: shape[axis + 1..].iter().product::<usize>().max(1), count, blocks },
            None => Self::along(axis, shape, count),
        }
    }

    /// Returns the channels along an axis.
    pub fn along(axis: usize, shape: &[usize], count: usize) -> Self {
        let inner = shape.get(axis + 1..).map_or(1, |sizes| sizes.iter().product());
        let inner = if count == 1 { usize::MAX } else { usize::max(inner, 1) };
        Self { inner, count: count.max(1), blocks: None }
    }

    /// Returns the channel of element `index`.
    pub fn at(&self, index: usize) -> usize {
        let row = index / self.inner;
        match self.blocks {
            Some((size, block)) => {
                let first = row / size * size.div_ceil(block) + row % size / block;
                (first * self.inner + index % self.inner).min(self.count.saturating_sub(1))
            }
            None => row % self.count,
        }
    }
}

/// Returns the numbers of a stored weight whose steps may be raised: integers or e4m3, around zero.
pub(crate) fn stored_numbers(stored: DataView<'_>) -> Option<Vec<f32>> {
    Some(match stored {
        DataView::I8(values) | DataView::I4(values) => values.iter().map(|&q| q.into()).collect(),
        DataView::F8E4M3(codes) => codes.iter().map(|&code| e4m3::decode(code)).collect(),
        _ => return None,
    })
}

/// Returns the stored form of smaller numbers than those of [`stored_numbers`], rounded.
pub(crate) fn stored_again(numbers: Vec<f64>, dtype: DataType) -> Data {
    let integers = |numbers: Vec<f64>| numbers.into_iter().map(|x| x.round_ties_even() as i8).collect();
    match dtype {
        DataType::F8E4M3 => Data::F8E4M3(numbers.into_iter().map(|x| e4m3::encode(x as f32)).collect()),
        DataType::I4 => Data::I4(integers(numbers)),
        _ => Data::I8(integers(numbers)),
    }
}

/// Returns the share of a weight's energy in the channels whose steps the 16-bit type cannot hold. `values`
/// are the elements in order.
pub(crate) fn raised_share(
    values: impl Iterator<Item = f64>,
    channels: &Channels,
    steps: &[f32],
    dtype: DataType,
) -> f64 {
    let is_raised: Vec<bool> = steps.iter().map(|&step| held(step, dtype).is_none()).collect();
    let (mut all, mut raised) = (0.0, 0.0);
    for (at, value) in values.enumerate() {
        all += value * value;
        raised += if is_raised[channels.at(at)] { value * value } else { 0.0 };
    }
    if all > 0.0 { raised / all } else { 0.0 }
}

/// Returns the steps of a weight that a type of scales holds.
///
/// Returns `None` if raising the steps that are too small would touch more than dead channels: then the
/// steps stay f32.
pub(crate) fn of_weights(
    steps: &[f32],
    values: &[f32],
    channels: &Channels,
    dtype: DataType,
) -> Option<Vec<f32>> {
    let share = raised_share(values.iter().map(|&x| f64::from(x)), channels, steps, dtype);
    (share <= MOST_RAISED).then(|| steps.iter().map(|&step| raised(step, dtype)).collect())
}

/// Makes the tensor of steps that [`held`] or [`raised`] returned for this type.
pub(super) fn tensor(shape: Vec<usize>, steps: Vec<f32>, dtype: DataType) -> Result<Tensor> {
    Tensor::new(shape, Data::from_f32(steps, dtype))
}

/// Lists the tensors that `plan` quantizes and whose step their 16-bit type cannot hold.
///
/// They are cast to f32 before their pair, and back behind it.
pub fn not_held<'n>(network: &'n Network, plan: &Plan, ranges: &Ranges) -> Vec<&'n str> {
    let opset = network.model.opset();
    let found = plan.activations.iter().filter_map(|planned| {
        let tensor = network.graph.tensor(planned.tensor);
        let amax = ranges.get(&tensor.name)?;
        let step = of_range(amax, planned.format, type_for(tensor.dtype, opset));
        step.is_none().then_some(tensor.name.as_str())
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Attribute;

    #[test]
    fn a_step_is_a_normal_number_of_its_type_or_none() {
        let smallest = 2f32.powi(-14);
        for (step, expected) in [
            (0.1, Some(0.099_975_586)),
            (smallest, Some(smallest)),
            // This rounds up to the smallest normal number.
            (smallest * 0.999_99, Some(smallest)),
            (smallest * 0.99, None),
            (65504.0, Some(65504.0)),
            (65520.0, None),
            (f32::MIN_POSITIVE, None),
        ] {
            assert_eq!(held(step, DataType::F16), expected, "{step:e}");
            assert_eq!(held(step, DataType::F32), Some(step));
            assert_eq!(raised(step, DataType::F32), step);
            if step < 65520.0 {
                assert_eq!(raised(step, DataType::F16), expected.unwrap_or(smallest), "{step:e}");
            }
        }
        assert_eq!(held(f32::MIN_POSITIVE, DataType::Bf16), Some(f32::MIN_POSITIVE));
        assert_eq!(held(0.1, DataType::Bf16), Some(0.100_097_656));
        assert_eq!(held(f32::MAX, DataType::Bf16), None);
        assert_eq!(raised(1e-39, DataType::Bf16), f32::MIN_POSITIVE);
    }

    #[test]
    fn blocks_have_a_step_for_each_element_of_the_other_axes() {
        let attributes = [("axis", 1), ("block_size", 2)];
        let attributes = attributes.map(|(name, value)| (name.to_owned(), Attribute::Int(value)));
        let node = Node { attributes: attributes.into(), ..Node::default() };
        // Two rows of three elements with two columns each: the second block of a row is shorter.
        let channels = Channels::of(&node, &[2, 3, 2], 8);
        let steps: Vec<usize> = (0..12).map(|at| channels.at(at)).collect();
        assert_eq!(steps, [0, 1, 0, 1, 2, 3, 4, 5, 4, 5, 6, 7]);
    }

    #[test]
    fn scales_have_the_type_of_the_data_from_opset_19_on() {
        use DataType::{Bf16, F16, F32, F64};
        for (dtype, opset, expected) in [
            (Some(F16), 18, F32),
            (Some(F16), 19, F16),
            (Some(Bf16), 21, Bf16),
            (Some(F32), 21, F32),
            (Some(F64), 21, F32),
            (None, 21, F32),
        ] {
            assert_eq!(type_for(dtype, opset), expected, "{dtype:?} {opset}");
        }
    }
}
