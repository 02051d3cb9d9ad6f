//! Replaces the embedded runtime if qdq is built without the feature `embedded-runtime`.
//!
//! Such a build does not compute constants, and the findings of a plan report this.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use super::{Runtime, Tap};
use crate::batch::Batch;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::TensorId;
use crate::onnx::Network;
use crate::tensor::Tensor;

/// No value of this type exists.
pub(super) struct Embedded(Infallible);

impl Embedded {
    pub fn open(
        _network: &Network,
        _taps: BTreeMap<TensorId, usize>,
        _tap: Arc<dyn Tap>,
        _threads: Option<usize>,
    ) -> Result<Self> {
        Err(Error::new(ErrorKind::Unsupported, "this qdq was built without the embedded runtime")
            .with_remedy("run it in ONNX Runtime, or build qdq with the feature embedded-runtime"))
    }
}

impl Runtime for Embedded {
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
    use crate::onnx::Model;
    use crate::runtime::{RuntimeOptions, open};
    use crate::tensor::TensorView;

    struct Unheard;

    impl Tap for Unheard {
        fn observe(&self, _: usize, _: TensorView<'_>) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_library_without_the_embedded_runtime_says_so() {
        let digits = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/digits/model.onnx");
        let model = Model::open(digits.as_ref()).unwrap();
        let error = open(&model, &[], Arc::new(Unheard), &RuntimeOptions::default()).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("build qdq with the feature embedded-runtime"), "{error}");
    }
}
