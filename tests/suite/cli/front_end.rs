//! Networks behind a spectrum, from the plan to the accuracy of the written model.

use super::place::Place;
use crate::environment::{project, run_python};

fn with_spectra() -> Place {
    let place = Place::new();
    let script = project("tests/python/front_end_models.py");
    run_python(&[script.to_str().unwrap(), place.at("").to_str().unwrap()]);
    place
}

/// A network that weighs each frequency by what it usually has needs the weak ones. The Fourier basis may lie
/// in the branches of an If, which data decides.
#[test]
fn a_spectrum_in_float_keeps_a_network_that_int8_ruins() {
    let place = with_spectra();
    for (model, in_float) in
        [("plain", &["basis", "reader"][..]), ("branch", &["basis_loud", "basis_still", "reader"])]
    {
        let inspect = |options: &str| {
            let json = place.run(&format!("inspect {model}.onnx --json {options}")).json();
            let nodes = json["nodes"].as_array().unwrap().clone();
            let is_left = |node: &&serde_json::Value| {
                node["verdict"] == "float" && node["reason"].as_str().unwrap().contains("front-end=int8")
            };
            let mut names: Vec<String> =
                nodes.iter().filter(is_left).map(|node| node["name"].as_str().unwrap().to_owned()).collect();
            names.sort();
            names
        };
        assert_eq!(inspect(""), in_float);
        assert_eq!(inspect("--front-end float"), in_float);
        assert_eq!(inspect("--front-end int8"), [""; 0]);
        let quantize = format!("quantize {model}.onnx -d calib.npz -o out.onnx");
        let compare = format!("compare {model}.onnx out.onnx -d test.npz");
        // It measures 33 and 31 dB, and 1 dB with everything in INT8.
        place.run(&quantize).succeeds();
        place.run(&format!("{compare} --min-sqnr 28")).succeeds();
        place.run(&format!("{quantize} --front-end int8")).succeeds();
        place.run(&format!("{compare} --min-sqnr 10")).fails_with(&["is below 10 dB"]);
    }
}
