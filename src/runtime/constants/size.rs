//! How large a result becomes, before it is computed: a file of some bytes can ask for any amount of memory.

use super::MOST_CONSTANT_BYTES;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Node;
use crate::tensor::{Data, Tensor};

/// What bounds the number of elements of an operator's results.
#[derive(Clone, Copy)]
enum Size {
    /// The shape that the inputs broadcast to.
    Broadcast,
    /// That of the first input.
    First,
    /// All inputs together.
    Sum,
    /// As many numbers as axes.
    Axes,
    /// The values of an input or an attribute have a say.
    Values,
}

/// Operators that are computed ahead. What is random, has state, or grows in a way that is not known here is not among them.
fn size_of(op: &str) -> Option<Size> {
    Some(match op {
        "Abs" | "Acos" | "Acosh" | "Add" | "And" | "Asin" | "Asinh" | "Atan" | "Atanh" | "BitShift"
        | "BitwiseAnd" | "BitwiseNot" | "BitwiseOr" | "BitwiseXor" | "Cast" | "CastLike" | "Ceil"
        | "Celu" | "Clip" | "Cos" | "Cosh" | "Div" | "Elu" | "Equal" | "Erf" | "Exp" | "Floor" | "Gelu"
        | "Greater" | "GreaterOrEqual" | "HardSigmoid" | "HardSwish" | "Identity" | "IsInf" | "IsNaN"
        | "LeakyRelu" | "Less" | "LessOrEqual" | "Log" | "Max" | "Mean" | "Min" | "Mish" | "Mod" | "Mul"
        | "Neg" | "Not" | "Or" | "PRelu" | "Pow" | "Reciprocal" | "Relu" | "Round" | "Selu" | "Shrink"
        | "Sigmoid" | "Sign" | "Sin" | "Sinh" | "Softplus" | "Softsign" | "Sqrt" | "Sub" | "Sum" | "Tan"
        | "Tanh" | "ThresholdedRelu" | "Where" | "Xor" => Size::Broadcast,
        "ArgMax"
        | "ArgMin"
        | "BatchNormalization"
        | "CumSum"
        | "DepthToSpace"
        | "DequantizeLinear"
        | "EyeLike"
        | "Flatten"
        | "GatherElements"
        | "GlobalAveragePool"
        | "GlobalMaxPool"
        | "Hardmax"
        | "InstanceNormalization"
        | "LayerNormalization"
        | "LogSoftmax"
        | "LpNormalization"
        | "QuantizeLinear"
        | "ReduceL1"
        | "ReduceL2"
        | "ReduceLogSum"
        | "ReduceLogSumExp"
        | "ReduceMax"
        | "ReduceMean"
        | "ReduceMin"
        | "ReduceProd"
        | "ReduceSum"
        | "ReduceSumSquare"
        | "Reshape"
        | "ReverseSequence"
        | "ScatterElements"
        | "ScatterND"
        | "Slice"
        | "Softmax"
        | "SpaceToDepth"
        | "Split"
        | "Squeeze"
        | "Transpose"
        | "Trilu"
        | "Unsqueeze" => Size::First,
        "Concat" => Size::Sum,
        "Shape" | "Size" => Size::Axes,
        "ConstantOfShape" | "Expand" | "Gather" | "Gemm" | "MatMul" | "OneHot" | "Pad" | "Range" | "Tile" => {
            Size::Values
        }
        _ => return None,
    })
}

/// Whether results of `op` can be bounded once its inputs are known.
pub(super) fn is_known(op: &str) -> bool {
    size_of(op).is_some()
}

/// Refuses a node whose results may take more than [`MOST_CONSTANT_BYTES`], or about as much work.
///
/// # Errors
/// `Unsupported`, with the size.
pub(super) fn check(node: &Node, inputs: &[Option<Tensor>]) -> Result<()> {
    let elements = elements(node, inputs);
    let bytes = elements.map(|count| count.saturating_mul(4));
    match bytes {
        Some(bytes) if bytes <= MOST_CONSTANT_BYTES => Ok(()),
        Some(bytes) => Err(Error::new(
            ErrorKind::Unsupported,
            format!("it would take {bytes} bytes; constants are computed up to {MOST_CONSTANT_BYTES}"),
        )),
        None => {
            Err(Error::new(ErrorKind::Unsupported, "the size of its result does not follow from its inputs"))
        }
    }
}

/// The most elements that a result of the node has.
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
        // Elements may be gathered more often than once, so that the indices count.
        Size::First if node.op == "GatherElements" => count(1),
        Size::First => count(0),
        Size::Sum => Some(given().map(|input| product(input.shape().iter().map(|&size| size as u64))).sum()),
        Size::Axes => Some(64),
        Size::Values => by_values(node, inputs),
    }
}

