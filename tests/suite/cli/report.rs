//! Reports of the tool, and the likely reasons for bad results.

use std::collections::BTreeSet;

use qdq::report::document::{CurvePoint, Document, LayerCost};
use serde_json::Value;

use super::place::Place;
use crate::environment::{project, run_python};

/// Makes a folder with models that have a planted fault.
fn faulty(names: &[&str]) -> Place {
    let place = Place::with_digits();
    let script = project("tests/python/report_models.py");
    let folder = place.at("model.onnx").parent().unwrap().to_owned();
    let words = [script.to_str().unwrap(), folder.to_str().unwrap()];
    run_python(&Vec::from_iter(words.into_iter().chain(names.iter().copied())));
    place
}

fn read(place: &Place, name: &str) -> Value {
    serde_json::from_slice(&place.read(name)).unwrap()
}

/// Lists the keys of JSON objects at any depth, except the names of settings.
fn keys(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            found.extend(object.keys().cloned());
            object.values().for_each(|value| keys(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| keys(value, found)),
        _ => {}
    }
}

#[test]
fn every_key_of_a_report_is_documented() {
    let place = faulty(&["outlier"]);
    place
        .run("quantize outlier.onnx -d outlier.npz -o out.onnx --method max --report quantize.json")
        .succeeds();
    place.run("quantize model.onnx -d calib.npz -o q.onnx --stats s --fp16").succeeds();
    place
        .run("compare model.onnx q.onnx -d test.npz --labels test_labels.npy --stats s --report c.json --min-sqnr 9")
        .succeeds();
    let others = Document {
        sensitivity: vec![LayerCost::default()],
        curve: vec![CurvePoint::default()],
        ..Document::default()
    };
    let mut found = BTreeSet::new();
    for value in
        [read(&place, "quantize.json"), read(&place, "c.json"), serde_json::to_value(others).unwrap()]
    {
        keys(&value, &mut found);
    }
    assert!(found.len() > 60 && found.contains("own_db") && found.contains("bars"), "{found:?}");
    let text = std::fs::read_to_string(project("docs/report.md")).unwrap();
    let section = text.split("## Keys of the JSON report").nth(1).unwrap();
    let said: BTreeSet<&str> = section.split('`').skip(1).step_by(2).collect();
    let missing: Vec<&String> = found.iter().filter(|key| !said.contains(key.as_str())).collect();
    assert!(missing.is_empty(), "docs/report.md does not have {missing:?}");
}

#[test]
fn every_kind_of_reason_is_documented() {
    let source = std::fs::read_to_string(project("src/report/advice.rs")).unwrap();
    let kinds = source.split("pub enum Kind {").nth(1).unwrap().split('}').next().unwrap();
    let names = kinds.lines().filter_map(|line| line.trim().strip_suffix(','));
    let text = std::fs::read_to_string(project("docs/report.md")).unwrap();
    let mut count = 0;
    for name in names {
        let word: String = name
            .char_indices()
            .map(|(at, c)| match at > 0 && c.is_uppercase() {
                true => format!("-{}", c.to_lowercase()),
                false => c.to_lowercase().to_string(),
            })
            .collect();
        assert!(text.contains(&format!("\n| `{word}` |")), "{word}");
        count += 1;
    }
    assert_eq!(count, 13);
}

