//! Cast to f16, bf16 and e4m3 for the embedded runtime. It has no such tensors, so the result is rounded and
//! stays f32.

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use rten::{Value, ValueView};
use rten_tensor::prelude::*;
use rten_tensor::{Tensor, TensorView};

use super::quantize_linear::e4m3_nearest;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Node;
use crate::onnx::ElementType;

/// Rounds the elements of `x` to the type that the Cast `node` names. Values beyond its range become
/// infinite, in e4m3 the largest number, or NaN if the Cast does not saturate.
///
/// # Errors
/// `Internal` if the result does not fit its shape.
pub(super) fn rounded(node: &Node, x: &ValueView<'_>) -> Result<Value> {
    fn wide<T: Copy>(x: &TensorView<'_, T>, wide: impl Fn(T) -> f32) -> Vec<f32> {
        x.to_contiguous().data().iter().map(|&x| wide(x)).collect()
    }
    let mut values = match x {
        ValueView::FloatTensor(x) => x.to_vec(),
        // Beyond 2^24 this rounds too, which is no difference for f16: such numbers are infinite.
        ValueView::Int32Tensor(x) => wide(x, |x: i32| x as f32),
        ValueView::Int8Tensor(x) => wide(x, f32::from),
        ValueView::UInt8Tensor(x) => wide(x, f32::from),
        _ => {
            let message = format!("node '{}' (Cast): a sequence has no numbers to cast", node.name);
            return Err(
                Error::new(ErrorKind::Format, message).with_remedy("check the model with onnx.checker")
            );
        }
    };
    match i32::try_from(node.int("to", 0)).ok().and_then(ElementType::from_code) {
        Some(ElementType::F16) => round::<f16>(&mut values),
        Some(ElementType::Bf16) => round::<bf16>(&mut values),
        _ => {
            let saturates = node.int("saturate", 1) != 0;
            values.iter_mut().for_each(|x| *x = e4m3_nearest(*x, saturates));
        }
    }
    Tensor::try_from_data(&*x.shape(), values).map(Value::from).map_err(|source| {
        let message = format!("node '{}' (Cast): its result does not fit its shape", node.name);
        Error::new(ErrorKind::Internal, message).with_source(source)
    })
}

/// Rounds to the type `T`, a piece at a time.
fn round<T: Default + Copy>(values: &mut [f32])
where
    [T]: HalfFloatSliceExt,
{
    let mut narrow = [T::default(); 1024];
    for piece in values.chunks_mut(narrow.len()) {
        let narrow = &mut narrow[..piece.len()];
        narrow.convert_from_f32_slice(piece);
        narrow.convert_to_f32_slice(piece);
    }
}
