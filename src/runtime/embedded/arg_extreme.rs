//! ArgMax and ArgMin for the embedded runtime: among equal values rten takes the last one, ONNX the first.

use rten::{Value, ValueView};
use rten_tensor::prelude::*;
use rten_tensor::{Tensor, TensorView};

use crate::error::{Error, ErrorKind, Result};
use crate::graph::Node;
use crate::runtime::USE_ONNXRUNTIME;

/// Returns the position of the first largest (ArgMax) or smallest (ArgMin) value along an axis.
///
/// A NaN wins against every number, and the first NaN wins. `node` gives `axis` (default 0, negative from the
/// end) and `keepdims` (default 1).
///
/// # Errors
/// `Unsupported` for types other than f32 and i32; `Shape` if the axis does not exist or has size 0.
pub(super) fn arg_extreme(node: &Node, x: &ValueView<'_>) -> Result<Value> {
    let largest = node.is("ArgMax");
    match x {
        ValueView::FloatTensor(x) => first(node, x, |x, best| {
            !best.is_nan() && (x.is_nan() || if largest { x > best } else { x < best })
        }),
        ValueView::Int32Tensor(x) => first(node, x, |x, best| if largest { x > best } else { x < best }),
        _ => Err(Error::new(
            ErrorKind::Unsupported,
            format!("node '{}' ({}): the embedded runtime takes only f32 and i32", node.name, node.op),
        )
        .with_remedy(USE_ONNXRUNTIME)),
    }
}

fn first<T: Copy>(node: &Node, x: &TensorView<'_, T>, better: impl Fn(T, T) -> bool) -> Result<Value> {
    let mut shape = x.shape().to_vec();
    let axis = match node.int("axis", 0) {
        axis if axis < 0 => axis.saturating_add(shape.len() as i64),
        axis => axis,
    };
    let axis = usize::try_from(axis).ok().filter(|&axis| shape.get(axis).is_some_and(|&size| size > 0));
    let axis = axis.ok_or_else(|| {
        Error::new(
            ErrorKind::Shape,
            format!("node '{}' ({}): shape {shape:?} has nothing along its axis", node.name, node.op),
        )
        .with_remedy("give data of the shape that the model is made for")
    })?;
    let size = shape[axis];
    let inner: usize = shape[axis + 1..].iter().product();
    let x = x.to_contiguous();
    let mut found: Vec<i32> = Vec::with_capacity(x.data().len() / size);
    // chunks() needs a size above 0, even for an empty tensor.
    for slice in x.data().chunks((size * inner).max(1)) {
        for column in 0..inner {
            let values = slice.iter().skip(column).step_by(inner).copied().enumerate();
            let best = values.reduce(|best, new| if better(new.1, best.1) { new } else { best });
            found.extend(best.map(|(position, _)| position as i32));
        }
    }
    if node.int("keepdims", 1) == 0 {
        shape.remove(axis);
    } else {
        shape[axis] = 1;
    }
    Tensor::try_from_data(shape.as_slice(), found).map(Value::from).map_err(|source| {
        Error::new(ErrorKind::Internal, format!("node '{}' ({})", node.name, node.op)).with_source(source)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Attribute;

    fn run(op: &str, axis: i64, keepdims: i64, x: &[f32], shape: &[usize]) -> Result<Value> {
        let attributes = [("axis", axis), ("keepdims", keepdims)];
        let node = Node {
            name: "n".to_owned(),
            op: op.to_owned(),
            domain: String::new(),
            inputs: vec![],
            outputs: vec![],
            attributes: attributes.map(|(name, value)| (name.to_owned(), Attribute::Int(value))).into(),
            captures: vec![],
            nested: Vec::new(),
        };
        arg_extreme(&node, &ValueView::from_shape(shape, x).unwrap())
    }

    #[test]
    fn the_first_of_equal_values_is_taken() {
        let x = [2.0, 7.0, 7.0, 1.0, 1.0, f32::NAN, 0.0, -0.0, f32::NAN, f32::NAN, 9.0, 0.0];
        let value = |shape: &[usize], found: &[i32]| Value::from_shape(shape, found.to_vec()).unwrap();
        let cases = [
            ("ArgMax", -1, 0, value(&[4], &[1, 2, 2, 0])),
            ("ArgMin", 1, 1, value(&[4, 1], &[0, 2, 2, 0])),
            ("ArgMax", 0, 1, value(&[1, 3], &[3, 3, 1])),
        ];
        for (op, axis, keepdims, expected) in cases {
            assert_eq!(run(op, axis, keepdims, &x, &[4, 3]).unwrap(), expected, "{op} {axis}");
        }
    }

    #[test]
    fn an_axis_without_elements_is_an_error() {
        for (axis, shape) in [(2, &[1, 1][..]), (-3, &[1, 1]), (i64::MIN, &[1, 1]), (0, &[])] {
            assert_eq!(run("ArgMax", axis, 1, &[1.0], shape).unwrap_err().kind(), ErrorKind::Shape);
        }
        assert_eq!(run("ArgMax", 0, 1, &[], &[0, 3]).unwrap_err().kind(), ErrorKind::Shape);
        assert_eq!(run("ArgMax", 1, 0, &[], &[0, 3]).unwrap().as_view().len(), 0);
    }
}
