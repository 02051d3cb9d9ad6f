//! The layer between a function's body and C, which turns errors and panics into statuses.

use std::any::Any;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Error, ErrorKind, Result};

use super::error::qdq_error;
use super::handle::owned;
use super::status::{QDQ_OK, qdq_status, status_of};

/// Runs the body of a function and returns its status. On failure `error` receives the complete error if C
/// wants it. On success `error` is NULL.
pub fn guard(
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
    body: impl FnOnce() -> Result<()>,
) -> qdq_status {
    let failure = caught(body).err();
    let status = failure.as_ref().map_or(QDQ_OK, |failure| status_of(failure.kind()));
    if let Some(out) = error {
        out.write(failure.map_or(std::ptr::null_mut(), |failure| owned(qdq_error::new(failure))));
    }
    status
}

/// Makes a handle in a function that cannot fail; returns NULL after a panic.
pub fn constructed<T>(make: impl FnOnce() -> T) -> *mut T {
    caught(|| Ok(owned(make()))).unwrap_or(std::ptr::null_mut())
}

/// Runs `body`. A panic becomes an error, so that it never reaches C.
pub fn caught<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    // An object that a panic leaves half-changed stays memory-safe: it is ordinary Rust.
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(panicked(panic.as_ref())))
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("unknown");
    Error::new(ErrorKind::Internal, format!("qdq has a defect: {text}")).with_remedy(
        "report it with what led to it, and free the handles of this call: they may be incomplete",
    )
}

#[cfg(test)]
mod tests {
    use super::super::handle::free;
    use super::super::status::{QDQ_ERROR_DATA, QDQ_ERROR_INTERNAL};
    use super::*;

    #[test]
    fn a_panic_is_a_status_with_a_message() {
        let mut error = MaybeUninit::uninit();
        assert_eq!(guard(Some(&mut error), || panic!("number {}", 3)), QDQ_ERROR_INTERNAL);
        // SAFETY: `guard` has written it.
        let mut error = unsafe { error.assume_init() };
        // SAFETY: `guard` made it.
        let text = unsafe { (*error).error().message().to_owned() };
        assert!(text.contains("number 3"), "{text}");
        free(Some(&mut error));
    }

    #[test]
    fn success_clears_the_error_and_null_wants_none() {
        let mut error = MaybeUninit::uninit();
        assert_eq!(guard(Some(&mut error), || Ok(())), QDQ_OK);
        // SAFETY: `guard` has written it.
        assert!(unsafe { error.assume_init() }.is_null());
        assert_eq!(guard(None, || Err(Error::new(ErrorKind::Data, "x"))), QDQ_ERROR_DATA);
    }
}
