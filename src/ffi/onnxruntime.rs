//! The search for ONNX Runtime's library.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use crate::runtime;

use super::buffer::qdq_buffer;
use super::error::qdq_error;
use super::guard::guard;
use super::handle::{self, give, path_bytes};
use super::status::qdq_status;

/// Finds ONNX Runtime's library. `*out` receives its path, or its name if the system's loader finds it; free
/// it with qdq_buffer_free(). `path` names the library or its folder. If `path` is NULL, the function
/// searches these places in order:
/// - the environment variables QDQ_ONNXRUNTIME and ORT_DYLIB_PATH, which name the library or its folder;
/// - the Python package onnxruntime in the active environment, beside the programs in PATH, of the user, or
///   of the system;
/// - the places of the system's loader.
///
/// Returns QDQ_ERROR_INVALID_ARGUMENT if the named place has no such library; QDQ_ERROR_RUNTIME with the list
/// of searched places if none of them has one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_onnxruntime_find(
    path: *const c_char,
    out: Option<&mut MaybeUninit<*mut qdq_buffer>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            // SAFETY: the header's rules for texts.
            let path = (!path.is_null()).then(|| unsafe { handle::path(path, "path") }).transpose()?;
            let found = runtime::find_onnxruntime(path.as_deref())?;
            Ok(qdq_buffer::new(path_bytes(&found)))
        })
    })
}

/// Returns the version of the ONNX Runtime library at `path`, such as "1.24.1". The library is loaded for
/// this and stays loaded. Free `*out` with qdq_buffer_free().
///
/// Returns QDQ_ERROR_RUNTIME if the file cannot be loaded or is not ONNX Runtime.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_onnxruntime_version(
    path: *const c_char,
    out: Option<&mut MaybeUninit<*mut qdq_buffer>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        // SAFETY: the header's rules for texts.
        give(out, || {
            runtime::onnxruntime_version(&unsafe { handle::path(path, "path") }?).map(qdq_buffer::new)
        })
    })
}
