//! `qdq_precision_options`: the user's choices for half precision.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use crate::error::Result;
use crate::precision::{Half, PrecisionPolicy};

use super::error::qdq_error;
use super::graph::qdq_graph;
use super::guard::{constructed, guard};
use super::handle::{self, get, get_mut, give, text};
use super::number_set::NumberSet;
use super::status::qdq_status;

/// The choices for half precision: the 16-bit type, and the nodes that have it whatever their values are, or
/// never. New options choose f16 by the values.
#[derive(Default)]
pub struct qdq_precision_options {
    pub(super) policy: PrecisionPolicy,
}

/// A 16-bit floating-point type: one of the QDQ_HALF_ numbers.
pub type qdq_half = i32;

/// IEEE binary16: up to 65504. The default.
pub const QDQ_HALF_F16: qdq_half = 0;
/// bfloat16: the range of f32, and 8 significant bits.
pub const QDQ_HALF_BF16: qdq_half = 1;

pub(super) const HALVES: NumberSet<Half> =
    NumberSet::new("16-bit type", "QDQ_HALF_", &[(QDQ_HALF_F16, Half::F16), (QDQ_HALF_BF16, Half::Bf16)]);

/// Returns C's choices, or the default for NULL.
pub(super) fn precision_or_default(options: Option<&qdq_precision_options>) -> PrecisionPolicy {
    options.map(|options| options.policy.clone()).unwrap_or_default()
}

/// Returns the default options. Free them with qdq_precision_options_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_precision_options_new() -> *mut qdq_precision_options {
    constructed(qdq_precision_options::default)
}

/// Returns a copy of the options. Free `*out` with qdq_precision_options_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_precision_options_clone(
    options: Option<&qdq_precision_options>,
    out: Option<&mut MaybeUninit<*mut qdq_precision_options>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || Ok(qdq_precision_options { policy: get(options, "options")?.policy.clone() }))
    })
}

/// Frees `*options` and sets it to NULL. Does nothing if `options` or `*options` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_precision_options_free(options: Option<&mut *mut qdq_precision_options>) {
    handle::free(options);
}

/// Sets the 16-bit type. Default: QDQ_HALF_F16.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_precision_options_set_half(
    options: Option<&mut qdq_precision_options>,
    half: qdq_half,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        get_mut(options, "options")?.policy.half = HALVES.value(half)?;
        Ok(())
    })
}

/// Returns whether f32 inputs and outputs become 16-bit too; false for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_precision_options_half_io(options: Option<&qdq_precision_options>) -> bool {
    options.is_some_and(|options| options.policy.half_io)
}

/// Returns the 16-bit type; QDQ_HALF_F16 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_precision_options_half(options: Option<&qdq_precision_options>) -> qdq_half {
    options.and_then(|options| HALVES.number(options.policy.half)).unwrap_or(QDQ_HALF_F16)
}

/// Checks that every pattern and operator of the options matches a node of the graph.
///
/// Returns QDQ_ERROR_INVALID_ARGUMENT with the first that does not.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_precision_options_check(
    options: Option<&qdq_precision_options>,
    graph: Option<&qdq_graph>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || get(options, "options")?.policy.check(&get(graph, "graph")?.graph))
}

/// Sets whether the f32 inputs and outputs of the model become 16-bit too. Default: false.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_precision_options_set_half_io(
    options: Option<&mut qdq_precision_options>,
    enabled: bool,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        get_mut(options, "options")?.policy.half_io = enabled;
        Ok(())
    })
}

/// Adds a text from C to a list of the options.
///
/// # Safety
/// As for [`text`].
unsafe fn add(
    options: Option<&mut qdq_precision_options>,
    value: *const c_char,
    name: &str,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
    list: impl FnOnce(&mut PrecisionPolicy) -> &mut Vec<String>,
) -> qdq_status {
    guard(error, || -> Result<()> {
        let options = get_mut(options, "options")?;
        // SAFETY: the caller's promise.
        list(&mut options.policy).push(unsafe { text(value, name) }?.to_owned());
        Ok(())
    })
}

/// Keeps nodes in f32 whose name matches a pattern. `*` stands for any text, `?` for one character. Planning
/// fails if a pattern matches nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_precision_options_float32_name(
    options: Option<&mut qdq_precision_options>,
    pattern: *const c_char,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    // SAFETY: the header's rules for texts.
    unsafe { add(options, pattern, "pattern", error, |policy| &mut policy.float32.names) }
}

/// Keeps nodes of an operator, such as "Softmax", in f32.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_precision_options_float32_op(
    options: Option<&mut qdq_precision_options>,
    op: *const c_char,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    // SAFETY: the header's rules for texts.
    unsafe { add(options, op, "op", error, |policy| &mut policy.float32.ops) }
}

/// Gives the 16-bit type to nodes whose name matches a pattern, whatever their values are. A node that ONNX
/// does not define for it stays in f32.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_precision_options_half_name(
    options: Option<&mut qdq_precision_options>,
    pattern: *const c_char,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    // SAFETY: the header's rules for texts.
    unsafe { add(options, pattern, "pattern", error, |policy| &mut policy.forced.names) }
}

/// Gives the 16-bit type to nodes of an operator, whatever their values are. A node that ONNX does not define
/// for it stays in f32.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_precision_options_half_op(
    options: Option<&mut qdq_precision_options>,
    op: *const c_char,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    // SAFETY: the header's rules for texts.
    unsafe { add(options, op, "op", error, |policy| &mut policy.forced.ops) }
}
