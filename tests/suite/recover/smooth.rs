//! Smoothing: the float network stays the same bit for bit, and channels that no layer can scale cost less.

use std::collections::BTreeMap;

use qdq::emit::Weights;
use qdq::error::ErrorKind;
use qdq::onnx::Model;
use qdq::pipeline::{self, RecoverOptions, Recovered};
use qdq::place::{Format, Policy, Target};
use qdq::range::Method;
use qdq::report::recovery::{LayerRecovery, RecoveryMethod};
use qdq::runtime::RuntimeKind;

use super::gains::file;
use super::{ALL, Case, NONE, SMOOTH, go_on, made, outputs, read, runtime};

/// The models, the layers that are smoothed, the number of added nodes, and the least gain in dB at 8 bits.
const SMOOTHED: [(&str, &[&str], usize, f64); 11] = [
    ("smooth_silu", &["second"], 1, 10.0),
    ("smooth_stored", &["second"], 1, 10.0),
    ("smooth_clip", &["second"], 1, 10.0),
    ("smooth_depthwise", &["second"], 1, 10.0),
    ("smooth_grouped", &["second"], 1, 10.0),
    ("smooth_shared", &["left", "right"], 1, 1.0),
    ("smooth_norm", &["second"], 0, 10.0),
    ("smooth_prelu", &["second"], 0, 10.0),
    ("smooth_number", &["second"], 0, 10.0),
    ("awq_norm", &["left", "right"], 0, 1.0),
    ("awq_product", &["second"], 0, 1.0),
];

fn changed(found: &Recovered) -> Vec<&LayerRecovery> {
    found.report.layers.iter().filter(|layer| layer.changed.0 > 0).collect()
}

fn computes(model: &Model) -> usize {
    model.graph().unwrap().nodes.len()
}

fn with(name: &str, policy: &Policy) -> Case {
    let file = |ending: &str| made().join(format!("{name}.{ending}"));
    Case::with(&file("onnx"), &file("npz"), RuntimeKind::Embedded, policy)
}

#[test]
fn smoothed_networks_compute_the_same_bit_for_bit_and_cost_less() {
    for (name, layers, added, least) in SMOOTHED {
        let case = Case::made(name);
        let found = case.recover(8, SMOOTH);
        let smoothed = changed(&found);
        let names: Vec<&str> = smoothed.iter().map(|layer| layer.layer.as_str()).collect();
        assert_eq!(names, layers, "{name}:\n{}", found.report);
        let how = if added > 0 { "Mul more" } else { "folded into what stands before" };
        assert!(smoothed.iter().all(|layer| layer.what.contains(how)), "{name}:\n{}", found.report);
        assert_eq!(computes(&found.float), computes(case.prepared.model()) + added, "{name}");
        for kind in [RuntimeKind::Embedded, RuntimeKind::OnnxRuntime] {
            let runtime = runtime(kind);
            let expected = outputs(&case.float, &case.data, &runtime);
            assert!(expected == outputs(&found.float, &case.data, &runtime), "{name}, {kind}");
        }
        let plain = case.mean_square(&case.float, &case.recover(8, NONE).model);
        let error = case.mean_square(&case.float, &found.model);
        let gain = 10.0 * (plain / error).log10();
        println!("{name}: {gain:.1} dB");
        assert!(gain > least, "{name}: {gain} dB\n{}", found.report);
    }
}

/// The added node moves all others, and weights that are computed from constants stay weights.
#[test]
fn computed_weights_stay_quantized_behind_an_added_node() {
    let case = Case::made("smooth_computed");
    let [plain, smoothed] = [NONE, SMOOTH].map(|recovery| case.recover(8, recovery));
    assert_eq!(changed(&smoothed).len(), 1, "{}", smoothed.report);
    let pairs = |model: &Model| {
        let graph = model.graph().unwrap();
        ["QuantizeLinear", "DequantizeLinear", "Mul"]
            .map(|op| graph.nodes.iter().filter(|node| node.is(op)).count())
    };
    let [quantize, dequantize, mul] = pairs(&plain.model);
    assert_eq!(pairs(&smoothed.model), [quantize, dequantize, mul + 1]);
    let error = |found: &Recovered| case.mean_square(&case.float, &found.model);
    assert!(error(&smoothed) * 10.0 < error(&plain));
}

