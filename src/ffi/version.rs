//! Which qdq this is.

use std::ffi::{CStr, c_char};

use crate::kernel;

const fn number(text: &str) -> u32 {
    match u32::from_str_radix(text, 10) {
        Ok(number) => number,
        Err(_) => panic!("a part of the version is no number"),
    }
}

/// The number of the version, by which the header is generated.
pub(super) const VERSION: u32 = number(env!("CARGO_PKG_VERSION_MAJOR")) * 10_000
    + number(env!("CARGO_PKG_VERSION_MINOR")) * 100
    + number(env!("CARGO_PKG_VERSION_PATCH"));

const TEXT: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(text) => text,
    Err(_) => panic!("the version holds a NUL"),
};

/// The version of the library that runs: major * 10000 + minor * 100 + patch. Compare it with QDQ_VERSION,
/// the version that the program was compiled with.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_version() -> u32 {
    VERSION
}

/// The version as text, such as "0.1.0". Valid for ever.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_version_text() -> *const c_char {
    TEXT.as_ptr()
}

/// The instruction set of the kernels in use, such as "scalar". The environment variable QDQ_ISA, read at the
/// first computation, overrides the choice. Valid for ever.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_kernel_name() -> *const c_char {
    static NAME: std::sync::OnceLock<std::ffi::CString> = std::sync::OnceLock::new();
    NAME.get_or_init(|| super::handle::c_text(kernel::active().name())).as_ptr()
}

/// Limits how many threads share the work on one large tensor or on weights: 1 for the caller's own only, 0
/// for as many as the machine has cores, which is the default. Holds for the whole process, from the next
/// call on; results do not depend on it. Runs of a model have threads of their own, see
/// qdq_run_options_set_threads().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_set_threads(limit: usize) {
    kernel::parallel::set_threads(std::num::NonZeroUsize::new(limit));
}
