//! `qdq_axis_max`: the largest magnitude along kept axes.

use crate::observe::minmax::AxisMax;
use std::mem::MaybeUninit;

use super::array::qdq_array;
use super::error::qdq_error;
use super::guard::guard;
use super::handle::{self, array, get, get_mut, give, give_or_null, null};
use super::status::qdq_status;
use super::tensor::{checked, qdq_tensor};
use super::tensor_stats::floats;

/// The max calibrator per axis: the running max of |x| over all axes but the kept ones. NaN is left out, infinities count.
pub struct qdq_axis_max {
    collector: AxisMax,
}

/// A collector that keeps `count` axes, negative ones counting from the last; none for one number for the tensor. An axis that
/// the data does not have keeps nothing. Free it with
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
            let collector = if axes.is_empty() { AxisMax::per_tensor() } else { AxisMax::keeping(&axes) };
            Ok(qdq_axis_max { collector })
        })
    })
}

/// Frees `*collector` and sets it to NULL. NULL in either place is allowed and does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_axis_max_free(collector: Option<&mut *mut qdq_axis_max>) {
    handle::free(collector);
}

/// Adds a batch (f32, f16, bf16, f64). The kept axes must have the same size in every batch (QDQ_ERROR_SHAPE).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_axis_max_observe(
    collector: Option<&mut qdq_axis_max>,
    x: Option<&qdq_tensor>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let collector = get_mut(collector, "collector")?;
        // SAFETY: the header's rules for tensors.
        let x = unsafe { checked(x, "x") }?;
        collector.collector.observe(x.shape(), &floats(&x)?)
    })
}

/// Adds what another collector with the same kept axes has seen, on another thread say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_axis_max_merge(
    collector: *mut qdq_axis_max,
    other: *const qdq_axis_max,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        // SAFETY: the header's rules for handles. The two may be one, so the copy is made before the mutable reference.
        let other = unsafe { other.as_ref() }.ok_or_else(|| null("other"))?.collector.clone();
        // SAFETY: as above.
        unsafe { collector.as_mut() }.ok_or_else(|| null("collector"))?.collector.merge(&other)
    })
}

/// The amax so far, with size 1 in every axis that is not kept; `*out` is NULL before the first batch. Free it with
/// qdq_array_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_axis_max_amax(
    collector: Option<&qdq_axis_max>,
    out: Option<&mut MaybeUninit<*mut qdq_array>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give_or_null(out, || {
            let amax = get(collector, "collector")?.collector.amax();
            Ok(amax.map(|amax| qdq_array::new(&amax.shape, amax.values.clone())))
        })
    })
}
