//! `qdq_cancel`: stopping a run from another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::guard::constructed;
use super::handle;

/// A switch that stops runs which were given it. All its functions but qdq_cancel_free() may be called from
/// any thread at any time.
#[derive(Default)]
pub struct qdq_cancel {
    pub(super) requested: Arc<AtomicBool>,
}

/// A switch that is off. Free it with qdq_cancel_free(), even while runs that were given it go on.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cancel_new() -> *mut qdq_cancel {
    constructed(qdq_cancel::default)
}

/// Frees `*cancel` and sets it to NULL. NULL in either place is allowed and does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cancel_free(cancel: Option<&mut *mut qdq_cancel>) {
    handle::free(cancel);
}

/// Asks the runs to stop: they end with QDQ_ERROR_CANCELLED before their next batch.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cancel_request(cancel: Option<&qdq_cancel>) {
    if let Some(cancel) = cancel {
        cancel.requested.store(true, Ordering::Relaxed);
    }
}

/// Switches it off again, for the next run.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cancel_reset(cancel: Option<&qdq_cancel>) {
    if let Some(cancel) = cancel {
        cancel.requested.store(false, Ordering::Relaxed);
    }
}

/// Whether it is on.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cancel_is_requested(cancel: Option<&qdq_cancel>) -> bool {
    cancel.is_some_and(|cancel| cancel.requested.load(Ordering::Relaxed))
}
