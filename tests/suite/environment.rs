//! The tests' Python, ONNX Runtime inside it, and the project's own files.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Returns the path of a file of the project.
pub fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Returns the path of a file of the digits model: `model.onnx`, `calib.npz`, ...
pub fn digits(file: &str) -> PathBuf {
    project("tests/data/digits").join(file)
}

/// Runs Python (with numpy, onnx and onnxruntime) and returns its output.
pub fn run_python(arguments: &[&str]) -> String {
    let own = || project("target/python/bin/python");
    let python = std::env::var_os("QDQ_PYTHON").map_or_else(own, PathBuf::from);
    let ran = Command::new(&python).env("PYTHONDONTWRITEBYTECODE", "1").args(arguments).output();
    let ran = ran.unwrap_or_else(|error| panic!("{}: {error}; `make python` sets it up", python.display()));
    let printed = String::from_utf8_lossy(&ran.stdout).trim().to_owned();
    assert!(ran.status.success(), "{arguments:?}: {printed}\n{}", String::from_utf8_lossy(&ran.stderr));
    printed
}

/// Returns the folder of ONNX Runtime's library in the Python package.
pub fn onnxruntime() -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let find = "import importlib.util as u; print(u.find_spec('onnxruntime').submodule_search_locations[0])";
    FOLDER.get_or_init(|| PathBuf::from(run_python(&["-c", find])).join("capi")).clone()
}
