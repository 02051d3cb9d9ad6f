//! Every layer of the written models, measured from outside: no method and no combination makes a layer worse
//! than plain rounding.

use std::collections::BTreeMap;

use qdq::pipeline;
use qdq::recover::Recovery;
use qdq::runtime::RuntimeKind;

use super::gains::{case, file};
use super::{ALL, BIAS, Case, EQUALIZATION, NONE, ROUNDING, SMOOTH, go_on, made, models, read};
use crate::environment::{project, run_python};

/// The difference in dB below which two measurements are equal: runtimes differ in the sums of f32 products.
const NOISE_DB: f64 = 0.001;

/// Returns the error of each layer, by the name of its output, for each combination of methods.
fn errors(case: &Case, bits: u32, methods: &[Recovery]) -> Vec<BTreeMap<String, f64>> {
    let folder = tempfile::tempdir().unwrap();
    let save = |model: &qdq::onnx::Model, name: String| {
        let path = folder.path().join(name);
        model.save(&path, &Default::default()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let mut arguments = vec![project("tests/python/layer_errors.py").to_str().unwrap().to_owned()];
    arguments.push(save(case.prepared.model(), "float.onnx".into()));
    arguments.push(case.data.to_str().unwrap().to_owned());
    for (at, &recovery) in methods.iter().enumerate() {
        let found = case.recover(bits, recovery);
        arguments.push(save(&found.float, format!("{at}.onnx")));
        arguments.push(save(&found.model, format!("{at}.qdq.onnx")));
    }
    let printed = run_python(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn check(name: &str, case: &Case) {
    let methods = [NONE, EQUALIZATION, SMOOTH, ROUNDING, BIAS, ALL];
    for bits in [4, 8] {
        let found = errors(case, bits, &methods);
        assert_eq!(found.len(), methods.len());
        let plain = &found[0];
        assert!(!plain.is_empty() && plain.values().any(|&error| error > 0.0), "{name}");
        for (recovery, errors) in methods.iter().zip(&found).skip(1) {
            assert!(errors.keys().eq(plain.keys()), "{name}");
            for (layer, &error) in errors {
                let more = 10.0 * (error / plain[layer]).log10();
                assert!(
                    error == 0.0 || more <= NOISE_DB,
                    "{name} int{bits}, {recovery:?}: {layer} by {more} dB"
                );
            }
        }
        // A method that changes nothing could not fail.
        let lower = |layer: &&String| found[5][*layer] < plain[*layer];
        assert!(plain.keys().filter(lower).count() * 2 > plain.len() || bits == 8, "{name}: {found:?}");
    }
}

#[test]
fn no_layer_of_the_small_networks_is_worse_than_plain_rounding() {
    for name in ["layer_", "pair_", "smooth_"].into_iter().flat_map(models) {
        check(&name, &Case::made_in(&name, RuntimeKind::OnnxRuntime));
    }
}

#[test]
fn no_layer_of_digits_is_worse_than_plain_rounding() {
    check("digits", &case("digits", RuntimeKind::Embedded));
}

#[test]
fn no_layer_of_a_residual_network_is_worse_than_plain_rounding() {
    check("residual_cnn", &case("residual_cnn", RuntimeKind::Embedded));
}

#[test]
fn no_layer_of_mobilenet_is_worse_than_plain_rounding() {
    check("mobilenet", &case("mobilenet", RuntimeKind::Embedded));
}

#[test]
fn no_layer_of_a_vision_transformer_is_worse_than_plain_rounding() {
    check("vision_transformer", &case("vision_transformer", RuntimeKind::Embedded));
}

#[test]
fn no_layer_of_a_unet_is_worse_than_plain_rounding() {
    check("unet", &case("unet", RuntimeKind::Embedded));
}

/// The ranges that equalization uses and writes are those of a calibration of the scaled network.
#[test]
fn equalized_ranges_are_those_of_the_equalized_network() {
    let networks =
        [("residual_cnn", file("residual_cnn", "onnx"), file("residual_cnn", "calib.npz"))].into_iter();
    let made = models("pair_").into_iter().map(|name| {
        let [model, data] = ["onnx", "npz"].map(|ending| made().join(format!("{name}.{ending}")));
        (name.leak() as &str, model, data)
    });
    for (name, model, data) in networks.chain(made) {
        let case = Case::open(&model, &data, RuntimeKind::Embedded);
        for bits in [4, 8] {
            let found = case.recover(bits, EQUALIZATION);
            let taps = case.prepared.taps(&case.plan, false);
            let mut source = read(&data, &case.float).unwrap();
            let stats =
                pipeline::observe(&found.float, &taps, source.as_mut(), &case.runtime, &mut go_on).unwrap();
            let again = case.prepared.ranges(&case.plan, &stats, Default::default()).unwrap();
            let listed = |ranges: &qdq::emit::Ranges| -> Vec<(String, f32)> {
                ranges.iter().map(|(name, amax)| (name.to_owned(), amax)).collect()
            };
            assert_eq!(listed(&again), listed(&found.ranges), "{name}");
        }
    }
}
