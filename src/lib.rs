//! INT8 quantization for TensorRT without Python.
//!
//! qdq takes a float ONNX model and calibration samples. It produces a model with Q/DQ pairs at the places
//! that TensorRT expects, a TensorRT calibration cache, and the ranges:
//!
//! ```text
//! model ─► onnx ─► graph ─► place ─► Plan ──taps──┐            ┌──► emit
//! batches ────────────────────────► runtime ─► observe ─► range
//! ```
//!
//! [`pipeline`] covers the whole process; start there. [`quant`] quantizes your own tensors, [`quantizer`]
//! calibrates and trains with them, [`range`] contains the calibration methods, and [`place`] the placement
//! rules. [`ffi`] is the C interface. Messages go to [`tracing`]; [`log`] has a subscriber that passes them
//! to a function.
//!
//! Every fallible function returns [`error::Error`], which names the subject, the cause and the remedy. All
//! types are `Send`, and all functions can be called from any thread. The only global state is the choice of
//! kernels, the first ONNX Runtime library that was opened, and the thread pool for images and weights.
//!
//! | feature | without it |
//! |---|---|
//! | `embedded-runtime` | models run in ONNX Runtime alone, and no constants are computed |
//! | `onnxruntime` | models run in the embedded runtime alone |
//! | `images` | calibration data are arrays, files of arrays and callbacks |
//! | `recover` | no scales between channels, learned rounding or bias correction |
//! | `tool` | there is no command-line tool |
//! | `tensorrt` | the tool builds no engines; it needs TensorRT's headers, and is off by default |

#![cfg_attr(
    not(all(
        feature = "embedded-runtime",
        feature = "onnxruntime",
        feature = "images",
        feature = "recover"
    )),
    allow(dead_code, unused_imports, reason = "some functions serve only a part that is left out")
)]

// A module uses only the modules before it in this list. A test checks the imports.
pub mod error;
pub mod log;
pub mod finding;
pub mod file;
pub mod locate;
pub mod dtype;
pub mod e4m3;
pub mod tensor;
pub mod kernel;
pub mod quant;
pub mod graph;
pub mod onnx;
pub mod place;
pub mod batch;
pub mod runtime;
pub mod observe;
pub mod range;
pub mod precision;
pub mod quantizer;
pub mod emit;
pub mod report;
pub mod recover;
pub mod search;
pub mod pipeline;
pub mod ffi;
pub mod tensorrt;

/// The Rust example of the documentation, compiled as a test.
#[cfg(doctest)]
#[doc = include_str!("../docs/rust.md")]
pub struct Example;
