//! Engines: builds them with TensorRT's own library, which qdq opens at run time.
//!
//! TensorRT has a C++ interface that changes with every major version, so C++ code calls it: the headers of
//! `cpp/qdq/tensorrt`. The Cargo feature `tensorrt` compiles them with the headers of one TensorRT version
//! (`QDQ_TENSORRT_INCLUDE` names their folders). [`find_tensorrt`] finds the library. It must have the same
//! major version, and the bridge checks this before it uses anything else of the library.

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
use crate::report::engine_cost::{self, EngineCost};

/// The shapes that an input may have, and the shape for which the engine is tuned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InputShapes {
    /// The input's name.
    pub input: String,
    /// The smallest size of every axis.
    pub min: Vec<i64>,
    /// The size that the engine is tuned for.
    pub opt: Vec<i64>,
    /// The largest size of every axis.
    pub max: Vec<i64>,
}

/// The settings of an engine build.
#[derive(Clone, Debug, Default)]
pub struct EngineOptions {
    /// Whether layers that are not INT8 may run in half precision. Only for TensorRT 8 to 10.
    pub half: bool,
    /// The builder's workspace in bytes; `None` for TensorRT's own limit.
    pub workspace: Option<u64>,
    /// A file that keeps measured times for later builds. Not for TensorRT-RTX.
    pub timing_cache: Option<PathBuf>,
    /// The optimization profiles. Each has the shapes of all inputs with a dynamic shape.
    pub profiles: Vec<Vec<InputShapes>>,
    /// Whether the engine keeps the details of its layers, which [`engine_cost()`] needs for engines of
    /// TensorRT 8.2 to 11. Engines of TensorRT-RTX always have them.
    pub detailed: bool,
    /// For TensorRT-RTX: the GPUs to build for, 86 for compute capability 8.6. Empty: the GPU of this
    /// machine.
    pub compute_capabilities: Vec<i32>,
}

/// A version of TensorRT or TensorRT-RTX. TensorRT-RTX has its own numbers, starting at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// The major number, which identifies the binary interface.
    pub major: i32,
    /// The minor number, which identifies the release.
    pub minor: i32,
    /// The patch number.
    pub patch: i32,
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let product = if self.is_rtx() { "TensorRT-RTX" } else { "TensorRT" };
        write!(f, "{product} {}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl Version {
    /// Returns whether this is TensorRT-RTX.
    pub fn is_rtx(&self) -> bool {
        self.major < 7
    }
}

/// Returns the version of the TensorRT headers that qdq was compiled with; `None` if it was built without.
pub fn compiled() -> Option<Version> {
    driver::compiled()
}

/// Returns whether that TensorRT has Q/DQ layers. Without them, the engine of a float model is built from its
/// ranges.
pub fn has_qdq() -> bool {
    driver::has_qdq()
}

/// Returns whether that TensorRT builds strongly typed engines alone (11, RTX): they compute in the types of
/// the model, and half precision is that of the model.
pub fn is_strongly_typed() -> bool {
    compiled().is_some_and(|version| version.is_rtx() || version.major >= 11)
}

/// The model that an engine is built of.
#[derive(Clone, Copy, Debug)]
pub struct EngineSource<'a> {
    /// The content of its ONNX file.
    pub model: &'a [u8],
    /// Its name in messages.
    pub name: &'a str,
    /// The ranges that quantize a float model; without them, the model is built unchanged.
    pub ranges: Option<&'a Ranges>,
}

/// Builds an engine and writes it to `output`, completely or not at all. TensorRT's messages go to
/// [`tracing`].
///
/// # Errors
/// `Unsupported` if qdq was built without TensorRT; `Engine` with TensorRT's first error message; the errors
/// of the options.
pub fn build_engine(
    source: &EngineSource<'_>,
    output: &Path,
    libraries: &Libraries,
    options: &EngineOptions,
) -> Result<()> {
    driver::build_engine(source, output, libraries, options)
}

/// Reads the kernels of an engine and the bytes that they move. If the plan of its version is unknown and qdq
/// was compiled with TensorRT, TensorRT's IEngineInspector describes the layers. This needs the GPU that the
/// engine was built for, and an engine with the details of its layers.
///
/// `libraries` are those of [`find_tensorrt`]; without them, unknown plans stay unknown.
///
/// # Errors
/// Those of [`engine_cost::read`] and [`engine_cost::from_layers`]; `Engine` if TensorRT cannot read the
/// engine.
pub fn engine_cost(engine: &[u8], libraries: Option<&Libraries>) -> Result<EngineCost> {
    if let (false, Some(version), Some(libraries)) =
        (engine_cost::is_readable(engine)?, compiled().filter(|version| !version.is_rtx()), libraries)
    {
        return engine_cost::from_layers(&version.to_string(), &driver::layers(engine, libraries)?);
    }
    engine_cost::read(engine)
}

fn without() -> Error {
    Error::new(ErrorKind::Unsupported, "this qdq was built without TensorRT").with_remedy(
        "build it with TensorRT's headers: \
         `QDQ_TENSORRT_INCLUDE=FOLDER cargo install --path . --features tensorrt`, or in CMake -DQDQ_TENSORRT=ON",
    )
}
