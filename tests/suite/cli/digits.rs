//! Every command on the digits model, from data to files and back.

use serde_json::json;

use super::place::Place;

const METHODS: [&str; 4] = ["max", "entropy", "percentile", "mse"];

#[test]
fn help_prints_this() {
    let place = Place::new();
    place.snapshot(
        "help",
        &[
            "--version",
            "--help",
            "quantize --help",
            "calibrate --help",
            "apply --help",
            "engine --help",
            "cost --help",
            "merge --help",
            "cache --help",
            "cache show --help",
            "cache check --help",
            "cache convert --help",
            "compare --help",
            "cast --help",
            "sensitivity --help",
            "inspect --help",
            "info --help",
        ],
    );
}

#[test]
fn the_way_through_all_commands_prints_this() {
    let place = Place::with_digits();
    place.snapshot(
        "digits",
        &[
            "inspect model.onnx",
            "inspect model.onnx --exclude-op Gemm --include *Conv* --json",
            "quantize model.onnx -d calib.npz -o max.onnx --method max --cache max.cache --ranges max.json \
             --stats max.stats --tensorrt-version 8.6.2 --algorithm MinMaxCalibration",
            "quantize model.onnx -d calib.npz -o quiet.onnx --quiet",
            "calibrate model.onnx -d calib.npz --limit 64 --batch-size 16 --stats part.stats --json",
            "calibrate model.onnx --from-stats max.stats --method max",
            "merge max.stats part.stats -o all.stats",
            "apply model.onnx --ranges max.json -o from_json.onnx",
            "apply model.onnx --ranges max.cache -o from_cache.onnx --json",
            "cache check max.cache --model model.onnx --strict",
        ],
    );
}

#[test]
fn every_method_stays_close_to_the_float_model() {
    let place = Place::with_digits();
    for method in METHODS {
        place.run(&format!("quantize model.onnx -d calib.npz -o {method}.onnx --method {method}")).succeeds();
        let line = format!("compare model.onnx {method}.onnx -d test.npz --labels test_labels.npy --json");
        let result = place.run(&line).succeeds().json();
        assert_eq!(result["samples"], 500);
        let (float, quantized) = (&result["accuracy"]["float"], &result["accuracy"]["quantized"]);
        let loss = float.as_f64().unwrap() - quantized.as_f64().unwrap();
        assert!(loss <= 0.005, "{method}: accuracy fell from {float} to {quantized}");
        let sqnr = result["outputs"][0]["sqnr_db"].as_f64().unwrap();
        assert!(sqnr > 30.0, "{method}: {sqnr} dB");
    }
}

#[test]
fn a_gate_decides_the_exit_code() {
    let place = Place::with_digits();
    place.run("quantize model.onnx -d calib.npz -o out.onnx --method max").succeeds();
    let run =
        |min: &str| place.run(&format!("compare model.onnx out.onnx -d test.npz --min-sqnr {min} --json"));
    let passed = run("10");
    assert_eq!(passed.succeeds().json()["gate"], json!({"min_sqnr": 10.0, "passed": true}));
    let failed = run("90");
    assert_eq!(failed.code, Some(1));
    assert_eq!(failed.json()["gate"]["passed"], false);
    assert!(failed.stderr.starts_with("qdq: gate failed: output 'logits': SQNR "), "{}", failed.stderr);
    let itself = place.run("compare model.onnx model.onnx -d test.npz --per-tensor --min-sqnr 200 --json");
    let result = itself.succeeds().json();
    assert_eq!(result["outputs"][0]["sqnr_db"], "inf");
    assert!(result["tensors"].as_array().unwrap().len() > 5);
}

#[test]
fn statistics_stand_for_the_data() {
    let place = Place::with_digits();
    place.run("calibrate model.onnx -d calib.npz --stats all.stats --batch-size 7").succeeds();
    for method in METHODS {
        place.run(&format!(
            "calibrate model.onnx -d calib.npz --method {method} --ranges a.json --cache a.cache"
        ));
        place.run(&format!(
            "calibrate model.onnx --from-stats all.stats --method {method} --ranges b.json --cache b.cache"
        ));
        assert!(place.read("a.json") == place.read("b.json"), "{method}");
        assert!(place.read("a.cache") == place.read("b.cache"), "{method}");
    }
}

