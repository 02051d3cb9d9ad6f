//! Formats beyond INT8 through the tool, on the digits model.

use std::collections::BTreeSet;

use qdq::dtype::DataType;
use qdq::onnx::Model;
use qdq::tensor::Data;

use super::place::Place;

const DATA: &str = "-d calib.npz --limit 32";

/// Returns the types of the quantized numbers in a model, and its opset.
fn elements(place: &Place, model: &str) -> (BTreeSet<String>, i64) {
    let model = Model::open(&place.at(model)).unwrap();
    let graph = model.graph().unwrap();
    let pairs = graph.nodes.iter().filter(|node| node.is("DequantizeLinear"));
    let stored = pairs.filter_map(|node| graph.tensor(node.input(0)?).dtype);
    (stored.map(|dtype: DataType| dtype.to_string()).collect(), model.opset())
}

#[test]
fn each_format_is_written_and_close_to_the_float_model() {
    let place = Place::with_digits();
    for (options, element, opset, least) in [
        ("--format fp8", "f8e4m3fn", 19, 22),
        ("--format fp8 --method max", "f8e4m3fn", 19, 22),
        ("--format fp8 --per-tensor-weights --weight-method max", "f8e4m3fn", 19, 20),
        ("--format int8-weights --conv-weights", "i8", 17, 38),
        ("--format int4-weights --block-size 64", "i4", 21, 20),
    ] {
        let ran = place.run(&format!("quantize model.onnx {DATA} {options} -o out.onnx"));
        ran.succeeds();
        assert_eq!(elements(&place, "out.onnx"), (BTreeSet::from([element.to_owned()]), opset), "{options}");
        let compare = format!("compare model.onnx out.onnx -d test.npz --limit 64 --min-sqnr {least}");
        place.run(&compare).succeeds();
        // Half precision rounds the scales and the rest, and changes no integer's type.
        place.run(&format!("quantize model.onnx {DATA} {options} --fp16 -o half.onnx")).succeeds();
        assert_eq!(elements(&place, "half.onnx").0, BTreeSet::from([element.to_owned()]), "{options}");
        place.run(&compare.replace("out.onnx", "half.onnx")).succeeds();
    }
}

/// Each tensor has the scale of its own format.
#[test]
fn calibrate_shows_the_scales_of_every_format() {
    let place = Place::with_digits();
    let json = place.run(&format!("calibrate model.onnx {DATA} --json")).json();
    let amax = json["ranges"]["input"].as_f64().unwrap();
    for (options, levels) in [("", 127.0), ("--format fp8", 448.0), ("--format-of *=fp8", 448.0)] {
        let ran = place.run(&format!("calibrate model.onnx {DATA} --method max {options}"));
        let row = ran.stdout.lines().find(|line| line.starts_with("input ")).unwrap().to_owned();
        let cells: Vec<f64> = row.split_whitespace().skip(1).map(|cell| cell.parse().unwrap()).collect();
        assert!((cells[1] * levels / cells[0] - 1.0).abs() < 1e-4, "{options}: {row}");
        // The range by mse may lie above the largest magnitude, so that pixels are exact.
        assert!((0.8..=1.0).contains(&(cells[0] / amax)), "{row}");
    }
}

#[test]
fn formats_of_weights_need_no_data() {
    let place = Place::with_digits();
    for format in ["int8-weights", "int4-weights"] {
        place.run(&format!("quantize model.onnx --format {format} -o quantize.onnx")).succeeds();
        let ran = place.run(&format!("apply model.onnx --format {format} -o apply.onnx --json"));
        let json = ran.json();
        assert_eq!(json["nodes"]["formats"][format]["weighted"], 1);
        assert_eq!(json["nodes"]["weighted_int8"], 0);
        assert_eq!(place.read("quantize.onnx"), place.read("apply.onnx"));
    }
    place.run(&format!("calibrate model.onnx {DATA} --ranges r.json")).succeeds();
    place
        .run("apply model.onnx --ranges r.json --format int8-weights -o none.onnx")
        .refuses(&["r.json: ranges change nothing: only weights are quantized", "help: leave --ranges out"]);
    place.run("apply model.onnx --format fp8 -o none.onnx").refuses(&[
        "no ranges for 'input'",
        "help: give them with --ranges, or choose a format of weights alone",
    ]);
}

