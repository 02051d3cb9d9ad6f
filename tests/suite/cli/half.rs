//! Half precision through the tool, on the digits model.

use image::{GrayImage, Luma};
use qdq::dtype::DataType;
use qdq::onnx::Model;
use serde_json::Value;

use super::place::Place;
use crate::environment::onnxruntime;

const DATA: &str = "-d calib.npz --limit 32";

fn types(json: &Value) -> Vec<&str> {
    json["nodes"].as_array().unwrap().iter().map(|node| node["type"].as_str().unwrap()).collect()
}

fn opset(place: &Place, model: &str) -> i64 {
    Model::open(&place.at(model)).unwrap().opset()
}

#[test]
fn a_model_is_cast_by_data_and_by_statistics_alike() {
    let place = Place::with_digits();
    place.run(&format!("calibrate model.onnx {DATA} --stats m.stats --ranges r.json")).succeeds();
    place.run("cast model.onnx --fp16 --stats m.stats -o stats.onnx").succeeds();
    let ran = place.run(&format!("cast model.onnx --fp16 {DATA} -o data.onnx"));
    ran.succeeds();
    assert!(ran.stdout.contains("nodes in f16, 0 in f32"), "{}", ran.stdout);
    assert_eq!(place.read("stats.onnx"), place.read("data.onnx"));
    place.run("compare model.onnx data.onnx -d test.npz --limit 32 --min-sqnr 50").succeeds();
}

#[test]
fn the_written_opset_has_scales_in_the_type_of_the_data() {
    let place = Place::with_digits();
    for (options, expected) in [("--fp16", 19), ("--bf16", 22), ("--fp16 --opset 20", 20)] {
        place.run(&format!("quantize model.onnx {DATA} {options} -o out.onnx")).succeeds();
        assert_eq!(opset(&place, "out.onnx"), expected, "{options}");
    }
    place.run(&format!("quantize model.onnx {DATA} --bf16 --half-io -o io.onnx")).succeeds();
    assert_eq!(Model::open(&place.at("io.onnx")).unwrap().inputs()[0].dtype, Some(DataType::Bf16));
}

#[test]
fn operators_are_kept_and_forced() {
    let place = Place::with_digits();
    let json =
        place.run(&format!("cast model.onnx {DATA} --fp16 --float32-op Conv -o out.onnx --json")).json();
    let nodes = json["nodes"].as_array().unwrap();
    for node in nodes.iter().filter(|node| node["op"] == "Conv") {
        assert_eq!((&node["type"], &node["reason"]), (&"f32".into(), &"kept in float32 by the user".into()));
    }
    assert!(types(&json).contains(&"f16"));
    let json = place.run("cast model.onnx --fp16 --half-op Conv -o forced.onnx --json").json();
    let reasons: Vec<&str> =
        json["nodes"].as_array().unwrap().iter().filter_map(|node| node["reason"].as_str()).collect();
    assert!(reasons.iter().any(|reason| reason.starts_with("forced into half precision")), "{reasons:?}");
    place
        .run(&format!("quantize model.onnx {DATA} --fp16 --float32 typo -o none.onnx"))
        .refuses(&["float32 pattern 'typo' matches no node"]);
}

