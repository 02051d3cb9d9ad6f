//! Data for models whose inputs are no batch of samples, and images.

use super::place::{Place, data};
use crate::environment::onnxruntime;

/// Makes a folder with these models of `tests/data/cases` and their data.
fn with_cases(names: &[&str]) -> Place {
    let place = Place::new();
    for name in names {
        for file in [format!("{name}.onnx"), format!("{name}.npz")] {
            std::fs::copy(data("cases").join(&file), place.at(&file)).unwrap();
        }
    }
    place
}

#[test]
fn unusual_inputs_are_calibrated_from_files() {
    let cases = [
        ("input_without_batch_axis", 16, 30, "taken for 16 whole feeds"),
        ("time_major", 1, 35, "'x' [T, 1, 8] was taken for the steps of a sequence"),
        ("past_of_length_zero", 16, 30, ""),
        ("dim_value_zero", 6, 30, "'x' declares a batch size of 0"),
        ("batch_baked_in", 6, 30, ""),
        ("dims_called_none", 6, 30, ""),
    ];
    let place = with_cases(&cases.map(|(name, ..)| name));
    for (name, samples, least, note) in cases {
        for runtime in ["embedded", "onnxruntime"] {
            let runtime = match runtime {
                "embedded" => String::new(),
                _ => format!(" --runtime onnxruntime --onnxruntime {}", onnxruntime().display()),
            };
            let ran = place.run(&format!("quantize {name}.onnx -d {name}.npz -o int8.onnx{runtime}"));
            let text = &ran.succeeds().stdout;
            assert!(text.contains(&format!("from {samples} sample")), "{name}, {runtime}: {text}");
            assert!(ran.stderr.contains(note), "{name}, {runtime}: {}", ran.stderr);
            assert!(!note.is_empty() || ran.stderr.is_empty(), "{name}, {runtime}: {}", ran.stderr);
            let line = format!("compare {name}.onnx int8.onnx -d {name}.npz --min-sqnr {least}{runtime}");
            place.run(&line).succeeds();
        }
    }
}

#[test]
fn what_arrays_hold_can_be_said() {
    let place = with_cases(&["time_major"]);
    let ran = place.run("calibrate time_major.onnx -d time_major.npz --feeds whole --json");
    assert_eq!((ran.json()["samples"].as_u64(), ran.stderr.as_str()), (Some(1), ""));
    let ran = place.run("calibrate time_major.onnx -d time_major.npz --feeds samples --json");
    assert_eq!((ran.json()["samples"].as_u64(), ran.stderr.as_str()), (Some(60), ""));
}

#[test]
fn a_batch_size_that_is_built_in_is_named() {
    let place = with_cases(&["batch_baked_in"]);
    let onnxruntime = format!(" --runtime onnxruntime --onnxruntime {}", onnxruntime().display());
    for runtime in ["", &onnxruntime] {
        for verb in ["calibrate batch_baked_in.onnx", "compare batch_baked_in.onnx batch_baked_in.onnx"] {
            place
                .run(&format!("{verb} -d batch_baked_in.npz --batch-size 2{runtime}"))
                .refuses(&["help: use a batch size of 1"]);
        }
    }
}

#[test]
fn a_pointer_of_git_lfs_is_told_from_a_model() {
    let place = Place::with_digits();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
    place.write("lfs.onnx", pointer);
    place.write("lfs.npz", pointer);
    for line in ["inspect lfs.onnx", "calibrate lfs.onnx -d calib.npz", "calibrate model.onnx -d lfs.npz"] {
        place.run(line).refuses(&["lfs.", "is a pointer of Git LFS", "help: fetch the file: `git lfs pull`"]);
    }
}

#[test]
fn images_are_resized_and_turned_as_asked() {
    let place = Place::with_digits();
    std::fs::create_dir(place.at("images")).unwrap();
    for name in ["exif_1.jpg", "exif_6.jpg", "exif_8.jpg"] {
        std::fs::copy(data("images").join(name), place.at("images").join(name)).unwrap();
    }
    place.write("images/cat.heic", "");
    let line = "calibrate model.onnx -d images --channels gray";
    let ran = place.run(line);
    let said = &ran.succeeds().stderr;
    for part in [
        "warning: left out 1 file whose format is not read: images/cat.heic",
        "warning: the orientation stored in 2 images was not applied: images/exif_6.jpg, ...; set exif to apply",
    ] {
        assert_eq!(said.matches(part).count(), 1, "{said}");
    }
    let range = |options: &str| {
        place.run(&format!("{line} {options} --ranges r.json")).succeeds();
        let ranges: serde_json::Value = serde_json::from_slice(&place.read("r.json")).unwrap();
        ranges["tensors"]["/Relu_output_0"]["amax"].as_f64().unwrap()
    };
    assert!(!place.run(&format!("{line} --exif apply")).succeeds().stderr.contains("orientation"));
    let plain = range("");
    assert_ne!(range("--resize-filter opencv"), plain);
    assert_ne!(range("--exif apply"), plain);
    assert_eq!(range("--resize-filter antialias --exif ignore"), plain);
}