/// Ranges are amax in every format, so one calibration serves all.
#[test]
fn one_calibration_serves_every_format() {
    let place = Place::with_digits();
    place
        .run(&format!("calibrate model.onnx {DATA} --format fp8 --ranges r.json --stats s.stats"))
        .succeeds();
    place.run("calibrate model.onnx --from-stats s.stats --format fp8 --ranges again.json").succeeds();
    assert_eq!(place.read("r.json"), place.read("again.json"));
    place.run("apply model.onnx --ranges r.json --format fp8 -o apply.onnx").succeeds();
    place.run(&format!("quantize model.onnx {DATA} --format fp8 -o quantize.onnx")).succeeds();
    assert_eq!(place.read("apply.onnx"), place.read("quantize.onnx"));
    place.run("apply model.onnx --ranges r.json -o int8.onnx").succeeds();
    assert_eq!(elements(&place, "int8.onnx").0, BTreeSet::from(["i8".to_owned()]));
}

#[test]
fn a_plan_may_have_several_formats() {
    let place = Place::with_digits();
    let options = "--format-of /fc/Gemm=fp8 --format-of /c1/*=int8-weights --conv-weights";
    let ran = place.run(&format!("quantize model.onnx {DATA} {options} -o out.onnx --json"));
    ran.notes(&["the weights alone of 1 convolution are quantized", "/c1/Conv"]);
    let formats = &ran.json()["nodes"]["formats"];
    for format in ["int8", "fp8", "int8-weights"] {
        assert_eq!(formats[format]["weighted"], 1, "{format}: {formats}");
    }
    let expected = BTreeSet::from(["i8".to_owned(), "f8e4m3fn".to_owned()]);
    assert_eq!(elements(&place, "out.onnx"), (expected, 19));
    place.run("compare model.onnx out.onnx -d test.npz --limit 64 --min-sqnr 22").succeeds();
    let json = place.run(&format!("inspect model.onnx {options} --json")).json();
    let verdicts: BTreeSet<&str> =
        json["nodes"].as_array().unwrap().iter().filter_map(|node| node["verdict"].as_str()).collect();
    assert!(["int8", "fp8", "int8-weights"].iter().all(|format| verdicts.contains(format)), "{verdicts:?}");
    let text = place.run(&format!("inspect model.onnx {options}")).stdout;
    assert!(
        text.contains(
            "1 of 3 convolutions and products compute in INT8, 1 compute in FP8, 1 have INT8 weights"
        ),
        "{text}"
    );
}

/// Each combination that cannot be written is refused with its text before data is read.
#[test]
fn bad_combinations_are_refused_before_data_is_read() {
    let place = Place::with_digits();
    for (options, expected) in [
        (
            "--format fp8 --opset 17",
            &["fp8 needs opset 19, and the model has 17", "help: raise the opset (--opset N) to 19"][..],
        ),
        ("--format int4-weights --opset 19", &["int4-weights needs opset 21, and the model has 19"]),
        (
            "--format fp8 --cache c.cache",
            &[
                "--cache: TensorRT's calibration caches are for int8, and there is fp8",
                "help: write the ranges with --ranges",
            ],
        ),
        ("--format-of /fc/Gemm=fp8 --cache c.cache", &["caches are for int8, and there is fp8"]),
        ("--format fp8 --method entropy", &["entropy knows the levels of integers, but not those of e4m3"]),
        ("--format fp8 --weight-bits 4", &["fp8 has no weights of 4 bits"]),
        ("--format fp8 --weights float", &["weights of fp8 are not stored as float"]),
        (
            "--format int8-weights --equalize",
            &["equalization does not know int8-weights, which the plan has"],
        ),
        (
            "--format int4-weights --block-size 128 --target rtx",
            &[
                "nothing can be quantized to int4-weights: '/fc/Gemm' stays in float: input axis of weight",
                "not two or more blocks of 128",
            ],
        ),
        (
            "--format int8-weights --awq",
            &[
                "activation-aware scaling is for weights in blocks, which the plan does not have",
                "help: leave the method out, or choose int4-weights",
            ],
        ),
        ("--awq", &["activation-aware scaling is for weights in blocks, which the plan does not have"]),
        ("--format int4-weights --awq --equalize", &["equalization does not know int4-weights"]),
        (
            "--format int8-weights --smooth",
            &[
                "smoothing is for layers with int8 inputs, which the plan does not have",
                "help: leave the method out, or choose int8",
            ],
        ),
        ("--format fp8 --smooth", &["smoothing is for layers with int8 inputs"]),
        ("--format fp8 --learned-rounding", &["learned rounding does not know fp8, which the plan has"]),
        (
            "--format int4-weights --block-size 32",
            &["--block-size: 32 is no block size", "help: choose 128 or 64"],
        ),
        ("--block-size 64", &["--block-size: int8 has no blocks, so there is no block size"]),
        ("--format-of /fc/Gemm", &["--format-of: '/fc/Gemm' is no pattern and format"]),
        (
            "--format-of /fc/Gemm=fp4",
            &["--format-of: 'fp4' is no format", "help: choose int8, fp8, int8-weights or int4-weights"],
        ),
        ("--format-of typo=fp8", &["fp8 pattern 'typo' matches no node"]),
        ("--format fp9", &["invalid value 'fp9' for '--format <FORMAT>'"]),
    ] {
        place.run(&format!("quantize model.onnx -d missing.npz {options} -o none.onnx")).refuses(expected);
        assert!(!place.at("none.onnx").exists(), "{options}");
    }
}