/// A Mul is an operator more, and constants that take the factors are none.
#[test]
fn the_cost_of_a_mul_is_said() {
    for (name, tensors) in
        [("smooth_silu", vec!["mul:0"]), ("smooth_shared", vec!["mul:0"]), ("smooth_norm", vec![])]
    {
        let found = Case::made(name).recover(8, SMOOTH);
        let about = found.model.findings().iter().filter(|finding| finding.message.contains("smoothing"));
        let about: Vec<&str> = about.flat_map(|finding| &finding.tensors).map(String::as_str).collect();
        assert_eq!(about, tensors, "{name}: {:?}", found.model.findings());
    }
}

#[test]
fn readers_that_do_not_share_the_scales_read_the_activation_as_it_is() {
    let case = Case::made("smooth_shared");
    let found = case.recover(8, SMOOTH);
    let graph = found.float.graph().unwrap();
    let reads = |node: &str, input: usize| {
        let node = graph.node(graph.find_node(node).unwrap());
        graph.tensor(node.input(input).unwrap()).name.clone()
    };
    let product = reads("left", 0);
    assert!(product == reads("right", 0) && product != "mul:0");
    assert_eq!([reads("across", 1), reads("tanh", 0)], ["mul:0", "mul:0"]);
    assert!(found.scaled.contains_key(&product) && found.ranges.get(&product).is_some());
    // The range of the activation is still the one that the others read it with.
    assert_eq!(found.ranges.get("mul:0"), case.ranges.get("mul:0"));
    let what = |layer: &str| {
        let mut layers = found.report.layers.iter();
        layers.find(|found| found.layer == layer).map(|found| found.what.clone()).unwrap()
    };
    assert_eq!(what("across"), "its weight is the left side of the product");
    assert!(what("left").ends_with("one Mul more for 2 layers"));
}

#[test]
fn layers_that_are_not_smoothed_say_why() {
    let reasons = |case: &Case| -> BTreeMap<String, String> {
        let layers = case.recover(8, SMOOTH).report.layers.into_iter();
        layers.map(|layer| (layer.layer, layer.what)).collect()
    };
    let pair = reasons(&Case::made("pair_gemm"));
    assert_eq!(pair["second"], "the layer before can take the scales: equalization does that");
    let pooled = reasons(&Case::made("smooth_pooled"));
    assert_eq!(pooled["second"], "'pool' (MaxPool) before it passes on what is rounded");
    let vector = reasons(&Case::made("layer_vector"));
    assert_eq!(vector["layer"], "only convolutions, Gemm and MatMul with a matrix are smoothed");
    let formats = vec![("left".to_owned(), Format::Fp8)];
    let mixed = reasons(&with("awq_norm", &Policy { formats, ..Policy::default() }));
    assert_eq!(mixed["left"], "its input is fp8, and only int8 is smoothed");
    let formats = vec![("left".to_owned(), Format::Int8Weights)];
    let alone = reasons(&with("awq_norm", &Policy { formats, ..Policy::default() }));
    assert_eq!(alone["left"], "its input is not quantized");
    let shared = reasons(&super::gains::case("shared_weights", RuntimeKind::Embedded));
    assert!(shared.values().any(|what| what.ends_with("is not stored for this node alone")), "{shared:?}");
}

/// A layer before takes factors only if its weight has a scale per channel. Otherwise its rounding would
/// change.
#[test]
fn a_layer_whose_channels_share_a_scale_takes_no_factors() {
    for (per_tensor_weights, how) in [(false, "folded into what stands before"), (true, "one Mul more")] {
        let case = with("smooth_prelu", &Policy { per_tensor_weights, ..Policy::default() });
        let found = case.recover(8, SMOOTH);
        let smoothed = changed(&found);
        assert!(smoothed.len() == 1 && smoothed[0].what.ends_with(how), "{}", found.report);
    }
}

