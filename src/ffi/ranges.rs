//! `qdq_ranges`: the ranges of a network's activations.

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;
use std::sync::OnceLock;

use crate::emit::Ranges;
use crate::error::{Error, ErrorKind};

use super::buffer::qdq_buffer;
use super::error::qdq_error;
use super::findings::qdq_findings;
use super::graph::qdq_graph;
use super::guard::guard;
use super::handle::{self, c_text, get, get_mut, give, optional_text, put, text, text_at};
use super::status::qdq_status;

/// The ranges of a network's activations by tensor name, in the order in which they were set. A range is
/// amax, the magnitude that the integer 127 stands for, in the unit of the tensor.
pub struct qdq_ranges {
    pub(super) ranges: Ranges,
    names: OnceLock<Vec<CString>>,
    method: OnceLock<Option<CString>>,
}

impl qdq_ranges {
    pub(super) fn new(ranges: Ranges) -> Self {
        Self { ranges, names: OnceLock::new(), method: OnceLock::new() }
    }

    /// Returns a handle for C++ code that Rust calls. That code frees the handle.
    #[cfg(feature = "tensorrt")]
    pub(crate) fn owned(ranges: Ranges) -> *mut Self {
        handle::owned(Self::new(ranges))
    }
}

/// Makes an empty set of ranges. `method` names the calibration method for the readers of a file, and may be
/// NULL. Free `*out` with qdq_ranges_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_ranges_new(
    method: *const c_char,
    out: Option<&mut MaybeUninit<*mut qdq_ranges>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            // SAFETY: the header's rules for texts.
            let method = unsafe { optional_text(method, "method") }?;
            Ok(qdq_ranges::new(method.map_or_else(Ranges::default, Ranges::new)))
        })
    })
}

/// Returns these ranges and adds those of tensors that hold the values of a ranged tensor in another shape or
/// order: the inputs and outputs of Reshape, Transpose and similar operators in the graph. Use this for
/// networks that got such operators after the calibration, for example from TensorRT's ONNX parser. Free
/// `*out` with qdq_ranges_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_ranges_spread(
    ranges: Option<&qdq_ranges>,
    graph: Option<&qdq_graph>,
    out: Option<&mut MaybeUninit<*mut qdq_ranges>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            let (ranges, graph) = (get(ranges, "ranges")?, get(graph, "graph")?);
            Ok(qdq_ranges::new(ranges.ranges.spread(&graph.graph)))
        })
    })
}

/// Reads a JSON file that qdq_ranges_save() or `qdq calibrate --ranges` wrote. Free `*out` with
/// qdq_ranges_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_ranges_load(
    path: *const c_char,
    out: Option<&mut MaybeUninit<*mut qdq_ranges>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        // SAFETY: the header's rules for texts.
        give(out, || Ranges::load(&unsafe { handle::path(path, "path") }?).map(qdq_ranges::new))
    })
}

/// Reads ranges from JSON text. Free `*out` with qdq_ranges_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_ranges_from_json(
    json: *const c_char,
    out: Option<&mut MaybeUninit<*mut qdq_ranges>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            // SAFETY: the header's rules for texts.
            let json = unsafe { text(json, "json") }?;
            Ranges::from_json(json.as_bytes(), "ranges").map(qdq_ranges::new)
        })
    })
}

/// Frees `*ranges` and sets it to NULL. Does nothing if `ranges` or `*ranges` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_ranges_free(ranges: Option<&mut *mut qdq_ranges>) {
    handle::free(ranges);
}

/// Returns the findings of ranges that qdq_plan_ranges() computed or qdq_cache_to_ranges() read, such as
/// tensors with NaN and lines that were left out. Files do not hold the findings. Free `*out` with
/// qdq_findings_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_ranges_findings(
    ranges: Option<&qdq_ranges>,
    out: Option<&mut MaybeUninit<*mut qdq_findings>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || Ok(qdq_findings::new(&get(ranges, "ranges")?.ranges.findings))))
}

