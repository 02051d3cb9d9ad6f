//! The version of qdq, its kernels and its threads.

use std::ffi::{CStr, c_char};

use crate::kernel;

const fn number(text: &str) -> u32 {
    match u32::from_str_radix(text, 10) {
        Ok(number) => number,
        Err(_) => panic!("a part of the version is no number"),
    }
}

/// The number of the version, from which the header is generated.
pub(super) const VERSION: u32 = number(env!("CARGO_PKG_VERSION_MAJOR")) * 10_000
    + number(env!("CARGO_PKG_VERSION_MINOR")) * 100
    + number(env!("CARGO_PKG_VERSION_PATCH"));

const TEXT: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(text) => text,
    Err(_) => panic!("the version holds a NUL"),
};

/// Returns the version of the library at run time: major * 10000 + minor * 100 + patch. Compare it with
/// QDQ_VERSION, the version with which the program was compiled.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_version() -> u32 {
    VERSION
}

/// Returns the version as text, such as "0.1.0". The text is always valid.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_version_text() -> *const c_char {
    TEXT.as_ptr()
}

/// Returns the instruction set of the kernels in use, such as "scalar". The environment variable QDQ_ISA,
/// read at the first computation, overrides the choice. The text is always valid.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_kernel_name() -> *const c_char {
    static NAME: std::sync::OnceLock<std::ffi::CString> = std::sync::OnceLock::new();
    NAME.get_or_init(|| super::handle::c_text(kernel::active().name())).as_ptr()
}

/// Limits the number of threads that share the work on one large tensor or on weights. 1 means the caller's
/// thread only. 0 means one per core of the machine, the default. The limit holds for the whole process from
/// the next call on; results do not depend on it. Runs of a model have their own threads, see
/// qdq_run_options_set_threads().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_set_threads(limit: usize) {
    kernel::parallel::set_threads(std::num::NonZeroUsize::new(limit));
}
