use std::path::Path;

use serde_json::json;

use super::*;

fn small() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/engines/small.engine");
    std::fs::read(path).unwrap()
}

/// The small engine with other texts in its plan. The length of the plan stays right.
fn with(changes: &[(&str, &str)]) -> Vec<u8> {
    let engine = small();
    let start = engine.windows(8).position(|bytes| bytes == b"header {").unwrap();
    let length = usize::from(u16::from_le_bytes([engine[start - 8], engine[start - 7]]));
    let mut plan = String::from_utf8(engine[start..start + length].to_vec()).unwrap();
    for (old, new) in changes {
        assert!(plan.contains(old), "{old}");
        plan = plan.replace(old, new);
    }
    [&engine[..start - 8], &(plan.len() as u64).to_le_bytes(), plan.as_bytes(), &engine[start + length..]]
        .concat()
}

fn said(cost: &EngineCost) -> Vec<&str> {
    cost.findings.iter().map(|finding| finding.message.as_str()).collect()
}

fn moved(cost: &EngineCost) -> Vec<(&'static str, u64, u64)> {
    cost.moved().iter().map(|moved| (moved.element.name, moved.read, moved.written)).collect()
}

#[test]
fn the_kernels_of_a_plan() {
    let cost = read(&small()).unwrap();
    assert_eq!((cost.builder.as_str(), cost.is_known), ("TensorRT-RTX 1.7.1", true));
    // Weights, 10 logits and what the host does are left out.
    assert_eq!(moved(&cost), [("i8", 1024, 1024), ("f16", 4096, 4096), ("f32", 4096, 0)]);
    assert_eq!((cost.total(), cost.has_int8()), (14_336, true));
    let kernels: Vec<_> =
        cost.kernels.iter().map(|one| (one.kind.as_str(), one.name.as_str(), one.layers.join(" "))).collect();
    let named = |kind, name, layers: &str| (kind, name, layers.to_owned());
    assert_eq!(
        kernels,
        [
            named("function", "quantize", "x_quantize"),
            named("corrltn", "conv", "conv relu"),
            named("runtime_fusion/gemm", "fc", "fc"),
        ]
    );
    let [sizes, loops] = said(&cost)[..] else { panic!("{:?}", cost.findings) };
    assert!(sizes.contains("decided at run time") && loops.contains("loops or branches"));
}

#[test]
fn the_tables_and_the_json() {
    let cost = read(&small()).unwrap();
    let summary = "reads  writes  kernels  KiB read  KiB written\n\
        f32    i8            1       4.0          1.0\n\
        i8     f16           1       1.0          4.0\n\
        f16    -             1       4.0          0.0\n\
        \n\
        3 kernels of TensorRT-RTX 1.7.1 move 14.0 KiB: i8 2.0, f16 8.0, f32 4.0\n";
    assert_eq!(cost.summary(), summary);
    let text = cost.text();
    assert!(text.contains("\ncorrltn              i8     f16     5.0  conv, relu\n"), "{text}");
    assert!(text.ends_with(summary.rsplit("\n\n").next().unwrap()), "{text}");
    let json = cost.to_json();
    assert_eq!(json["bytes"], 14_336);
    assert_eq!(json["moved"][0], json!({"type": "i8", "read": 1024, "written": 1024}));
    assert_eq!(json["kernels"][1]["reads"], json!([{"type": "i8", "bytes": 1024}]));
}

#[test]
fn other_versions_are_unknown_and_said_once() {
    let with_version = |version: [u8; 3]| {
        let mut engine = small();
        engine[24..27].copy_from_slice(&version);
        engine
    };
    for version in [[1, 4, 0], [1, 5, 0], [1, 6, 1]] {
        assert!(read(&with_version(version)).unwrap().is_known, "{version:?}");
    }
    for (version, name) in [
        ([1, 3, 9], "TensorRT-RTX 1.3.9"),
        ([1, 8, 0], "TensorRT-RTX 1.8.0"),
        ([10, 3, 0], "TensorRT 10.3.0"),
    ] {
        let engine = with_version(version);
        assert!(!is_readable(&engine).unwrap());
        let cost = read(&engine).unwrap();
        assert_eq!((cost.is_known, cost.kernels.len(), cost.findings.len()), (false, 0, 1), "{name}");
        assert!(said(&cost)[0].contains(&format!("an engine of {name} is unknown")), "{:?}", cost.findings);
        assert_eq!(cost.summary(), format!("{name}: the plan is unknown\n"));
        assert_eq!(cost.to_json()["kernels"], json!(null));
    }
    let notation = read(&with(&[("version = 5", "version = 6")])).unwrap();
    assert!(!notation.is_known && said(&notation)[0].contains("is unknown"));
}

