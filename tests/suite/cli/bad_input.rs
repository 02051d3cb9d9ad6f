//! Unusable files and options: a clear message, exit code 2, nothing written, no panic.

use ndarray::ArrayD;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::place::Place;

/// Runs `line` for `file` cut at many places and full of random bytes. Every run must name the file.
fn damage(place: &Place, whole: &[u8], file: &str, line: &str) {
    let cuts = (0..whole.len()).step_by(whole.len() / 12 + 1).chain([whole.len() - 1]);
    for cut in cuts {
        place.write(file, &whole[..cut]);
        refuses(place, file, line);
    }
    let mut runner = TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
    let noise = (prop::collection::vec(any::<u8>(), 0..2000), 0..whole.len());
    let outcome = runner.run(&noise, |(noise, start)| {
        place.write(file, &noise);
        refuses(place, file, line);
        // The correct beginning reaches more code of the reader than noise alone.
        place.write(file, [&whole[..start], &noise].concat());
        place.run(line);
        Ok(())
    });
    outcome.unwrap();
}

fn refuses(place: &Place, file: &str, line: &str) {
    place.run(line).refuses(&[file]);
    assert!(!place.at("out").exists());
}

#[test]
fn damaged_models() {
    let place = Place::with_digits();
    let whole = place.read("model.onnx");
    damage(&place, &whole, "bad.onnx", "inspect bad.onnx");
    place.write("bad.onnx", &whole[..whole.len() / 2]);
    for line in [
        "quantize bad.onnx -d calib.npz -o out",
        "calibrate bad.onnx -d calib.npz --ranges out",
        "compare model.onnx bad.onnx -d test.npz",
        "cache check c.cache --model bad.onnx",
    ] {
        place.write("c.cache", "TRT-8501-EntropyCalibration2\ninput: 3c010204\n");
        refuses(&place, "bad.onnx", line);
    }
}

#[test]
fn damaged_data() {
    let place = Place::with_digits();
    let whole = place.read("calib.npz");
    damage(&place, &whole, "bad.npz", "calibrate model.onnx -d bad.npz --limit 4 --ranges out");
}

#[test]
fn damaged_images() {
    let place = Place::with_digits();
    image::GrayImage::from_fn(8, 8, |x, y| image::Luma([(x * 31 + y * 7) as u8]))
        .save(place.at("good.png"))
        .unwrap();
    image::RgbImage::from_fn(40, 30, |x, y| image::Rgb([(x * 6) as u8, (y * 8) as u8, 9]))
        .save(place.at("good.jpg"))
        .unwrap();
    for (good, bad) in [("good.png", "bad.png"), ("good.jpg", "bad.jpg")] {
        let line = |file: &str| format!("calibrate model.onnx -d {file} --channels gray --ranges out");
        place.run(&line(good)).succeeds();
        std::fs::remove_file(place.at("out")).unwrap();
        let whole = place.read(good);
        for cut in [0, 3, whole.len() / 4, whole.len() / 2] {
            place.write(bad, &whole[..cut]);
            refuses(&place, bad, &line(bad));
        }
        place.write(bad, b"this is no picture");
        refuses(&place, bad, &line(bad));
    }
}

#[test]
fn damaged_caches_ranges_and_statistics() {
    let place = Place::with_digits();
    place.run("calibrate model.onnx -d calib.npz --limit 8 --stats good.stats --ranges good.json").succeeds();
    let stats = place.read("good.stats");
    for line in
        ["merge good.stats bad.stats -o out", "calibrate model.onnx --from-stats bad.stats --ranges out"]
    {
        place.write("bad.stats", &stats[..stats.len() / 2]);
        refuses(&place, "bad.stats", line);
        place.write("bad.stats", b"noise");
        refuses(&place, "bad.stats", line);
    }
    let ranges = place.read("good.json");
    place.write("bad.json", &ranges[..ranges.len() / 2]);
    place.run("apply model.onnx --ranges bad.json -o out").refuses(&["bad.json", "line ", "column "]);
    place.write("bad.cache", "TRT-8501-EntropyCalibration2\ninput: 3c010204\nconv 3c010204\n");
    place.run("apply model.onnx --ranges bad.cache -o out").refuses(&["bad.cache:3: no ': '"]);
    place.write("inf.cache", "TRT-8501-EntropyCalibration2\ninput: 7f800000\n");
    place.run("apply model.onnx --ranges inf.cache -o out").refuses(&["'input'", "inf"]);
    place.write("other.cache", "TRT-8501-EntropyCalibration2\nelsewhere: 3c010204\n");
    place.run("apply model.onnx --ranges other.cache -o out").refuses(&["none of the ranges"]);
    assert!(!place.at("out").exists());
}

