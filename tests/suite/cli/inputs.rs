//! What the user says about a model's inputs.

use super::place::Place;
use crate::prepare::made;

fn with_model(name: &str) -> Place {
    let place = Place::new();
    std::fs::copy(made(name), place.at("model.onnx")).unwrap();
    std::fs::copy(made(name).with_extension("npz"), place.at("calib.npz")).unwrap();
    place
}

#[test]
fn a_model_in_the_branches_of_an_if_is_quantized_once_its_input_is_fixed() {
    let place = with_model("rate");
    place
        .run("quantize model.onnx -d calib.npz -o none.onnx")
        .refuses(&["3 Conv lie inside the subgraphs of If", "--input NAME=VALUE"]);
    let ran = place.run("quantize model.onnx -d calib.npz -o out.onnx --input sr=16000");
    ran.notes(&["the model has no such inputs any more: 'sr'"]);
    assert!(ran.stdout.contains("2 of 2 convolutions and products"), "{}", ran.stdout);
    place.run("compare model.onnx out.onnx -d calib.npz --input sr=16000 --min-sqnr 30").succeeds();
    place.run("inspect model.onnx --input rate=16000").refuses(&[
        "--input",
        "the model has no input 'rate'",
        "its inputs are: x, sr",
    ]);
    place.run("inspect model.onnx --input sr=fast").refuses(&["'fast' is not i64"]);
    place.run("inspect model.onnx --input sr").refuses(&["'sr' is no name and value", "sr=16000"]);
}

#[test]
fn a_shape_that_the_model_has_wrong_is_stated() {
    let place = with_model("open_size");
    place.run("quantize model.onnx -d calib.npz -o out.onnx --input-shape x=?x3x8x10").succeeds();
    place.run("compare model.onnx out.onnx -d calib.npz --input-shape x=?x3x8x10 --min-sqnr 30").succeeds();
    place.run("inspect model.onnx --input-shape x=3x8").refuses(&["--input-shape", "has 2 axes"]);
}

#[test]
fn what_is_said_about_inputs_is_in_every_result() {
    let place = with_model("rate_used");
    place.run("calibrate model.onnx -d calib.npz --input sr=16000 --ranges r.json").notes(&["'sr'"]);
    let applied = place.run("apply model.onnx --ranges r.json -o out.onnx --input sr=16000 --json");
    let findings = applied.json()["findings"].to_string();
    assert!(findings.contains("inputs are fixed for planning"), "{findings}");
    let inspected = place.run("inspect model.onnx --input sr=16000 --json").json();
    assert!(inspected["findings"].to_string().contains("inputs are fixed for planning"));
}
