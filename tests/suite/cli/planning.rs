//! What is quantized of models that came as nobody here would have made them.

use super::place::Place;
use crate::cli::place::data;

/// The model and the data of a case that once failed.
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
