//! Models and caches in unusual files.

use ndarray::ArrayD;

use super::place::{Place, data};
use crate::environment::onnxruntime;

/// Makes a folder with files of `tests/data/cases`.
fn with(files: &[&str]) -> Place {
    let place = Place::new();
    for file in files {
        std::fs::copy(data("cases").join(file), place.at(file)).unwrap();
    }
    place
}

/// Returns the arguments of either runtime.
fn runtimes() -> [String; 2] {
    let library = onnxruntime();
    [String::new(), format!(" --runtime onnxruntime --onnxruntime {}", library.display())]
}

/// Quantizes a case in both runtimes, and checks that the result is near the float model.
fn quantizes(case: &str, sqnr: u32) {
    let place = with(&[&format!("{case}.onnx"), &format!("{case}.npz")]);
    for runtime in runtimes() {
        place.run(&format!("quantize {case}.onnx -d {case}.npz -o int8.onnx{runtime}")).succeeds();
        let line = format!("compare {case}.onnx int8.onnx -d {case}.npz --min-sqnr {sqnr}{runtime}");
        place.run(&line).succeeds();
    }
}

#[test]
fn a_quiet_input_has_its_real_step() {
    quantizes("quiet_input", 30);
}

#[test]
fn an_output_may_be_listed_twice() {
    quantizes("output_listed_twice", 30);
}

#[test]
fn sparse_weights_are_made_dense() {
    quantizes("sparse_weight", 30);
}

#[test]
fn weights_that_cannot_be_quantized_are_refused_before_data_is_read() {
    let place = with(&["short_weight.onnx"]);
    place
        .run("quantize short_weight.onnx -d none.npz -o out.onnx")
        .refuses(&["tensor 'w': 100 bytes are stored", "f32 of shape [8, 8] takes 256"]);
    let place = Place::with_digits();
    let mut model = qdq::onnx::Model::open(&place.at("model.onnx")).unwrap();
    let graph = model.graph().unwrap();
    let weight =
        graph.tensors.iter().find(|tensor| model.is_initializer(&tensor.name) && tensor.rank() == Some(4));
    let name = weight.unwrap().name.clone();
    let value = model.constant(&name).unwrap().unwrap();
    let qdq::tensor::Data::F32(mut values) = value.data().clone() else { panic!() };
    values[3] = f32::NAN;
    model.set_initializer(&name, qdq::tensor::Tensor::new(value.shape().to_vec(), values).unwrap()).unwrap();
    model.save(&place.at("nan.onnx"), &Default::default()).unwrap();
    let part = format!("weight '{name}' cannot be quantized");
    place.run("quantize nan.onnx -d none.npz -o out.onnx").refuses(&[&part, "is NaN", "exclude the nodes"]);
}

#[test]
fn an_all_zero_tensor_is_said() {
    let place = Place::with_digits();
    place.write_npz("zero.npz", "input", &ArrayD::from_elem(vec![2, 1, 8, 8], 0f32));
    let ran = place.run("calibrate model.onnx -d zero.npz --ranges r.json --json");
    ran.succeeds();
    assert!(ran.stderr.contains("nothing but 0 was seen in"), "{}", ran.stderr);
    let findings = ran.json()["findings"].to_string();
    assert!(findings.contains("nothing but 0 was seen in") && findings.contains("\"input\""), "{findings}");
}

