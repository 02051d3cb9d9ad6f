//! `qdq cache`.

use super::place::{Place, data};

/// The lines that `tests/suite/emit.rs` also reads.
const GOLDEN: &str = "TRT-8501-EntropyCalibration2
data: 3c008912
conv1: 3c88edfc
model/a: b/c [0]:0: 3c010204
(Unnamed Layer* 64) [Shuffle]_output: 0
";

#[test]
fn show_check_and_convert_print_this() {
    let place = Place::new();
    place.write("good.cache", GOLDEN);
    place.write("bad.cache", "TRT-8XXX-Entropy\na: 7f800000\nb: 7fc00000\nc: bc010204\nd: 1\nd: 2\nz: 0\n");
    place.write("damaged.cache", "TRT-8501-EntropyCalibration2\na: 1\nb 2\n");
    place.write("other.txt", "input 1.0\n");
    place.snapshot(
        "cache",
        &[
            "cache show good.cache",
            "cache show good.cache --json",
            "cache check good.cache",
            "cache check good.cache --strict --quiet",
            "cache check good.cache --tensorrt-version 10.3.0 --algorithm MinMaxCalibration",
            "cache check bad.cache",
            "cache check bad.cache --json",
            "cache show damaged.cache",
            "cache show other.txt",
            "cache show missing.cache",
            "cache check good.cache --tensorrt-version ten",
            "cache check good.cache --algorithm entropy",
            "cache convert good.cache -o new.cache --tensorrt-version 10.3.0",
            "cache show new.cache",
            "cache convert good.cache -o ranges.json --to ranges",
            "cache convert ranges.json -o back.cache --tensorrt-version 8.5.1 --json",
            "cache convert ranges.json -o default.cache",
            "cache convert good.cache -o eleven.cache --tensorrt-version 11.0.0",
            "cache convert good.cache -o good.cache",
            "cache convert bad.cache -o out.json --to ranges",
        ],
    );
    assert_eq!(
        place.files(),
        [
            "back.cache",
            "bad.cache",
            "damaged.cache",
            "default.cache",
            "good.cache",
            "new.cache",
            "other.txt",
            "out.json",
            "ranges.json"
        ]
    );
}

#[test]
fn a_new_header_leaves_the_lines_as_they_are() {
    let place = Place::new();
    place.write("old.cache", GOLDEN);
    place.run("cache convert old.cache -o new.cache --tensorrt-version 10.3.0").succeeds();
    let expected = GOLDEN.replace("TRT-8501-", "TRT-100300-");
    assert_eq!(String::from_utf8(place.read("new.cache")).unwrap(), expected);
}

#[test]
fn check_against_a_model_names_what_is_missing() {
    let place = Place::with_digits();
    place.write("c.cache", "TRT-8501-EntropyCalibration2\ninput: 3c010204\nother: 3c010204\n");
    let ran = place.run("cache check c.cache --model model.onnx --json");
    let findings = ran.succeeds().json()["findings"].clone();
    let of = |message: &str| {
        let findings = findings.as_array().unwrap();
        findings
            .iter()
            .find(|finding| finding["message"].as_str().unwrap().contains(message))
            .unwrap()
            .clone()
    };
    assert_eq!(of("no such tensor")["tensors"], serde_json::json!(["other"]));
    let missing = of("no scale")["tensors"].as_array().unwrap().clone();
    assert!(missing.len() > 5 && !missing.contains(&"input".into()), "{missing:?}");
    assert_eq!(place.run("cache check c.cache --model model.onnx --strict").code, Some(1));
}

#[test]
fn what_no_calibration_can_reach_is_not_expected() {
    let place = Place::new();
    for file in ["nms_plugin.onnx", "nms_plugin.npz"] {
        std::fs::copy(data("cases").join(file), place.at(file)).unwrap();
    }
    place.run("calibrate nms_plugin.onnx -d nms_plugin.npz --cache c.cache").succeeds();
    let checked = place.run("cache check c.cache --model nms_plugin.onnx --strict --json");
    let findings = checked.succeeds().json()["findings"].clone();
    assert_eq!(findings.as_array().unwrap().len(), 1, "{findings}");
    assert_eq!(findings[0]["severity"], "note");
    assert_eq!(findings[0]["tensors"], serde_json::json!(["det_boxes", "det_scores"]));
    assert!(findings[0]["message"].as_str().unwrap().contains("EfficientNMS_TRT"), "{findings}");
    // A line that another tool has written for such a tensor belongs to the model.
    let more = [&place.read("c.cache")[..], b"det_boxes: 3c010204\n"].concat();
    place.write("more.cache", more);
    let findings =
        place.run("cache check more.cache --model nms_plugin.onnx --json").json()["findings"].clone();
    assert_eq!(findings[0]["tensors"], serde_json::json!(["det_scores"]), "{findings}");
}

#[test]
fn empty_and_cut_off_files_are_seen() {
    let place = Place::with_digits();
    place.write("empty.cache", "");
    for line in [
        "cache check empty.cache",
        "cache show empty.cache",
        "cache convert empty.cache -o out --to ranges",
        "apply model.onnx --ranges empty.cache -o out",
        "merge empty.cache -o out",
        "calibrate model.onnx --from-stats empty.cache",
        "inspect empty.cache",
    ] {
        place.run(line).refuses(&["empty.cache: is empty", "help:"]);
    }
    place.write("cut.cache", "TRT-8501-EntropyCalibration2\ninput: 3c010204\n/Relu_output_0: 3c01");
    let checked = place.run("cache check cut.cache");
    assert_eq!(checked.code, Some(1));
    assert!(
        checked.stdout.contains("subnormal, as of a line whose last digits are cut off: '/Relu_output_0'")
    );
}
