//! Functions of the C program that qdq calls.

use std::ffi::c_void;

use crate::error::{Error, ErrorKind, Result};

use super::error::qdq_error;
use super::handle::take;
use super::status::{QDQ_OK, kind_of, qdq_status};

/// Frees the `user` pointer of a callback.
pub type qdq_free_fn = Option<unsafe extern "C" fn(user: *mut c_void)>;

/// The `user` pointer that C gave for a callback. It is freed once.
pub(super) struct User {
    pointer: *mut c_void,
    free: qdq_free_fn,
}

// SAFETY: the header requires that a callback's data may be used from another thread than the one that passed
// it.
unsafe impl Send for User {}
// SAFETY: as above, also by several calls at the same time; nothing changes here.
unsafe impl Sync for User {}

impl User {
    pub(super) fn new(pointer: *mut c_void, free: qdq_free_fn) -> Self {
        Self { pointer, free }
    }

    pub(super) fn pointer(&self) -> *mut c_void {
        self.pointer
    }
}

impl Drop for User {
    fn drop(&mut self) {
        if let Some(free) = self.free {
            // SAFETY: the header's rules for callbacks; this is the only call.
            unsafe { free(self.pointer) };
        }
    }
}

/// Runs a callback and turns its status into an error, with the callback's own message if it stored one.
pub(super) fn outcome(what: &str, call: impl FnOnce(*mut *mut qdq_error) -> qdq_status) -> Result<()> {
    let mut error: *mut qdq_error = std::ptr::null_mut();
    let status = call(&raw mut error);
    let given = take(Some(&mut error)).map(|given| given.into_error());
    if status == QDQ_OK {
        return Ok(());
    }
    // The status decides how the run ends. The error gives the reason.
    let given = given.map(|given| given.of_kind(kind_of(status).unwrap_or(ErrorKind::Callback)));
    Err(given.unwrap_or_else(|| match kind_of(status) {
        Some(ErrorKind::Cancelled) => Error::new(ErrorKind::Cancelled, format!("stopped by {what}")),
        Some(kind) => Error::new(kind, format!("{what} failed with status {status}")),
        None => {
            Error::new(ErrorKind::Callback, format!("{what} returned {status}, which is no status of qdq"))
                .with_remedy("return QDQ_OK or one of the QDQ_ERROR_ numbers")
        }
    }))
}