#[test]
fn what_is_no_engine_is_refused() {
    for bytes in [
        &b""[..],
        b"vtrt",
        b"\x08\x07\x12\x04onnx and more than the twenty-eight bytes of a header",
        &[0; 64],
    ] {
        assert_eq!(read(bytes).unwrap_err().kind(), ErrorKind::Format);
    }
    let pointer = read(b"version https://git-lfs.github.com/spec/v1").unwrap_err();
    assert!(pointer.message().contains("Git LFS"), "{pointer}");
    let missing = load(Path::new("none.engine")).unwrap_err();
    assert!(missing.kind() == ErrorKind::Io && missing.message().contains("none.engine"), "{missing}");
}

#[test]
fn damage_is_told() {
    for (changes, expected) in [
        ([("main {", "other {")], "sections"),
        ([("type=half }", "}")], "has no name, type or dimensions"),
        ([("layers=\"[ONNX Layer: fc]\"", "layers=\"")], "not closed"),
        ([("target={bb1 bb2 }", "target={bb1 bb2")], "not closed"),
        ([("grid = {", "grid = }")], "no value"),
    ] {
        let error = read(&with(&changes)).unwrap_err();
        assert!(
            error.kind() == ErrorKind::Format && error.message().contains(expected),
            "{changes:?}: {error}"
        );
    }
    let mut long = small();
    let start = long.windows(8).position(|bytes| bytes == b"header {").unwrap();
    long[start - 8..start].fill(0xff);
    assert!(read(&long).unwrap_err().message().contains("longer than the file"));
}

#[test]
fn hostile_sizes_saturate() {
    let huge = u64::MAX.to_string();
    let cost =
        read(&with(&[("4 16 16", &format!("{huge} {huge} 16")), ("type=float", "type=novel")])).unwrap();
    assert_eq!(cost.total(), u64::MAX);
    let unknown = cost.findings.iter().find(|finding| finding.message.contains("unknown element types"));
    assert_eq!(unknown.unwrap().tensors, ["novel"]);
}

/// Any byte of an engine may be damaged, and the file may end anywhere: the result is kernels or an error.
#[test]
fn damaged_engines_never_panic() {
    let engine = small();
    let mut outcomes = [0, 0];
    let mut attempt = |bytes: &[u8]| match read(bytes) {
        Ok(_) => outcomes[0] += 1,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Format, "{error}");
            outcomes[1] += 1;
        }
    };
    (0..engine.len()).for_each(|end| attempt(&engine[..end]));
    let marks = b"{}\"= \n\0\xff9-";
    let mut random = 1u64;
    for round in 0..4000 {
        let mut damaged = engine.clone();
        for _ in 0..=round % 5 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = (random >> 33) as usize % damaged.len();
            damaged[at] = marks[(random >> 20) as usize % marks.len()];
        }
        attempt(&damaged);
    }
    assert!(outcomes.iter().all(|&count| count > 500), "{outcomes:?}");
    // Braces without end are no recursion.
    let deep = with(&[("alignment=32", &"{".repeat(1 << 20))]);
    assert!(read(&deep).is_err());
}