/// The error that the report names is that of the written layer.
#[test]
fn the_reported_error_is_that_of_the_written_model() {
    for name in ["smooth_silu", "smooth_norm"] {
        let case = Case::made(name);
        let found = case.recover(8, SMOOTH);
        let reported = changed(&found)[0].error.unwrap();
        // Both layers are quantized: the error of the first one adds to the second's.
        let policy = Policy {
            exclude: qdq::place::Selection { names: vec!["first".into()], ops: Vec::new() },
            ..Policy::default()
        };
        let case = with(name, &policy);
        for (recovery, reported) in [(NONE, reported.0), (SMOOTH, reported.1)] {
            let measured = case.mean_square(&case.float, &case.recover(8, recovery).model);
            assert!((measured - reported).abs() < 1e-3 * measured, "{name}: {measured}, not {reported}");
        }
    }
}

/// The ranges that smoothing writes are those of a calibration of the smoothed network.
#[test]
fn smoothed_ranges_are_those_of_the_smoothed_network() {
    for (name, ..) in SMOOTHED {
        let case = Case::made(name);
        let found = case.recover(8, SMOOTH);
        let prepared = pipeline::prepare(&found.float).unwrap();
        let plan = prepared.plan(&Policy::default()).unwrap();
        let mut source = read(&case.data, &case.float).unwrap();
        let options = pipeline::CalibrateOptions { runtime: case.runtime.clone(), ..Default::default() };
        let stats = prepared.calibrate(&plan, source.as_mut(), &options, &mut go_on).unwrap();
        let [usual, largest] =
            [Method::default(), Method::Max].map(|method| prepared.ranges(&plan, &stats, method).unwrap());
        assert!(!found.scaled.is_empty(), "{name}");
        for (tensor, amax) in usual.iter() {
            let mut fits = vec![Some(amax)];
            // A scaled tensor may have the range of its largest value, which is tried too.
            fits.extend(found.scaled.contains_key(tensor).then(|| largest.get(tensor)));
            assert!(fits.contains(&found.ranges.get(tensor)), "{name}: {tensor}");
        }
        for (tensor, scaled) in &found.scaled {
            assert!(stats.tensors.get(tensor).is_none_or(|stats| stats == scaled), "{name}: {tensor}");
        }
    }
}

/// Scales are where equalization, rounding and biases see them, and TensorRT-RTX gets its form.
#[test]
fn smoothing_goes_together_with_the_other_methods_and_targets() {
    for (name, layers, _, least) in SMOOTHED {
        for target in [Target::TensorRt, Target::Rtx] {
            let case = with(name, &Policy { target, ..Policy::default() });
            let found = case.recover(8, ALL);
            let smoothed =
                changed(&found).into_iter().filter(|layer| layer.method == RecoveryMethod::Smoothing);
            assert_eq!(smoothed.count(), layers.len(), "{name}, {target:?}:\n{}", found.report);
            let plain = case.mean_square(&case.float, &case.recover(8, NONE).model);
            let gain = 10.0 * (plain / case.mean_square(&case.float, &found.model)).log10();
            assert!(gain > least, "{name}, {target:?}: {gain} dB\n{}", found.report);
        }
    }
}

#[test]
fn no_layer_of_the_test_models_becomes_worse() {
    for model in ["transformer", "mobilenet"] {
        let case = Case::open(&file(model, "onnx"), &file(model, "calib.npz"), RuntimeKind::Embedded);
        let found = case.recover(8, SMOOTH);
        for layer in &found.report.layers {
            assert_eq!(layer.method, RecoveryMethod::Smoothing);
            assert!(layer.error.is_none_or(|(before, after)| after <= before), "{model}: {layer:?}");
        }
        assert!(found.report.layers.iter().any(|layer| layer.error.is_some()), "{model}");
    }
}

#[test]
fn what_cannot_be_smoothed_is_refused() {
    let amax = [("w".to_owned(), vec![1.0])].into();
    let weights = Weights { amax, ..Weights::default() };
    let error = RecoverOptions { recovery: SMOOTH, weights, ..Default::default() }.check().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("smoothing changes weights whose ranges are given"), "{error}");
    for format in [Format::Fp8, Format::Int8Weights] {
        let case = with("awq_norm", &Policy { format, ..Policy::default() });
        let error = case.try_recover(Weights::default(), SMOOTH).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("smoothing is for layers with int8 inputs"), "{error}");
    }
}
