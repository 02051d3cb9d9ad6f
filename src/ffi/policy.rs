//! `qdq_policy`: the user's choice of nodes that may be quantized.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use crate::error::{Error, Result};
use crate::place::policy::check_share;
use crate::place::{Attention, Format, FrontEnd, Policy, Target};
use crate::quantizer::TrainedWeight;

use super::error::qdq_error;
use super::guard::{constructed, guard};
use super::handle::{self, get, get_mut, give, text};
use super::number_set::NumberSet;
use super::quantizer::qdq_quantizer;
use super::status::qdq_status;

/// The nodes that may be quantized, and how: those that match an include and no exclude. Without an include
/// all nodes match. A new policy allows everything.
#[derive(Default)]
pub struct qdq_policy {
    pub(super) policy: Policy,
}

/// The treatment of the two products of an attention: one of the QDQ_ATTENTION_ numbers.
pub type qdq_attention = i32;

/// The products of attentions over at most 512 keys are quantized, and those over more stay in float. If the
/// network leaves the number of keys open, the largest number in the calibration data decides.
pub const QDQ_ATTENTION_AUTO: qdq_attention = 0;
/// The products of every attention are quantized.
pub const QDQ_ATTENTION_INT8: qdq_attention = 1;
/// The products of every attention stay in float.
pub const QDQ_ATTENTION_FLOAT: qdq_attention = 2;

const ATTENTIONS: NumberSet<Attention> = NumberSet::new(
    "attention",
    "QDQ_ATTENTION_",
    &[
        (QDQ_ATTENTION_AUTO, Attention::Auto),
        (QDQ_ATTENTION_INT8, Attention::Int8),
        (QDQ_ATTENTION_FLOAT, Attention::Float),
    ],
);

/// The treatment of front ends: one of the QDQ_FRONT_END_ numbers.
pub type qdq_front_end = i32;

/// The fixed basis of a front end stays in float, and so does the first layer that reads its squares or
/// magnitudes before a Log.
pub const QDQ_FRONT_END_FLOAT: qdq_front_end = 0;
/// The layers of front ends are quantized like all others.
pub const QDQ_FRONT_END_INT8: qdq_front_end = 1;

const FRONT_ENDS: NumberSet<FrontEnd> = NumberSet::new(
    "front end",
    "QDQ_FRONT_END_",
    &[(QDQ_FRONT_END_FLOAT, FrontEnd::Float), (QDQ_FRONT_END_INT8, FrontEnd::Int8)],
);

/// The TensorRT product for which a network is quantized: one of the QDQ_TARGET_ numbers.
pub type qdq_target = i32;

/// TensorRT.
pub const QDQ_TARGET_TENSORRT: qdq_target = 0;
/// TensorRT-RTX. The weights of convolutions are stored with one scale, and the scales of their channels
/// multiply the results. More residual Adds read their skip input in INT8.
pub const QDQ_TARGET_RTX: qdq_target = 1;

const TARGETS: NumberSet<Target> = NumberSet::new(
    "target",
    "QDQ_TARGET_",
    &[(QDQ_TARGET_TENSORRT, Target::TensorRt), (QDQ_TARGET_RTX, Target::Rtx)],
);

/// The format of quantized numbers: one of the QDQ_FORMAT_ numbers.
pub type qdq_format = i32;

/// Weights and activations as 8-bit integers.
pub const QDQ_FORMAT_INT8: qdq_format = 0;
/// Weights and activations as 8-bit floats (e4m3), in models of opset 19 or higher. TensorRT runs them on
/// GPUs of compute capability 8.9 or higher.
pub const QDQ_FORMAT_FP8: qdq_format = 1;
/// The weights of products as 8-bit integers, beside activations in floating point. No data is needed.
pub const QDQ_FORMAT_INT8_WEIGHTS: qdq_format = 2;
/// The weights of products as 4-bit integers in blocks, beside activations in floating point, in models of
/// opset 21 or higher. No data is needed.
pub const QDQ_FORMAT_INT4_WEIGHTS: qdq_format = 3;

pub(super) const FORMATS: NumberSet<Format> = NumberSet::new(
    "format",
    "QDQ_FORMAT_",
    &[
        (QDQ_FORMAT_INT8, Format::Int8),
        (QDQ_FORMAT_FP8, Format::Fp8),
        (QDQ_FORMAT_INT8_WEIGHTS, Format::Int8Weights),
        (QDQ_FORMAT_INT4_WEIGHTS, Format::Int4Weights),
    ],
);

/// Returns C's policy, or the default for NULL.
pub(super) fn policy_or_default(policy: Option<&qdq_policy>) -> Policy {
    policy.map(|policy| policy.policy.clone()).unwrap_or_default()
}

