//! `qdq_policy`: what the user wants quantized and what not.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use crate::error::Result;
use crate::place::Policy;
use crate::place::policy::check_share;

use super::error::qdq_error;
use super::guard::{constructed, guard};
use super::handle::{self, get_mut, text};
use super::status::qdq_status;

/// Which nodes may be quantized, and how: those that match an include (all where there is none) and match no
/// exclude. A new policy allows everything.
#[derive(Default)]
pub struct qdq_policy {
    pub(super) policy: Policy,
}

/// The policy that C gave, or the default for NULL.
pub(super) fn policy_or_default(policy: Option<&qdq_policy>) -> Policy {
    policy.map(|policy| policy.policy.clone()).unwrap_or_default()
}

/// A policy that allows everything. Free it with qdq_policy_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_policy_new() -> *mut qdq_policy {
    constructed(qdq_policy::default)
}

/// Frees `*policy` and sets it to NULL. NULL in either place is allowed and does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_policy_free(policy: Option<&mut *mut qdq_policy>) {
    handle::free(policy);
}

/// Adds a text of C's to a list of the policy's.
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

/// Allows nodes whose name matches: `*` stands for any text, `?` for one character. Planning fails where a
/// pattern matches nothing.
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

/// Forbids nodes whose name matches a pattern as in qdq_policy_include_name().
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

/// Sets whether a whole weight has one scale instead of one per output channel, which costs accuracy. For
/// TensorRT versions that refuse a per-channel transposed convolution. Default: false.
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

/// Sets the least share of the convolutions and products that must be quantized, from 0 to 1, among those
/// that the policy allows: planning fails with QDQ_ERROR_DATA where ranges are missing for more than the
/// rest. Default: 0. QDQ_ERROR_INVALID_ARGUMENT for other numbers.
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
