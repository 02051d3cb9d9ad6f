//! The ONNX Runtime library. qdq opens it at run time, once for each process.
#![allow(
    unsafe_code,
    reason = "opening a library runs its initialisers, and its version comes as a C string"
)]

use std::ffi::{CStr, c_char};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use libloading::Library;
use ort::environment::Environment;
use ort::logging::LogLevel;

use crate::error::{Context, Error, ErrorKind, Result};

/// Returns the version of the ONNX Runtime library at `path`, such as `1.32.0`.
///
/// # Errors
/// `Runtime` if the file cannot be loaded or is not ONNX Runtime.
pub fn version(path: &Path) -> Result<String> {
    let broken = || format!("{}: cannot be loaded as the library of ONNX Runtime", path.display());
    // SAFETY: the user named or installed this library as ONNX Runtime, and its initialisers run here. No
    // check before loading can detect a library that misbehaves.
    let library = unsafe { Library::new(path) }.context(ErrorKind::Runtime, broken)?;
    // SAFETY: every release of ONNX Runtime exports this function with this signature.
    let base = unsafe {
        library.get::<unsafe extern "system" fn() -> *const ort::sys::OrtApiBase>(b"OrtGetApiBase")
    }
    .context(ErrorKind::Runtime, broken)?;
    // SAFETY: as above. The table is static; the pointer is null if the library cannot start.
    let text: *const c_char = match unsafe { base().as_ref() } {
        // SAFETY: the first two entries of the table never change, and this function has no parameters.
        Some(base) => unsafe { (base.GetVersionString)() },
        None => std::ptr::null(),
    };
    if text.is_null() {
        return Err(Error::new(ErrorKind::Runtime, broken()));
    }
    // SAFETY: the pointer is not null. It points to a static C string in the library, which is still open.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned();
    // Closing a C++ library runs destructors that other threads may not expect, so the process keeps it open.
    std::mem::forget(library);
    Ok(text)
}

/// The library that the process has loaded.
struct Loaded {
    path: PathBuf,
    version: String,
    environment: Environment,
}

static LOADED: Mutex<Option<Loaded>> = Mutex::new(None);

/// Returns the environment of the library at `path` and its version.
///
/// The first call in the process loads the library.
///
/// # Errors
/// `Runtime` if the library cannot be loaded or is too old; `InvalidArgument` if the process has already
/// loaded another one.
pub fn environment(path: &Path) -> Result<(Environment, String)> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(loaded) = &*loaded {
        if loaded.path != path {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "{}: this process uses the ONNX Runtime library {} already",
                    path.display(),
                    loaded.path.display()
                ),
            )
            .with_remedy("use one library, or two processes"));
        }
        return Ok((loaded.environment.clone(), loaded.version.clone()));
    }
    let unusable = || format!("{}: cannot be used as the library of ONNX Runtime", path.display());
    let environment = ort::init_from(&path)
        .context(ErrorKind::Runtime, unusable)
        .map_err(|error| {
            error.with_remedy(format!(
                "get ONNX Runtime 1.{} or later: the library of a release, or the Python package onnxruntime",
                ort::MINOR_VERSION
            ))
        })?
        .with_name("qdq")
        .with_telemetry(false)
        .with_logger(Arc::new(|level: LogLevel, _: &str, _: &str, place: &str, message: &str| match level {
            LogLevel::Verbose | LogLevel::Info => tracing::trace!("onnxruntime: {message} ({place})"),
            // ONNX Runtime also returns errors as statuses, which have more details.
            _ => tracing::debug!("onnxruntime: {message} ({place})"),
        }))
        .build()
        .context(ErrorKind::Runtime, unusable)?;
    environment.set_log_level(LogLevel::Warning);
    let version = version(&path)?;
    *loaded = Some(Loaded { path, version: version.clone(), environment: environment.clone() });
    Ok((environment, version))
}
