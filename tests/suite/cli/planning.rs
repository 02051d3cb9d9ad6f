//! What is quantized of models that came as nobody here would have made them.

use ndarray::ArrayD;

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

#[test]
fn what_tensorrt_refuses_of_another_tool_is_said() {
    let place = Place::with_models();
    place.write_npz("x.npz", "x", &ArrayD::from_elem(vec![4, 8], 0.5f32));
    place
        .run("quantize shifted.onnx -d x.npz -o out.onnx")
        .notes(&["zero point other than 0, which TensorRT refuses: 'q', 'd'"]);
}

#[test]
fn an_einsum_recovers_accuracy_as_a_product_does() {
    let place = Place::with_models();
    let samples = ArrayD::from_shape_fn(vec![16, 8], |at| ((at[0] * 7 + at[1] * 3) % 11) as f32 / 5.0 - 1.0);
    place.write_npz("x.npz", "x", &samples);
    let recovery = "--equalize --learned-rounding --bias-correction";
    place.run(&format!("quantize heads.onnx -d x.npz -o out.onnx {recovery}")).succeeds();
    place.run("compare heads.onnx out.onnx -d x.npz --min-sqnr 30").succeeds();
}
