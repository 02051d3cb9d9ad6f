//! `qdq_axis_max`: the largest magnitude along kept axes.

use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;

use crate::error::{Error, ErrorKind};
use crate::observe::axis_max::AxisMax;

use super::array::qdq_array;
use super::buffer::qdq_buffer;
use super::error::qdq_error;
use super::guard::guard;
use super::handle::{self, array, get, get_mut, give, give_or_null, null};
use super::status::qdq_status;
use super::tensor::{checked, qdq_tensor};
use super::tensor_stats::floats;

/// The max calibrator per axis: an observer that keeps the running maximum of |x| over all axes but the kept
/// ones. NaN is left out, infinities count.
pub struct qdq_axis_max {
    observer: AxisMax,
}

/// Makes an observer with `count` kept axes; negative ones count from the last. With no axis it keeps one
/// number for the tensor. An axis that the data does not have is ignored. Free `*out` with
/// qdq_axis_max_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_axis_max_new(
    axes: *const i32,
    count: usize,
    out: Option<&mut MaybeUninit<*mut qdq_axis_max>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            // SAFETY: the header's rules for arrays.
            let axes: Vec<i64> =
                unsafe { array(axes, count, "axes") }?.iter().map(|&axis| axis.into()).collect();
            let observer = if axes.is_empty() { AxisMax::per_tensor() } else { AxisMax::keeping(&axes) };
            Ok(qdq_axis_max { observer })
        })
    })
}

/// Frees `*observer` and sets it to NULL. Does nothing if `observer` or `*observer` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_axis_max_free(observer: Option<&mut *mut qdq_axis_max>) {
    handle::free(observer);
}

/// Adds a batch (f32, f16, bf16, f64). Returns QDQ_ERROR_SHAPE if the kept axes have another size than in the
/// batches before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_axis_max_observe(
    observer: Option<&mut qdq_axis_max>,
    x: Option<&qdq_tensor>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let observer = get_mut(observer, "observer")?;
        // SAFETY: the header's rules for tensors.
        let x = unsafe { checked(x, "x") }?;
        observer.observer.observe(x.shape(), &floats(&x)?)
    })
}

/// Adds the observations of another observer with the same kept axes, for example from another thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_axis_max_merge(
    observer: *mut qdq_axis_max,
    other: *const qdq_axis_max,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        // SAFETY: the header's rules for handles. Both may be one handle, so the copy is made before the
        // mutable reference.
        let other = unsafe { other.as_ref() }.ok_or_else(|| null("other"))?.observer.clone();
        // SAFETY: as above.
        unsafe { observer.as_mut() }.ok_or_else(|| null("observer"))?.observer.merge(&other)
    })
}

/// Returns the amax so far, with size 1 in every axis that is not kept. `*out` is NULL before the first batch
/// with a number; an empty batch and a batch of NaN alone have none. Free `*out` with qdq_array_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_axis_max_amax(
    observer: Option<&qdq_axis_max>,
    out: Option<&mut MaybeUninit<*mut qdq_array>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give_or_null(out, || {
            let amax = get(observer, "observer")?.observer.amax();
            amax.map(|amax| qdq_array::of(&amax.shape, &amax.values)).transpose()
        })
    })
}

/// Starts to keep the maxima of every batch too, to show how they change. Discards those that were kept
/// before.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_axis_max_track(
    observer: Option<&mut qdq_axis_max>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let observer = &mut get_mut(observer, "observer")?.observer;
        *observer = std::mem::take(observer).tracking();
        Ok(())
    })
}

/// Returns the number of batches whose maxima are kept; 0 unless qdq_axis_max_track() was called. A merged
/// observer counts as one batch.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_axis_max_history_count(observer: Option<&qdq_axis_max>) -> usize {
    observer.map_or(0, |observer| observer.observer.history().len())
}

/// Returns the maxima of batch `index` alone, from 0, with the shape of qdq_axis_max_amax(). Free `*out` with
/// qdq_array_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_axis_max_history_at(
    observer: Option<&qdq_axis_max>,
    index: usize,
    out: Option<&mut MaybeUninit<*mut qdq_array>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            let history = get(observer, "observer")?.observer.history();
            let batch = history.get(index).ok_or_else(|| {
                let message = format!("the maxima of batch {index} are not kept, only of {}", history.len());
                Error::new(ErrorKind::InvalidArgument, message)
                    .with_remedy("call qdq_axis_max_track() before the first batch")
            })?;
            qdq_array::of(&batch.shape, &batch.values)
        })
    })
}

/// Writes the maxima to a safetensors file, completely or not at all. The maxima of every batch are included
/// if they are kept. Infinities are written as infinities. Returns QDQ_ERROR_UNSUPPORTED if the data has more
/// than 64 axes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_axis_max_save(
    observer: Option<&qdq_axis_max>,
    path: *const c_char,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    // SAFETY: the header's rules for texts.
    guard(error, || get(observer, "observer")?.observer.save(&unsafe { handle::path(path, "path") }?))
}

/// Reads a file that qdq_axis_max_save() wrote. The new observer continues with the state of the saved one.
/// Files of qdq_quantizer_save_calibration() can be read too, unless they hold maxima of blocks. Free `*out`
/// with qdq_axis_max_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_axis_max_load(
    path: *const c_char,
    out: Option<&mut MaybeUninit<*mut qdq_axis_max>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            // SAFETY: the header's rules for texts.
            let observer = AxisMax::load(&unsafe { handle::path(path, "path") }?)?;
            Ok(qdq_axis_max { observer })
        })
    })
}

/// Returns the content of a file of maxima. Equal maxima give equal bytes. Free `*out` with
/// qdq_buffer_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_axis_max_to_bytes(
    observer: Option<&qdq_axis_max>,
    out: Option<&mut MaybeUninit<*mut qdq_buffer>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || get(observer, "observer")?.observer.to_bytes().map(qdq_buffer::new)))
}

/// Reads an observer from the content of a file of maxima: `size` bytes, which are not kept. Free `*out` with
/// qdq_axis_max_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_axis_max_from_bytes(
    bytes: *const c_void,
    size: usize,
    out: Option<&mut MaybeUninit<*mut qdq_axis_max>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            // SAFETY: the header's rules for arrays.
            let observer = AxisMax::from_bytes(unsafe { array(bytes.cast(), size, "bytes") }?)?;
            Ok(qdq_axis_max { observer })
        })
    })
}
