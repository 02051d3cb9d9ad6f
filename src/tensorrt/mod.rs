//! Engines: TensorRT's own library, opened at run time, builds a model.
//!
//! TensorRT has a C++ interface that changes with every major version, so what drives it is C++: the headers
//! of `cpp/qdq/tensorrt`, compiled with the headers of one TensorRT where the Cargo feature `tensorrt` is on
//! (`QDQ_TENSORRT_INCLUDE` names their folders). The library is found by [`find_tensorrt`]; it must be of
//! that major version, which is checked before anything else of it is used.

#[cfg(not(feature = "tensorrt"))]
mod absent;
#[cfg(feature = "tensorrt")]
mod bridge;
mod find;

use std::path::{Path, PathBuf};

#[cfg(not(feature = "tensorrt"))]
use absent as driver;
#[cfg(feature = "tensorrt")]
use bridge as driver;
pub use find::{Libraries, find_tensorrt};

use crate::emit::Ranges;
use crate::error::{Error, ErrorKind, Result};

/// The shapes that an input may have, and the one that the engine is to be fastest for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InputShapes {
    /// The input's name.
    pub input: String,
    /// The smallest size of every axis.
    pub min: Vec<i64>,
    /// The size that the engine is tuned for.
    pub opt: Vec<i64>,
    /// The largest size.
    pub max: Vec<i64>,
}

/// How an engine is built.
#[derive(Clone, Debug, Default)]
pub struct EngineOptions {
    /// Whether what is not INT8 may run in half precision; TensorRT 8 to 10 only.
    pub half: bool,
    /// The builder's workspace in bytes; `None` for TensorRT's own limit.
    pub workspace: Option<u64>,
    /// A file that keeps measured times for later builds; not for TensorRT-RTX.
    pub timing_cache: Option<PathBuf>,
    /// The optimization profiles, each with the shapes of all inputs of dynamic shape.
    pub profiles: Vec<Vec<InputShapes>>,
    /// For TensorRT-RTX: the GPUs to build for, 86 for compute capability 8.6. Empty for this machine's.
    pub compute_capabilities: Vec<i32>,
}

/// A version of TensorRT, or of TensorRT-RTX, which counts from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// The number that stands for a binary interface.
    pub major: i32,
    /// The number of a release.
    pub minor: i32,
    /// The number of a correction.
    pub patch: i32,
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let product = if self.is_rtx() { "TensorRT-RTX" } else { "TensorRT" };
        write!(f, "{product} {}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl Version {
    /// Whether it is TensorRT-RTX.
    pub fn is_rtx(&self) -> bool {
        self.major < 7
    }
}

/// The TensorRT whose headers this was compiled with; `None` where it was built without.
pub fn compiled() -> Option<Version> {
    driver::compiled()
}

/// Whether that TensorRT has Quantize and Dequantize layers; without them a float model is built by its
/// ranges.
pub fn has_qdq() -> bool {
    driver::has_qdq()
}

/// Builds the engine of an ONNX file's content and writes it to `output`, whole or not at all. `ranges`
/// quantize a float model; without them the model is built as it is. `name` is the model's in messages. What
/// TensorRT says goes to [`tracing`].
///
/// # Errors
/// `Unsupported` where qdq was built without TensorRT; `Engine` with TensorRT's first complaint; those of the
/// options.
pub fn build_engine(
    model: &[u8],
    name: &str,
    ranges: Option<&Ranges>,
    output: &Path,
    libraries: &Libraries,
    options: &EngineOptions,
) -> Result<()> {
    driver::build_engine(model, name, ranges, output, libraries, options)
}

fn without() -> Error {
    Error::new(ErrorKind::Unsupported, "this qdq was built without TensorRT").with_remedy(
        "build it with TensorRT's headers: \
         `QDQ_TENSORRT_INCLUDE=FOLDER cargo install --path . --features tensorrt`, or in CMake -DQDQ_TENSORRT=ON",
    )
}
