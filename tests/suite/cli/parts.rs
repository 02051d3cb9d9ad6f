//! Models that no runtime supports completely, or whose outputs are no floating-point tensors.

use std::fs;

use ndarray::ArrayD;
use qdq::dtype::DataType;
use qdq::onnx::Model;

use super::place::{Place, data};
use crate::environment::onnxruntime;

/// Makes a folder with models and their data of `tests/data/cases`.
fn cases(names: &[&str]) -> Place {
    let place = Place::with_models();
    for file in names.iter().flat_map(|name| ["onnx", "npz"].map(|ending| format!("{name}.{ending}"))) {
        fs::copy(data("cases").join(&file), place.at(&file)).unwrap();
    }
    place
}

/// Returns the options for each runtime.
fn runtimes() -> [String; 2] {
    let library = onnxruntime();
    ["--runtime embedded".to_owned(), format!("--runtime onnxruntime --onnxruntime {}", library.display())]
}

#[test]
fn only_what_the_ranges_need_is_run() {
    let place = cases(&["nms_plugin", "output_zipmap"]);
    for runtime in runtimes() {
        for model in ["nms_plugin", "output_zipmap"] {
            let quantized =
                place.run(&format!("quantize {model}.onnx -d {model}.npz -o {model}_8.onnx {runtime}"));
            assert_eq!(quantized.succeeds().stderr, "", "{model} {runtime}");
        }
        let cached = place
            .run(&format!("calibrate nms_plugin.onnx -d nms_plugin.npz --stats all.stats --json {runtime}"));
        cached.notes(&["EfficientNMS_TRT", "no runtime knows this operator", "'det_boxes', 'det_scores'"]);
        let json = cached.json();
        let ranged: Vec<&String> = json["ranges"].as_object().unwrap().keys().collect();
        assert_eq!(ranged, ["x", "a", "r", "b", "f", "boxes", "scores"], "{runtime}");
        assert_eq!(json["findings"][0]["tensors"], serde_json::json!(["det_boxes", "det_scores"]));

        // The first model has no output that can run, the second has one of two.
        let compared = place
            .run(&format!("compare nms_plugin.onnx nms_plugin_8.onnx -d nms_plugin.npz --json {runtime}"));
        compared.notes(&["no runtime knows): 'num', 'det_boxes'", "EfficientNMS_TRT", "computed from"]);
        let names: Vec<String> =
            compared.json()["outputs"].as_array().unwrap().iter().map(|it| it["name"].to_string()).collect();
        assert_eq!(names, ["\"boxes\"", "\"scores\""]);
        let compared = place.run(&format!(
            "compare output_zipmap.onnx output_zipmap_8.onnx -d output_zipmap.npz --min-sqnr 20 {runtime}"
        ));
        compared.notes(&["outputs that are not compared (no tensor of numbers): 'z'"]);
        assert!(compared.stdout.contains("\np "), "{}", compared.stdout);
    }
}

#[test]
fn a_plugin_in_the_middle_is_named_with_what_goes_without_it() {
    let place = cases(&[]);
    for runtime in runtimes() {
        let refused = place.run(&format!("quantize plugin_between.onnx -d calib.npz -o out.onnx {runtime}"));
        refused.refuses(&[
            "node 'swirl' (Swirl of domain TRT): no runtime knows this operator",
            "1 of the 2 tensors to calibrate lie behind it, 'b' first",
            "help: exclude the nodes (--exclude NAME) that read them, and all others are calibrated without it: \
             'behind'",
            "a model of its own",
        ]);
        assert!(!refused.stderr.contains("--runtime"), "{}", refused.stderr);
        let line = "quantize plugin_between.onnx -d calib.npz -o out.onnx --exclude behind";
        place.run(&format!("{line} {runtime}")).succeeds();
        let compared = "compare plugin_between.onnx out.onnx -d test.npz --limit 8 --min-sqnr 25";
        place.run(&format!("{compared} {runtime}")).notes(&["no runtime knows): 'y'", "'a'"]);
        // A requested name gives an error, not only a warning.
        let refused = place.run(&format!("{compared} --output y {runtime}"));
        refused
            .refuses(&["'y' cannot be compared: behind node 'swirl'", "outputs to compare (--output NAME)"]);
    }
}

