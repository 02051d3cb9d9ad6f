//! The one error type.
//!
//! A message names the thing (file, node, tensor, argument) and what is wrong with it; the remedy says what
//! to do about it. Causes from below are kept as the source, so that a caller can print the whole chain.

use std::error::Error as StdError;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// What went wrong, coarse enough to act on. The C status numbers come from this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument or option that cannot be used.
    InvalidArgument,
    /// The operating system refused to read or write something.
    Io,
    /// A file is damaged or is not what it should be.
    Format,
    /// Valid input that qdq cannot handle.
    Unsupported,
    /// Shapes that do not fit each other.
    Shape,
    /// An element type that does not fit.
    Type,
    /// Calibration data or statistics from which no answer can be computed.
    Data,
    /// A runtime (embedded, ONNX Runtime) failed.
    Runtime,
    /// TensorRT or CUDA failed, or refused what it was given.
    TensorRt,
    /// The caller asked to stop.
    Cancelled,
    /// A function of the caller, such as a callback, failed.
    Callback,
    /// A defect in qdq itself.
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
    /// An error whose `message` names the thing and what is wrong with it.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), remedy: None, source: None }
    }

    /// Adds what the user can do about it, as an imperative without a full stop.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Adds the error from below that caused this one.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// The same error as another kind.
    #[must_use]
    pub fn of_kind(mut self, kind: ErrorKind) -> Self {
        self.kind = kind;
        self
    }

    /// Puts what contains the thing (the file of a tensor, the function of a node) before the message.
    #[must_use]
    pub fn within(mut self, place: impl fmt::Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// An operating-system error while doing `action` ("read", "write", ...) to `path`.
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

    /// The kind, for acting on it.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What is wrong, without remedy and causes.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it, where that is known.
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

/// Puts a qdq error with its own message above an error from below.
pub trait Context<T> {
    /// Wraps the error, keeping it as the source.
    fn context(self, kind: ErrorKind, message: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<Box<dyn StdError + Send + Sync>>> Context<T> for std::result::Result<T, E> {
    fn context(self, kind: ErrorKind, message: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| Error::new(kind, message()).with_source(source))
    }
}
