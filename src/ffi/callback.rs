//! Functions of C's that qdq calls.

use std::ffi::c_void;

use crate::error::{Error, ErrorKind, Result};

use super::error::qdq_error;
use super::handle::take;
use super::status::{QDQ_OK, kind_of, qdq_status};

/// Frees what a callback was given as `user`.
pub type qdq_free_fn = Option<unsafe extern "C" fn(user: *mut c_void)>;

/// What C gave a callback as its own, freed once.
pub(super) struct User {
    pointer: *mut c_void,
    free: qdq_free_fn,
}

// SAFETY: the header asks for a callback whose data may be used from another thread than the one that gave
// it.
unsafe impl Send for User {}
// SAFETY: as above, by several calls at the same time too; nothing changes here.
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

/// Runs a callback and turns what it returns into an error, with its own message where it gave one.
pub(super) fn outcome(what: &str, call: impl FnOnce(*mut *mut qdq_error) -> qdq_status) -> Result<()> {
    let mut error: *mut qdq_error = std::ptr::null_mut();
    let status = call(&raw mut error);
    let given = take(Some(&mut error)).map(|given| given.into_error());
    if status == QDQ_OK {
        return Ok(());
    }
    // The status says how the run ends, the error says why.
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
