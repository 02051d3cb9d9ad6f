//! The inputs and outputs that a node in half precision has in 16 bits.

use crate::dtype::DataType;
use crate::graph::Node;
use crate::onnx::{FloatType, FloatTypes};

/// Whether input `index` of a node in half precision is 16-bit.
///
/// Some operators take only float32 for some inputs. The region of a Resize stays float32 like its scales.
pub fn input_is_half(node: &Node, index: usize, opset: i64, half: DataType) -> bool {
    if node.is("Resize") && index > 0 {
        return false;
    }
    FloatTypes::of(&node.op, opset).is_some_and(|types| types.input(index, half) == FloatType::Either)
}

/// Whether output `index` of a node in half precision is 16-bit.
pub fn output_is_half(node: &Node, index: usize, opset: i64, half: DataType) -> bool {
    FloatTypes::of(&node.op, opset).is_some_and(|types| types.output(index, half) == FloatType::Either)
}
