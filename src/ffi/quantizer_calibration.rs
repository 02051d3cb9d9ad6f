//! The calibration of a `qdq_quantizer`: observing, saving, loading, merging, and computing an amax.

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

/// Observes a batch for calibration, even if calibrating is switched off. The statistics are those of the
/// descriptor's method.
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

/// Discards all observations.
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

/// Adds the observations of another quantizer with the same kept axes, for example from another thread.
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

/// Returns a copy of the statistics if the descriptor has QDQ_CALIB_HISTOGRAM; fails otherwise. Free `*out`
/// with qdq_tensor_stats_free().
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

/// Computes the amax from the observations and sets it. `loaded` may be NULL. Otherwise `*loaded` receives
/// whether an amax was set. If nothing was observed, `strict` makes this an error; without `strict` the amax
/// stays the same.
///
/// QDQ_CALIB_MAX allows only QDQ_METHOD_MAX; QDQ_CALIB_COMPAT allows every method but QDQ_METHOD_MAX. e4m3
/// allows every method but QDQ_METHOD_ENTROPY, and with QDQ_CALIB_COMPAT only QDQ_METHOD_PERCENTILE. An
/// infinite amax, and one with another shape than the earlier amax, are errors.
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

/// Computes the amax with the search options of pytorch-quantization's entropy and mse, and sets it. The
/// options select the bins of its histogram that are tried as ranges: from `start_bin` (usually 128) in steps
/// of `stride` (usually 1). `strict` is as for
/// qdq_quantizer_load_calib_amax(), and so is `loaded`, which may be NULL.
///
/// Fails if the calib_method is not QDQ_CALIB_COMPAT, if the method is neither QDQ_METHOD_ENTROPY nor
/// QDQ_METHOD_MSE, if `stride` is 0, or if no bin remains.
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

/// Writes the observations to a safetensors file, completely or not at all. With QDQ_CALIB_HISTOGRAM the file
/// holds the statistics of one tensor with the name of the quantizer, and qdq_stats_load() can read it. With
/// QDQ_CALIB_MAX qdq_axis_max_load() can read it, unless the maxima are those of blocks. Fails with
/// QDQ_CALIB_COMPAT.
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

/// Reads a file that qdq_quantizer_save_calibration() wrote, and replaces the observations. To add them
/// instead, load the file into a clone and merge the clone. From a file with the statistics of several
/// tensors the function takes the tensor with the name of the quantizer.
///
/// Returns QDQ_ERROR_FORMAT if the file is damaged or of another kind, such as the observations of another
/// method; QDQ_ERROR_INVALID_ARGUMENT if the maxima have other axes or blocks than the descriptor;
/// QDQ_ERROR_DATA if there are several tensors but not that of the quantizer. After an error the observations
/// are unchanged.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_quantizer_load_calibration(
    quantizer: Option<&mut qdq_quantizer>,
    path: *const c_char,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    // SAFETY: the header's rules for texts.
    change(quantizer, error, |quantizer| quantizer.load_calibration(&unsafe { handle::path(path, "path") }?))
}

/// Returns the content of a file of a quantizer's calibration. Equal calibrations give equal bytes. Free
/// `*out` with qdq_buffer_free().
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

/// Reads the content of a file of a quantizer's calibration as qdq_quantizer_load_calibration() does: `size`
/// bytes, which are not kept.
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