/// The integers of 4 bits, two to a byte, are in blocks along the input axis.
#[test]
fn blocks_have_scales_of_their_own() {
    let place = Place::with_digits();
    place.run("apply model.onnx --format int4-weights --block-size 64 -o out.onnx").succeeds();
    let model = Model::open(&place.at("out.onnx")).unwrap();
    let graph = model.graph().unwrap();
    let node = graph.nodes.iter().find(|node| node.is("DequantizeLinear")).unwrap();
    let read = |input: usize| {
        let name = &graph.tensor(node.input(input).unwrap()).name;
        model.constant(name).unwrap().unwrap()
    };
    let (integers, scales) = (read(0), read(1));
    let (axis, block) = (node.int("axis", -1) as usize, node.int("block_size", 0) as usize);
    assert_eq!(block, 64);
    assert_eq!(integers.shape()[axis], scales.shape()[axis] * block);
    let Data::I4(values) = integers.data() else { panic!("{:?}", integers.data().view().dtype()) };
    assert!(values.contains(&7) && values.iter().all(|value| (-8..=7).contains(value)));
}

/// Rows of weights in blocks have several scales, and their activations stay in float.
#[test]
fn learned_rounding_serves_weights_in_blocks() {
    let place = Place::with_digits();
    let sqnr = |options: &str| {
        let quantize = format!("quantize model.onnx -d calib.npz --limit 64 --format int4-weights {options}");
        place.run(&format!("{quantize} -o out.onnx")).succeeds();
        let json = place.run("compare model.onnx out.onnx -d test.npz --limit 64 --json").json();
        json["outputs"][0]["sqnr_db"].as_f64().unwrap()
    };
    let (plain, learned) = (sqnr(""), sqnr("--learned-rounding"));
    assert!(learned > plain + 3.0, "{plain} {learned}");
    assert!(sqnr("--learned-rounding --bias-correction") > plain + 3.0);
}

/// Half precision knows the values of the tensors whose channels were scaled.
#[test]
fn scaled_channels_combine_with_half_precision() {
    let place = Place::with_digits();
    let folder = crate::recover::made();
    let file = |ending: &str| folder.join(format!("awq_norm.{ending}")).display().to_string();
    let (model, data) = (file("onnx"), file("npz"));
    let quantize = format!("quantize {model} -d {data} --format int4-weights --fp16");
    let [plain, scaled] = ["", "--awq"]
        .map(|options| place.run(&format!("{quantize} {options} -o half{options}.onnx --json")).json());
    assert_eq!(scaled["findings"], plain["findings"]);
    for layer in scaled["recovery"].as_array().unwrap() {
        assert_eq!(layer["method"], "activation-aware scaling");
        assert!(layer["gain_db"].as_f64().unwrap() > 1.0, "{layer}");
    }
}

/// The tool says what each layer got, what it costs, and half precision knows the smoothed tensors.
#[test]
fn smoothed_layers_are_told_of_and_combine_with_half_precision() {
    let place = Place::with_digits();
    let folder = crate::recover::made();
    let file = |ending: &str| folder.join(format!("smooth_silu.{ending}")).display().to_string();
    let (model, data) = (file("onnx"), file("npz"));
    let ran = place.run(&format!("quantize {model} -d {data} --smooth --fp16 -o out.onnx --json"));
    ran.notes(&["note: 1 activation is divided by a Mul before Quantize (smoothing)"]);
    let json = ran.json();
    let findings = json["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| finding["tensors"] == serde_json::json!(["mul:0"])), "{json}");
    assert!(!json.to_string().contains("although nothing is known"), "{json}");
    let layers = json["recovery"].as_array().unwrap();
    let layer = layers.iter().find(|layer| layer["layer"] == "second").unwrap();
    assert_eq!(layer["method"], "smoothing");
    assert!(layer["gain_db"].as_f64().unwrap() > 10.0, "{layer}");
    place.run(&format!("compare {model} out.onnx -d {data} --min-sqnr 30")).succeeds();
}
