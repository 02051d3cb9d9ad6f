//! The size of a result, before it is computed: a small file can ask for any amount of memory.

mod values;

use super::MOST_CONSTANT_BYTES;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Node;
use crate::tensor::Tensor;
use values::{by_values, product};

/// The rule that bounds the number of elements of an operator's results.
#[derive(Clone, Copy)]
enum Size {
    /// The shape that the inputs broadcast to.
    Broadcast,
    /// The shape of the first input.
    First,
    /// The sum over all inputs.
    Sum,
    /// One number for each axis.
    Axes,
    /// The values of an input or an attribute decide.
    Values,
}

/// The operators that are computed ahead, by the rule that bounds their results.
///
/// The list leaves out operators that are random, that have state, or whose result grows in a way that is not
/// modelled here.
const OPERATORS: [(Size, &str); 5] = [
    (Size::Broadcast, BROADCAST),
    (Size::First, FIRST),
    (Size::Sum, "Concat"),
    (Size::Axes, "Shape Size"),
    (Size::Values, VALUES),
];

const BROADCAST: &str = "
    Abs Acos Acosh Add And Asin Asinh Atan Atanh BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast CastLike Ceil Celu
    Clip Cos Cosh Div Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual HardSigmoid HardSwish Identity IsInf IsNaN
    LeakyRelu Less LessOrEqual Log Max Mean Min Mish Mod Mul Neg Not Or PRelu Pow Reciprocal Relu Round Selu Shrink Sigmoid
    Sign Sin Sinh Softplus Softsign Sqrt Sub Sum Swish Tan Tanh ThresholdedRelu Where Xor
";

const FIRST: &str = "
    ArgMax ArgMin BatchNormalization BitCast Compress CumSum DepthToSpace DequantizeLinear Dropout EyeLike Flatten
    GatherElements GlobalAveragePool GlobalLpPool GlobalMaxPool GroupNormalization Hardmax InstanceNormalization LRN
    LayerNormalization LogSoftmax LpNormalization MeanVarianceNormalization QuantizeLinear RMSNormalization ReduceL1
    ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Reshape
    ReverseSequence ScatterElements ScatterND Slice Softmax SpaceToDepth Split Squeeze TopK Transpose Trilu Unique Unsqueeze
";

const VALUES: &str = "
    AveragePool ConstantOfShape Conv Det Einsum Expand Gather GatherND Gemm MatMul MaxPool NonZero OneHot Pad Range Resize
    Tile
";

fn size_of(op: &str) -> Option<Size> {
    let is_among = |list: &str| list.split_whitespace().any(|known| known == op);
    OPERATORS.iter().find(|(_, list)| is_among(list)).map(|(size, _)| *size)
}

/// Returns whether the results of `op` can be bounded as soon as its inputs are known.
pub(super) fn is_known(op: &str) -> bool {
    size_of(op).is_some()
}

/// Returns an upper bound for the bytes of the node's results. Expensive work counts as bytes too.
///
/// # Errors
/// `Unsupported`, with the size, if the bound is larger than [`MOST_CONSTANT_BYTES`]; `Unsupported` if the
/// inputs do not give a bound.
pub(super) fn check(node: &Node, inputs: &[Option<Tensor>]) -> Result<u64> {
    let elements = elements(node, inputs);
    let bytes = elements.map(|count| count.saturating_mul(4));
    match bytes {
        Some(bytes) if bytes <= MOST_CONSTANT_BYTES => Ok(bytes),
        Some(bytes) => Err(Error::new(
            ErrorKind::Unsupported,
            format!("it would take {bytes} bytes; constants are computed up to {MOST_CONSTANT_BYTES}"),
        )),
        None => {
            Err(Error::new(ErrorKind::Unsupported, "the size of its result does not follow from its inputs"))
        }
    }
}

/// Returns an upper bound for the number of elements of a result of the node.
fn elements(node: &Node, inputs: &[Option<Tensor>]) -> Option<u64> {
    let shape = |at: usize| inputs.get(at)?.as_ref().map(Tensor::shape);
    let count = |at: usize| Some(product(shape(at)?.iter().map(|&size| size as u64)));
    let given = || inputs.iter().flatten();
    match size_of(&node.op)? {
        Size::Broadcast => {
            let rank = given().map(|input| input.shape().len()).max()?;
            let along = |axis: usize| {
                let sizes = given().filter_map(|input| {
                    let at = (axis + input.shape().len()).checked_sub(rank)?;
                    input.shape().get(at).copied()
                });
                sizes.max().unwrap_or(1) as u64
            };
            Some(product((0..rank).map(along)))
        }
        // GatherElements may read an element more than once, so the number of indices counts.
        Size::First if node.op == "GatherElements" => count(1),
        Size::First => count(0),
        Size::Sum => Some(given().map(|input| product(input.shape().iter().map(|&size| size as u64))).sum()),
        Size::Axes => Some(64),
        Size::Values => by_values(node, inputs),
    }
}

#[cfg(test)]
mod tests;
