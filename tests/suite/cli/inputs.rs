//! Options about a model's inputs.

use super::place::Place;
use crate::prepare::made;

fn with_model(name: &str) -> Place {
    let place = Place::new();
    std::fs::copy(made(name), place.at("model.onnx")).unwrap();
    std::fs::copy(made(name).with_extension("npz"), place.at("calib.npz")).unwrap();
    place
}

#[test]
fn a_model_in_the_branches_of_an_if_has_one_branch_once_its_input_is_fixed() {
    let place = with_model("rate");
    let ran = place.run("inspect model.onnx");
    ran.succeeds();
    assert!(ran.stdout.contains("3 of 3 convolutions and products"), "{}", ran.stdout);
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
fn a_specialised_model_is_compared_at_its_own_values() {
    for (name, left) in [("rate", false), ("rate_used", true)] {
        let place = with_model(name);
        place.run("quantize model.onnx -d calib.npz -o out.onnx --input sr=16000").succeeds();
        // The values are in the file, so the user need not repeat them.
        let ran = place.run("compare model.onnx out.onnx -d calib.npz --min-sqnr 30 --json");
        ran.notes(&[
            "both models run with the values that the quantized one was made for: 'sr' = i64[] 16000",
        ]);
        assert!(ran.json()["findings"].to_string().contains("i64[] 16000"), "{name}");
        let ran = place.run("compare model.onnx out.onnx -d calib.npz --min-sqnr 30 --input sr=16000");
        assert_eq!(ran.succeeds().stderr, "", "{name}");
        place.run("compare model.onnx out.onnx -d calib.npz --input sr=8000").refuses(&[
            "'sr'",
            "i64[] 8000",
            "made for i64[] 16000",
            "help:",
        ]);
        let part = if left { "the value is i64[] 8000, but" } else { "no input 'sr' any more: it" };
        place.run("inspect out.onnx --input sr=8000").refuses(&[part, "was made for i64[] 16000"]);
    }
}

/// Other tools do not store the values. Then the error names the missing input and the remedy.
#[test]
fn an_input_that_a_quantized_model_has_lost_is_named() {
    let place = with_model("rate");
    std::fs::copy(made("rate_gone"), place.at("gone.onnx")).unwrap();
    place.run("compare model.onnx gone.onnx -d calib.npz").refuses(&[
        "the quantized model has no input 'sr', which the float model is fed",
        "help: fix the input (--input NAME=VALUE)",
    ]);
    place.run("compare model.onnx gone.onnx -d calib.npz --input sr=16000").succeeds();
}

#[test]
fn what_is_given_twice_is_refused_with_both() {
    let place = with_model("rate");
    for (options, parts) in [
        ("--input sr=16000 --input sr=8000", ["--input: 'sr'", "as 16000 and as 8000"]),
        (
            "--input-shape x=1x3x8x8 --input-shape x=?x3x8x8",
            ["--input-shape: 'x'", "as 1x3x8x8 and as ?x3x8x8"],
        ),
    ] {
        place.run(&format!("inspect model.onnx {options}")).refuses(&parts);
    }
    for options in
        ["--mean 0.5 --mean 0.4", "--std 1 --std 2", "--scale 1 --scale 2", "--layout nchw --layout nhwc"]
    {
        let ran = place.run(&format!("calibrate model.onnx -d calib.npz {options}"));
        assert_eq!(ran.code, Some(2));
        assert!(ran.stderr.contains("cannot be used multiple times"), "{options}: {}", ran.stderr);
    }
}

#[test]
fn a_value_has_as_many_numbers_as_the_declared_shape() {
    let place = with_model("open_size");
    for (value, part) in [("x=1", "more than one size open"), ("x=1,2,3", "more than one size open")] {
        place.run(&format!("inspect model.onnx --input {value}")).refuses(&[
            "--input: input 'x'",
            part,
            "help:",
        ]);
    }
    place
        .run("inspect model.onnx --input x=1 --input-shape x=1x3x2x2")
        .refuses(&["1 number for the shape [1, 3, 2, 2]", "as many as there are elements"]);
    place.run("inspect model.onnx --input x=1,2,3 --input-shape x=1x3x1x1").succeeds();
}

#[test]
fn products_that_nothing_can_observe_are_told() {
    let place = Place::new();
    std::fs::copy(crate::subgraphs::made("hidden"), place.at("model.onnx")).unwrap();
    std::fs::copy(crate::subgraphs::made("hidden").with_extension("npz"), place.at("calib.npz")).unwrap();
    place
        .run("quantize model.onnx -d calib.npz -o none.onnx")
        .refuses(&["1 MatMul lie in subgraphs inside the body of a Scan", "--input NAME=VALUE"]);
    let ran = place.run("inspect model.onnx");
    ran.succeeds();
    assert!(ran.stdout.contains("holds 1 MatMul inside the body of a Scan"), "{}", ran.stdout);
}

#[test]
fn what_a_branch_never_computes_is_told_and_stays_in_float() {
    let place = Place::new();
    std::fs::copy(crate::subgraphs::made("never"), place.at("model.onnx")).unwrap();
    std::fs::copy(crate::subgraphs::made("never").with_extension("npz"), place.at("calib.npz")).unwrap();
    let ran = place.run(
        "quantize model.onnx -d calib.npz --batch-size 1 -o out.onnx --ranges r.json --stats s.safetensors",
    );
    ran.notes(&["no value was seen of 1 planned tensor", "'t'", "taking the branch"]);
    assert!(ran.stdout.contains("4 of 5 convolutions and products"), "{}", ran.stdout);
    place.run("compare model.onnx out.onnx -d calib.npz --batch-size 1 --min-sqnr 30").succeeds();
    let ran = place.run("apply model.onnx --ranges r.json -o again.onnx");
    ran.notes(&["no range for 1 planned tensor"]);
    assert_eq!(place.read("out.onnx"), place.read("again.onnx"));
    place.run("merge s.safetensors -o m.safetensors").succeeds();
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
