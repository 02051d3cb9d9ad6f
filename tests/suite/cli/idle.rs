//! Options that have no effect beside the others: the tool reports each of them.

use super::place::Place;

#[test]
fn options_that_change_nothing_are_refused() {
    let place = Place::with_digits();
    place
        .run("calibrate model.onnx -d calib.npz --limit 8 --stats s.stats --ranges r.json --cache c.cache")
        .succeeds();
    let quantize = "quantize model.onnx -d calib.npz -o out.onnx";
    let cases: [(&str, &str, &str); 51] = [
        (quantize, "--shapes input=1x1x8x8", "--engine"),
        (quantize, "--workspace 64", "--engine"),
        (quantize, "--half-io", "--fp16"),
        (quantize, "--float32 conv", "--fp16"),
        (quantize, "--float32-op Conv", "--fp16"),
        (quantize, "--half conv", "--fp16"),
        ("inspect model.onnx", "--half-op Conv", "--fp16"),
        ("inspect model.onnx", "--stats s.stats", "--fp16"),
        ("cast model.onnx --fp16 -o out.onnx", "--threads 1", "--data"),
        ("cast model.onnx --fp16 -o out.onnx", "--batch-size 4", "--data"),
        (quantize, "--timing-cache t.cache", "--engine"),
        (quantize, "--compute-capability 8.6", "--engine"),
        (quantize, "--tensorrt /nowhere", "--engine"),
        (quantize, "--tensorrt-version 10.3.0", "--cache"),
        (quantize, "--algorithm MinMaxCalibration", "--cache"),
        (quantize, "--onnxruntime /nowhere", "--runtime onnxruntime"),
        ("compare model.onnx model.onnx -d calib.npz", "--onnxruntime /nowhere", "--runtime onnxruntime"),
        ("calibrate model.onnx -d calib.npz", "--algorithm MinMaxCalibration", "--cache"),
        ("calibrate model.onnx -d calib.npz", "--per-tensor-weights", "activations alone"),
        ("cache convert c.cache -o out --to ranges", "--tensorrt-version 10.3.0", "convert to a cache"),
        ("cache convert c.cache -o out --to ranges", "--algorithm MinMaxCalibration", "convert to a cache"),
        ("engine model.onnx -o out", "--input x=1", "--ranges"),
        ("engine model.onnx -o out", "--input-shape x=1", "--ranges"),
        ("engine model.onnx -o out", "--exclude a", "--ranges"),
        ("engine model.onnx -o out", "--exclude-op Conv", "--ranges"),
        ("engine model.onnx -o out", "--include a", "--ranges"),
        ("engine model.onnx -o out", "--include-op Conv", "--ranges"),
        ("engine model.onnx -o out", "--per-tensor-weights", "--ranges"),
        ("engine model.onnx -o out", "--attention int8", "--ranges"),
        ("engine model.onnx -o out", "--front-end int8", "--ranges"),
        ("engine model.onnx -o out", "--target rtx", "--ranges"),
        ("engine model.onnx -o out", "--min-quantized 0.5", "--ranges"),
        ("engine model.onnx -o out", "--weights int8", "--ranges"),
        ("engine model.onnx -o out", "--weight-bits 4", "--ranges"),
        ("engine model.onnx -o out", "--weight-method max", "--ranges"),
        ("engine model.onnx -o out", "--opset 19", "built as it is"),
        ("engine model.onnx -o out", "--half-io", "--fp16"),
        ("calibrate model.onnx --from-stats s.stats", "--batch-size 4", "data instead"),
        ("calibrate model.onnx --from-stats s.stats", "--feeds whole", "data instead"),
        ("calibrate model.onnx --from-stats s.stats", "--limit 4", "data instead"),
        ("calibrate model.onnx --from-stats s.stats", "--raw f32:1x8x8", "data instead"),
        ("calibrate model.onnx --from-stats s.stats", "--image-size 8x8", "data instead"),
        ("calibrate model.onnx --from-stats s.stats", "--resize stretch", "data instead"),
        ("calibrate model.onnx --from-stats s.stats", "--exif apply", "data instead"),
        ("calibrate model.onnx --from-stats s.stats", "--channels gray", "data instead"),
        ("calibrate model.onnx --from-stats s.stats", "--scale 1", "data instead"),
        ("calibrate model.onnx --from-stats s.stats", "--mean 1", "data instead"),
        ("calibrate model.onnx --from-stats s.stats", "--std 1", "data instead"),
        ("calibrate model.onnx --from-stats s.stats", "--layout nchw", "data instead"),
        ("calibrate model.onnx --from-stats s.stats", "--runtime auto", "data instead"),
        ("calibrate model.onnx --from-stats s.stats", "--threads 1", "data instead"),
    ];
    let before = place.files();
    for (line, option, part) in cases {
        let name = option.split(' ').next().unwrap();
        place.run(&format!("{line} {option}")).refuses(&[
            &format!("{name} changes nothing"),
            part,
            "leave it out",
        ]);
    }
    let line = format!("{quantize} --workspace 64 --shapes input=1x1x8x8");
    place.run(&line).refuses(&["--shapes and --workspace change nothing", "leave them out"]);
    assert_eq!(place.files(), before);
}

/// The kinds of files among the data are known only when they are read. The tool gives a warning, because one
/// line may serve several data sets.
#[test]
fn options_for_other_data_are_said() {
    let place = Place::with_digits();
    for (options, part) in [
        ("--resize crop --scale 1", "options for images change nothing: resize, scale"),
        ("--exif apply", "options for images change nothing: exif"),
        ("--raw f32:1x8x8", "the format of raw files changes nothing"),
    ] {
        let ran = place.run(&format!("calibrate model.onnx -d calib.npz --limit 4 --json {options}"));
        ran.notes(&[part]);
        assert!(ran.json()["findings"].to_string().contains(part), "{options}");
        assert_eq!(ran.stderr.matches("nothing").count(), 1, "{}", ran.stderr);
    }
}
