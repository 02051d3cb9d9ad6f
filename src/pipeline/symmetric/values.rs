//! The values of scales, zero points and integers.

use crate::dtype::DataType;
use crate::emit::scale::Channels;
use crate::graph::Node;
use crate::onnx::Network;
use crate::runtime::constant_value;
use crate::tensor::{Data, Tensor};

/// Returns the least and the largest value that a node with one scale dequantizes.
///
/// Returns `None` if scale or zero point is not constant, or if there are several of them.
pub(super) fn range_of(network: &Network, node: &Node) -> Option<(f32, f32)> {
    let value = |input: usize| constant_value(network, node.input(input)?).ok();
    let zero_point = match node.input(2) {
        Some(_) => *numbers(&value(2)?)?.first()?,
        None => 0,
    };
    let (least, most) = match network.graph.tensor(node.input(0)?).dtype? {
        DataType::U8 => (0, 255),
        DataType::I8 => (-128, 127),
        DataType::U16 => (0, 65535),
        DataType::I16 => (-32768, 32767),
        DataType::I4 => (-8, 7),
        DataType::U4 => (0, 15),
        _ => return None,
    };
    let scale = match *value(1)?.view().data().to_f32()? {
        [scale] if scale.is_finite() => scale,
        _ => return None,
    };
    Some(((least - zero_point) as f32 * scale, (most - zero_point) as f32 * scale))
}

/// Makes one number of a type.
pub(super) fn scalar(dtype: DataType, value: f32) -> Data {
    Data::from_f32(vec![value], dtype)
}

/// Returns the integers of a constant minus their zero point as int8, or as int4 if they lie in blocks.
/// Returns `None` if that type does not have all of them.
pub(super) fn shifted(network: &Network, node: &Node) -> Option<Tensor> {
    let value = |input: usize| constant_value(network, node.input(input)?).ok();
    let integers = value(0)?;
    let shape = integers.shape().to_vec();
    let zero_points = match node.input(2) {
        Some(_) => numbers(&value(2)?)?,
        None => vec![0],
    };
    let channels = match zero_points.len() {
        1 => Channels::along(0, &shape, 1),
        count => Channels::of(node, &shape, count),
    };
    let numbers = numbers(&integers)?;
    let shifted = numbers.iter().enumerate().map(|(at, number)| {
        let zero_point = zero_points.get(channels.at(at))?;
        i8::try_from(number - zero_point).ok()
    });
    let shifted: Vec<i8> = shifted.collect::<Option<_>>()?;
    // Numbers that int4 does not have make no tensor.
    Tensor::new(shape, if has_blocks(node) { Data::I4(shifted) } else { Data::I8(shifted) }).ok()
}

/// Whether the scales of a node are those of blocks.
pub(super) fn has_blocks(node: &Node) -> bool {
    node.int("block_size", 0) != 0
}

/// Returns the integers of a tensor of at most 16 bits.
fn numbers(tensor: &Tensor) -> Option<Vec<i32>> {
    fn all<T: Copy + Into<i32>>(values: &[T]) -> Vec<i32> {
        values.iter().map(|&value| value.into()).collect()
    }
    Some(match tensor.data() {
        Data::U8(values) | Data::U4(values) => all(values),
        Data::I8(values) | Data::I4(values) => all(values),
        Data::U16(values) => all(values),
        Data::I16(values) => all(values),
        _ => return None,
    })
}
