//! Replaces ONNX Runtime if qdq is built without the feature `onnxruntime`.
//!
//! It has the same functions; those that need ONNX Runtime return an error.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Runtime, Tap};
use crate::batch::Batch;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::TensorId;
use crate::onnx::Network;
use crate::tensor::Tensor;

fn absent() -> Error {
    Error::new(ErrorKind::Unsupported, "this qdq was built without ONNX Runtime")
        .with_remedy("run it in the embedded runtime, or build qdq with the feature onnxruntime")
}

/// Returns an error, because this build cannot open ONNX Runtime.
///
/// # Errors
/// `Unsupported`, always.
pub fn find_onnxruntime(_explicit: Option<&Path>) -> Result<PathBuf> {
    Err(absent())
}

/// Returns an error, because this build cannot open ONNX Runtime.
///
/// # Errors
/// `Unsupported`, always.
pub fn onnxruntime_version(_path: &Path) -> Result<String> {
    Err(absent())
}

pub(super) fn environment(_path: &Path) -> Result<((), String)> {
    Err(absent())
}

/// Returns whether the caller named a library. Ignores the environment variables, because they are meant for
/// programs that can use the library.
pub(super) fn is_asked_for(explicit: Option<&Path>) -> bool {
    explicit.is_some()
}

/// No value of this type exists.
pub(super) struct OnnxRuntime(Infallible);

impl OnnxRuntime {
    pub fn open(
        _library: &Path,
        _network: &Network,
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
    use crate::runtime::{HAS_EMBEDDED, RuntimeKind, RuntimeOptions};

    #[test]
    fn a_library_without_onnxruntime_says_so() {
        for refused in [find_onnxruntime(None).map(drop), onnxruntime_version(Path::new("x")).map(drop)] {
            let error = refused.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.to_string().contains("build qdq with the feature onnxruntime"), "{error}");
        }
        let auto = RuntimeOptions { kind: RuntimeKind::Auto, ..Default::default() };
        let settled = auto.settled().map(|options| options.kind).ok();
        assert_eq!(settled, HAS_EMBEDDED.then_some(RuntimeKind::Embedded));
        let named = RuntimeOptions { onnxruntime: Some("libonnxruntime.so".into()), ..auto };
        assert!(named.settled().is_err(), "a library that was asked for is not passed over");
    }
}