#[test]
fn equal_input_gives_equal_files() {
    let place = Place::with_digits();
    for out in ["a", "b"] {
        place
            .run(&format!(
                "quantize model.onnx -d calib.npz -o {out}.onnx --cache {out}.cache --ranges {out}.json \
                 --stats {out}.stats --limit 100 --seed 7"
            ))
            .succeeds();
    }
    for ending in ["onnx", "cache", "json", "stats"] {
        assert!(place.read(&format!("a.{ending}")) == place.read(&format!("b.{ending}")), "{ending}");
    }
}

#[test]
fn applied_ranges_give_the_quantized_model() {
    let place = Place::with_digits();
    place.run("quantize model.onnx -d calib.npz -o direct.onnx --ranges r.json").succeeds();
    place.run("apply model.onnx --ranges r.json -o applied.onnx").succeeds();
    assert!(place.read("direct.onnx") == place.read("applied.onnx"));
}

#[test]
fn info_names_version_and_runtimes() {
    let place = Place::new();
    let info = place.run("info --json");
    let info = info.succeeds().json();
    assert_eq!(info["version"], env!("CARGO_PKG_VERSION"));
    assert!(info["kernels"]["active"].is_string(), "{info}");
    assert_eq!(info["runtimes"][0]["name"], "embedded", "{info}");
    assert!(place.run("info").succeeds().stdout.contains(env!("CARGO_PKG_VERSION")));
    let scalar = place.command("info --json").env("QDQ_ISA", "scalar").output().unwrap();
    let scalar: serde_json::Value = serde_json::from_slice(&scalar.stdout).unwrap();
    assert_eq!(scalar["kernels"]["reason"], "QDQ_ISA=scalar");
    let wrong = place.command("info").env("QDQ_ISA", "mmx").output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8(wrong.stderr).unwrap().contains("QDQ_ISA=mmx"));
}

#[test]
fn four_bit_weights_recover_accuracy() {
    let place = Place::with_digits();
    let sqnr = |options: &str| {
        let line = format!("quantize model.onnx -d calib.npz -o out.onnx --weight-bits 4 {options} --json");
        let result = place.run(&line).succeeds().json();
        let compared = place.run("compare model.onnx out.onnx -d test.npz --json").succeeds().json();
        (compared["outputs"][0]["sqnr_db"].as_f64().unwrap(), result)
    };
    let (plain, result) = sqnr("");
    assert!(result.get("recovery").is_none(), "{result}");
    let (all, result) = sqnr("--equalize --learned-rounding --bias-correction");
    assert!(all > plain + 3.0, "{plain} dB, {all} dB");
    let layers = result["recovery"].as_array().unwrap();
    let of = |method: &str| layers.iter().filter(|layer| layer["method"] == method).count();
    assert_eq!((of("equalization"), of("learned rounding"), of("bias correction")), (3, 3, 3), "{result}");
    let text =
        place.run("quantize model.onnx -d calib.npz -o out.onnx --bias-correction").succeeds().stdout.clone();
    assert!(text.contains("bias correction  /fc/Gemm") && text.contains("10 of 10 biases moved"), "{text}");
}

#[test]
fn what_cannot_be_recovered_is_refused_before_the_data_is_read() {
    let place = Place::with_digits();
    for options in ["--weights float --learned-rounding", "--weights float --weight-bits 4"] {
        place
            .run(&format!("quantize model.onnx -d missing.npz -o out.onnx {options}"))
            .refuses(&["weights that are stored as float", "store them as int8"]);
    }
    let refused = place.run("quantize model.onnx -d calib.npz -o out.onnx --weight-bits 9");
    assert!(refused.code == Some(2) && refused.stderr.contains("9 is not in 2..=8"), "{}", refused.stderr);
}
