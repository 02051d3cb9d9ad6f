//! The gain on whole networks, on data outside the calibration data.

use std::path::PathBuf;

use qdq::pipeline::{self, CompareOptions};
use qdq::recover::Recovery;
use qdq::runtime::RuntimeKind;

use super::{ALL, BIAS, Case, NONE, ROUNDING, go_on, read};
use crate::environment::{digits, project};

pub(super) fn file(model: &str, ending: &str) -> PathBuf {
    match (model, ending) {
        ("digits", "onnx") => digits("model.onnx"),
        ("digits", _) => digits(ending),
        _ => project("target/models").join(format!("{model}.{ending}")),
    }
}

pub(super) fn case(model: &str, kind: RuntimeKind) -> Case {
    Case::open(&file(model, "onnx"), &file(model, "calib.npz"), kind)
}

/// Returns the SQNR of the first output in dB.
fn sqnr(case: &Case, model: &str, bits: u32, recovery: Recovery) -> f64 {
    let found = case.recover(bits, recovery);
    for layer in &found.report.layers {
        assert!(layer.error.is_none_or(|(before, after)| after <= before), "{model}: {layer:?}");
    }
    let mut data = read(&file(model, "test.npz"), &case.float).unwrap();
    let options = CompareOptions { runtime: case.runtime.clone(), ..CompareOptions::default() };
    let result = pipeline::compare(&case.float, &found.model, data.as_mut(), &options, &mut go_on).unwrap();
    result.outputs[0].metrics.sqnr_db().unwrap()
}

#[test]
fn four_bit_networks_gain_over_plain_rounding() {
    // Measured: digits 1.1, 0.9 and 4.3 dB, residual_cnn 10.4, 6.2 and 10.3 dB.
    for (model, rounding, bias, all) in [("digits", 0.6, 0.4, 3.0), ("residual_cnn", 7.0, 4.0, 8.0)] {
        let case = case(model, RuntimeKind::Embedded);
        let plain = sqnr(&case, model, 4, NONE);
        for (recovery, least) in [(ROUNDING, rounding), (BIAS, bias), (ALL, all)] {
            let gain = sqnr(&case, model, 4, recovery) - plain;
            assert!(gain > least, "{model}, {recovery:?}: {gain} dB over {plain}");
        }
    }
}

#[test]
fn eight_bit_digits_gain_in_onnx_runtime() {
    // Measured: 0.7 dB over 41.35.
    let case = case("digits", RuntimeKind::OnnxRuntime);
    let gain = sqnr(&case, "digits", 8, ALL) - sqnr(&case, "digits", 8, NONE);
    assert!(gain > 0.3, "{gain} dB");
}

/// Shared weights, products of every form, transposed convolutions, and layers without recovery.
#[test]
fn every_layer_is_improved_or_says_why_not() {
    let mut reasons = Vec::new();
    let embedded = ["unet", "gemm_variants", "shared_weights", "vision_transformer"];
    let models = embedded.map(|model| (model, RuntimeKind::Embedded));
    for (model, kind) in models.into_iter().chain([("float16", RuntimeKind::OnnxRuntime)]) {
        let case = case(model, kind);
        let found = case.recover(4, ALL);
        for layer in &found.report.layers {
            assert!(layer.error.is_none_or(|(before, after)| after <= before), "{model}: {layer:?}");
            assert!(!layer.layer.is_empty() && !layer.what.is_empty());
            reasons.extend(layer.error.is_none().then(|| layer.what.clone()));
        }
        assert!(found.report.layers.iter().any(|layer| layer.gain_db().is_some_and(|gain| gain > 1.0)));
    }
    for reason in [
        "its weight is the left side of the product",
        "its weight is a stack of matrices",
        "only convolutions and Gemm are equalized",
    ] {
        assert!(reasons.iter().any(|found| found == reason), "{reason}: {reasons:?}");
    }
}

#[test]
fn equal_input_gives_equal_models() {
    let case = case("residual_cnn", RuntimeKind::Embedded);
    let [one, other] = [(); 2].map(|()| case.recover(4, ALL));
    assert!(one.model.encode().unwrap() == other.model.encode().unwrap());
    assert_eq!(one.report, other.report);
}

#[test]
fn four_bit_weights_are_int8_at_the_same_opset() {
    let case = case("digits", RuntimeKind::Embedded);
    let four = case.recover(4, NONE).model;
    assert_eq!(four.opset(), case.recover(8, NONE).model.opset());
    let weight = four.constant("fc.weight_quantized").unwrap().unwrap();
    let qdq::tensor::Data::I8(values) = weight.data() else { panic!("{:?}", weight.dtype()) };
    assert_eq!((values.iter().min(), values.iter().max()), (Some(&-8), Some(&7)));
}
