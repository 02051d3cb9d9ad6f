//! Messages of the tool about unusual models and data.

use ndarray::ArrayD;
use serde_json::Value;

use super::place::Place;
use crate::environment::onnxruntime;

#[test]
fn a_model_with_nothing_to_quantize_is_refused() {
    let place = Place::with_models();
    place.run("quantize model.onnx -d calib.npz -o int8.onnx --ranges r.json").succeeds();
    let before = place.files();
    for (line, parts) in [
        (
            "quantize int8.onnx -d calib.npz -o out",
            ["int8.onnx: is quantized already", "help: give the float model"],
        ),
        (
            "apply int8.onnx --ranges r.json -o out",
            ["int8.onnx: is quantized already", "help: give the float model"],
        ),
        (
            "quantize pool.onnx -d calib.npz -o out",
            ["pool.onnx: has nothing to quantize", "qdq inspect pool.onnx"],
        ),
        (
            "quantize doubles.onnx -d calib.npz -o out",
            ["doubles.onnx: has nothing to quantize", "export it in float32, since TensorRT has no float64"],
        ),
        (
            "quantize model.onnx -d calib.npz -o out --exclude *",
            ["--include and --exclude leave nothing to quantize", "qdq inspect model.onnx"],
        ),
        (
            "apply model.onnx --ranges r.json -o out --include-op Relu",
            ["--include and --exclude leave nothing to quantize", "qdq inspect model.onnx"],
        ),
    ] {
        place.run(line).refuses(&parts);
    }
    place.write("logits.cache", "TRT-8501-EntropyCalibration2\nlogits: 3c010204\n");
    place.run("apply model.onnx --ranges logits.cache -o out").refuses(&["logits.cache", "'input'", "help:"]);
    assert!(!before.contains(&"out".to_owned()) && !place.at("out").exists());
}

#[test]
fn a_partly_quantized_model_is_finished() {
    let place = Place::with_digits();
    place.run("quantize model.onnx -d calib.npz -o half.onnx --include-op Conv").succeeds();
    let ran = place.run("quantize half.onnx -d calib.npz -o whole.onnx");
    ran.notes(&["QuantizeLinear and DequantizeLinear nodes already", "they stay"]);
    assert!(ran.stdout.contains("\n3 of 3 convolutions and products"), "{}", ran.stdout);
    let compared = place.run("compare model.onnx whole.onnx -d test.npz --min-sqnr 30");
    compared.succeeds();
}

#[test]
fn applied_ranges_that_are_missing_are_named() {
    let place = Place::with_digits();
    place.run("calibrate model.onnx -d calib.npz --ranges all.json").succeeds();
    let mut ranges: Value = serde_json::from_slice(&place.read("all.json")).unwrap();
    ranges["tensors"].as_object_mut().unwrap().remove("/Flatten_output_0").unwrap();
    place.write("some.json", ranges.to_string());
    let ran = place.run("apply model.onnx --ranges some.json -o out.onnx --json");
    ran.notes(&["no range for 1 planned tensor", "stay in float: '/Flatten_output_0'"]);
    assert_eq!(ran.json()["missing_ranges"], serde_json::json!(["/Flatten_output_0"]));
    assert_eq!(ran.json()["nodes"]["int8"], 3);
    let findings = ran.json()["findings"].clone();
    assert_eq!(findings[0]["severity"], "warning");
    assert_eq!(findings[0]["tensors"], serde_json::json!(["/Flatten_output_0"]));
    let refused = place.run("apply model.onnx --ranges some.json -o none.onnx --min-quantized 0.9");
    assert_eq!(refused.code, Some(2));
    let parts = ["2 of 3 convolutions and products", "no range for '/Flatten_output_0'", "0.9", "help:"];
    assert!(parts.iter().all(|part| refused.stderr.contains(part)), "{}", refused.stderr);
    assert!(!place.at("none.onnx").exists());
}

#[test]
fn values_that_are_not_finite_are_named() {
    let place = Place::with_digits();
    let mut samples = ArrayD::from_elem(vec![2, 1, 8, 8], 0.5f32);
    samples[[0, 0, 0, 0]] = f32::NAN;
    samples[[1, 0, 0, 0]] = f32::INFINITY;
    place.write_npz("bad.npz", "input", &samples);
    for line in [
        "quantize model.onnx -d bad.npz -o out.onnx",
        "calibrate model.onnx -d bad.npz --stats bad.stats",
        "calibrate model.onnx --from-stats bad.stats",
    ] {
        place.run(line).notes(&["NaN or infinite", "(1 NaN, 1 infinite of 128 in the first): 'input'"]);
    }
    place.write_npz("nan.npz", "input", &ArrayD::from_elem(vec![1, 1, 8, 8], f32::NAN));
    let nothing = place.run("quantize model.onnx -d nan.npz -o none.onnx");
    assert_eq!(nothing.code, Some(2));
    assert!(
        nothing.stderr.contains("(64 NaN, 0 infinite of 64 in the first): 'input'"),
        "{}",
        nothing.stderr
    );
    assert!(!place.at("none.onnx").exists());
    assert_eq!(place.run("calibrate model.onnx -d calib.npz").stderr, "");
}

#[test]
fn tensors_are_in_the_order_of_the_network() {
    let place = Place::with_digits();
    place.run("calibrate model.onnx -d calib.npz --ranges r.json --cache c.cache").succeeds();
    let ranges: Value = serde_json::from_slice(&place.read("r.json")).unwrap();
    let order: Vec<&str> = ranges["tensors"].as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "input",
        "/c1/Conv_output_0",
        "/Relu_output_0",
        "/c2/Conv_output_0",
        "/Relu_1_output_0",
        "/Add_output_0",
        "/pool/MaxPool_output_0",
        "/gap/AveragePool_output_0",
        "/Flatten_output_0",
        "logits",
    ];
    assert_eq!(order, expected);
    let cache = String::from_utf8(place.read("c.cache")).unwrap();
    let names: Vec<&str> = cache.lines().skip(1).map(|line| line.split_once(": ").unwrap().0).collect();
    assert_eq!(names, expected);
}

#[test]
fn the_engine_that_was_found_is_named_once() {
    let place = Place::with_digits();
    let mut command = place.command("compare model.onnx model.onnx -d test.npz --limit 4 --runtime auto");
    let output = command.arg("--onnxruntime").arg(onnxruntime()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(said.matches("running the model in ONNX Runtime").count(), 1, "{said}");
}
