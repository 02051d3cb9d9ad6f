//! ONNX files: nothing lost, external data, edits, opset conversion, damaged input.

mod damage;
mod edits;
mod files;
mod opset;

use std::path::{Path, PathBuf};

use crate::environment::{self, project, run_python};

/// Returns the path of a model of the project's test data.
fn digits() -> PathBuf {
    environment::digits("model.onnx")
}

/// Runs one of the scripts beside this file with the tests' Python and returns its output.
fn python(script: &str, arguments: &[&Path]) -> String {
    let mut words = script.split(' ');
    let file = project("tests/suite/onnx").join(words.next().unwrap());
    let mut all = vec![file.to_str().unwrap()];
    all.extend(words);
    all.extend(arguments.iter().map(|path| path.to_str().unwrap()));
    run_python(&all)
}
