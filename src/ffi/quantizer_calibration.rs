//! The calibration of a `qdq_quantizer`: observed, saved, loaded, merged, and turned into an amax.

use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;

use crate::range::compat;

use super::buffer::qdq_buffer;
use super::error::qdq_error;
use super::guard::guard;
use super::handle::{self, array, get, give, null};
use super::method::{method_of, qdq_method};
use super::quantize::for_float;
use super::quantizer::{change, qdq_quantizer};
use super::status::qdq_status;
use super::tensor::{checked, qdq_tensor};
use super::tensor_stats::qdq_tensor_stats;

/// Observes a batch for calibration, whatever the switches say. The statistics are those of the descriptor's
/// method.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_quantizer_observe(
    quantizer: Option<&mut qdq_quantizer>,
    x: Option<&qdq_tensor>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    change(quantizer, error, |quantizer| {
        // SAFETY: the header's rules for tensors.
        let x = unsafe { checked(x, "x") }?;
        for_float!(x, T => quantizer.observe(x.view::<T>()))
    })
}

/// Forgets what was observed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_reset_calibration(
    quantizer: Option<&mut qdq_quantizer>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    change(quantizer, error, |quantizer| {
        quantizer.reset_calibration();
        Ok(())
    })
}

/// Adds what another quantizer with the same kept axes has observed, on another thread say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_quantizer_merge(
    quantizer: *mut qdq_quantizer,
    other: *const qdq_quantizer,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        // SAFETY: the header's rules for handles. The two may be one, so the copy is made before the mutable
        // reference.
        let other = unsafe { other.as_ref() }.ok_or_else(|| null("other"))?.quantizer.clone();
        // SAFETY: as above.
        unsafe { quantizer.as_mut() }.ok_or_else(|| null("quantizer"))?.quantizer.merge(&other)
    })
}

/// A copy of the statistics of a descriptor with QDQ_CALIB_HISTOGRAM; an error with another. Free `*out` with
/// qdq_tensor_stats_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_stats(
    quantizer: Option<&qdq_quantizer>,
    out: Option<&mut MaybeUninit<*mut qdq_tensor_stats>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            let stats = get(quantizer, "quantizer")?.quantizer.stats()?.clone();
            Ok(qdq_tensor_stats { stats })
        })
    })
}

/// Computes the amax from what was observed, and sets it. Maxima know QDQ_METHOD_MAX only, QDQ_CALIB_COMPAT
/// every method but that, e4m3 every method but QDQ_METHOD_ENTROPY, and with QDQ_CALIB_COMPAT a percentile
/// only; an infinite amax, or one of another shape than the one before, is an error. Where nothing was
/// observed that is an error if `strict`, else the amax stays as it is. `loaded`, which may be NULL, receives
/// whether an amax was set.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_load_calib_amax(
    quantizer: Option<&mut qdq_quantizer>,
    method: qdq_method,
    percentile: f64,
    strict: bool,
    loaded: Option<&mut MaybeUninit<bool>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    change(quantizer, error, |quantizer| {
        let found = quantizer.load_calib_amax(method_of(method, percentile)?, strict)?.is_some();
        if let Some(loaded) = loaded {
            loaded.write(found);
        }
        Ok(())
    })
}

/// The same with the options of pytorch-quantization's entropy and mse: the bins of its histogram at which
/// ranges are tried, from `start_bin` (usually 128) in steps of `stride` (usually 1). An error with another
/// calib_method than QDQ_CALIB_COMPAT, with another method than QDQ_METHOD_ENTROPY and QDQ_METHOD_MSE, with a
/// stride of 0, and where no bin is left. `loaded`, which may be NULL, receives whether an amax was set.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_load_calib_amax_searching(
    quantizer: Option<&mut qdq_quantizer>,
    method: qdq_method,
    start_bin: usize,
    stride: usize,
    strict: bool,
    loaded: Option<&mut MaybeUninit<bool>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    change(quantizer, error, |quantizer| {
        let (method, search) = (method_of(method, 0.0)?, compat::Search { start_bin, stride });
        let found = quantizer.load_calib_amax_searching(method, search, strict)?.is_some();
        if let Some(loaded) = loaded {
            loaded.write(found);
        }
        Ok(())
    })
}

/// Writes what was observed to a safetensors file, whole or not at all: with QDQ_CALIB_HISTOGRAM one that
/// qdq_stats_load() reads, of one tensor that is called like the quantizer; with QDQ_CALIB_MAX one that
/// qdq_axis_max_load() reads, unless the maxima are those of blocks. An error with QDQ_CALIB_COMPAT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_quantizer_save_calibration(
    quantizer: Option<&qdq_quantizer>,
    path: *const c_char,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        // SAFETY: the header's rules for texts.
        let path = unsafe { handle::path(path, "path") }?;
        get(quantizer, "quantizer")?.quantizer.save_calibration(&path)
    })
}

/// Reads what qdq_quantizer_save_calibration() wrote, in place of what was observed. To add it instead, load
/// it into a clone and merge that. From a file of statistics with several tensors it takes the one that is
/// called like the quantizer.
///
/// QDQ_ERROR_FORMAT for a file that is damaged or something else, such as what another method observes;
/// QDQ_ERROR_INVALID_ARGUMENT for maxima along other axes or of other blocks than the descriptor's;
/// QDQ_ERROR_DATA where there are several tensors but not the quantizer's. What was observed stays then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_quantizer_load_calibration(
    quantizer: Option<&mut qdq_quantizer>,
    path: *const c_char,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    // SAFETY: the header's rules for texts.
    change(quantizer, error, |quantizer| quantizer.load_calibration(&unsafe { handle::path(path, "path") }?))
}

/// The content of that file; equal calibrations give equal bytes. Free `*out` with qdq_buffer_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_quantizer_calibration_to_bytes(
    quantizer: Option<&qdq_quantizer>,
    out: Option<&mut MaybeUninit<*mut qdq_buffer>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || get(quantizer, "quantizer")?.quantizer.calibration_to_bytes().map(qdq_buffer::new))
    })
}

/// Takes over the content of such a file, `size` bytes, which are not kept, as
/// qdq_quantizer_load_calibration() does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_quantizer_calibration_from_bytes(
    quantizer: Option<&mut qdq_quantizer>,
    bytes: *const c_void,
    size: usize,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    change(quantizer, error, |quantizer| {
        // SAFETY: the header's rules for arrays.
        quantizer.calibration_from_bytes(unsafe { array(bytes.cast(), size, "bytes") }?)
    })
}
