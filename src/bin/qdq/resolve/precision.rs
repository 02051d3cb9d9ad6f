//! Converts the arguments for half precision.

use qdq::error::Result;
use qdq::onnx::Model;
use qdq::pipeline::{self, BF16_OPSET, HALF_QDQ_OPSET, PrepareOptions};
use qdq::place::{Policy, Selection};
use qdq::precision::{Half, PrecisionPolicy};

use super::of_option;
use crate::args::PrecisionArgs;

/// Returns the 16-bit type, if the user asked for one.
pub fn half(args: &PrecisionArgs) -> Option<Half> {
    match (args.fp16, args.bf16) {
        (true, _) => Some(Half::F16),
        (_, true) => Some(Half::Bf16),
        _ => None,
    }
}

/// Returns the policy of precision; `None` if everything stays in float32.
pub fn precision(args: &PrecisionArgs) -> Option<PrecisionPolicy> {
    let (half, choice) = (half(args)?, &args.choice);
    let selection = |names: &[String], ops: &[String]| Selection { names: names.to_vec(), ops: ops.to_vec() };
    Some(PrecisionPolicy {
        half,
        float32: selection(&choice.float32, &choice.float32_op),
        forced: selection(&choice.half, &choice.half_op),
        half_io: choice.half_io,
    })
}

/// Returns the settings of the preparation of a model that is quantized by this policy.
pub fn preparation(args: Option<&PrecisionArgs>, model: &Model, policy: &Policy) -> Result<PrepareOptions> {
    let chosen = args.and_then(|args| args.opset);
    if let Some(opset) = chosen {
        of_option("--opset", pipeline::check_opset(model, opset))?;
    }
    let usual = match args.and_then(half) {
        Some(Half::F16) => HALF_QDQ_OPSET,
        Some(Half::Bf16) => BF16_OPSET,
        None => PrepareOptions::default().opset,
    };
    let usual = usual.max(policy.least_opset());
    Ok(PrepareOptions { opset: chosen.unwrap_or(usual), ..PrepareOptions::default() })
}
