//! Findings about quantization that TensorRT refuses.

use std::collections::BTreeMap;

use crate::finding::{Finding, counted};

/// The forms that TensorRT refuses.
const REFUSED: &str = "of another type than int8, int4 and e4m3, in blocks of other numbers than int4, or with a zero point other than 0";

/// The result for a tensor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Done {
    /// An activation lost its pair.
    Clipped,
    /// A weight is stored around zero, as int8 or in blocks as int4, with the same values.
    Shifted,
    /// A constant that no convolution or product reads is stored as floating-point numbers.
    Stored,
    /// A weight is stored as floating-point numbers and will be quantized.
    Anew,
    /// The tensor stays as it is.
    Left,
    /// The tensor stays as it is, because only the precision of the model changes.
    Kept,
}

/// Returns a finding for each kind of result, about its tensors.
pub(super) fn findings(done: BTreeMap<Done, Vec<String>>) -> Vec<Finding> {
    done.into_iter().map(|(done, names)| finding(done, names.len()).about(names)).collect()
}

fn finding(done: Done, count: usize) -> Finding {
    match done {
        Done::Clipped => Finding::note(format!(
            "{} of QuantizeLinear and DequantizeLinear that TensorRT refuses, {REFUSED}, are taken out, but for the range to which they clip: what they quantized is planned and calibrated anew",
            counted(count, "pair")
        )),
        Done::Shifted => Finding::note(format!(
            "weights that TensorRT refuses, {REFUSED}, are stored with zero point 0, as int8 or in blocks as int4: their values are exactly the same"
        )),
        Done::Stored => Finding::note(format!(
            "constants that TensorRT does not dequantize, {REFUSED}, are stored as floating-point numbers: their values are \
             exactly the same"
        )),
        Done::Anew => Finding::warning(format!(
            "weights that TensorRT refuses, {REFUSED}, are quantized anew: without a zero point a step is up to twice as wide"
        ))
        .with_remedy("give the float model that they were made from"),
        Done::Left => Finding::warning(format!(
            "the model's own QuantizeLinear and DequantizeLinear are {REFUSED}, which TensorRT refuses"
        ))
        .with_remedy("give the float model, or quantize it symmetrically to int8"),
        Done::Kept => Finding::warning(format!(
            "{} of QuantizeLinear and DequantizeLinear are {REFUSED}, and stay so, although TensorRT refuses them",
            counted(count, "result")
        ))
        .with_remedy("make them anew with 'qdq quantize', or give the float model that they were made from"),
    }
}
