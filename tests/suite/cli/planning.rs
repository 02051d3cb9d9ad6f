//! Quantization of models with unusual structures.

use std::collections::BTreeSet;

use ndarray::ArrayD;
use qdq::onnx::Model;
use qdq::pipeline;
use qdq::place::existing::is_pair;
use qdq::tensor::Data;

use super::place::Place;
use crate::cli::place::data;

/// Makes a folder with the model and the data of a case that once failed.
fn with_case(name: &str) -> Place {
    let place = Place::new();
    for (ending, copy) in [("onnx", "model.onnx"), ("npz", "calib.npz")] {
        std::fs::copy(data(&format!("cases/{name}.{ending}")), place.at(copy)).unwrap();
    }
    place
}

#[test]
fn layers_that_are_quantized_by_half_get_the_other_half() {
    let place = with_case("activations_quantized_only");
    let ran = place.run("quantize model.onnx -d calib.npz -o out.onnx --json");
    ran.notes(&["4 QuantizeLinear and DequantizeLinear nodes already"]);
    let json = ran.json();
    assert_eq!((&json["nodes"]["weighted_int8"], &json["nodes"]["weighted"]), (&2.into(), &2.into()));
    place.run("compare model.onnx out.onnx -d calib.npz --min-sqnr 30").succeeds();
    place
        .run("quantize out.onnx -d calib.npz -o none.onnx")
        .refuses(&["is quantized already", "help: give the float model"]);
}

#[test]
fn integer_operators_are_told_what_becomes_of_them() {
    let place = with_case("only_qlinear");
    place.run("quantize model.onnx -d calib.npz -o none.onnx").refuses(&[
        "is quantized already",
        "DynamicQuantizeLinear",
        "TensorRT's ONNX parser does not take",
        "help: give the float model",
    ]);
    let inspected = place.run("inspect model.onnx");
    inspected
        .notes(&["warning: the model has 2 integer operators", "give the float model that it was made from"]);
}

/// Writes samples of eight numbers.
fn eights(place: &Place) {
    let samples = ArrayD::from_shape_fn(vec![16, 8], |at| ((at[0] * 7 + at[1] * 3) % 11) as f32 / 5.0 - 1.0);
    place.write_npz("x.npz", "x", &samples);
}

/// Returns the types of the integers in a model: of integers, and of zero points.
fn integers(place: &Place, model: &str) -> BTreeSet<String> {
    let model = Model::open(&place.at(model)).unwrap();
    let graph = model.graph().unwrap();
    let pairs = graph.nodes.iter().filter(|node| is_pair(node));
    let read = pairs.flat_map(|node| {
        [if node.op == "QuantizeLinear" { node.output(0) } else { node.input(0) }, node.input(2)]
    });
    read.flatten().map(|id| graph.tensor(id).dtype.unwrap().to_string()).collect()
}

#[test]
fn what_tensorrt_refuses_of_another_tool_is_quantized_anew() {
    let place = Place::with_models();
    eights(&place);
    let shifted =
        ["1 pair of QuantizeLinear and DequantizeLinear that TensorRT refuses", "taken out", ": 'x'"];
    let asymmetric = [
        "3 pairs of QuantizeLinear and DequantizeLinear that TensorRT refuses",
        "are stored with zero point 0, as int8 or in blocks as int4: their values are exactly the same: 'v'",
        "are stored as floating-point numbers: their values are exactly the same: 'b'",
        "are quantized anew: without a zero point a step is up to twice as wide: 'w'",
    ];
    for (model, said) in [
        ("shifted", &shifted[..]),
        ("shifted_microsoft", &shifted),
        ("asymmetric_microsoft", &asymmetric),
        ("asymmetric", &asymmetric),
    ] {
        let ran = place.run(&format!("quantize {model}.onnx -d x.npz -o out.onnx --json"));
        ran.notes(said);
        let json = ran.json();
        assert_eq!(json["nodes"]["weighted_int8"], json["nodes"]["weighted"], "{model}");
        assert_eq!(integers(&place, "out.onnx"), BTreeSet::from(["i8".to_owned()]), "{model}");
        place.run(&format!("compare {model}.onnx out.onnx -d x.npz --min-sqnr 25")).succeeds();
    }
    // Exact weights still have the same integers.
    let [before, after] = ["asymmetric.onnx", "out.onnx"].map(|name| Model::open(&place.at(name)).unwrap());
    let stored = |model: &Model, name: &str| model.constant(name).unwrap().unwrap();
    let before = stored(&before, "v_q");
    let shifted: Vec<i8> =
        before.view().data().as_bytes().iter().map(|&byte| (i16::from(byte) - 128) as i8).collect();
    assert_eq!(*stored(&after, "v_symmetric").data(), Data::I8(shifted));
}