/// Writes the ranges to a JSON file, completely or not at all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_ranges_save(
    ranges: Option<&qdq_ranges>,
    path: *const c_char,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    // SAFETY: the header's rules for texts.
    guard(error, || get(ranges, "ranges")?.ranges.save(&unsafe { handle::path(path, "path") }?))
}

/// Returns the ranges as JSON text. Free `*out` with qdq_buffer_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_ranges_to_json(
    ranges: Option<&qdq_ranges>,
    out: Option<&mut MaybeUninit<*mut qdq_buffer>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || Ok(qdq_buffer::new(get(ranges, "ranges")?.ranges.to_json()))))
}

/// Returns the number of tensors that have a range.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_ranges_count(ranges: Option<&qdq_ranges>) -> usize {
    ranges.map_or(0, |ranges| ranges.ranges.len())
}

/// Returns the name of tensor `index`, in the order in which the ranges were set; NULL past the last. The
/// text is valid until the ranges are changed or freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_ranges_name(ranges: Option<&qdq_ranges>, index: usize) -> *const c_char {
    let Some(ranges) = ranges else { return std::ptr::null() };
    text_at(ranges.names.get_or_init(|| ranges.ranges.iter().map(|(name, _)| c_text(name)).collect()), index)
}

/// Returns the amax of tensor `index`; NaN past the last.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_ranges_at(ranges: Option<&qdq_ranges>, index: usize) -> f32 {
    ranges.and_then(|ranges| ranges.ranges.iter().nth(index)).map_or(f32::NAN, |(_, amax)| amax)
}

/// Returns the amax of tensor `name`. Returns QDQ_ERROR_DATA if the tensor has no range.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_ranges_get(
    ranges: Option<&qdq_ranges>,
    name: *const c_char,
    amax: Option<&mut MaybeUninit<f32>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let ranges = &get(ranges, "ranges")?.ranges;
        // SAFETY: the header's rules for texts.
        let name = unsafe { text(name, "name") }?;
        let found = ranges.get(&name).ok_or_else(|| {
            Error::new(ErrorKind::Data, format!("tensor '{name}' has no range"))
                .with_remedy("see which names there are")
        })?;
        put(amax, found)
    })
}

/// Returns whether tensor `name` has a range.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_ranges_has(ranges: Option<&qdq_ranges>, name: *const c_char) -> bool {
    // SAFETY: the header's rules for texts.
    let name = unsafe { text(name, "name") };
    ranges.zip(name.ok()).is_some_and(|(ranges, name)| ranges.ranges.get(&name).is_some())
}

/// Sets the range of tensor `name`, and replaces an earlier one. `amax` must be finite and not negative.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_ranges_set(
    ranges: Option<&mut qdq_ranges>,
    name: *const c_char,
    amax: f32,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let ranges = get_mut(ranges, "ranges")?;
        // SAFETY: the header's rules for texts.
        let name = unsafe { text(name, "name") }?;
        ranges.ranges.set(name, amax)?;
        ranges.names.take();
        Ok(())
    })
}

/// Returns the calibration method of the ranges; NULL if it is not known. The text is valid until the ranges
/// are freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_ranges_method(ranges: Option<&qdq_ranges>) -> *const c_char {
    let Some(ranges) = ranges else { return std::ptr::null() };
    let method = ranges.method.get_or_init(|| ranges.ranges.method.as_deref().map(c_text));
    method.as_ref().map_or(std::ptr::null(), |method| method.as_ptr())
}

/// Returns the int8 scale of a range, by which ONNX and TensorRT multiply: amax / 127, always a normal
/// number. The scale is 1 if amax is 0, and 2^-126 if amax / 127 is subnormal. It is one bit smaller if 127
/// scales would overflow. It is NaN if `amax` is not a valid range.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_amax_int8_scale(amax: f32) -> f32 {
    crate::emit::ranges::int8_scale(amax)
}