#[test]
fn a_report_says_what_was_done_and_measured() {
    let place = Place::with_digits();
    let ran = place.run("quantize model.onnx -d calib.npz -o q.onnx --report r.json --json");
    let result = ran.succeeds().json();
    assert_eq!(result["files"]["report"], "r.json");
    let report = read(&place, "r.json");
    let files = report["run"]["files"].as_array().unwrap();
    let roles: Vec<&str> = files.iter().map(|file| file["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["float model", "data", "quantized model"]);
    assert!(files.iter().all(|file| file["sha256"].as_str().unwrap().len() == 64));
    assert!(report["run"]["command"].as_str().unwrap().ends_with("-o q.onnx --report r.json --json"));
    assert_eq!(
        (&report["verdict"]["word"], &report["run"]["calibration_samples"]),
        (&"good".into(), &256.into())
    );
    assert!(report["verdict"]["data"].as_str().unwrap().starts_with("the calibration data"));
    assert!(report["outputs"][0]["sqnr_db"].as_f64().unwrap() > 35.0);
    let layers = report["layers"].as_array().unwrap();
    let of = |op: &str| layers.iter().filter(|layer| layer["op"] == op).collect::<Vec<_>>();
    assert_eq!((of("Conv").len(), of("Gemm").len()), (2, 1));
    for layer in of("Conv").iter().chain(&of("Gemm")) {
        assert_eq!(layer["numbers"], "int8", "{layer}");
        assert_eq!(layer["reason"], "input and weight are quantized", "the plan gives the reason");
        assert!(layer["sqnr_db"].as_f64().unwrap() > 20.0);
    }
    let tensors = report["tensors"].as_array().unwrap();
    assert!(
        tensors.iter().all(|tensor| tensor["values"]["histogram"]["bars"].as_array().unwrap().len() == 32)
    );
    let input = tensors.iter().find(|tensor| tensor["name"] == "input").unwrap();
    assert_eq!((&input["numbers"], &input["values"]["zeros"].as_u64().is_some()), (&"int8".into(), &true));
    assert!(input["range"].as_f64().unwrap() > 0.0);
    assert_eq!(report["weights"].as_array().unwrap().len(), 3);
    assert_eq!(report["advice"].as_array().unwrap().len(), 0);
    // The same command again gives the same bytes, and the result of the command is that without a report.
    let before = place.read("r.json");
    place.run("quantize model.onnx -d calib.npz -o q.onnx --report r.json --json").succeeds();
    assert_eq!(place.read("r.json"), before);
    let model = place.read("q.onnx");
    place.run("quantize model.onnx -d calib.npz -o q.onnx").succeeds();
    assert_eq!(place.read("q.onnx"), model);
}

#[test]
fn half_precision_and_float_layers_have_their_reasons() {
    let place = Place::with_digits();
    place
        .run("quantize model.onnx -d calib.npz -o q.onnx --fp16 --exclude-op Gemm --report r.json")
        .succeeds();
    let report = read(&place, "r.json");
    let layers = report["layers"].as_array().unwrap();
    let gemm = layers.iter().find(|layer| layer["op"] == "Gemm").unwrap();
    assert!(matches!(gemm["numbers"].as_str(), Some("f16" | "f32")), "{gemm}");
    assert!(layers.iter().any(|layer| layer["numbers"] == "f16"), "{layers:?}");
    assert!(layers.iter().all(|layer| !layer["reason"].as_str().unwrap().is_empty()), "{layers:?}");
    let model = place.read("q.onnx");
    place.run("quantize model.onnx -d calib.npz -o q.onnx --fp16 --exclude-op Gemm").succeeds();
    assert_eq!(place.read("q.onnx"), model, "a report changes nothing");
    place.run("compare model.onnx q.onnx -d test.npz --report c.json").succeeds();
    let compared = read(&place, "c.json");
    let numbers = |report: &Value| -> Vec<Value> {
        report["layers"].as_array().unwrap().iter().map(|layer| layer["numbers"].clone()).collect()
    };
    assert_eq!(numbers(&report), numbers(&compared), "both read the written model");
}

#[test]
fn a_comparison_with_a_report_prints_what_it_prints_without() {
    let place = Place::with_digits();
    place.run("quantize model.onnx -d calib.npz -o q.onnx --stats s").succeeds();
    let plain = place.run("compare model.onnx q.onnx -d test.npz").succeeds().stdout.clone();
    let ran = place
        .run("compare model.onnx q.onnx -d test.npz --stats s --report r.html")
        .succeeds()
        .stdout
        .clone();
    assert_eq!(ran, format!("{plain}wrote r.html (report)\n"));
    let page = String::from_utf8(place.read("r.html")).unwrap();
    assert!(page.contains("Histogram of input") && page.contains("GOOD"), "{page}");
    let failed = place.run("compare model.onnx q.onnx -d test.npz --report gate.json --min-sqnr 99 --json");
    failed.fails_with(&["gate failed"]);
    assert_eq!(failed.json()["files"]["report"], "gate.json");
    let gate = read(&place, "gate.json");
    assert_eq!(gate["verdict"]["passed"], false);
    assert!(gate["tensors"].as_array().unwrap().iter().all(|tensor| tensor["values"].is_null()));
}

#[test]
fn the_reasons_for_a_bad_result_are_said() {
    let place = faulty(&["outlier", "far", "flat", "broken"]);
    for (name, kind, parts) in [
        (
            "outlier",
            "outlier-channel",
            ["layer 'guilty'", "channel 3 of its input reaches", "(--equalize, --smooth)"],
        ),
        ("far", "far-range", ["layer 'guilty'", "99.99% of the values", "(--method percentile)"]),
        ("flat", "nearly-constant", ["layer 'guilty'", "within two steps", "(--exclude NAME)"]),
        (
            "broken",
            "non-finite",
            ["layer 'logarithm'", "infinite in the float model already", "check the data"],
        ),
    ] {
        let line = format!("quantize {name}.onnx -d {name}.npz -o {name}.q.onnx --method max --stats s");
        let quiet = place.run(&line);
        assert!(!quiet.succeeds().stderr.contains("likely reason"), "nothing is measured without a report");
        place.run(&format!("{line} --report r.json")).notes(&parts);
        let report = read(&place, "r.json");
        let advice = report["advice"].as_array().unwrap();
        assert!(advice.iter().any(|advice| advice["kind"] == kind), "{name}: {advice:?}");
        // Statistics give a comparison the same reasons.
        let compared =
            place.run(&format!("compare {name}.onnx {name}.q.onnx -d {name}.npz --stats s --per-tensor"));
        compared.notes(&parts);
    }
    // Without them it says what is missing.
    place
        .run("compare flat.onnx flat.q.onnx -d flat.npz")
        .notes(&["give the statistics of the calibration (--stats FILE)"]);
    // The remedy helps.
    let ran = place.run("quantize far.onnx -d far.npz -o p.onnx --method percentile --report p.json");
    assert!(!ran.succeeds().stderr.contains("far-range"));
}

#[test]
fn a_report_that_cannot_be_is_refused_before_the_work() {
    let place = Place::with_digits();
    place.run("quantize model.onnx -d calib.npz -o q.onnx").succeeds();
    let quantize = "quantize model.onnx -d calib.npz -o new.onnx --report";
    let compare = "compare model.onnx q.onnx -d test.npz --report";
    let before = place.files();
    for line in [quantize, compare] {
        place.run(&format!("{line} report.pdf")).refuses(&["--report: report.pdf", "name it report.html"]);
        place.run(&format!("{line} missing/r.html")).refuses(&["missing/r.html", "make the folder"]);
    }
    std::fs::create_dir(place.at("folder.html")).unwrap();
    place.run(&format!("{compare} folder.html")).refuses(&["is a folder"]);
    std::fs::remove_dir(place.at("folder.html")).unwrap();
    std::fs::write(place.at("labels.json"), "").unwrap();
    place.run(&format!("{compare} labels.json --labels labels.json")).refuses(&["is also an input"]);
    std::fs::remove_file(place.at("labels.json")).unwrap();
    let twice = "quantize model.onnx -d calib.npz -o r.json --report r.json";
    place.run(twice).refuses(&["two outputs go to this file"]);
    place
        .run("compare model.onnx q.onnx -d test.npz --stats model.onnx")
        .refuses(&["no usable calibration statistics"]);
    assert_eq!(place.files(), before, "nothing is left behind");
}

#[test]
fn weights_alone_are_reported_without_data() {
    let place = Place::with_models();
    place.run("quantize model.onnx -d calib.npz -o w.onnx --format int8-weights --report w.json").succeeds();
    let report = read(&place, "w.json");
    let numbers: Vec<&Value> =
        report["layers"].as_array().unwrap().iter().map(|layer| &layer["numbers"]).collect();
    assert!(numbers.contains(&&Value::from("int8-weights")), "{numbers:?}");
}
