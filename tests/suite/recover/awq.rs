//! Activation-aware scaling: the float network stays the same bit for bit, and weights in blocks cost less.

use std::collections::BTreeMap;

use qdq::emit::Weights;
use qdq::error::ErrorKind;
use qdq::pipeline::RecoverOptions;
use qdq::place::{Format, Policy};
use qdq::recover::Recovery;
use qdq::report::recovery::RecoveryMethod;
use qdq::runtime::RuntimeKind;

use super::gains::file;
use super::{AWQ, Case, NONE, ROUNDING, made, outputs, runtime};

fn blocks() -> Policy {
    Policy { format: Format::Int4Weights, block_size: Some(64), ..Policy::default() }
}

fn case(name: &str, policy: &Policy) -> Case {
    let file = |ending: &str| made().join(format!("{name}.{ending}"));
    Case::with(&file("onnx"), &file("npz"), RuntimeKind::Embedded, policy)
}

/// The models, the layers that are scaled, and the least gain in dB.
const SCALED: [(&str, &[&str], f64); 3] =
    [("awq_norm", &["left", "right"], 3.5), ("awq_product", &["second"], 0.5), ("awq_gated", &["read"], 0.5)];

#[test]
fn scaled_networks_compute_the_same_bit_for_bit_and_cost_less() {
    for (name, layers, least) in SCALED {
        let case = case(name, &blocks());
        let found = case.recover(8, AWQ);
        let changed = found.report.layers.iter().filter(|layer| layer.changed.0 > 0);
        let changed: Vec<&str> = changed.map(|layer| layer.layer.as_str()).collect();
        assert_eq!(changed, layers, "{name}:\n{}", found.report);
        assert!(!found.scaled.is_empty() && found.report.layers.iter().all(|layer| layer.what.len() > 5));
        for (tensor, stats) in &found.scaled {
            assert!(stats.count() > 0 && stats.abs_max() > Some(0.0), "{name}: {tensor}");
        }
        for kind in [RuntimeKind::Embedded, RuntimeKind::OnnxRuntime] {
            let runtime = runtime(kind);
            let expected = outputs(&case.float, &case.data, &runtime);
            assert!(expected == outputs(&found.float, &case.data, &runtime), "{name}, {kind}");
        }
        let error = |recovery| case.mean_square(&case.float, &case.recover(8, recovery).model);
        let [plain, awq, learned, both] =
            [NONE, AWQ, ROUNDING, Recovery { awq: true, ..ROUNDING }].map(error);
        let gain = |after: f64, before: f64| 10.0 * (before / after).log10();
        println!(
            "{name}: awq {:.2}, learned {:.2}, both {:.2} dB",
            gain(awq, plain),
            gain(learned, plain),
            gain(both, plain)
        );
        assert!(gain(awq, plain) > least, "{name}: {} dB", gain(awq, plain));
        assert!(both < awq, "{name}: {} dB", gain(both, awq));
    }
}

/// The error that the report names is that of the written layer.
#[test]
fn the_reported_error_is_that_of_the_written_model() {
    let case = case("awq_gated", &blocks());
    for (recovery, after) in [(NONE, false), (AWQ, true)] {
        let reported = case.recover(8, AWQ).report.layers[0].error.unwrap();
        let reported = if after { reported.1 } else { reported.0 };
        let measured = case.mean_square(&case.float, &case.recover(8, recovery).model);
        assert!((measured - reported).abs() < 1e-3 * measured, "{measured} instead of {reported}");
    }
}

#[test]
fn layers_before_which_nothing_takes_factors_are_left_alone() {
    let case = case("awq_residual", &blocks());
    let found = case.recover(8, AWQ);
    let reasons: BTreeMap<&str, &str> =
        found.report.layers.iter().map(|layer| (layer.layer.as_str(), layer.what.as_str())).collect();
    assert_eq!(reasons["outer"], "it reads an input of the network");
    assert_eq!(reasons["inner"], "'layernormalization:0' is read elsewhere too");
    assert!(found.scaled.is_empty());
    assert!(found.model.encode().unwrap() == case.recover(8, NONE).model.encode().unwrap());
}

/// Layers of another format beside those in blocks say why they stay.
#[test]
fn mixed_plans_are_scaled_where_weights_are_in_blocks() {
    let formats = vec![("left".to_owned(), Format::Int8Weights)];
    let case = case("awq_norm", &Policy { formats, ..blocks() });
    let found = case.recover(8, AWQ);
    let what: Vec<&str> = found.report.layers.iter().map(|layer| layer.what.as_str()).collect();
    assert_eq!(what, ["its weight is not stored in blocks", "'layernormalization:0' is read elsewhere too"]);
}

#[test]
fn no_layer_of_the_test_models_becomes_worse() {
    for model in ["vision_transformer", "transformer"] {
        let (path, data) = (file(model, "onnx"), file(model, "calib.npz"));
        let case = Case::with(&path, &data, RuntimeKind::Embedded, &blocks());
        let found = case.recover(8, AWQ);
        for layer in &found.report.layers {
            assert_eq!(layer.method, RecoveryMethod::ActivationAwareScaling);
            assert!(layer.error.is_none_or(|(before, after)| after <= before), "{model}: {layer:?}");
        }
        assert!(found.report.layers.iter().any(|layer| layer.error.is_some()), "{model}");
    }
}

#[test]
fn what_cannot_be_scaled_is_refused() {
    let check = |recovery, weights| RecoverOptions { recovery, weights, ..Default::default() };
    let amax = [("w".to_owned(), vec![1.0])].into();
    let error = check(AWQ, Weights { amax, ..Weights::default() }).check().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("activation-aware scaling changes weights whose ranges"), "{error}");
    for format in [Format::Int8, Format::Int8Weights] {
        let case = case("awq_norm", &Policy { format, ..Policy::default() });
        let error = case.try_recover(Weights::default(), AWQ).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("for weights in blocks"), "{error}");
    }
}
