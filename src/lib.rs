//! INT8 quantization for TensorRT without Python.
//!
//! qdq takes a float ONNX model and calibration samples and makes a model with Quantize and Dequantize where
//! TensorRT wants them, a TensorRT calibration cache, and the ranges:
//!
//! ```text
//! model ─► onnx ─► graph ─► place ─► Plan ──taps──┐            ┌──► emit
//! batches ────────────────────────► runtime ─► observe ─► range
//! ```
//!
//! [`pipeline`] goes the whole way; start there. [`quant`] holds the numbers for tensors of one's own,
//! [`quantizer`] what calibrates and trains with them, [`range`] the calibration methods, [`place`] the
//! rules. Everything that can fail returns [`error::Error`], which names the thing, the cause and the remedy.
//! The types are `Send`, functions can be called from any thread, and nothing is global but the choice of
//! kernels, the ONNX Runtime library that was opened first, and the pool of threads for images and weights.
//! [`ffi`] is the same for C.
//!
//! | feature | without it |
//! |---|---|
//! | `embedded-runtime` | models run in ONNX Runtime alone, and no constants are computed |
//! | `onnxruntime` | models run in the embedded runtime alone |
//! | `images` | calibration data are arrays, files of arrays and callbacks |
//! | `tool` | there is no command-line tool |
//! | `tensorrt` | the tool builds no engines; it needs TensorRT's headers, and is off by default |

#![cfg_attr(
    not(all(feature = "embedded-runtime", feature = "onnxruntime", feature = "images")),
    allow(dead_code, reason = "some functions serve only a part that is left out")
)]

// In this order a module uses only those before it; a test reads the imports and fails on an upward one.
pub mod error;
pub mod finding;
pub mod file;
pub mod locate;
pub mod dtype;
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
pub mod quantizer;
pub mod emit;
pub mod report;
pub mod recover;
pub mod pipeline;
pub mod ffi;
pub mod tensorrt;

/// The Rust example of the documents, compiled as a test.
#[cfg(doctest)]
#[doc = include_str!("../docs/rust.md")]
pub struct Example;