#[test]
fn data_that_does_not_fit_the_model() {
    let place = Place::with_digits();
    let zeros = |shape: &[usize]| ArrayD::<f32>::zeros(shape);
    place.write_npz("name.npz", "pixels", &zeros(&[4, 1, 8, 8]));
    place.write_npz("shape.npz", "input", &zeros(&[4, 3, 8, 8]));
    place.write_npz("rank.npz", "input", &zeros(&[4, 64]));
    place.write_npz("none.npz", "input", &zeros(&[0, 1, 8, 8]));
    for (line, parts) in [
        ("calibrate model.onnx -d name.npz --ranges out", ["name.npz", "input"]),
        ("calibrate model.onnx -d shape.npz --ranges out", ["shape.npz", "input"]),
        ("calibrate model.onnx -d rank.npz --ranges out", ["rank.npz", "input"]),
        ("calibrate model.onnx -d none.npz --ranges out", ["none.npz", "sample"]),
        ("calibrate model.onnx -d missing.npz --ranges out", ["missing.npz", "No such file"]),
        ("calibrate model.onnx -d pixels=test_labels.npy --ranges out", ["pixels", "input"]),
        ("calibrate model.onnx --ranges out", ["no data to run the model on", "help:"]),
        ("calibrate model.onnx -d calib.npz --method best --ranges out", ["--method", "'best'"]),
        ("calibrate model.onnx -d calib.npz --exclude nothing --ranges out", ["exclude", "'nothing'"]),
        ("calibrate model.onnx -d calib.npz --batch-size 0 --ranges out", ["batch", "0"]),
        ("calibrate missing.onnx -d calib.npz --ranges out", ["missing.onnx", "No such file"]),
        ("compare model.onnx model.onnx -d test.npz --labels missing.npy", ["missing.npy", "No such file"]),
        (
            "compare model.onnx model.onnx -d calib.npz --labels test_labels.npy",
            ["500 labels", "256 samples"],
        ),
        ("compare model.onnx model.onnx -d test.npz --min-sqnr nan", ["--min-sqnr", "help: give decibels"]),
        (
            "calibrate model.onnx -d calib.npz --runtime onnxruntime --onnxruntime missing.so --ranges out",
            ["missing.so", "help:"],
        ),
    ] {
        place.run(line).refuses(&parts);
    }
    assert!(!place.at("out").exists());
}

#[test]
fn data_of_the_wrong_element_type() {
    let place = Place::with_models();
    place.write_npz("large.npz", "input", &ArrayD::from_elem(vec![2, 1, 8, 8], (1i64 << 40) + 1));
    place.write_npz("float.npz", "ids", &ArrayD::from_elem(vec![3, 2], 1.0f32));
    place.write_npz("whole.npz", "input", &ArrayD::from_elem(vec![2, 1, 8, 8], 7i64));
    place.write_npz("narrow.npz", "ids", &ArrayD::from_elem(vec![3, 2], 1u8));
    for (line, parts) in [
        (
            "quantize model.onnx -d large.npz -o out",
            ["large.npz: array 'input'", "i64", "f32", "help: convert it to f32"],
        ),
        (
            "quantize tokens.onnx -d float.npz -o out",
            ["float.npz: array 'ids'", "f32", "input 'ids' takes i64", "help: convert it to i64"],
        ),
    ] {
        place.run(line).refuses(&parts);
    }
    assert!(!place.at("out").exists());
    // Values that the input's type holds are accepted, whatever their own type is.
    place.run("calibrate model.onnx -d whole.npz").succeeds();
    place.run("calibrate tokens.onnx -d narrow.npz").succeeds();
}

#[test]
fn mistakes_in_the_arguments_print_this() {
    let place = Place::with_digits();
    place.snapshot(
        "arguments",
        &[
            "",
            "quantise model.onnx",
            "quantize",
            "quantize model.onnx -o out.onnx",
            "quantize model.onnx -d calib.npz -o out.onnx --methd max",
            "quantize model.onnx -d calib.npz -o out.onnx --method minmax",
            "quantize model.onnx -d calib.npz -o out.onnx --method percentile=101",
            "quantize model.onnx -d calib.npz -o out.onnx --weights int4",
            "quantize model.onnx -d calib.npz -o out.onnx --include-op Convolution",
            "quantize model.onnx -d calib.npz -o out.onnx --raw f32",
            "quantize model.onnx -d calib.npz -o out.onnx --image-size 8",
            "compare model.onnx model.onnx -d test.npz --min-sqnr high",
            "calibrate model.onnx -d calib.npz --from-stats s.stats",
            "quantize model.onnx -d calib.npz -o out.onnx --tensorrt-version 8.5.1",
            "info --verbose --quiet",
        ],
    );
}
