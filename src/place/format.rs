//! The formats of quantized numbers: what each quantizes, and how.
//!
//! A format is a table of rules. The next one is a table more, and an emitter for its element type.

use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Node;
use crate::quant::step;

use super::einsum;

/// The format of quantized numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Weights and activations as 8-bit integers.
    #[default]
    Int8,
    /// Weights and activations as 8-bit floats (e4m3).
    Fp8,
    /// Weights as 8-bit integers, beside activations in floating point.
    Int8Weights,
    /// Weights as 4-bit integers in blocks, beside activations in floating point.
    Int4Weights,
}

/// The attentions whose two products a format quantizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttentionRule {
    /// Those over at most this number of keys.
    Keys(u64),
    /// Those whose heads have a size above the first number, and at most the second.
    HeadSize(u64, u64),
    /// None: a product of two activations has no weight.
    Never,
}

/// The rules of a format.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FormatRules {
    /// The name in options, reasons and files.
    pub name: &'static str,
    /// The words for nodes of this format after their number.
    pub effect: &'static str,
    /// The least opset whose Quantize and Dequantize have the format.
    pub opset: i64,
    /// The type of quantized numbers.
    pub element: DataType,
    /// The largest quantized number, which stands for amax.
    pub largest: f32,
    /// The factor by which a scale may exceed amax / `largest` without loss, so that a 16-bit type holds it.
    /// Numbers with an exponent stay as exact with a larger scale.
    pub headroom: f32,
    /// The operators with weights that are quantized. `Einsum` stands for those that are products.
    pub operators: &'static [&'static str],
    /// The operators that are quantized too if the user asks for the weights of convolutions.
    pub on_request: &'static [&'static str],
    /// Whether activations are quantized, and not weights alone.
    pub activations: bool,
    /// Whether weights that are the left operand of a product are quantized.
    pub left_weights: bool,
    /// Whether depthwise convolutions are quantized.
    pub depthwise: bool,
    /// The attentions whose products are quantized.
    pub attention: AttentionRule,
    /// The operators that select quantized values and get pairs of their own.
    pub selects: &'static [&'static str],
    /// The possible numbers of weights in a row along the input axis that share a scale. The first that
    /// divides the axis is taken. If the list is empty, the scales are those of output channels.
    pub blocks: &'static [usize],
}

/// The largest number of keys of an attention whose products are quantized to INT8.
///
/// TensorRT-RTX 1.7 moves 11% fewer bytes with INT8 than with FP16 products at 512 keys, and 59% more at 520.
pub const MOST_KEYS: u64 = 512;

const INT8: FormatRules = FormatRules {
    name: "int8",
    effect: "compute in INT8",
    opset: 13,
    element: DataType::I8,
    largest: 127.0,
    headroom: 1.0,
    operators: &["Conv", "ConvTranspose", "Gemm", "MatMul", "Einsum"],
    on_request: &[],
    activations: true,
    left_weights: true,
    depthwise: true,
    attention: AttentionRule::Keys(MOST_KEYS),
    selects: &["MaxPool", "Concat", "Split", "Slice", "Gather"],
    blocks: &[],
};

/// TensorRT has FP8 kernels for convolutions that are not depthwise, products and whole attentions. An
/// attention of any length stays one kernel (`tests/trt_rtx/FORMATS.md`).
const FP8: FormatRules = FormatRules {
    name: "fp8",
    effect: "compute in FP8",
    opset: 19,
    element: DataType::F8E4M3,
    largest: 448.0,
    headroom: 16.0,
    operators: &["Conv", "Gemm", "MatMul", "Einsum"],
    on_request: &[],
    activations: true,
    left_weights: true,
    depthwise: false,
    attention: AttentionRule::HeadSize(8, 256),
    selects: &["Concat", "Split", "Slice", "Gather"],
    blocks: &[],
};

const INT8_WEIGHTS: FormatRules = FormatRules {
    name: "int8-weights",
    effect: "have INT8 weights",
    opset: 13,
    element: DataType::I8,
    largest: 127.0,
    headroom: 1.0,
    operators: &["Gemm", "MatMul", "Einsum"],
    on_request: &["Conv"],
    activations: false,
    left_weights: true,
    depthwise: true,
    attention: AttentionRule::Never,
    selects: &[],
    blocks: &[],
};

/// TensorRT-RTX 1.7 crashes at 4-bit weights that are the left operand.
const INT4_WEIGHTS: FormatRules = FormatRules {
    name: "int4-weights",
    effect: "have INT4 weights",
    opset: 21,
    element: DataType::I4,
    largest: 7.0,
    headroom: 1.0,
    operators: &["Gemm", "MatMul"],
    on_request: &[],
    activations: false,
    left_weights: false,
    depthwise: false,
    attention: AttentionRule::Never,
    selects: &[],
    blocks: &[128, 64],
};

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Int8, Self::Fp8, Self::Int8Weights, Self::Int4Weights];

    /// Returns the rules of the format.
    pub const fn rules(self) -> &'static FormatRules {
        match self {
            Self::Int8 => &INT8,
            Self::Fp8 => &FP8,
            Self::Int8Weights => &INT8_WEIGHTS,
            Self::Int4Weights => &INT4_WEIGHTS,
        }
    }

    /// Returns the name in options, reasons and files.
    pub const fn name(self) -> &'static str {
        self.rules().name
    }

    /// Returns the format with this [`name`](Self::name).
    ///
    /// # Errors
    /// `InvalidArgument` if there is none.
    pub fn from_name(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name).ok_or_else(|| {
            Error::new(ErrorKind::InvalidArgument, format!("'{name}' is no format"))
                .with_remedy(format!("choose {}", either(&Self::ALL.map(Self::name))))
        })
    }

    /// Returns the scale of a range: amax divided by the largest quantized number ([`step`]).
    pub fn step(self, amax: f32) -> f32 {
        step(amax, self.rules().largest)
    }

    /// Returns the reason why the format leaves the operator of `node` as it is; `None` if it quantizes it.
    pub(super) fn refusal(self, node: &Node, conv_weights: bool) -> Option<String> {
        let rules = self.rules();
        let is_one_of = |operators: &[&str]| {
            operators.iter().any(|op| node.is(op) && (*op != "Einsum" || einsum::is_product(node)))
        };
        let is_taken = is_one_of(rules.operators) || (conv_weights && is_one_of(rules.on_request));
        (!is_taken).then(|| format!("{} is for {} alone", rules.name, all_of(rules.operators)))
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::from_name(name)
    }
}

/// Writes "a, b and c".
pub(super) fn all_of<Word: AsRef<str>>(words: &[Word]) -> String {
    joined(words, "and")
}

/// Writes "a, b or c".
pub(super) fn either<Word: AsRef<str>>(words: &[Word]) -> String {
    joined(words, "or")
}

fn joined<Word: AsRef<str>>(words: &[Word], last_word: &str) -> String {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    match words.as_slice() {
        [others @ .., last] if !others.is_empty() => format!("{} {last_word} {last}", others.join(", ")),
        _ => words.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for format in Format::ALL {
            assert_eq!(format.name().parse::<Format>().unwrap(), format);
        }
        let error = Format::from_name("fp4").unwrap_err();
        assert_eq!(error.message(), "'fp4' is no format");
        assert_eq!(error.remedy(), Some("choose int8, fp8, int8-weights or int4-weights"));
    }

    #[test]
    fn amax_is_the_largest_number_of_its_format() {
        for (format, amax) in [(Format::Int8, 127.0), (Format::Fp8, 448.0), (Format::Int4Weights, 7.0)] {
            assert_eq!(format.step(amax), 1.0);
        }
    }
}