/// Returns a policy that allows everything. Free it with qdq_policy_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_policy_new() -> *mut qdq_policy {
    constructed(qdq_policy::default)
}

/// Returns a copy of the policy. Free `*out` with qdq_policy_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_policy_clone(
    policy: Option<&qdq_policy>,
    out: Option<&mut MaybeUninit<*mut qdq_policy>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || Ok(qdq_policy { policy: get(policy, "policy")?.policy.clone() })))
}

/// Frees `*policy` and sets it to NULL. Does nothing if `policy` or `*policy` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_policy_free(policy: Option<&mut *mut qdq_policy>) {
    handle::free(policy);
}

/// Adds a text from C to a list of the policy.
///
/// # Safety
/// As for [`text`].
unsafe fn add(
    policy: Option<&mut qdq_policy>,
    value: *const c_char,
    name: &str,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
    list: impl FnOnce(&mut Policy) -> &mut Vec<String>,
) -> qdq_status {
    guard(error, || -> Result<()> {
        let policy = get_mut(policy, "policy")?;
        // SAFETY: the caller's promise.
        list(&mut policy.policy).push(unsafe { text(value, name) }?.to_owned());
        Ok(())
    })
}

/// Allows nodes whose name matches a pattern. `*` stands for any text, `?` for one character. Planning fails
/// if a pattern matches nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_policy_include_name(
    policy: Option<&mut qdq_policy>,
    pattern: *const c_char,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    // SAFETY: the header's rules for texts.
    unsafe { add(policy, pattern, "pattern", error, |policy| &mut policy.include.names) }
}

/// Allows nodes of an operator, such as "Conv".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_policy_include_op(
    policy: Option<&mut qdq_policy>,
    op: *const c_char,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    // SAFETY: the header's rules for texts.
    unsafe { add(policy, op, "op", error, |policy| &mut policy.include.ops) }
}

/// Forbids nodes whose name matches a pattern, as in qdq_policy_include_name().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_policy_exclude_name(
    policy: Option<&mut qdq_policy>,
    pattern: *const c_char,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    // SAFETY: the header's rules for texts.
    unsafe { add(policy, pattern, "pattern", error, |policy| &mut policy.exclude.names) }
}

/// Forbids nodes of an operator.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_policy_exclude_op(
    policy: Option<&mut qdq_policy>,
    op: *const c_char,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    // SAFETY: the header's rules for texts.
    unsafe { add(policy, op, "op", error, |policy| &mut policy.exclude.ops) }
}

/// Sets whether a whole weight has one scale instead of one per output channel, which costs accuracy. This is
/// for TensorRT versions that refuse a per-channel transposed convolution. Default: false.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_policy_set_per_tensor_weights(
    policy: Option<&mut qdq_policy>,
    per_tensor_weights: bool,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        get_mut(policy, "policy")?.policy.per_tensor_weights = per_tensor_weights;
        Ok(())
    })
}

/// Sets the format of the quantized nodes. Default: QDQ_FORMAT_INT8.
///
/// qdq_model_plan() raises the opset of a model that is planned for the first time to what the formats need.
/// Networks of TensorRT's own interface are quantized in QDQ_FORMAT_INT8 alone.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_policy_set_format(
    policy: Option<&mut qdq_policy>,
    format: qdq_format,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let policy = get_mut(policy, "policy")?;
        policy.policy.format = FORMATS.value(format)?;
        Ok(())
    })
}

/// Sets the format of nodes whose name matches a pattern, as in qdq_policy_include_name(). The first pattern
/// that was added and matches a node decides. Planning fails if a pattern matches nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_policy_format_of(
    policy: Option<&mut qdq_policy>,
    pattern: *const c_char,
    format: qdq_format,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let policy = get_mut(policy, "policy")?;
        let format = FORMATS.value(format)?;
        // SAFETY: the header's rules for texts.
        policy.policy.formats.push((unsafe { text(pattern, "pattern") }?.to_owned(), format));
        Ok(())
    })
}