#[test]
fn a_model_that_is_quantized_but_for_a_bias_is_written_with_the_bias_as_tensorrt_takes_it() {
    let place = Place::with_models();
    eights(&place);
    let ran = place.run("quantize finished.onnx -d x.npz -o out.onnx --json");
    ran.notes(&[
        "of another type than int8",
        "are stored as floating-point numbers",
        "exactly the same: 'b'",
    ]);
    assert_eq!(ran.json()["nodes"]["weighted_int8"], ran.json()["nodes"]["weighted"]);
    assert_eq!(integers(&place, "out.onnx"), BTreeSet::from(["i8".to_owned()]));
    place.run("compare finished.onnx out.onnx -d x.npz --min-sqnr 100").succeeds();
    // The written file needs no further repair.
    place.run("quantize out.onnx -d x.npz -o none.onnx").refuses(&["is quantized already"]);
}

#[test]
fn a_pair_that_onnx_has_no_form_of_keeps_its_domain() {
    let place = Place::with_models();
    let prepared = pipeline::prepare(&Model::open(&place.at("half_microsoft.onnx")).unwrap()).unwrap();
    let is_pair = |op: &str| matches!(op, "QuantizeLinear" | "DequantizeLinear");
    let pairs = prepared.model().nodes().filter(|node| is_pair(node.op()));
    let domains: BTreeSet<&str> = pairs.map(|node| node.domain()).collect();
    assert_eq!(domains, BTreeSet::from(["com.microsoft"]));
}

#[test]
fn layers_of_constants_alone_do_not_count() {
    let place = Place::with_models();
    eights(&place);
    let ran = place.run("quantize table_of_positions.onnx -d x.npz -o out.onnx --min-quantized 1 --json");
    let json = ran.json();
    assert_eq!((&json["nodes"]["weighted_int8"], &json["nodes"]["weighted"]), (&1.into(), &1.into()));
}

#[test]
fn what_tensorrt_refuses_and_nothing_replaces_is_said_and_not_counted() {
    let place = Place::with_models();
    place.write_npz("x.npz", "x", &ArrayD::from_elem(vec![4, 8], 5i8));
    let ran = place.run("quantize raw.onnx -d x.npz -o out.onnx --json");
    ran.notes(&["zero point other than 0, which TensorRT refuses: 'd'", "or quantize it symmetrically"]);
    let json = ran.json();
    assert_eq!((&json["nodes"]["weighted_int8"], &json["nodes"]["weighted"]), (&1.into(), &2.into()));
}

#[test]
fn a_network_that_lies_in_a_loop_is_quantized_there() {
    let place = Place::with_models();
    eights(&place);
    place.run("quantize in_a_loop.onnx -d x.npz -o out.onnx --input rounds=3").succeeds();
    place.run("compare in_a_loop.onnx out.onnx -d x.npz --min-sqnr 20").succeeds();
}

#[test]
fn an_einsum_recovers_accuracy_as_a_product_does() {
    let place = Place::with_models();
    eights(&place);
    let recovery = "--equalize --learned-rounding --bias-correction";
    place.run(&format!("quantize heads.onnx -d x.npz -o out.onnx {recovery}")).succeeds();
    place.run("compare heads.onnx out.onnx -d x.npz --min-sqnr 30").succeeds();
}

#[test]
fn a_model_for_rtx_computes_the_same_with_one_scale_per_convolution() {
    let place = Place::with_digits();
    place.run("quantize model.onnx -d calib.npz -o plain.onnx --ranges r.json").succeeds();
    place.run("apply model.onnx --ranges r.json -o rtx.onnx --target rtx").succeeds();
    place.run("compare plain.onnx rtx.onnx -d calib.npz --min-sqnr 45 --runtime embedded").succeeds();
    let graph = Model::open(&place.at("rtx.onnx")).unwrap().graph().unwrap();
    let convolutions: Vec<_> = graph.nodes.iter().filter(|node| node.is("Conv")).collect();
    assert!(!convolutions.is_empty());
    for node in convolutions {
        let dequantize = graph.producer(node.input(1).unwrap()).unwrap();
        assert_eq!(graph.tensor(dequantize.input(1).unwrap()).rank(), Some(0), "{}", node.name);
    }
    // The library of the engine decides on the target.
    if !qdq::tensorrt::compiled().is_some_and(|version| version.is_rtx()) {
        place
            .run("quantize model.onnx -d calib.npz -o none.onnx --engine e --target rtx")
            .refuses(&["--target: the engine is built by", "another product"]);
    }
}

#[test]
fn the_option_attention_shows_in_the_plan() {
    let place = Place::new();
    std::fs::copy(crate::attention::made("open.onnx"), place.at("model.onnx")).unwrap();
    for (option, quantized, part) in [
        ("", 6, "if the data has at most 512 keys"),
        ("--attention int8", 6, "attention=int8"),
        ("--attention float", 4, "attention=float"),
    ] {
        let ran = place.run(&format!("inspect model.onnx --json {option}"));
        let nodes = ran.json()["nodes"].as_array().unwrap().clone();
        let reason = nodes.iter().find(|node| node["name"] == "scores").unwrap()["reason"].clone();
        assert!(reason.as_str().unwrap().contains(part), "{reason}");
        let is_quantized = |node: &&serde_json::Value| node["verdict"] == "int8";
        assert_eq!(nodes.iter().filter(is_quantized).count(), quantized, "{option}: {nodes:?}");
    }
}
