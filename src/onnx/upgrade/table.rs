//! The changes between the versions of ONNX's own operators, from opset 7 to [`NEWEST`].

use super::convert::Convert;
use super::{attributes, misc, norm, resize, softmax};

/// The oldest opset that can be raised.
pub(super) const OLDEST: i64 = 7;

/// The newest opset that models are raised to.
pub(super) const NEWEST: i64 = 22;

/// The versions at which an operator gets another form or another meaning.
///
/// All other versions of the operators in [`OPERATORS`] only add features: element types, optional inputs,
/// attributes whose default is the old behaviour. Nodes pass them unchanged.
pub(super) const CHANGES: &[(&str, i64, Convert)] = &[
    ("BatchNormalization", 9, norm::batch_without_spatial),
    ("BatchNormalization", 14, norm::batch_without_statistics),
    ("Clip", 11, attributes::clip),
    ("DFT", 20, attributes::dft),
    ("Dropout", 10, misc::dropout_mask),
    ("Dropout", 12, attributes::dropout),
    ("GridSample", 20, misc::grid_sample),
    ("GroupNormalization", 21, norm::group),
    ("Hardmax", 13, softmax::one_axis),
    ("LogSoftmax", 13, softmax::one_axis),
    ("Pad", 11, attributes::pad),
    ("ReduceL1", 18, attributes::axes),
    ("ReduceL2", 18, attributes::axes),
    ("ReduceLogSum", 18, attributes::axes),
    ("ReduceLogSumExp", 18, attributes::axes),
    ("ReduceMax", 18, attributes::axes),
    ("ReduceMean", 18, attributes::axes),
    ("ReduceMin", 18, attributes::axes),
    ("ReduceProd", 18, attributes::axes),
    ("ReduceSum", 13, attributes::axes),
    ("ReduceSumSquare", 18, attributes::axes),
    ("Resize", 11, resize::explicit_coordinates),
    ("Resize", 13, resize::without_tensorflow_mode),
    ("RoiAlign", 16, misc::roi_align),
    ("Scan", 9, misc::scan),
    ("Scatter", 11, misc::scatter),
    ("Slice", 10, attributes::slice),
    ("Softmax", 13, softmax::one_axis),
    ("Split", 13, attributes::split),
    ("Split", 18, misc::split_outputs),
    ("Squeeze", 13, attributes::axes),
    ("TopK", 10, attributes::top_k),
    ("Unsqueeze", 13, attributes::axes),
    ("Upsample", 9, attributes::upsample),
    ("Upsample", 10, resize::from_upsample),
];

/// Returns the IR version that came with an opset.
pub(super) fn ir_version(opset: i64) -> i64 {
    match opset {
        ..=8 => 3,
        9 => 4,
        10 => 5,
        11 => 6,
        12..=14 => 7,
        15..=18 => 8,
        19 | 20 => 9,
        _ => 10,
    }
}

/// Every operator of ONNX's own domain up to [`NEWEST`], sorted.
#[rustfmt::skip]
pub(super) const OPERATORS: &[&str] = &[
    "Abs", "Acos", "Acosh", "Add", "AffineGrid", "And", "ArgMax", "ArgMin", "Asin", "Asinh", "Atan",
    "Atanh", "AveragePool", "BatchNormalization", "Bernoulli", "BitShift", "BitwiseAnd", "BitwiseNot",
    "BitwiseOr", "BitwiseXor", "BlackmanWindow", "Cast", "CastLike", "Ceil", "Celu", "CenterCropPad",
    "Clip", "Col2Im", "Compress", "Concat", "ConcatFromSequence", "Constant", "ConstantOfShape", "Conv",
    "ConvInteger", "ConvTranspose", "Cos", "Cosh", "CumSum", "DFT", "DeformConv", "DepthToSpace",
    "DequantizeLinear", "Det", "Div", "Dropout", "DynamicQuantizeLinear", "Einsum", "Elu", "Equal", "Erf",
    "Exp", "Expand", "EyeLike", "Flatten", "Floor", "GRU", "Gather", "GatherElements", "GatherND", "Gelu",
    "Gemm", "GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool", "Greater", "GreaterOrEqual", "GridSample",
    "GroupNormalization", "HammingWindow", "HannWindow", "HardSigmoid", "HardSwish", "Hardmax", "Identity",
    "If", "ImageDecoder", "InstanceNormalization", "IsInf", "IsNaN", "LRN", "LSTM", "LayerNormalization",
    "LeakyRelu", "Less", "LessOrEqual", "Log", "LogSoftmax", "Loop", "LpNormalization", "LpPool", "MatMul",
    "MatMulInteger", "Max", "MaxPool", "MaxRoiPool", "MaxUnpool", "Mean", "MeanVarianceNormalization",
    "MelWeightMatrix", "Min", "Mish", "Mod", "Mul", "Multinomial", "Neg", "NegativeLogLikelihoodLoss",
    "NonMaxSuppression", "NonZero", "Not", "OneHot", "Optional", "OptionalGetElement", "OptionalHasElement",
    "Or", "PRelu", "Pad", "Pow", "QLinearConv", "QLinearMatMul", "QuantizeLinear", "RNN", "RandomNormal",
    "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Range", "Reciprocal", "ReduceL1", "ReduceL2",
    "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum",
    "ReduceSumSquare", "RegexFullMatch", "Relu", "Reshape", "Resize", "ReverseSequence", "RoiAlign",
    "Round", "STFT", "Scan", "Scatter", "ScatterElements", "ScatterND", "Selu", "SequenceAt",
    "SequenceConstruct", "SequenceEmpty", "SequenceErase", "SequenceInsert", "SequenceLength",
    "SequenceMap", "Shape", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Size", "Slice", "Softmax",
    "SoftmaxCrossEntropyLoss", "Softplus", "Softsign", "SpaceToDepth", "Split", "SplitToSequence", "Sqrt",
    "Squeeze", "StringConcat", "StringNormalizer", "StringSplit", "Sub", "Sum", "Tan", "Tanh",
    "TfIdfVectorizer", "ThresholdedRelu", "Tile", "TopK", "Transpose", "Trilu", "Unique", "Unsqueeze",
    "Upsample", "Where", "Xor",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted_and_agree() {
        assert!(OPERATORS.is_sorted());
        assert!(CHANGES.is_sorted_by_key(|&(op, version, _)| (op, version)));
        for (op, version, _) in CHANGES {
            assert!(OPERATORS.binary_search(op).is_ok(), "{op}");
            assert!((OLDEST + 1..=NEWEST).contains(version), "{op}");
        }
    }
}