#[test]
fn inspect_says_the_type_of_each_node_and_why() {
    let place = Place::with_digits();
    let json = place.run("inspect model.onnx --fp16 --json").json();
    let nodes = json["precision"]["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), json["nodes"].as_array().unwrap().len());
    assert!(nodes.iter().all(|node| !node["reason"].as_str().unwrap().is_empty()));
    let found = json["findings"].to_string();
    assert!(found.contains("although nothing is known of their values"), "{found}");
    let ran = place.run("inspect model.onnx --fp16 -v");
    ran.succeeds();
    assert!(ran.stdout.contains("nothing is known of its values"), "{}", ran.stdout);
}

#[test]
fn ranges_alone_say_what_they_cannot_judge() {
    let place = Place::with_digits();
    place.run(&format!("calibrate model.onnx {DATA} --ranges r.json")).succeeds();
    let ran = place.run("apply model.onnx --ranges r.json --fp16 -o out.onnx --json");
    ran.notes(&["in half precision, although nothing is known of their values"]);
    assert!(ran.json()["precision"]["half_nodes"].as_u64().unwrap() > 0);
    assert_eq!(opset(&place, "out.onnx"), 19);
}

#[test]
fn a_cast_without_a_type_or_without_work_is_refused() {
    let place = Place::with_digits();
    place
        .run("cast model.onnx -o out.onnx")
        .refuses(&["nothing says into which type to cast", "--fp16 or --bf16"]);
    place.run(&format!("cast model.onnx {DATA} --fp16 -o half.onnx")).succeeds();
    place.run("cast half.onnx --fp16 -o again.onnx").refuses(&["nothing is left to convert"]);
    place.run("cast model.onnx --bf16 --float32 * -o out.onnx").refuses(&["inspect MODEL --bf16"]);
}

/// An opset is only ever raised, so a lower one would be an option without effect.
#[test]
fn an_opset_below_that_of_the_model_is_refused() {
    let place = Place::with_digits();
    place.run(&format!("quantize model.onnx {DATA} --fp16 --ranges r.json -o high.onnx")).succeeds();
    place.run("apply model.onnx --ranges r.json --opset 20 -o float.onnx").succeeds();
    let before = place.files();
    for line in [
        "cast high.onnx --fp16 --opset 18 -o out.onnx",
        "inspect high.onnx --opset 18",
        "quantize high.onnx -d calib.npz --opset 18 -o out.onnx",
        "apply high.onnx --ranges r.json --opset 18 -o out.onnx",
        "engine high.onnx --ranges r.json --fp16 --opset 18 -o out.engine",
    ] {
        let ran = place.run(line);
        // Without TensorRT no engine is built, and its library is looked for first.
        if !line.starts_with("engine") || qdq::tensorrt::compiled().is_some() {
            ran.refuses(&["the model has opset 19, which is raised if it must be and never lowered to 18"]);
            assert!(ran.stderr.contains("ask for opset 19 or a higher one"), "{}", ran.stderr);
        }
    }
    assert_eq!(place.files(), before);
    place.run("inspect high.onnx --opset 19").succeeds();
    assert_eq!(opset(&place, "float.onnx"), 20);
}

/// A model with inputs of 16 bits is calibrated and compared with images and with raw files of float32.
#[test]
fn images_and_raw_files_feed_inputs_of_16_bits() {
    let place = Place::with_digits();
    std::fs::create_dir(place.at("images")).unwrap();
    std::fs::create_dir(place.at("raw")).unwrap();
    let mut brightest = 0.0f64;
    for shade in 0..4u32 {
        let image = GrayImage::from_fn(8, 8, |x, y| Luma([((x * 29 + y * 31 * (shade + 1)) % 256) as u8]));
        image.save(place.at(&format!("images/{shade}.png"))).unwrap();
        brightest = image.pixels().map(|pixel| f64::from(pixel.0[0]) / 255.0).fold(brightest, f64::max);
        let values = image.pixels().flat_map(|pixel| (f32::from(pixel.0[0]) / 255.0).to_le_bytes());
        place.write(&format!("raw/{shade}.bin"), values.collect::<Vec<u8>>());
    }
    let library = onnxruntime();
    let library = library.display();
    for (half, least) in [("fp16", 55), ("bf16", 38)] {
        place.run(&format!("cast model.onnx {DATA} --{half} --half-io -o {half}.onnx")).succeeds();
        for runtime in
            ["--runtime embedded".to_owned(), format!("--runtime onnxruntime --onnxruntime {library}")]
        {
            for data in ["-d images --channels gray", "-d raw --raw f32:1x8x8"] {
                let ran = place.run(&format!("calibrate {half}.onnx {data} {runtime} --method max --json"));
                ran.succeeds();
                let largest = ran.json()["ranges"]["input"].as_f64().unwrap();
                assert!((largest / brightest - 1.0).abs() < 0.004, "{half} {data}: {largest}");
                let compare = format!("{half}.onnx model.onnx {data} {runtime} --min-sqnr {least}");
                place.run(&format!("compare {compare}")).succeeds();
            }
        }
    }
}

/// ONNX Runtime's CPU has no convolution in bfloat16, so it runs the float32 twin.
#[test]
fn a_model_in_bfloat16_runs_in_both_runtimes() {
    let place = Place::with_digits();
    place.run(&format!("cast model.onnx {DATA} --bf16 -o half.onnx")).succeeds();
    let library = onnxruntime();
    let mut found = Vec::new();
    for runtime in ["embedded".to_owned(), format!("onnxruntime --onnxruntime {}", library.display())] {
        let data = format!("{DATA} --runtime {runtime}");
        let ran = place.run(&format!("calibrate half.onnx {data} --method max --json"));
        ran.succeeds();
        found.push(ran.json()["ranges"].clone());
        place.run(&format!("quantize half.onnx {data} -o out.onnx")).succeeds();
        place.run(&format!("compare half.onnx out.onnx {data} --min-sqnr 30")).succeeds();
    }
    let [embedded, other] = &found[..] else { panic!("{found:?}") };
    for (name, range) in embedded.as_object().unwrap() {
        let (range, other) = (range.as_f64().unwrap(), other[name].as_f64().unwrap());
        assert!((range / other - 1.0).abs() < 1e-5, "{name}: {range} and {other}");
    }
}

/// Weights that keep a scale per channel cost speed on TensorRT-RTX, so the result says so.
#[test]
fn weights_without_one_scale_are_in_the_result() {
    let place = Place::new();
    for ending in ["onnx", "npz"] {
        let made = crate::target::made().join(format!("huge.{ending}"));
        std::fs::copy(made, place.at(&format!("huge.{ending}"))).unwrap();
    }
    let part = "1 weight of convolutions keep one scale per channel";
    place.run("quantize huge.onnx -d huge.npz --ranges r.json -o plain.onnx").succeeds();
    for line in [
        "quantize huge.onnx -d huge.npz --target rtx -o rtx.onnx",
        "quantize huge.onnx -d huge.npz --target rtx --bias-correction -o rtx.onnx",
        "quantize huge.onnx -d huge.npz --target rtx --fp16 -o rtx.onnx",
        "apply huge.onnx --ranges r.json --target rtx -o rtx.onnx",
    ] {
        let json = place.run(&format!("{line} --json")).notes(&[part]).json();
        let findings = json["findings"].as_array().unwrap();
        let about: Vec<_> =
            findings.iter().filter(|one| one["message"].as_str().unwrap().starts_with(part)).collect();
        assert_eq!(about.len(), 1, "{line}: {findings:?}");
        assert_eq!(about[0]["tensors"].as_array().unwrap().len(), 1, "{line}");
    }
    let json = place.run("apply huge.onnx --ranges r.json -o plain.onnx --json").json();
    assert!(!json["findings"].to_string().contains("one scale per channel"), "{json}");
}
