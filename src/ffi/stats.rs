//! `qdq_stats`: the statistics of a calibration run.

use std::ffi::{CString, c_char, c_void};
use std::mem::MaybeUninit;
use std::sync::OnceLock;

use crate::error::Result;
use crate::observe::Stats;

use super::buffer::qdq_buffer;
use super::error::qdq_error;
use super::findings::qdq_findings;
use super::guard::{constructed, guard};
use super::handle::{self, array, c_text, get, get_mut, give, give_or_null, null, text, text_at};
use super::status::qdq_status;
use super::tensor::{checked, qdq_tensor};
use super::tensor_stats::{floats, qdq_tensor_stats};

/// Statistics by tensor name: the result of a calibration run. They can be saved, loaded and merged. The file
/// is a safetensors file; equal statistics give equal bytes.
pub struct qdq_stats {
    pub(super) stats: Stats,
    names: OnceLock<Vec<CString>>,
}

impl qdq_stats {
    pub(super) fn new(stats: Stats) -> Self {
        Self { stats, names: OnceLock::new() }
    }

    /// Returns the statistics for a change. The cached names are dropped, because the change may alter them.
    fn changed(&mut self) -> &mut Stats {
        self.names.take();
        &mut self.stats
    }
}

/// Makes statistics that hold no tensor yet. Free them with qdq_stats_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_stats_new() -> *mut qdq_stats {
    constructed(|| qdq_stats::new(Stats::default()))
}

/// Reads a file of statistics that qdq_stats_save() or `qdq calibrate --stats` wrote. Free `*out` with
/// qdq_stats_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_stats_load(
    path: *const c_char,
    out: Option<&mut MaybeUninit<*mut qdq_stats>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        // SAFETY: the header's rules for texts.
        give(out, || Stats::load(&unsafe { handle::path(path, "path") }?).map(qdq_stats::new))
    })
}

/// Reads statistics from the content of a statistics file: `size` bytes, which are not kept. Free `*out` with
/// qdq_stats_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_stats_from_bytes(
    bytes: *const c_void,
    size: usize,
    out: Option<&mut MaybeUninit<*mut qdq_stats>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        // SAFETY: the header's rules for arrays.
        give(out, || Stats::from_bytes(unsafe { array(bytes.cast(), size, "bytes") }?).map(qdq_stats::new))
    })
}

/// Frees `*stats` and sets it to NULL. Does nothing if `stats` or `*stats` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_stats_free(stats: Option<&mut *mut qdq_stats>) {
    handle::free(stats);
}

/// Returns the findings of the run that gathered the statistics, such as samples that were left out. Files do
/// not hold the findings. Free `*out` with qdq_findings_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_stats_findings(
    stats: Option<&qdq_stats>,
    out: Option<&mut MaybeUninit<*mut qdq_findings>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || Ok(qdq_findings::new(&get(stats, "stats")?.stats.findings))))
}

/// Writes the statistics to a file, completely or not at all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_stats_save(
    stats: Option<&qdq_stats>,
    path: *const c_char,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    // SAFETY: the header's rules for texts.
    guard(error, || get(stats, "stats")?.stats.save(&unsafe { handle::path(path, "path") }?))
}

/// Returns the content of a statistics file. Free `*out` with qdq_buffer_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_stats_to_bytes(
    stats: Option<&qdq_stats>,
    out: Option<&mut MaybeUninit<*mut qdq_buffer>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || get(stats, "stats")?.stats.to_bytes().map(qdq_buffer::new)))
}

/// Adds the values of a batch to the statistics of tensor `name`. `x` is f32, f16, bf16 or f64.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_stats_observe(
    stats: Option<&mut qdq_stats>,
    name: *const c_char,
    x: Option<&qdq_tensor>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let stats = get_mut(stats, "stats")?;
        // SAFETY: the header's rules for texts and tensors.
        let (name, x) = unsafe { (text(name, "name")?, checked(x, "x")?) };
        let values = floats(&x)?;
        stats.changed().tensors.entry(name).or_default().observe(&values);
        Ok(())
    })
}

/// Adds the statistics of another run of the same model over other samples, from another thread, day or
/// machine. A tensor that only one of the two runs has keeps its statistics.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_stats_merge(
    stats: *mut qdq_stats,
    other: *const qdq_stats,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        if std::ptr::addr_eq(stats, other) && !stats.is_null() {
            // SAFETY: the header's rules for handles. Both arguments are one handle, so the copy is made
            // before the mutable reference.
            let copy = unsafe { &*other }.stats.clone();
            // SAFETY: as above.
            return unsafe { &mut *stats }.changed().merge(&copy);
        }
        // SAFETY: the header's rules for handles; these are two different handles.
        let (stats, other) = unsafe { (stats.as_mut(), other.as_ref()) };
        stats.ok_or_else(|| null("stats"))?.changed().merge(&other.ok_or_else(|| null("other"))?.stats)
    })
}

/// Returns the number of samples that the model ran on.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_stats_samples(stats: Option<&qdq_stats>) -> u64 {
    stats.map_or(0, |stats| stats.stats.samples)
}

/// Sets the number of samples that the model ran on, for programs that call qdq_stats_observe() themselves.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_stats_set_samples(
    stats: Option<&mut qdq_stats>,
    samples: u64,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        get_mut(stats, "stats")?.stats.samples = samples;
        Ok(())
    })
}

/// Returns the number of tensors that have statistics.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_stats_count(stats: Option<&qdq_stats>) -> usize {
    stats.map_or(0, |stats| stats.stats.tensors.len())
}

/// Returns the name of tensor `index`, in alphabetical order; NULL past the last. The text is valid until the
/// statistics are changed or freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_stats_name(stats: Option<&qdq_stats>, index: usize) -> *const c_char {
    let Some(stats) = stats else { return std::ptr::null() };
    text_at(stats.names.get_or_init(|| stats.stats.tensors.keys().map(|name| c_text(name)).collect()), index)
}

/// Returns a copy of the statistics of tensor `name`. `*out` is NULL if the tensor has none. Free `*out` with
/// qdq_tensor_stats_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_stats_get(
    stats: Option<&qdq_stats>,
    name: *const c_char,
    out: Option<&mut MaybeUninit<*mut qdq_tensor_stats>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give_or_null(out, || -> Result<_> {
            let stats = &get(stats, "stats")?.stats;
            // SAFETY: the header's rules for texts.
            let found = stats.tensors.get(&unsafe { text(name, "name") }?);
            Ok(found.map(|found| qdq_tensor_stats { stats: found.clone() }))
        })
    })
}

/// Sets the statistics of tensor `name` to a copy of `tensor`, and replaces earlier ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_stats_set(
    stats: Option<&mut qdq_stats>,
    name: *const c_char,
    tensor: Option<&qdq_tensor_stats>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let stats = get_mut(stats, "stats")?;
        // SAFETY: the header's rules for texts.
        let name = unsafe { text(name, "name") }?;
        let tensor = get(tensor, "tensor")?.stats.clone();
        stats.changed().tensors.insert(name, tensor);
        Ok(())
    })
}
