//! In place of the methods in a library that was built without the feature `recover`.

use super::{Passes, RecoverOptions, Recovered};
use crate::emit::Ranges;
use crate::error::{Error, ErrorKind, Result};
use crate::onnx::Network;
use crate::place::Plan;

pub(super) fn recover(
    _network: Network,
    _whole: &Plan,
    _ranges: &Ranges,
    _options: &RecoverOptions,
    _passes: &mut Passes<'_>,
) -> Result<Recovered> {
    Err(refusal())
}

/// The error of every use of the methods.
pub(super) fn refusal() -> Error {
    Error::new(ErrorKind::Unsupported, "this qdq was built without the methods that recover accuracy")
        .with_remedy("quantize without them, or build qdq with the feature recover")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::Model;
    use crate::place::Policy;
    use crate::recover::Recovery;
    use crate::runtime::RuntimeOptions;

    #[test]
    fn a_library_without_recovery_says_so() {
        let digits = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/digits/model.onnx");
        let prepared = crate::pipeline::prepare(&Model::open(digits.as_ref()).unwrap()).unwrap();
        let plan = prepared.plan(&Policy::default()).unwrap();
        let mut never = || panic!("the data is read");
        let mut report = crate::pipeline::go_on;
        let runtime = RuntimeOptions::default();
        let mut passes = Passes { open: &mut never, runtime: &runtime, report: &mut report };
        let found = prepared.recover(&plan, &Ranges::default(), &RecoverOptions::default(), &mut passes);
        let chosen = Recovery { bias_correction: true, ..Recovery::default() };
        let early = RecoverOptions { recovery: chosen, ..RecoverOptions::default() }.check();
        assert_eq!(early.unwrap_err().kind(), ErrorKind::Unsupported, "the data is not read in vain");
        let error = found.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("build qdq with the feature recover"), "{error}");
    }
}