#[test]
fn samples_that_do_not_fill_a_batch_are_used_or_left_out_once() {
    let place = Place::with_models();
    let ramp = |count: usize| {
        ndarray::ArrayD::from_shape_fn(vec![count, 10], |at| {
            ((at[0] * 10 + at[1]) as f32 * 0.37).sin() * (1.0 + at[0] as f32)
        })
    };
    place.write_npz("data.npz", "x", &ramp(16));
    place.write_npz("few.npz", "x", &ramp(6));
    let onnxruntime = format!(" --runtime onnxruntime --onnxruntime {}", onnxruntime().display());
    let methods = "--equalize --bias-correction";
    for runtime in ["", &onnxruntime] {
        let ran = place.run(&format!(
            "quantize in_tens.onnx -d data.npz -o int8.onnx --ranges r.json {methods}{runtime}"
        ));
        assert!(ran.succeeds().stdout.contains("from 16 samples"), "{}", ran.stdout);
        assert_eq!(ran.stderr, "");
        // The largest sample is among the last ones.
        let ranges: serde_json::Value = serde_json::from_slice(&place.read("r.json")).unwrap();
        assert!(ranges["tensors"]["x"]["amax"].as_f64().unwrap() > 12.0, "{ranges}");
        let compared =
            place.run(&format!("compare in_tens.onnx int8.onnx -d data.npz --per-tensor --json{runtime}"));
        assert_eq!((compared.json()["samples"].as_u64(), compared.stderr.as_str()), (Some(16), ""));
        place.run(&format!("calibrate in_tens.onnx -d few.npz{runtime}")).succeeds();
        for model in ["crossed", "centred"] {
            let line = format!("quantize {model}.onnx -d data.npz -o {model}.int8.onnx {methods}{runtime}");
            let ran = place.run(&line);
            assert!(ran.succeeds().stdout.contains("from 10 samples"), "{model}: {}", ran.stdout);
            assert_eq!(ran.stderr.matches("left out the last 6 of 16 samples").count(), 1, "{}", ran.stderr);
            let line = format!("compare {model}.onnx {model}.int8.onnx -d data.npz --json{runtime}");
            let compared = place.run(&line);
            assert_eq!(compared.json()["samples"].as_u64(), Some(10), "{model}");
            assert!(compared.stderr.contains("left out the last 6 of 16 samples"), "{}", compared.stderr);
            place
                .run(&format!("calibrate {model}.onnx -d few.npz{runtime}"))
                .refuses(&["6 samples, but the model takes 10 at a time"]);
        }
    }
}

/// Returns indices into a table of ten rows.
#[test]
fn an_index_beyond_its_table_is_blamed_on_the_data() {
    let place = Place::with_models();
    let ids = |most: i64| {
        ndarray::ArrayD::from_shape_fn(vec![4, 2], |at| if at[0] == 3 { most } else { at[1] as i64 })
    };
    place.write_npz("good.npz", "ids", &ids(9));
    place.write_npz("bad.npz", "ids", &ids(10));
    let onnxruntime = format!(" --runtime onnxruntime --onnxruntime {}", onnxruntime().display());
    place.run("quantize tokens.onnx -d good.npz -o int8.onnx").succeeds();
    for runtime in ["", &onnxruntime] {
        for line in [
            "calibrate tokens.onnx -d bad.npz",
            "calibrate tokens.onnx -d bad.npz --batch-size 4",
            "compare tokens.onnx int8.onnx -d bad.npz",
            "quantize tokens.onnx -d bad.npz -o out.onnx --bias-correction",
        ] {
            let ran = place.run(&format!("{line}{runtime}"));
            ran.refuses(&[
                "an index beyond the table",
                "'ids' (",
                " to 10)",
                "help: give numbers that the network gets in use",
            ]);
            assert!(!ran.stderr.contains("batch size of 1"), "{}", ran.stderr);
        }
    }
}
