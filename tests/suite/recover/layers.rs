//! Networks of one layer. The error of the layer is that of the network, so the test can measure it from
//! outside.

use qdq::report::recovery::{LayerRecovery, RecoveryMethod};
use qdq::runtime::RuntimeKind;

use super::{BIAS, Case, NONE, ROUNDING, models};

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-3 * a.max(b) + 1e-12
}

fn entry(layers: &[LayerRecovery]) -> &LayerRecovery {
    assert_eq!(layers.len(), 1);
    &layers[0]
}

#[test]
fn learned_rounding_lowers_the_error_that_it_reports() {
    for name in models("layer_") {
        let case = Case::made_in(&name, RuntimeKind::OnnxRuntime);
        let plain = case.recover(4, NONE);
        let found = case.recover(4, ROUNDING);
        let entry = entry(&found.report.layers);
        let (before, after) = entry.error.unwrap_or_else(|| panic!("{name}: {}", entry.what));
        for (model, said) in [(&plain.model, before), (&found.model, after)] {
            let measured = case.mean_square(&case.float, model);
            assert!(close(measured, said), "{name}: {measured} instead of {said}");
        }
        assert!(after < before, "{name}: {before} to {after}");
        assert!(entry.changed.0 > 0 && entry.method == RecoveryMethod::LearnedRounding);
    }
}

#[test]
fn bias_correction_lowers_the_error_that_it_reports() {
    for name in models("layer_") {
        let case = Case::made_in(&name, RuntimeKind::OnnxRuntime);
        let plain = case.recover(4, NONE);
        let found = case.recover(4, BIAS);
        let entry = entry(&found.report.layers);
        if ["layer_matmul", "layer_vector"].contains(&name.as_str()) {
            assert_eq!(
                (entry.error, entry.what.as_str()),
                (None, "no bias is added to its product"),
                "{name}"
            );
            assert_eq!(plain.model.encode().unwrap(), found.model.encode().unwrap());
            continue;
        }
        let (before, after) = entry.error.unwrap_or_else(|| panic!("{name}: {}", entry.what));
        for (model, said) in [(&plain.model, before), (&found.model, after)] {
            let measured = case.mean_square(&case.float, model);
            assert!(close(measured, said), "{name}: {measured} instead of {said}");
        }
        assert!(after < before, "{name}: {before} to {after}");
    }
}

#[test]
fn both_together_are_better_than_either() {
    let case = Case::made("layer_conv");
    let error = |recovery| case.mean_square(&case.float, &case.recover(4, recovery).model);
    let both = error(qdq::recover::Recovery { bias_correction: true, ..ROUNDING });
    assert!(both < error(ROUNDING) && both < error(BIAS));
}
