//! In place of ONNX Runtime in a library that was built without the feature `onnxruntime`: the same
//! functions, of which those that need ONNX Runtime refuse.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Runtime, Tap};
use crate::batch::Batch;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::TensorId;
use crate::onnx::Model;
use crate::tensor::Tensor;

fn absent() -> Error {
    Error::new(ErrorKind::Unsupported, "this qdq was built without ONNX Runtime")
        .with_remedy("run it in the embedded runtime, or build qdq with the feature onnxruntime")
}

/// Refuses: nothing here opens such a library.
///
/// # Errors
/// `Unsupported`, always.
pub fn find_onnxruntime(_explicit: Option<&Path>) -> Result<PathBuf> {
    Err(absent())
}

/// Refuses: nothing here opens such a library.
///
/// # Errors
/// `Unsupported`, always.
pub fn onnxruntime_version(_path: &Path) -> Result<String> {
    Err(absent())
}

pub(super) fn environment(_path: &Path) -> Result<((), String)> {
    Err(absent())
}

/// Whether a place for the library was named. Environment variables are for programs that can use it.
pub(super) fn is_asked_for(explicit: Option<&Path>) -> bool {
    explicit.is_some()
}

/// No value of this type exists.
pub(super) struct OnnxRuntime(Infallible);

impl OnnxRuntime {
    pub fn open(
        _library: &Path,
        _model: &Model,
        _taps: &BTreeMap<TensorId, usize>,
        _tap: Arc<dyn Tap>,
        _threads: Option<usize>,
    ) -> Result<Self> {
        Err(absent())
    }
}

impl Runtime for OnnxRuntime {
    fn run(&mut self, _batch: &Batch) -> Result<Vec<Tensor>> {
        match self.0 {}
    }

    fn describe(&self) -> String {
        match self.0 {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::{RuntimeKind, RuntimeOptions};

    #[test]
    fn a_library_without_onnxruntime_says_so() {
        for refused in [find_onnxruntime(None).map(drop), onnxruntime_version(Path::new("x")).map(drop)] {
            let error = refused.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.to_string().contains("build qdq with the feature onnxruntime"), "{error}");
        }
        let auto = RuntimeOptions { kind: RuntimeKind::Auto, ..Default::default() };
        assert_eq!(auto.settled().unwrap().kind, RuntimeKind::Embedded);
        let named = RuntimeOptions { onnxruntime: Some("libonnxruntime.so".into()), ..auto };
        assert!(named.settled().is_err(), "a library that was asked for is not passed over");
    }
}