/// Allows the node `node`, whose name is a pattern as in qdq_policy_include_name(), in the format of the
/// quantizers that it was trained with: of its input, and of its weight. `input` may be NULL or disabled if
/// the node reads its input in floating point. A rule of qdq_policy_format_of() that was added before and
/// matches the node decides instead.
///
/// - QDQ_FORMAT_INT8: integers of 8 bits beside weights of up to 8 bits.
/// - QDQ_FORMAT_FP8: e4m3 beside e4m3.
/// - QDQ_FORMAT_INT8_WEIGHTS: no quantizer of the input beside weights of up to 8 bits.
/// - QDQ_FORMAT_INT4_WEIGHTS: no quantizer of the input beside weights of up to 4 bits in blocks of 128 or
///   64.
///
/// Returns QDQ_ERROR_UNSUPPORTED for quantizers that no format has; QDQ_ERROR_INVALID_ARGUMENT if the
/// quantizer of the weight is disabled, or if one has no fixed range, is calibrating or scales its data
/// first. A front end stays in float all the same (qdq_policy_set_front_end()).
/// qdq_quantize_options_set_weight_quantizer() takes the numbers of the weight over, and
/// qdq_ranges_set() the range of the input.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_policy_include_trained(
    policy: Option<&mut qdq_policy>,
    node: *const c_char,
    input: Option<&qdq_quantizer>,
    weight: Option<&qdq_quantizer>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let policy = &mut get_mut(policy, "policy")?.policy;
        // SAFETY: the header's rules for texts.
        let node = unsafe { text(node, "node") }?.to_owned();
        let weight = &get(weight, "weight")?.quantizer;
        let input = input.map(|input| &input.quantizer);
        let within = |error: Error| error.within(format!("node '{node}'"));
        let trained = TrainedWeight::new(weight).map_err(within)?;
        let format = trained.format(input).map_err(within)?;
        policy.formats.push((node.clone(), format));
        policy.block_sizes.extend(trained.block().map(|size| (node.clone(), size)));
        policy.include.names.push(node);
        Ok(())
    })
}

/// Returns the least opset that the formats of the policy need; 0 for NULL. qdq_model_raise_opset() raises a
/// model whose graph was read already, and qdq_model_plan() one that was not.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_policy_least_opset(policy: Option<&qdq_policy>) -> i64 {
    policy.map_or(0, |policy| policy.policy.least_opset())
}

/// Sets the number of weights in a row along the input axis that share a scale: 128 or 64, for
/// QDQ_FORMAT_INT4_WEIGHTS. 0 stands for the first of them that divides the axis. Default: 0. Planning fails
/// with QDQ_ERROR_INVALID_ARGUMENT if no format of the policy has blocks of this size.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_policy_set_block_size(
    policy: Option<&mut qdq_policy>,
    block_size: usize,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        get_mut(policy, "policy")?.policy.block_size = Some(block_size).filter(|&size| size > 0);
        Ok(())
    })
}

/// Sets whether QDQ_FORMAT_INT8_WEIGHTS also takes the weights of convolutions. TensorRT dequantizes them and
/// computes the convolution in float, so that only the model is smaller. Default: false.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_policy_set_conv_weights(
    policy: Option<&mut qdq_policy>,
    conv_weights: bool,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        get_mut(policy, "policy")?.policy.conv_weights = conv_weights;
        Ok(())
    })
}

/// Sets the treatment of the two products of an attention, the one before its Softmax and the one behind it.
/// The products that compute query, key, value and the output are always quantized. Default:
/// QDQ_ATTENTION_AUTO.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_policy_set_attention(
    policy: Option<&mut qdq_policy>,
    attention: qdq_attention,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let policy = get_mut(policy, "policy")?;
        policy.policy.attention = ATTENTIONS.value(attention)?;
        Ok(())
    })
}

/// Sets the treatment of front ends: fixed bases (Fourier, mel, wavelets) of one channel whose results are
/// squared or lose their sign. Default: QDQ_FRONT_END_FLOAT.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_policy_set_front_end(
    policy: Option<&mut qdq_policy>,
    front_end: qdq_front_end,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let policy = get_mut(policy, "policy")?;
        policy.policy.front_end = FRONT_ENDS.value(front_end)?;
        Ok(())
    })
}

/// Sets the TensorRT product for which the network is quantized. Default: QDQ_TARGET_TENSORRT.
///
/// The scales of channels move behind the convolutions in models that qdq writes. A plan for a network of
/// your own has one scale per channel for both products.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_policy_set_target(
    policy: Option<&mut qdq_policy>,
    target: qdq_target,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let policy = get_mut(policy, "policy")?;
        policy.policy.target = TARGETS.value(target)?;
        Ok(())
    })
}

/// Sets the least share of the convolutions and matrix products that must be quantized, from 0 to 1. Only
/// nodes that the policy allows count. Planning fails with QDQ_ERROR_DATA if it quantizes a smaller share,
/// for example because ranges are missing. Default: 0. Returns QDQ_ERROR_INVALID_ARGUMENT for other numbers.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_policy_set_min_quantized(
    policy: Option<&mut qdq_policy>,
    share: f32,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let policy = get_mut(policy, "policy")?;
        check_share(share)?;
        policy.policy.min_quantized = share;
        Ok(())
    })
}