fn by_values(node: &Node, inputs: &[Option<Tensor>]) -> Option<u64> {
    let input = |at: usize| inputs.get(at)?.as_ref();
    let shape = |at: usize| -> Option<Vec<u64>> {
        Some(input(at)?.shape().iter().map(|&size| size as u64).collect())
    };
    let count = |at: usize| Some(product(shape(at)?.into_iter()));
    let sizes = |at: usize| -> Option<Vec<u64>> {
        Some(numbers(input(at)?)?.into_iter().map(|number| number.max(0.0) as u64).collect())
    };
    match node.op.as_str() {
        "ConstantOfShape" => Some(product(sizes(0)?.into_iter())),
        "Expand" => {
            let (own, wanted) = (shape(0)?, sizes(1)?);
            let rank = own.len().max(wanted.len());
            let at =
                |dims: &[u64], axis: usize| (axis + dims.len()).checked_sub(rank).map_or(1, |at| dims[at]);
            Some(product((0..rank).map(|axis| at(&own, axis).max(at(&wanted, axis)))))
        }
        "Tile" => Some(count(0)?.saturating_mul(product(sizes(1)?.into_iter()))),
        "Gather" => {
            let own = shape(0)?;
            let rank = own.len() as i64;
            let axis = node.int("axis", 0);
            let axis = usize::try_from(if axis < 0 { axis + rank } else { axis }).ok()?;
            let rest = own.iter().enumerate().filter(|(at, _)| *at != axis).map(|(_, size)| *size);
            Some(product(rest).saturating_mul(count(1)?))
        }
        "OneHot" => Some(count(0)?.saturating_mul(numbers(input(1)?)?.first()?.max(0.0) as u64)),
        "Pad" => {
            let more: u64 = sizes(1)?.into_iter().fold(0, u64::saturating_add);
            Some(product(shape(0)?.into_iter().map(|size| size.saturating_add(more))))
        }
        "Range" => {
            let number = |at: usize| numbers(input(at)?)?.first().copied();
            let steps = (number(1)? - number(0)?) / number(2)?;
            steps.is_finite().then(|| steps.max(0.0).ceil() as u64)
        }
        "Gemm" | "MatMul" => {
            let (a, b) = (shape(0)?, shape(1)?);
            let inner = match node.int("transA", 0) {
                0 => *a.last()?,
                _ => *a.first()?,
            };
            let columns = match (node.op.as_str(), node.int("transB", 0), b.len()) {
                (_, _, 1) => 1,
                ("Gemm", 1.., _) => *b.first()?,
                _ => *b.last()?,
            };
            let rows = count(0)?.checked_div(inner)?;
            let stacked = count(1)?.checked_div(inner.saturating_mul(columns))?.max(1);
            let result = rows.saturating_mul(columns).saturating_mul(stacked);
            // A product takes work that its size does not show.
            Some(result.max(result.saturating_mul(inner) / 256))
        }
        _ => None,
    }
}

fn product(sizes: impl Iterator<Item = u64>) -> u64 {
    sizes.fold(1, u64::saturating_mul)
}

fn numbers(tensor: &Tensor) -> Option<Vec<f64>> {
    match tensor.data() {
        Data::I64(values) => Some(values.iter().map(|&value| value as f64).collect()),
        Data::I32(values) => Some(values.iter().map(|&value| f64::from(value)).collect()),
        Data::F32(values) => Some(values.iter().map(|&value| f64::from(value)).collect()),
        Data::F64(values) => Some(values.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Attribute;

    fn node(op: &str, attributes: &[(&str, i64)]) -> Node {
        Node {
            name: String::new(),
            op: op.to_owned(),
            domain: String::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            attributes: attributes
                .iter()
                .map(|&(name, value)| (name.to_owned(), Attribute::Int(value)))
                .collect(),
            captures: Vec::new(),
            nested: Vec::new(),
        }
    }

    fn zeros(shape: &[usize]) -> Option<Tensor> {
        Tensor::new(shape.to_vec(), vec![0f32; shape.iter().product()]).ok()
    }

    fn ints(values: &[i64]) -> Option<Tensor> {
        Tensor::new(vec![values.len()], values.to_vec()).ok()
    }

    #[test]
    fn sizes_are_bounded_before_anything_is_computed() {
        let cases: Vec<(Node, Vec<Option<Tensor>>, u64)> = vec![
            (node("Mul", &[]), vec![zeros(&[4, 1]), zeros(&[3, 1, 5])], 60),
            (node("Reshape", &[]), vec![zeros(&[4, 6]), ints(&[-1])], 24),
            (node("Concat", &[]), vec![zeros(&[4]), zeros(&[5])], 9),
            (node("ConstantOfShape", &[]), vec![ints(&[1 << 40, 1 << 40])], u64::MAX),
            (node("Expand", &[]), vec![zeros(&[3, 1]), ints(&[2, 1, 7])], 42),
            (node("Tile", &[]), vec![zeros(&[3, 2]), ints(&[2, 4])], 48),
            (node("Gather", &[("axis", -1)]), vec![zeros(&[3, 2]), ints(&[0, 1, 0, 1])], 12),
            (node("MatMul", &[]), vec![zeros(&[2, 3, 4]), zeros(&[4, 5])], 30),
            (node("Gemm", &[("transA", 1), ("transB", 1)]), vec![zeros(&[4, 6]), zeros(&[5, 4])], 30),
            (node("Range", &[]), vec![ints(&[0]), ints(&[10]), ints(&[3])], 4),
        ];
        for (node, inputs, expected) in cases {
            assert_eq!(elements(&node, &inputs), Some(expected), "{}", node.op);
        }
        assert!(check(&node("ConstantOfShape", &[]), &[ints(&[1 << 20, 1 << 20])]).is_err());
        assert!(!is_known("RandomNormal") && !is_known("Dropout") && !is_known("Loop"));
    }
}
