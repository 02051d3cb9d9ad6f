//! The differences between the TensorRT products: which of them builds the network decides some rules.

use super::format::Format;
use crate::graph::Node;

/// The TensorRT product for which a network is quantized.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// TensorRT.
    #[default]
    TensorRt,
    /// TensorRT-RTX.
    Rtx,
}

/// The rules that differ between the products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetRules {
    /// The operators whose weight gets one stored scale. The scales of its channels multiply the result.
    ///
    /// The integers stay those with one scale per channel.
    pub one_scale: &'static [&'static str],
    /// The operators that the product runs in float in every form, by the format.
    pub in_float: &'static [(Format, &'static [&'static str])],
    /// The formats in which the product needs a kernel more for a product whose weight has several scales.
    pub per_tensor: &'static [Format],
    /// The least number of blocks along the input axis of a weight.
    pub least_blocks: usize,
    /// Whether a residual Add reads its skip input quantized if no convolution fuses with the Add, as behind
    /// SiLU. This is for skip inputs that are quantized for another reader.
    pub quantized_skip: bool,
}

impl Target {
    /// Returns the rules of the product.
    ///
    /// TensorRT takes scales per channel, and fuses an Add with the convolution before it. RTX 1.7 writes the
    /// result of an INT8 convolution with scales per channel as float32, whatever the type of the network. It
    /// never runs a transposed convolution in INT8 (`tests/trt_rtx/FINDINGS.md`). It computes a residual Add
    /// in a kernel of its own, which reads fewer bytes if the skip input is INT8. A skip input that is
    /// quantized for the Add alone costs more than it gains: another kernel writes it.
    ///
    /// RTX has no convolution in FP8. It multiplies the result of a product in FP8 by the scales of its
    /// channels in a kernel of its own, and one scale costs an 8-bit float little accuracy. It dequantizes a
    /// weight that is one block along the input axis in a kernel of its own (`tests/trt_rtx/FORMATS.md`).
    pub fn rules(self) -> &'static TargetRules {
        match self {
            Self::TensorRt => &TargetRules {
                one_scale: &[],
                in_float: &[],
                per_tensor: &[],
                least_blocks: 1,
                quantized_skip: false,
            },
            Self::Rtx => &TargetRules {
                one_scale: &["Conv"],
                in_float: &[(Format::Int8, &["ConvTranspose"]), (Format::Fp8, &["Conv"])],
                per_tensor: &[Format::Fp8],
                least_blocks: 2,
                quantized_skip: true,
            },
        }
    }
}

impl Target {
    /// Returns the reason why the product runs `node` in float in every form of a format.
    ///
    /// Returns `None` if it does not.
    pub(super) fn refusal(self, node: &Node, format: Format) -> Option<&'static str> {
        let listed = self.rules().in_float.iter().filter(|(of, _)| *of == format);
        let is_in_float = listed.flat_map(|(_, operators)| *operators).any(|op| node.is(op));
        is_in_float.then_some("TensorRT-RTX runs it in float in every form")
    }
}
