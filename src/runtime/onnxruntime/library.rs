//! ONNX Runtime's library: opened at run time, once for the process.
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

/// The version of the ONNX Runtime library at `path`, such as `1.32.0`.
///
/// # Errors
/// `Runtime` where the file cannot be loaded or is not ONNX Runtime.
pub fn version(path: &Path) -> Result<String> {
    let broken = || format!("{}: cannot be loaded as the library of ONNX Runtime", path.display());
    // SAFETY: the initialisers are those of a library that the user named or installed as ONNX Runtime; a
    // library that misbehaves when it is loaded cannot be told apart before.
    let library = unsafe { Library::new(path) }.context(ErrorKind::Runtime, broken)?;
    // SAFETY: every release of ONNX Runtime exports this function with this signature.
    let base = unsafe {
        library.get::<unsafe extern "system" fn() -> *const ort::sys::OrtApiBase>(b"OrtGetApiBase")
    }
    .context(ErrorKind::Runtime, broken)?;
    // SAFETY: as above; the table is static, or null where the library cannot start.
    let text: *const c_char = match unsafe { base().as_ref() } {
        // SAFETY: the first two entries of the table never change, and this one takes nothing.
        Some(base) => unsafe { (base.GetVersionString)() },
        None => std::ptr::null(),
    };
    if text.is_null() {
        return Err(Error::new(ErrorKind::Runtime, broken()));
    }
    // SAFETY: not null, and a static C string in the library, which is still open.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned();
    // Closing a C++ library runs destructors that other threads may not expect; the process keeps it.
    std::mem::forget(library);
    Ok(text)
}

/// What the process has loaded.
struct Loaded {
    path: PathBuf,
    version: String,
    environment: Environment,
}

static LOADED: Mutex<Option<Loaded>> = Mutex::new(None);

/// The environment of the library at `path`, and its version. The first call of the process loads the
/// library.
///
/// # Errors
/// `Runtime` where the library cannot be loaded or is too old, `InvalidArgument` where the process has loaded
/// another one already.
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
            // Errors come back as statuses, which say more.
            _ => tracing::debug!("onnxruntime: {message} ({place})"),
        }))
        .build()
        .context(ErrorKind::Runtime, unusable)?;
    environment.set_log_level(LogLevel::Warning);
    let version = version(&path)?;
    *loaded = Some(Loaded { path, version: version.clone(), environment: environment.clone() });
    Ok((environment, version))
}