/// A method leaves alone the layers that it cannot measure. All other layers get the full treatment.
#[test]
fn accuracy_is_recovered_around_a_plugin() {
    let place = cases(&[]);
    for runtime in runtimes() {
        for method in ["--bias-correction", "--learned-rounding"] {
            let line = format!(
                "quantize plugin_bias.onnx -d calib.npz --limit 32 -o out.onnx {method} --json {runtime}"
            );
            let json = place.run(&line).succeeds().json();
            let layers = json["recovery"].as_array().unwrap();
            let of = |name: &str| layers.iter().find(|layer| layer["layer"] == name).unwrap();
            let left = of("behind");
            assert!(
                left["what"].as_str().unwrap().contains("an operator computes that no runtime knows"),
                "{json}"
            );
            let measured = layers.iter().filter(|layer| !layer["error_before"].is_null()).count();
            assert_eq!(measured, 2, "{method}: {json}");
        }
    }
}

#[test]
fn sequences_are_not_observed() {
    let place = cases(&["sequences"]);
    for runtime in runtimes() {
        let line =
            "quantize sequences.onnx -d sequences.npz -o int8.onnx --cache all.cache --stats all.stats";
        place.run(&format!("{line} {runtime}")).succeeds();
        let cache = String::from_utf8(place.read("all.cache")).unwrap();
        let names: Vec<&str> = cache.lines().skip(1).map(|line| line.split(':').next().unwrap()).collect();
        assert_eq!(names, ["x", "a", "p", "q", "c", "y"], "{runtime}");
        let compared = place
            .run(&format!("compare sequences.onnx int8.onnx -d sequences.npz --per-tensor --json {runtime}"));
        let json = compared.succeeds().json();
        let names: Vec<&str> =
            json["tensors"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["a", "p", "q", "c", "y"]);
        assert!(
            json["tensors"].as_array().unwrap().iter().all(|tensor| tensor["sqnr_db"].as_f64() > Some(20.0))
        );
    }
}

#[test]
fn whole_numbers_agree_in_part() {
    let place = cases(&["output_argmax_only"]);
    place.run("quantize output_argmax_only.onnx -d output_argmax_only.npz -o int8.onnx").succeeds();
    for runtime in runtimes() {
        let line = format!("compare output_argmax_only.onnx int8.onnx -d output_argmax_only.npz {runtime}");
        let compared = place.run(&format!("{line} --min-sqnr 20 --json"));
        compared.notes(&["no output that can be compared is floating-point", "'l'"]);
        let json = compared.json();
        let (argmax, logits) = (&json["outputs"][0], &json["outputs"][1]);
        assert_eq!(
            (&argmax["name"], &argmax["values"], &argmax["sqnr_db"]),
            (&"am".into(), &1024.into(), &().into())
        );
        let equal = argmax["equal"].as_f64().unwrap();
        assert!(equal > 0.9 && equal <= 1.0, "{equal}");
        assert_eq!((&logits["name"], &logits["equal"]), (&"l".into(), &().into()));
        assert!(place.run(&line).stdout.contains('%'));

        place.run(&format!("{line} --min-sqnr 99")).fails_with(&["output 'l'", "is below 99 dB"]);
        place.run(&format!("{line} --output am --min-sqnr 20")).refuses(&["--min-sqnr", "help:", "--output"]);
        let only = place.run(&format!("{line} --output am --json")).succeeds().json();
        assert_eq!(only["outputs"].as_array().unwrap().len(), 1);
        for (name, part) in
            [("nothing", "is no tensor"), ("w", "is no tensor"), ("am --output am", "named twice")]
        {
            place.run(&format!("{line} --output {name}")).refuses(&[part, "('am')", "help:"]);
        }
    }
}