#[test]
fn the_layers_of_an_inspector() {
    let tensor = |name: &str, dims: &[i64], kind: &str| json!({"Name": name, "Location": "Device", "Dimensions": dims, "Format/Datatype": kind});
    let wide = "Thirty-two wide channel vectorized row major Int8 format.";
    let half = "Channel major FP16 format where channel % 8 == 0";
    let json = json!({
        "Layers": [
            {"Name": "w", "LayerType": "Constant", "Inputs": [], "Outputs": [tensor("w", &[512], "Float")]},
            {"Name": "reformat", "LayerType": "Reformat", "Metadata": "",
             "Inputs": [tensor("x", &[1, 4, 16, 16], "Row major linear FP32")],
             "Outputs": [tensor("x8", &[1, 4, 16, 16], wide)]},
            {"Name": "conv + relu", "LayerType": "CaskConvolution", "TacticName": "sm80_xmma",
             "Inputs": [tensor("x8", &[1, 4, 16, 16], wide), tensor("w", &[512], "Float")],
             "Outputs": [tensor("y", &[-1, 8, 16, 16], half)],
             "Metadata": "[ONNX Layer: conv]\u{1e}[ONNX Layer: relu]"},
            // TensorRT 11 has the type alone.
            {"Name": "add", "LayerType": "kgen",
             "Inputs": [{"Name": "y", "Dimensions": [256], "Format": "kLINEAR", "DataType": "Half"},
                        {"Name": "n", "Location": "Host", "Dimensions": [256], "DataType": "Int64"}],
             "Outputs": [{"Name": "z", "Dimensions": [256], "DataType": "FP9"}, tensor("few", &[255], "Half")]},
            {"Name": "view", "LayerType": "NoOp", "Inputs": [tensor("z", &[256], "Half")], "Outputs": []},
        ],
        "Bindings": ["x", "z"],
    });
    let cost = from_layers("TensorRT 10.3.0", &json.to_string()).unwrap();
    assert_eq!(moved(&cost), [("i8", 1024, 1024), ("f16", 512, 4096), ("f32", 4096, 0)]);
    assert_eq!(cost.kernels.len(), 3);
    assert_eq!(cost.kernels[1].layers, ["conv", "relu"]);
    assert_eq!(said(&cost).len(), 2, "{:?}", cost.findings);
    assert_eq!(cost.findings[0].tensors, ["FP9"]);

    let names = json!({"Layers": ["conv", "relu"], "Bindings": []}).to_string();
    for (text, kind, expected) in [
        (names.as_str(), ErrorKind::InvalidArgument, "without details"),
        ("{}", ErrorKind::Format, "no list 'Layers'"),
        ("conv", ErrorKind::Format, "is no JSON"),
    ] {
        let error = from_layers("TensorRT 10.3.0", text).unwrap_err();
        assert!(error.kind() == kind && error.message().contains(expected), "{error}");
    }
}

#[test]
fn an_int8_engine_that_moves_more_is_a_warning() {
    let int8 = read(&small()).unwrap();
    let half = read(&with(&[("type=float", "type=half"), ("type=int8", "type=half")])).unwrap();
    let smaller = read(&with(&[("type=float", "type=half"), ("8 16 16", "1 16 16")])).unwrap();
    for (this, other, expected) in [
        (
            &int8,
            &smaller,
            Some("moves 2.80 times the bytes of the engine that it is compared with (14.0 and 5.0 KiB)"),
        ),
        (&smaller, &int8, None),
        (&int8, &int8, None),
        (&half, &smaller, None),
    ] {
        let beside = this.beside(other);
        let messages: Vec<&str> = beside.findings.iter().map(|one| one.message.as_str()).collect();
        assert_eq!(messages.len(), usize::from(expected.is_some()), "{messages:?}");
        assert!(expected.is_none_or(|text| messages[0].contains(text)), "{messages:?}");
        assert_eq!(beside.to_json()["ratio"], json!(this.total() as f64 / other.total() as f64));
    }
    let table = int8.beside(&half).to_string();
    let expected = "            this engine  the other  ratio\n\
        KiB of i8           2.0        0.0      -\n\
        KiB of f16          8.0       14.0   0.57\n\
        KiB of f32          4.0        0.0      -\n\
        KiB                14.0       14.0   1.00\n\
        kernels               3          3   1.00\n";
    assert_eq!(table, expected);

    let unknown = read(&with(&[("version = 5", "version = 6")])).unwrap();
    assert_eq!(int8.beside(&unknown).ratio(), None);
    assert!(unknown.beside(&int8).to_string().contains("cannot be compared"));
}
