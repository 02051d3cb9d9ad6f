//! The operators around a fixed basis, by what they do to the sizes of values.

/// Operators that give the values of their first input another shape, order or type, or select some of them.
///
/// A Concat does so with all of its inputs.
pub(super) const MOVES: [&str; 13] = [
    "Cast",
    "Concat",
    "Dropout",
    "Flatten",
    "Gather",
    "Identity",
    "Pad",
    "Reshape",
    "Slice",
    "Split",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
];

/// Operators that scale and shift values if their other operand is constant: windows, norms, a small epsilon.
pub(super) const SCALES: [&str; 4] = ["Add", "Div", "Mul", "Sub"];

/// Operators that square a value or take its sign away, beside a product of a tensor with itself.
pub(super) const SQUARES: [&str; 5] = ["Abs", "Pow", "ReduceL1", "ReduceL2", "ReduceSumSquare"];

/// Operators behind squares that leave the differences in size between them.
pub(super) const KEEPS_SIZES: [&str; 14] = [
    "Abs",
    "Add",
    "Clip",
    "Div",
    "Max",
    "Min",
    "Mul",
    "Pow",
    "ReduceL2",
    "ReduceMean",
    "ReduceSum",
    "Sqrt",
    "Sub",
    "Sum",
];

/// Operators that transform by a basis of their own. They have no weight, and stay in float anyway.
pub(super) const TRANSFORMS: [&str; 2] = ["DFT", "STFT"];

/// Operators that read no values.
pub(super) const READS_SHAPE: [&str; 2] = ["Shape", "Size"];