#[test]
fn classes_are_where_labels_or_a_softmax_say_so() {
    let place = cases(&[]);
    for (model, has_classes) in [("regression", false), ("probabilities", true), ("model", false)] {
        place.run(&format!("quantize {model}.onnx -d calib.npz -o int8.onnx")).succeeds();
        let compared = place.run(&format!("compare {model}.onnx int8.onnx -d test.npz"));
        assert_eq!(compared.succeeds().stdout.contains("top-1"), has_classes, "{model}\n{}", compared.stdout);
    }
    let compared = place.run("compare model.onnx int8.onnx -d test.npz --labels test_labels.npy");
    assert!(compared.succeeds().stdout.contains("top-1 agreement"), "{}", compared.stdout);
}

#[test]
fn an_output_that_is_listed_twice_is_compared_once() {
    let place = cases(&["output_listed_twice"]);
    for runtime in runtimes() {
        let (model, data) = ("output_listed_twice.onnx", "-d output_listed_twice.npz");
        place.run(&format!("quantize {model} {data} -o int8.onnx {runtime}")).succeeds();
        let compared = place.run(&format!("compare {model} int8.onnx {data} --min-sqnr 30 --json {runtime}"));
        assert_eq!(compared.succeeds().json()["outputs"].as_array().unwrap().len(), 1, "{runtime}");
    }
}

#[test]
fn a_listed_weight_that_nothing_reads_needs_no_data() {
    let place = Place::with_models();
    place.write_npz("ids.npz", "ids", &ArrayD::from_elem(vec![4, 2], 3i64));
    for runtime in runtimes() {
        place.run(&format!("quantize counted.onnx -d ids.npz -o int8.onnx {runtime}")).succeeds();
        place.run(&format!("compare counted.onnx int8.onnx -d ids.npz --per-tensor {runtime}")).succeeds();
    }
}

#[test]
fn a_model_in_half_precision_is_quantized_and_compared_like_others() {
    let place = cases(&[]);
    let samples = ArrayD::from_shape_fn(vec![16, 8], |at| ((at[0] * 7 + at[1] * 3) % 11) as f32 / 5.3 - 1.0);
    place.write_npz("x.npz", "x", &samples);
    let rounded = "every 16-bit tensor is rounded to its type";
    for runtime in runtimes() {
        for (model, dtype) in [("halves", DataType::F16), ("halves_older", DataType::F32)] {
            let recovery = "--equalize --learned-rounding --bias-correction";
            for (output, options) in [("int8", ""), ("recovered", recovery)] {
                let line = format!("quantize {model}.onnx -d x.npz -o {output}.onnx {options} {runtime}");
                assert_eq!(place.run(&line).succeeds().stderr, "", "{line}");
                let written = Model::open(&place.at(&format!("{output}.onnx"))).unwrap();
                for scale in ["x_scale", "w_scale"] {
                    assert_eq!(written.constant(scale).unwrap().unwrap().dtype(), dtype, "{line}: {scale}");
                }
            }
            // The types of the two models differ in the last two lines.
            for (one, other, least) in [
                (model, "int8", 30),
                (model, "recovered", 30),
                ("halves_in_float", model, 60),
                (model, "halves_in_float", 60),
            ] {
                let line = format!(
                    "compare {one}.onnx {other}.onnx -d x.npz --min-sqnr {least} --per-tensor {runtime}"
                );
                place.run(&line).notes(&[rounded]);
            }
        }
    }
    let far = samples * 1e6;
    place.write_npz("far.npz", "x", &far);
    place
        .run("quantize halves.onnx -d far.npz -o int8.onnx")
        .refuses(&["has f32 values that f16 cannot hold"]);
}
