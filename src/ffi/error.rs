//! `qdq_error`: the whole of what went wrong, owned by C.

use std::error::Error as StdError;
use std::ffi::{CString, c_char};

use crate::error::{Error, ErrorKind};

use super::handle::{self, c_text, optional_text, owned, text_at};
use super::status::{kind_of, qdq_status, status_of};

/// What went wrong: a status, a message that names the thing and the cause, a remedy where one is known, and
/// the errors from below that caused it. Immutable; any number of threads may read one.
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

/// Makes an error for a callback to return: `status` (a number that is none, QDQ_OK too, counts as
/// QDQ_ERROR_CALLBACK), a message, and what to do about it or NULL. Texts are copied; what is not UTF-8 in
/// them is replaced. The callback stores it through its `error` and returns the same status; qdq takes it
/// over and passes it on to its own caller.
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
        // SAFETY: the caller's promise; NULL is no error above.
        Err(_) => Some(unsafe { std::ffi::CStr::from_ptr(pointer) }.to_string_lossy().into_owned()),
    }
}

/// Frees `*error` and sets it to NULL. NULL in either place is allowed and does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_error_free(error: Option<&mut *mut qdq_error>) {
    handle::free(error);
}

/// The kind of the error; QDQ_OK for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_error_status(error: Option<&qdq_error>) -> qdq_status {
    error.map_or(super::status::QDQ_OK, |error| status_of(error.error.kind()))
}

/// What is wrong with which thing, in one line. Valid until the error is freed; NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_error_message(error: Option<&qdq_error>) -> *const c_char {
    error.map_or(std::ptr::null(), |error| error.message.as_ptr())
}

/// What to do about it; NULL where no remedy is known. Valid until the error is freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_error_remedy(error: Option<&qdq_error>) -> *const c_char {
    error.and_then(|error| error.remedy.as_ref()).map_or(std::ptr::null(), |remedy| remedy.as_ptr())
}

/// How many errors from below caused this one.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_error_cause_count(error: Option<&qdq_error>) -> usize {
    error.map_or(0, |error| error.causes.len())
}

/// The cause at `index`, from 0, the nearest first; NULL past the last. Valid until the error is freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_error_cause_at(error: Option<&qdq_error>, index: usize) -> *const c_char {
    error.map_or(std::ptr::null(), |error| text_at(&error.causes, index))
}

/// Everything for a log: message and remedy in the first line, then a line for every cause. Valid until the
/// error is freed; NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_error_text(error: Option<&qdq_error>) -> *const c_char {
    error.map_or(std::ptr::null(), |error| error.text.as_ptr())
}
