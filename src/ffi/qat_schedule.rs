//! `qdq_qat_schedule`: the duration and the learning rates for fine-tuning a quantized network.

use std::mem::MaybeUninit;

use crate::quantizer::QatSchedule;

use super::error::qdq_error;
use super::guard::guard;
use super::handle::{self, give};
use super::status::qdq_status;

/// The learning rate of quantization-aware training, half a cosine from a start down to an end:
/// rate(t) = end + (start - end) * (1 + cos(pi * t / steps)) / 2.
/// The caller decides whether steps are epochs or batches. Immutable; any number of threads may read one.
pub struct qdq_qat_schedule {
    schedule: QatSchedule,
}

/// Makes a schedule of `steps`, at least 1, from the learning rate `start` down to `end`. Free `*out` with
/// qdq_qat_schedule_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_qat_schedule_new(
    steps: u64,
    start: f64,
    end: f64,
    out: Option<&mut MaybeUninit<*mut qdq_qat_schedule>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || Ok(qdq_qat_schedule { schedule: QatSchedule::new(steps, start, end)? })))
}

/// Makes the schedule that the user guide of pytorch-quantization recommends for a network that was trained
/// in float for `steps` from the learning rate `rate`: a tenth of the steps (rounded up), from 1% of the rate
/// down to 1% of that. Free `*out` with qdq_qat_schedule_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_qat_schedule_from_original(
    steps: u64,
    rate: f64,
    out: Option<&mut MaybeUninit<*mut qdq_qat_schedule>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || Ok(qdq_qat_schedule { schedule: QatSchedule::from_original(steps, rate)? })))
}

/// Frees `*schedule` and sets it to NULL. Does nothing if `schedule` or `*schedule` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_qat_schedule_free(schedule: Option<&mut *mut qdq_qat_schedule>) {
    handle::free(schedule);
}

/// Returns the number of training steps; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_qat_schedule_steps(schedule: Option<&qdq_qat_schedule>) -> u64 {
    schedule.map_or(0, |schedule| schedule.schedule.steps())
}

/// Returns the learning rate of step `step`, counted from 0; the end rate from the last step on; NaN for
/// NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_qat_schedule_learning_rate(schedule: Option<&qdq_qat_schedule>, step: u64) -> f64 {
    schedule.map_or(f64::NAN, |schedule| schedule.schedule.learning_rate(step))
}
