//! The callback that opens the same data several times.

use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::batch::BatchSource;
use crate::error::{Error, ErrorKind, Result};

use super::batches::qdq_batches;
use super::callback::outcome;
use super::error::qdq_error;
use super::handle::{null, take};
use super::run_options::Stoppable;
use super::status::qdq_status;

/// Opens the same data once more: sets `*out` to new batches, which qdq then owns, and returns QDQ_OK. If it
/// returns any other status, the run ends with that status. The callback may then set `*error`, which is NULL
/// at first, to an error from qdq_error_new() with the reason.
///
/// qdq calls it on the thread that runs the model. It must not leave by an exception or longjmp.
pub type qdq_open_batches_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        out: *mut *mut qdq_batches,
        error: *mut *mut qdq_error,
    ) -> qdq_status,
>;

/// Returns a function that calls the callback. The batches stop when the run is cancelled.
///
/// # Errors
/// `InvalidArgument` if there is no callback.
pub(super) fn reopened(
    open: qdq_open_batches_fn,
    user: *mut c_void,
    cancel: Option<Arc<AtomicBool>>,
) -> Result<impl FnMut() -> Result<Box<dyn BatchSource>>> {
    let open = open.ok_or_else(|| null("open"))?;
    Ok(move || -> Result<Box<dyn BatchSource>> {
        let mut batches: *mut qdq_batches = std::ptr::null_mut();
        let answer = outcome("the callback that opens the data", |error| {
            // SAFETY: the header's rules for callbacks.
            unsafe { open(user, &raw mut batches, error) }
        });
        let opened = take(Some(&mut batches));
        answer?;
        let opened = opened.ok_or_else(|| {
            Error::new(ErrorKind::Callback, "the callback that opens the data gave no batches")
                .with_remedy("set *out to new batches, or return a status other than QDQ_OK")
        })?;
        Ok(Box::new(Stoppable { source: opened.source, cancel: cancel.clone() }))
    })
}
