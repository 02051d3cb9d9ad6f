//! ONNX files: nothing lost, external data, edits, opset conversion, damaged input.

mod files;

use std::path::PathBuf;

/// A model of the project's test data.
fn digits() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/digits/model.onnx")
}
