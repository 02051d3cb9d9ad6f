//! The only error type of qdq.
//!
//! A message names the subject (file, node, tensor, argument) and the problem. The remedy names the action
//! that solves it. The error keeps its cause as the source, so that a caller can print the whole chain.

use std::error::Error as StdError;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// The category of an error, coarse enough to act on. The C status codes come from this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument or option is invalid.
    InvalidArgument,
    /// The operating system failed to read or write something.
    Io,
    /// A file is damaged or has another format.
    Format,
    /// The input is valid, but qdq cannot handle it.
    Unsupported,
    /// Shapes do not match.
    Shape,
    /// An element type does not match.
    Type,
    /// The calibration data or statistics give no result.
    Data,
    /// A runtime (embedded, ONNX Runtime) failed.
    Runtime,
    /// TensorRT or CUDA failed, or rejected its input.
    TensorRt,
    /// The caller asked qdq to stop.
    Cancelled,
    /// A function of the caller, such as a callback, failed.
    Callback,
    /// A bug in qdq itself.
    Internal,
}

/// The error of every fallible function in qdq.
#[derive(Clone, Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    remedy: Option<String>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// `Result` with qdq's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Creates an error. `message` names the subject and the problem.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), remedy: None, source: None }
    }

    /// Adds the action that the user can take, as an imperative without a full stop.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Adds the error that caused this one.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// Replaces the kind.
    #[must_use]
    pub fn of_kind(mut self, kind: ErrorKind) -> Self {
        self.kind = kind;
        self
    }

    /// Puts the name of the container (the file of a tensor, the function of a node) before the message.
    #[must_use]
    pub fn within(mut self, place: impl fmt::Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// Creates an error of the operating system for `action` ("read", "write", ...) on `path`.
    pub fn io(action: &str, path: &Path, source: std::io::Error) -> Self {
        let remedy = match source.kind() {
            std::io::ErrorKind::NotFound => Some("check the path"),
            std::io::ErrorKind::PermissionDenied => Some("check the permissions"),
            std::io::ErrorKind::StorageFull => Some("make room on the disk, or write elsewhere"),
            _ => None,
        };
        let error =
            Self::new(ErrorKind::Io, format!("{}: cannot {action}", path.display())).with_source(source);
        match remedy {
            Some(remedy) => error.with_remedy(remedy),
            None => error,
        }
    }

    /// Returns the kind, for code that acts on it.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns the problem, without remedy and causes.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the remedy, if one is known.
    pub fn remedy(&self) -> Option<&str> {
        self.remedy.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(remedy) = &self.remedy {
            write!(f, "; {remedy}")?;
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// Wraps an error of another library in a qdq error with its own message.
pub trait Context<T> {
    /// Wraps the error and keeps it as the source.
    fn context(self, kind: ErrorKind, message: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<Box<dyn StdError + Send + Sync>>> Context<T> for std::result::Result<T, E> {
    fn context(self, kind: ErrorKind, message: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| Error::new(kind, message()).with_source(source))
    }
}
