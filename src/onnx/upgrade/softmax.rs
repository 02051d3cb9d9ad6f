//! `Softmax`, `LogSoftmax` and `Hardmax`. Before opset 13 they work on all axes from one axis on, after that
//! on one axis.

use super::convert::Conversion;
use crate::error::Result;
use crate::onnx::node::{AttributeValue, NodeSpec};
use crate::tensor::Dim;

/// Keeps the meaning. If all of the axes but one have size 1, that one becomes the axis. Otherwise the input
/// is flattened to two dimensions, and the result gets its shape back.
pub(super) fn one_axis(node: &mut Conversion<'_, '_>) -> Result<bool> {
    let stated = node.take_int("axis")?;
    let axis = stated.unwrap_or(1);
    // Input and output have the same shape. Possibly only one of them is known.
    let shape = node.input(0).or(node.output(0)).shape;
    if let Some(single) = shape.as_deref().and_then(|shape| single_axis(shape, axis)) {
        node.set("axis", AttributeValue::Int(single));
        return Ok(stated != Some(single));
    }
    let input = node.node.input.first().cloned().unwrap_or_default();
    let output = node.node.output.first().cloned().unwrap_or_default();
    let target = match shape.as_deref().and_then(reshape_target) {
        Some(target) => node.ints("shape", &target)?,
        None => node.put_before("shape", "Shape", &[&input], &[]),
    };
    let flat = node.put_before("flat", "Flatten", &[&input], &[("axis", axis)]);
    node.set_input(0, flat);
    let result = node.fresh("flat_result");
    let name = node.fresh("unflat");
    node.node.output = vec![result.clone()];
    node.set("axis", AttributeValue::Int(-1));
    node.after.push(NodeSpec::new("Reshape", &name, &[&result, &target], &[&output]).into_proto());
    Ok(true)
}

/// Returns the only axis from `axis` on that can have another size than 1.
fn single_axis(shape: &[Dim], axis: i64) -> Option<i64> {
    let rank = i64::try_from(shape.len()).ok()?;
    let first = if axis < 0 { axis + rank } else { axis };
    let from = shape.get(usize::try_from(first).ok()?..)?;
    let mut large = (first..).zip(from).filter(|(_, dim)| **dim != Dim::Fixed(1)).map(|(axis, _)| axis);
    let found = large.next().unwrap_or(rank - 1);
    if large.next().is_none() && !from.is_empty() { Some(found) } else { None }
}

/// Makes a target for Reshape that restores `shape`: fixed sizes, and at most one that follows from the
/// others.
fn reshape_target(shape: &[Dim]) -> Option<Vec<i64>> {
    let size = |dim: &Dim| match dim {
        Dim::Fixed(0) => None,
        Dim::Fixed(size) => i64::try_from(*size).ok(),
        Dim::Named(_) | Dim::Unknown => Some(-1),
    };
    let target: Vec<i64> = shape.iter().map(size).collect::<Option<_>>()?;
    Some(target).filter(|target| target.iter().filter(|&&size| size == -1).count() <= 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_single_axis_is_found_among_ones() {
        let fixed = |sizes: &[usize]| sizes.iter().map(|&size| Dim::Fixed(size)).collect::<Vec<_>>();
        let cases: [(&[usize], i64, Option<i64>); 7] = [
            (&[2, 5], 1, Some(1)),
            (&[2, 5, 1, 1], 1, Some(1)),
            (&[2, 5, 3], 1, None),
            (&[2, 5, 3], -1, Some(2)),
            (&[2, 5, 3], 2, Some(2)),
            (&[2, 1, 1], 1, Some(2)),
            (&[2, 5], 2, None),
        ];
        for (shape, axis, expected) in cases {
            assert_eq!(single_axis(&fixed(shape), axis), expected, "{shape:?}, axis {axis}");
        }
        assert_eq!(single_axis(&[Dim::Unknown, Dim::Unknown], 1), Some(1));
    }

    #[test]
    fn one_open_size_follows_from_the_others() {
        assert_eq!(reshape_target(&[Dim::Unknown, Dim::Fixed(3)]), Some(vec![-1, 3]));
        assert_eq!(reshape_target(&[Dim::Unknown, Dim::Unknown]), None);
        assert_eq!(reshape_target(&[Dim::Fixed(0), Dim::Unknown]), None);
    }
}
