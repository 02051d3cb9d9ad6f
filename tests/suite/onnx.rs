//! ONNX files: nothing lost, external data, edits, opset conversion, damaged input.

mod damage;
mod edits;
mod files;
mod opset;

use std::path::{Path, PathBuf};
use std::process::Command;

/// A model of the project's test data.
fn digits() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/digits/model.onnx")
}

/// Runs one of the scripts beside this file with the tests' Python and returns what it printed.
fn python(script: &str, arguments: &[&Path]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = || root.join("target/python/bin/python").into_os_string();
    let python = std::env::var_os("QDQ_PYTHON").unwrap_or_else(own);
    let mut words = script.split(' ');
    let file = root.join("tests/suite/onnx").join(words.next().unwrap());
    let mut run = Command::new(&python);
    run.env("PYTHONDONTWRITEBYTECODE", "1").arg(file).args(words).args(arguments);
    let done =
        run.output().unwrap_or_else(|error| panic!("{python:?}: {error}; run `make test`, which sets it up"));
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{script}: {said}\n{}", String::from_utf8_lossy(&done.stderr));
    said
}
