//! INT8 quantisation for TensorRT without Python.

// In this order a module uses only those before it; a test reads the imports and fails on an upward one.
pub mod error;
pub mod file;
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
pub mod emit;
pub mod report;
pub mod pipeline;
