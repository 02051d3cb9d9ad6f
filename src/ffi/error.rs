//! `qdq_error`: an error with all its details, owned by C.

use std::error::Error as StdError;
use std::ffi::{CString, c_char};

use crate::error::{Error, ErrorKind};

use super::handle::{self, c_text, optional_text, owned, text_at};
use super::status::{kind_of, qdq_status, status_of};

/// An error: a status, a message that names the object and the cause, a remedy if one is known, and the
/// lower-level errors that caused it. Immutable; any number of threads may read one.
pub struct qdq_error {
    error: Error,
    message: CString,
    remedy: Option<CString>,
    causes: Vec<CString>,
    text: CString,
}

impl qdq_error {
    pub(super) fn new(error: Error) -> Self {
        let mut causes = Vec::new();
        let mut next = error.source();
        while let Some(cause) = next {
            causes.push(cause.to_string());
            next = cause.source();
        }
        let text = causes.iter().fold(error.to_string(), |text, cause| format!("{text}\n  cause: {cause}"));
        Self {
            message: c_text(error.message()),
            remedy: error.remedy().map(c_text),
            causes: causes.iter().map(|cause| c_text(cause)).collect(),
            text: c_text(&text),
            error,
        }
    }

    #[cfg(test)]
    pub(super) fn error(&self) -> &Error {
        &self.error
    }

    pub(super) fn into_error(self) -> Error {
        self.error
    }
}

/// Makes an error for a callback to return. `status` is the kind of the error; QDQ_OK and numbers that are no
/// status count as QDQ_ERROR_CALLBACK. `remedy` says how to solve the problem and may be NULL. The texts are
/// copied; invalid UTF-8 in them is replaced.
///
/// The callback stores the error through its argument `error` and returns the same status. qdq then owns the
/// error and passes it to its own caller.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_error_new(
    status: qdq_status,
    message: *const c_char,
    remedy: *const c_char,
) -> *mut qdq_error {
    // SAFETY: the caller gives texts or NULL.
    let (message, remedy) = unsafe { (lossy(message), lossy(remedy)) };
    let kind = kind_of(status).unwrap_or(ErrorKind::Callback);
    let error = Error::new(kind, message.unwrap_or_else(|| "a callback failed without a message".into()));
    owned(qdq_error::new(match remedy {
        Some(remedy) => error.with_remedy(remedy),
        None => error,
    }))
}

/// # Safety
/// As for [`handle::text`].
unsafe fn lossy(pointer: *const c_char) -> Option<String> {
    // SAFETY: the caller's promise.
    match unsafe { optional_text(pointer, "") } {
        Ok(text) => text,
        // SAFETY: the caller's promise. NULL is no error above.
        Err(_) => Some(unsafe { std::ffi::CStr::from_ptr(pointer) }.to_string_lossy().into_owned()),
    }
}

/// Frees `*error` and sets it to NULL. Does nothing if `error` or `*error` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_error_free(error: Option<&mut *mut qdq_error>) {
    handle::free(error);
}

/// Returns the status of the error; QDQ_OK for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_error_status(error: Option<&qdq_error>) -> qdq_status {
    error.map_or(super::status::QDQ_OK, |error| status_of(error.error.kind()))
}

/// Returns the message in one line, which names the object and the cause; NULL for NULL. The text is valid
/// until the error is freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_error_message(error: Option<&qdq_error>) -> *const c_char {
    error.map_or(std::ptr::null(), |error| error.message.as_ptr())
}

/// Returns the remedy; NULL if none is known. The text is valid until the error is freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_error_remedy(error: Option<&qdq_error>) -> *const c_char {
    error.and_then(|error| error.remedy.as_ref()).map_or(std::ptr::null(), |remedy| remedy.as_ptr())
}

/// Returns the number of lower-level errors that caused this one.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_error_cause_count(error: Option<&qdq_error>) -> usize {
    error.map_or(0, |error| error.causes.len())
}

/// Returns the cause at `index`, from 0, the nearest first; NULL past the last. The text is valid until the
/// error is freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_error_cause_at(error: Option<&qdq_error>, index: usize) -> *const c_char {
    error.map_or(std::ptr::null(), |error| text_at(&error.causes, index))
}

/// Returns the complete text for a log: message and remedy in the first line, then a line for every cause;
/// NULL for NULL. The text is valid until the error is freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_error_text(error: Option<&qdq_error>) -> *const c_char {
    error.map_or(std::ptr::null(), |error| error.text.as_ptr())
}
