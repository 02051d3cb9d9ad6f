//! `qdq_buffer`: bytes or text that a function returns.

use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;

use crate::error::Error;
use crate::file::write_atomic;

use super::error::qdq_error;
use super::guard::guard;
use super::handle::{self, array};
use super::status::qdq_status;

/// Bytes that a function returns: a text or the content of a file. A NUL follows the last byte and is not
/// part of the size, so that a text can be used as a C string. Immutable; any number of threads may read one.
pub struct qdq_buffer {
    bytes: Vec<u8>,
}

impl qdq_buffer {
    pub(super) fn new(bytes: impl Into<Vec<u8>>) -> Self {
        let mut bytes = bytes.into();
        bytes.reserve_exact(1);
        bytes.push(0);
        Self { bytes }
    }
}

/// Frees `*buffer` and sets it to NULL. Does nothing if `buffer` or `*buffer` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_buffer_free(buffer: Option<&mut *mut qdq_buffer>) {
    handle::free(buffer);
}

/// Returns the address of the first byte; NULL for NULL. It is valid until the buffer is freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_buffer_data(buffer: Option<&qdq_buffer>) -> *const c_void {
    buffer.map_or(std::ptr::null(), |buffer| buffer.bytes.as_ptr().cast())
}

/// Returns the bytes as a text that ends with a NUL; NULL for NULL. It is valid until the buffer is freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_buffer_text(buffer: Option<&qdq_buffer>) -> *const c_char {
    buffer.map_or(std::ptr::null(), |buffer| buffer.bytes.as_ptr().cast())
}

/// Returns the number of bytes, without the NUL after them.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_buffer_size(buffer: Option<&qdq_buffer>) -> usize {
    buffer.map_or(0, |buffer| buffer.bytes.len() - 1)
}

/// Writes bytes into a file, completely or not at all: into a temporary file in the same folder, which is
/// renamed at the end. `data` may be NULL if `size` is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_write_file(
    path: *const c_char,
    data: *const c_void,
    size: usize,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        // SAFETY: the header's rules for texts and arrays.
        let (path, bytes) = unsafe { (handle::path(path, "path")?, array(data.cast::<u8>(), size, "data")?) };
        write_atomic(&path, |out| out.write_all(bytes).map_err(|source| Error::io("write", &path, source)))
    })
}
