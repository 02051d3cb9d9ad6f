//! Sensitivity, the best ranges, budgets and `--best` through the tool.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::place::{Place, Ran};
use crate::environment::{project, run_python};

const DATA: &str = "-d calib.npz --limit 64";

/// Makes a folder with the models of `tests/python/search_models.py`.
fn with_bad_layers() -> Place {
    let place = Place::new();
    let script = project("tests/python/search_models.py");
    run_python(&[script.to_str().unwrap(), place.at(".").to_str().unwrap()]);
    place
}

/// Writes an executable script.
fn script(place: &Place, name: &str, text: &str) {
    std::fs::write(place.at(name), format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(place.at(name), std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn names<'a>(list: &'a Value, key: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|entry| entry[key].as_str().unwrap()).collect()
}

/// Returns the SQNR of the first output.
fn sqnr(place: &Place, float: &str, quantized: &str, data: &str) -> f64 {
    let ran = place.run(&format!("compare {float} {quantized} -d {data} --json"));
    ran.json()["outputs"][0]["sqnr_db"].as_f64().unwrap()
}

#[test]
fn the_bad_layer_comes_first() {
    let place = with_bad_layers();
    for model in ["outlier_channel", "few_bits"] {
        let ran = place.run(&format!("sensitivity {model}.onnx -d {model}.npz --json"));
        let json = ran.json();
        let layers = json["layers"].as_array().unwrap();
        assert_eq!(names(&json["layers"], "layer")[0], "bad", "{json}");
        assert_eq!(layers.len(), 5);
        assert!(layers[0]["share"].as_f64().unwrap() > 0.9, "{json}");
        // The first layer's own output is all that the two figures of the last layer can differ in.
        let last = layers.iter().find(|layer| layer["layer"] == "good2").unwrap();
        let (own, output) = (last["own_db"].as_f64().unwrap(), last["output_db"].as_f64().unwrap());
        assert!(own > 25.0 && (own - output).abs() < 3.0, "{last}");
        let shares: f64 = layers.iter().map(|layer| layer["share"].as_f64().unwrap()).sum();
        assert!((shares - 1.0).abs() < 1e-9);
        assert_eq!(layers[0]["cost"].as_u64(), Some(8 * 8 * 8 * 8 * 9));
    }
}

/// The network's output with one layer quantized is that of a model in which only this layer is quantized.
#[test]
fn outputs_are_those_of_a_model_with_one_quantized_layer() {
    let place = Place::with_digits();
    let ran = place.run(&format!("sensitivity model.onnx {DATA} --samples 64 --methods mse,max --json"));
    let json = ran.json();
    assert_eq!(json["samples"], 64);
    // A residual Add is quantized only beside a quantized convolution.
    for layer in json["layers"].as_array().unwrap().iter().filter(|layer| layer["op"] != "Add") {
        let (name, method) = (layer["layer"].as_str().unwrap(), layer["method"].as_str().unwrap());
        let quantize = format!("quantize model.onnx {DATA} --include {name} --method {method} -o one.onnx");
        place.run(&quantize).succeeds();
        let compare = place.run(&format!("compare model.onnx one.onnx {DATA} --json")).json();
        let whole = compare["outputs"][0]["sqnr_db"].as_f64().unwrap();
        let found = layer["output_db"].as_f64().unwrap();
        assert!((found - whole).abs() < 0.05, "{name} by {method}: {found} instead of {whole}");
    }
    let text = place.run(&format!("sensitivity model.onnx {DATA} --formats int8,fp8")).stdout;
    assert!(text.contains("output dB") && text.contains("fp8") && text.contains("int8"), "{text}");
}

#[test]
fn sensitivity_refuses_what_it_cannot_measure() {
    let place = Place::with_digits();
    place
        .run("sensitivity model.onnx")
        .refuses(&["there is no data to measure with", "help: give samples with --data"]);
    place.run(&format!("sensitivity model.onnx {DATA} --methods best")).refuses(&["--methods: ", "best"]);
    place
        .run(&format!("sensitivity model.onnx {DATA} --formats fp8 --methods entropy"))
        .refuses(&["entropy knows the levels of integers"]);
}

#[test]
fn auto_is_no_worse_than_any_single_method() {
    let place = Place::with_digits();
    let ran =
        place.run(&format!("quantize model.onnx {DATA} --method auto -o auto.onnx --ranges r.json --json"));
    let json = ran.json();
    let auto = &json["auto"];
    assert_eq!((&json["method"], &auto["held_out"]), (&"auto".into(), &true.into()));
    let single = auto["scores_db"].as_object().unwrap()[auto["single"].as_str().unwrap()].as_f64().unwrap();
    assert!(!auto["changed"].as_array().unwrap().is_empty() || auto["score_db"] == single, "{auto}");
    assert_eq!(auto["scores_db"].as_object().unwrap().len(), 4);
    let note = json["findings"].to_string();
    assert!(
        note.contains("auto chose") && note.contains("32 samples; other samples chose the ranges"),
        "{note}"
    );
    // The ranges are those of the model, and the same again.
    place.run("apply model.onnx --ranges r.json -o applied.onnx").succeeds();
    assert_eq!(place.read("auto.onnx"), place.read("applied.onnx"));
    place.run(&format!("quantize model.onnx {DATA} --method auto -o again.onnx")).succeeds();
    assert_eq!(place.read("auto.onnx"), place.read("again.onnx"));
    place.run(&format!("calibrate model.onnx {DATA} --method auto --ranges r2.json")).succeeds();
    assert_eq!(place.read("r.json"), place.read("r2.json"));
    place.run(&format!("calibrate model.onnx {DATA} --stats s.safetensors")).succeeds();
    place
        .run("calibrate model.onnx --from-stats s.safetensors --method auto")
        .refuses(&["--method auto runs the model on data", "help: give the data with --data"]);
    let one = place.run("quantize model.onnx -d calib.npz --limit 1 --method auto -o one.onnx");
    assert!(
        one.succeeds().stdout.contains("judged by 1 sample; which also chose the ranges"),
        "{}",
        one.stdout
    );
}

#[test]
fn a_budget_leaves_exactly_the_bad_layer_in_float() {
    let place = with_bad_layers();
    for model in ["outlier_channel", "few_bits"] {
        let quantize = format!("quantize {model}.onnx -d {model}.npz");
        place.run(&format!("{quantize} -o plain.onnx")).succeeds();
        place.run(&format!("{quantize} --exclude bad -o without.onnx")).succeeds();
        let (float, data) = (format!("{model}.onnx"), format!("{model}.npz"));
        let (plain, without) =
            (sqnr(&place, &float, "plain.onnx", &data), sqnr(&place, &float, "without.onnx", &data));
        assert!(plain < without - 6.0, "{model}: {plain} and {without}");
        let least = without - 0.1;
        let ran = place.run(&format!("{quantize} --min-sqnr {least} -o met.onnx --json"));
        let json = ran.json();
        let budget = &json["budget"];
        assert_eq!((&budget["met"], names(&budget["left"], "layer")), (&true.into(), vec!["bad"]), "{json}");
        assert!(budget["curve"].as_array().unwrap().len() < 8);
        let nodes = place.run(&format!("{quantize} --min-sqnr {least} -o again.onnx -v"));
        assert!(nodes.stderr.contains("bad (Conv) stays in float: left in float to keep within the budget"));
        assert_eq!(place.read("met.onnx"), place.read("again.onnx"));
        assert!(sqnr(&place, &float, "met.onnx", &data) >= least);
    }
}

#[test]
fn a_budget_that_holds_changes_nothing() {
    let place = with_bad_layers();
    place.run("quantize harmless.onnx -d harmless.npz -o plain.onnx").succeeds();
    let ran = place.run("quantize harmless.onnx -d harmless.npz --min-sqnr 20 -o met.onnx");
    assert!(
        ran.succeeds().stdout.contains("the budget is met with all layers quantized; 1 trial\n"),
        "{}",
        ran.stdout
    );
    assert_eq!(place.read("plain.onnx"), place.read("met.onnx"));
}

#[test]
fn a_budget_that_cannot_be_met_writes_nothing() {
    let place = Place::with_digits();
    let ran = place
        .run(&format!("quantize model.onnx {DATA} --fp16 --min-sqnr 200 -o none.onnx --ranges none.json"));
    ran.fails_with(&["the budget is not met even with all layers in float, so no model is written"]);
    assert!(ran.stdout.contains("the budget is not met"), "{}", ran.stdout);
    assert!(!place.at("none.onnx").exists() && !place.at("none.json").exists());
}

#[test]
fn budgets_are_checked_before_and_while_the_model_runs() {
    let place = Place::with_digits();
    for (options, parts) in [
        ("--min-sqnr nan", ["--min-sqnr: NaN is no limit", "help: give decibels"]),
        ("--output-min 35", ["--output-min: '35' is no output and decibels", "'logits=35'"]),
        (
            "--output-min nothing=35",
            ["the budget names 'nothing', which is no output", "help: name an output: '"],
        ),
        ("--max-disagreement 2", ["--max-disagreement: '2' is no share", "such as 0.5%"]),
        ("--metric ./none --min-metric 1", ["none", "help: give the path of a program"]),
        ("--metric . --min-metric 1", ["is a folder", "help: give the path of a program"]),
        (
            "--metric ./x --min-metric nan",
            ["--min-metric, --max-metric: NaN is no limit", "help: give a number"],
        ),
        ("--metric ./x", ["--metric: nothing says which number is good enough", "help: add --min-metric"]),
    ] {
        place.run(&format!("quantize model.onnx {DATA} {options} -o none.onnx")).refuses(&parts);
        assert!(!place.at("none.onnx").exists(), "{options}");
    }
    // The search leaves layers in float, so it could not keep a least share.
    for options in ["--min-sqnr 20", "--output-min y=20", "--max-disagreement 1%", "--metric x", "--best"] {
        place
            .run(&format!("quantize model.onnx {DATA} {options} --min-quantized 0.5 -o none.onnx"))
            .refuses(&["--min-quantized", "cannot be used with"]);
    }
    let place = with_bad_layers();
    place
        .run("quantize harmless.onnx -d harmless.npz --max-disagreement 0 -o none.onnx")
        .refuses(&["not [samples, classes]", "help: give a least SQNR"]);
}

#[test]
fn classes_may_disagree_as_far_as_the_budget_says() {
    let place = Place::with_digits();
    for options in ["--max-disagreement 2%", "--max-disagreement 0 --top-k 10", "--output-min OUT=20"] {
        let output = place.run(&format!("compare model.onnx model.onnx {DATA} --json")).json()["outputs"][0]
            ["name"]
            .as_str()
            .unwrap()
            .to_owned();
        let options = options.replace("OUT", &output);
        let ran: Ran = place.run(&format!("quantize model.onnx {DATA} {options} -o met.onnx --json"));
        assert_eq!(ran.json()["budget"]["met"], true, "{options}");
    }
}

#[test]
fn a_program_judges_both_models() {
    let place = with_bad_layers();
    let python = std::env::var("QDQ_PYTHON")
        .unwrap_or_else(|_| project("target/python/bin/python").display().to_string());
    let judge = format!(
        "exec {python} -c 'import sys, numpy
path = sys.stdin.readline().strip()
found = numpy.load(path)
(name,) = [key[6:] for key in found if key.startswith(\"float.\")]
x, y = found[\"float.\" + name], found[\"quantized.\" + name]
assert x.shape == y.shape == (24, 8, 8, 8)
open(path, \"w\").write(\"changed\")
print(numpy.abs(x - y).max() / numpy.abs(x).max())'"
    );
    script(&place, "judge.sh", &judge);
    let quantize = "quantize few_bits.onnx -d few_bits.npz --metric ./judge.sh";
    let json = place.run(&format!("{quantize} --max-metric 0.1 -o met.onnx --json")).json();
    assert_eq!(names(&json["budget"]["left"], "layer"), ["bad"], "{json}");
    assert!(json["budget"]["curve"][0]["metric"].as_f64().unwrap() > 0.1);
    for (name, text, options, parts) in [
        ("fails.sh", "exit 3", "", ["fails.sh failed: exit status: 3", "help: see its messages"]),
        ("nan.sh", "echo nan", "", ["printed 'nan', which is no number", "help: print one number"]),
        ("talks.sh", "echo good", "", ["printed 'good', which is no number", "help: print one number"]),
        ("silent.sh", "true", "", ["printed '', which is no number", "help: print one number"]),
        (
            "hangs.sh",
            "exec sleep 60",
            "--metric-timeout 1",
            ["was stopped after 1 seconds", "--metric-timeout"],
        ),
    ] {
        script(&place, name, text);
        let run = format!(
            "quantize harmless.onnx -d harmless.npz --metric ./{name} --min-metric 1 {options} -o none.onnx"
        );
        place.run(&run).refuses(&parts);
        assert!(!place.at("none.onnx").exists(), "{name}");
    }
    std::fs::write(place.at("plain.txt"), "no program").unwrap();
    place
        .run("quantize harmless.onnx -d harmless.npz --metric ./plain.txt --min-metric 1 -o none.onnx")
        .refuses(&["plain.txt cannot be started", "help: make it executable"]);
}

#[test]
fn the_best_is_no_worse_than_the_default() {
    let place = with_bad_layers();
    for model in ["outlier_channel", "few_bits", "harmless"] {
        let quantize = format!("quantize {model}.onnx -d {model}.npz");
        place.run(&format!("{quantize} -o plain.onnx")).succeeds();
        let json = place.run(&format!("{quantize} --best -o best.onnx --json")).json();
        let (float, data) = (format!("{model}.onnx"), format!("{model}.npz"));
        let (plain, best) =
            (sqnr(&place, &float, "plain.onnx", &data), sqnr(&place, &float, "best.onnx", &data));
        assert!(best >= plain, "{model}: {best} instead of {plain}: {json}");
        assert!(model == "harmless" || best > plain + 6.0, "{model}: {best} instead of {plain}: {json}");
        let steps = json["best"]["steps"].as_array().unwrap();
        assert!(steps.len() >= 5 && steps[0]["kept"] == true, "{json}");
        assert!(json["findings"].to_string().contains("all steps begin within"));
    }
    let json =
        place.run("quantize few_bits.onnx -d few_bits.npz --best --weights float -o f.onnx --json").json();
    let steps = json["best"]["steps"].to_string();
    assert!(steps.contains("not learned rounding") || steps.contains("stored as float"), "{steps}");
    let one = place.run("quantize few_bits.onnx -d few_bits.npz --limit 2 --best -o one.onnx");
    one.notes(&["the samples that judge also teach", "give more samples"]);
    place
        .run("quantize harmless.onnx -d harmless.npz --best --equalize -o none.onnx")
        .refuses(&["--best", "--equalize"]);
}

/// A report on a recovered model compares it with the float model whose channels were scaled in the same way.
#[test]
fn a_report_on_a_recovered_model_blames_no_scaled_tensor() {
    let place = with_bad_layers();
    let quantize = "quantize outlier_channel.onnx -d outlier_channel.npz";
    for options in ["--equalize", "--equalize --smooth --bias-correction"] {
        place.run(&format!("{quantize} {options} --report r.json -o out.onnx")).succeeds();
        let report: Value = serde_json::from_slice(&place.read("r.json")).unwrap();
        for tensor in report["tensors"].as_array().unwrap() {
            let sqnr = tensor["sqnr_db"].as_f64().unwrap_or(f64::INFINITY);
            assert!(sqnr > 15.0, "{options}: {tensor}");
        }
    }
    let report = place.run("sensitivity outlier_channel.onnx -d outlier_channel.npz --report s.json --json");
    assert!(report.json()["files"]["report"].as_str().is_some_and(|path| path.ends_with("s.json")));
    let report: Value = serde_json::from_slice(&place.read("s.json")).unwrap();
    assert_eq!(report["sensitivity"][0]["layer"], "bad");
    let ran = place.run(&format!("{quantize} --min-sqnr 30 --report b.json -o out.onnx --json"));
    ran.succeeds();
    let report: Value = serde_json::from_slice(&place.read("b.json")).unwrap();
    assert!(!report["curve"].as_array().unwrap().is_empty());
}
