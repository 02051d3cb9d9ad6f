//! `qdq_cancel`: a switch that stops a run from another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::guard::constructed;
use super::handle;

/// A switch that stops the runs that use it. All its functions but qdq_cancel_free() may be called from any
/// thread at any time.
#[derive(Default)]
pub struct qdq_cancel {
    pub(super) requested: Arc<AtomicBool>,
}

/// Returns a switch that is off. Free it with qdq_cancel_free(), even while runs that use it continue.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cancel_new() -> *mut qdq_cancel {
    constructed(qdq_cancel::default)
}

/// Frees `*cancel` and sets it to NULL. Does nothing if `cancel` or `*cancel` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cancel_free(cancel: Option<&mut *mut qdq_cancel>) {
    handle::free(cancel);
}

/// Requests cancellation: the runs that use the switch end with QDQ_ERROR_CANCELLED before their next batch.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cancel_request(cancel: Option<&qdq_cancel>) {
    if let Some(cancel) = cancel {
        cancel.requested.store(true, Ordering::Relaxed);
    }
}

/// Withdraws the request, for the next run.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cancel_reset(cancel: Option<&qdq_cancel>) {
    if let Some(cancel) = cancel {
        cancel.requested.store(false, Ordering::Relaxed);
    }
}

/// Returns whether the switch is on.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cancel_is_requested(cancel: Option<&qdq_cancel>) -> bool {
    cancel.is_some_and(|cancel| cancel.requested.load(Ordering::Relaxed))
}