#[test]
fn caches_say_what_they_leave_out() {
    let place = with(&["flt_max_mask.cache", "inf_on_unneeded.cache"]);
    place.run("cache convert flt_max_mask.cache -o mask.json --to ranges").succeeds();
    let ran = place.run("cache convert inf_on_unneeded.cache -o some.json --to ranges --json");
    ran.succeeds();
    assert!(ran.stderr.contains("the scale is infinite") && ran.stderr.contains("'bias'"), "{}", ran.stderr);
    assert_eq!(ran.json()["tensors"], 7);
    assert_eq!(ran.json()["findings"][0]["tensors"], serde_json::json!(["bias"]));
    place.write("inverse.cache", "TRT-8501-EntropyCalibration2\na: 42fe0000\nb: 42000000\n");
    let ran = place.run("cache convert inverse.cache -o new.cache --tensorrt-version 10.3.0");
    ran.succeeds();
    assert!(ran.stderr.contains("127/amax"), "{}", ran.stderr);
    place.write("bare.cache", "a: 3c010204\nb: 3c010204\n");
    place
        .run("cache convert bare.cache -o out.json --to ranges")
        .refuses(&["header of the calibration cache is missing"]);

    let place = Place::with_digits();
    place.run("calibrate model.onnx -d calib.npz --cache c.cache --tensorrt-version 10.3.0").succeeds();
    let cache = String::from_utf8(place.read("c.cache")).unwrap() + "nowhere: 7f800000\n";
    place.write("c.cache", cache.replace("logits: ", "logits: 7fc00000\nlogits_old: "));
    let ran = place.run("apply model.onnx --ranges c.cache -o out.onnx --json");
    ran.succeeds();
    for part in ["the scale is NaN", "'logits'", "the scale is infinite", "'nowhere'"] {
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
    assert!(ran.json()["findings"].to_string().contains("the scale is infinite"));
}

#[test]
fn a_quantized_model_is_whole_without_the_float_models_data() {
    let place = Place::with_digits();
    let options = qdq::onnx::SaveOptions { max_file: 1000, ..Default::default() };
    qdq::onnx::Model::open(&place.at("model.onnx")).unwrap().save(&place.at("float.onnx"), &options).unwrap();
    place.run("quantize float.onnx -d calib.npz -o int8.onnx").succeeds();
    place.run("quantize float.onnx -d calib.npz -o floats.onnx --weights float").succeeds();
    std::fs::remove_file(place.at("float.onnx.data")).unwrap();
    for runtime in runtimes() {
        for int8 in ["int8.onnx", "floats.onnx"] {
            let line = format!("compare model.onnx {int8} -d test.npz --min-sqnr 30{runtime}");
            place.run(&line).succeeds();
        }
    }
}

#[test]
fn a_models_data_is_never_an_output() {
    let place = Place::with_digits();
    let options = qdq::onnx::SaveOptions { max_file: 1000, ..Default::default() };
    let float = qdq::onnx::Model::open(&place.at("model.onnx")).unwrap();
    float.save(&place.at("float.onnx"), &options).unwrap();
    place.run("calibrate float.onnx -d calib.npz --ranges r.json").succeeds();
    let before = place.read("float.onnx.data");
    for line in [
        "calibrate float.onnx -d calib.npz --cache float.onnx.data",
        "calibrate float.onnx -d calib.npz --stats float.onnx.data",
        "quantize float.onnx -d calib.npz -o float.onnx.data",
        "quantize float.onnx -d calib.npz -o out.onnx --ranges float.onnx.data",
        "apply float.onnx --ranges r.json -o float.onnx.data",
    ] {
        place.run(line).refuses(&["float.onnx.data: is also an input"]);
    }
    // The library refuses it too, although the quantized model no longer reads it.
    let prepared = qdq::pipeline::prepare(&qdq::onnx::Model::open(&place.at("float.onnx")).unwrap()).unwrap();
    let plan = prepared.plan(&Default::default()).unwrap();
    let ranges = qdq::emit::Ranges::load(&place.at("r.json")).unwrap();
    let quantized = prepared.quantize(&plan, &ranges, &Default::default()).unwrap();
    let error = quantized.save(&place.at("float.onnx.data"), &Default::default()).unwrap_err();
    assert!(error.message().contains("takes its weights from this file"), "{error}");
    assert_eq!(place.read("float.onnx.data"), before);
}

#[cfg(unix)]
#[test]
fn a_model_in_a_hubs_cache_runs_in_both_runtimes() {
    use std::os::unix::fs::symlink;
    let place = Place::with_digits();
    let options = qdq::onnx::SaveOptions { max_file: 1000, ..Default::default() };
    qdq::onnx::Model::open(&place.at("model.onnx")).unwrap().save(&place.at("m.onnx"), &options).unwrap();
    for folder in ["models--a--b/blobs", "models--a--b/snapshots/0123"] {
        std::fs::create_dir_all(place.at(folder)).unwrap();
    }
    for (file, blob) in [("m.onnx", "aa"), ("m.onnx.data", "bb")] {
        std::fs::rename(place.at(file), place.at("models--a--b/blobs").join(blob)).unwrap();
        let link = place.at("models--a--b/snapshots/0123").join(file);
        symlink(std::path::Path::new("../../blobs").join(blob), link).unwrap();
    }
    for runtime in runtimes() {
        let model = "models--a--b/snapshots/0123/m.onnx";
        place.run(&format!("quantize {model} -d calib.npz -o int8.onnx{runtime}")).succeeds();
        place.run(&format!("compare {model} int8.onnx -d test.npz --min-sqnr 30{runtime}")).succeeds();
    }
}

#[test]
fn impossible_settings_are_refused_where_they_are_set() {
    let place = Place::with_digits();
    for threads in [0, 5000] {
        let ran = place.run(&format!("quantize model.onnx -d none.npz -o out.onnx --threads {threads}"));
        ran.refuses(&[&format!("invalid value '{threads}' for '--threads <N>'"), "1..=1024"]);
    }
}
