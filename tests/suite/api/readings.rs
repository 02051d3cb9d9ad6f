//! Operations that read data, and that write data to read it again, through both interfaces.

use half::f16;
use ndarray::{ArrayD, IxDyn};
use qdq::error::ErrorKind;
use qdq::quant::{Block, CalibMethod, QuantDescriptor};
use qdq::range::Method;

use super::Readings;
use super::bodies::{both_ways, floats, numbers, same};
use super::capi::Capi;
use super::native::Native;
use crate::environment::{digits, project, run_python};
use crate::golden::{Arrays, cases};

both_ways!(
    maxima_go_through_files,
    calibrations_go_through_files,
    weight_ranges_equal_golden,
    the_ends_of_a_histogram_are_known,
);

fn batches() -> Vec<ArrayD<f32>> {
    let value = |batch: usize, at: usize| match (batch, at) {
        (1, 7) => f32::NEG_INFINITY,
        (2, 3) => f32::NAN,
        _ => ((at + batch * 24) as f32 * 0.9).sin() * (batch + 1) as f32,
    };
    (0..3)
        .map(|batch| ArrayD::from_shape_vec(IxDyn(&[2, 3, 4]), (0..24).map(|at| value(batch, at)).collect()))
        .map(Result::unwrap)
        .collect()
}

fn maxima_go_through_files<A: Readings>() {
    for (axes, shape) in [(&[][..], &[][..]), (&[1], &[1, 3, 1]), (&[-1, 0], &[2, 1, 4]), (&[7], &[])] {
        let maxima = A::maxima(&batches(), axes).unwrap();
        assert_eq!(maxima.history.len(), 3, "{axes:?}");
        assert!(maxima.history.iter().all(|batch| batch.shape() == shape), "{axes:?}");
        assert!(maxima.history[1].iter().any(|max| max.is_infinite()), "{axes:?}");
        assert_eq!(A::load_maxima(&maxima.file).unwrap(), maxima.file, "{axes:?}");
        let failure = A::load_maxima(&maxima.file[..maxima.file.len() - 1]).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Format, "{failure:?}");
    }
    for hostile in [&b""[..], b"nonsense", &[0xff; 64], b"\x02\0\0\0\0\0\0\0{}"] {
        assert_eq!(A::load_maxima(hostile).unwrap_err().kind, ErrorKind::Format);
    }
}

fn calibrations_go_through_files<A: Readings>() {
    let plain = QuantDescriptor::default();
    let histogram = QuantDescriptor { calib_method: CalibMethod::Histogram, ..plain.clone() };
    let rows = QuantDescriptor { axis: Some(vec![0]), ..plain.clone() };
    let blocks = QuantDescriptor { block: Some(Block { axis: -1, size: 3 }), ..plain.clone() };
    let finite: Vec<_> = batches().iter().map(|x| x.mapv(|x| if x.is_finite() { x } else { 0.0 })).collect();
    let max = finite.iter().flatten().fold(0f32, |max, x| max.max(x.abs()));
    let mut files = Vec::new();
    for descriptor in [&plain, &histogram, &rows, &blocks] {
        let (file, amax) = A::calibration(&finite, descriptor).unwrap();
        assert_eq!(amax.iter().fold(0f32, |max, x| max.max(*x)), max, "{descriptor:?}");
        A::load_calibration(&file, descriptor).unwrap();
        files.push((file, descriptor));
    }
    for (file, theirs) in &files {
        for (_, ours) in files.iter().filter(|(_, ours)| ours != theirs) {
            let failure = A::load_calibration(file, ours).unwrap_err();
            assert!(failure.remedy.is_some() || failure.kind == ErrorKind::Format, "{failure:?}");
        }
    }
}

fn weight_ranges_equal_golden<A: Readings>() {
    let mut arrays = Arrays::open();
    for case in cases("weights") {
        let method = match case["method"].as_str().unwrap() {
            "max" => Method::Max,
            "mse" => Method::Mse,
            other => panic!("{other}"),
        };
        let weights = floats(&arrays.get(case["x"].as_str().unwrap()));
        if case.get("error").is_some() {
            // The original crashes on the maximum of a whole tensor. qdq returns the maximum.
            assert_eq!((method, &case["perchannel"]), (Method::Max, &serde_json::Value::Bool(false)));
            let max = weights.iter().fold(0f32, |max, w| max.max(w.abs()));
            assert_eq!(A::compat_weights(&weights, None, method, 2048).unwrap(), [max]);
            continue;
        }
        let found = A::compat_weights(&weights, Some(0), method, 2048).unwrap();
        assert_eq!(found, numbers(&case["amax"]), "{method:?}");
    }
}

fn the_ends_of_a_histogram_are_known<A: Readings>() {
    let array = |values: &[f32]| ArrayD::from_shape_vec(IxDyn(&[values.len()]), values.to_vec()).unwrap();
    assert_eq!(A::histogram_ends(&array(&[0.25, -0.5, 0.0])), (0, 0, Some(0.5)));
    assert_eq!(A::histogram_ends(&array(&[1e-9, -3.3, f32::INFINITY])), (1, 2, Some(3.3)));
    assert_eq!(A::histogram_ends(&array(&[f32::NAN])), (0, 0, None));
}

#[test]
fn files_are_the_same_on_both_ways() {
    for axes in [&[][..], &[0], &[-1, 1]] {
        same("maxima", Native::maxima(&batches(), axes), Capi::maxima(&batches(), axes));
    }
    assert_eq!(Native::load_maxima(b"x").unwrap_err(), Capi::load_maxima(b"x").unwrap_err());
    let histogram = QuantDescriptor { calib_method: CalibMethod::Histogram, ..QuantDescriptor::default() };
    let rows =
        QuantDescriptor { axis: Some(vec![0]), name: Some("rows".into()), ..QuantDescriptor::default() };
    let finite = &batches()[..1];
    for descriptor in [&histogram, &rows] {
        let (native, capi) = (Native::calibration(finite, descriptor), Capi::calibration(finite, descriptor));
        let (file, _) = same("calibration", native, capi);
        let other = QuantDescriptor { axis: Some(vec![1]), ..QuantDescriptor::default() };
        let (native, capi) = (Native::load_calibration(&file, &other), Capi::load_calibration(&file, &other));
        assert_eq!(native.unwrap_err(), capi.unwrap_err());
    }
}

#[test]
fn weight_ranges_of_the_original_are_the_same_on_both_ways() {
    let weights = ArrayD::from_shape_fn(IxDyn(&[3, 4, 50]), |at| {
        ((at[0] * 200 + at[1] * 50 + at[2]) as f32 * 0.7).sin() * (1 + at[1]) as f32
    });
    for axis in [None, Some(0), Some(1), Some(2)] {
        for method in [Method::Max, Method::Mse, Method::Percentile(99.0)] {
            let (native, capi) = (
                Native::compat_weights(&weights, axis, method, 256),
                Capi::compat_weights(&weights, axis, method, 256),
            );
            assert_eq!(same("weights", native, capi).len(), axis.map_or(1, |axis| weights.shape()[axis]));
        }
    }
    let wrong = weights.mapv(|w| if w > 3.0 { f32::NAN } else { w });
    for (weights, bins) in [(&wrong, 256), (&weights, 0), (&weights, usize::MAX), (&weights, 64)] {
        let native = Native::compat_weights(weights, None, Method::Mse, bins).unwrap_err();
        assert_eq!(native, Capi::compat_weights(weights, None, Method::Mse, bins).unwrap_err());
    }
}

#[test]
fn graphs_are_read_in_the_same_way_on_both_ways() {
    let folder = tempfile::tempdir().unwrap();
    let script = project("tests/python/runtime_models.py");
    run_python(&[script.to_str().unwrap(), folder.path().to_str().unwrap()]);
    let made = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let made = made.filter(|path| path.extension().is_some_and(|end| end == "onnx"));
    let mut all = Vec::new();
    for model in made.chain([digits("model.onnx")]) {
        let (native, capi) = (Native::graph(&model), Capi::graph(&model));
        assert_eq!(native, capi, "{}", model.display());
        all.extend(native.unwrap_or_default());
    }
    for says in ["input input F32", "Conv of '' with", "pads = [1, 1, 1, 1]", "read by"] {
        assert!(all.iter().any(|line| line.contains(says)), "{says}: {all:#?}");
    }
    let lines = same("described", Native::described(), Capi::described());
    for says in [
        "[N, 3]",
        "If of 'my.domain'",
        "captures [0]",
        "f = 0.5",
        "i = -3",
        "mode = 'linear'",
        "found 0 and none",
    ] {
        assert!(lines.iter().any(|line| line.contains(says)), "{says}: {lines:#?}");
    }
}

#[test]
fn models_are_saved_and_read_in_the_same_way_on_both_ways() {
    let (folder, model) = (tempfile::tempdir().unwrap(), digits("model.onnx"));
    let path = folder.path().join("model.onnx");
    for (max_file, min_external, count) in [(u32::MAX, 1024, 1), (1000, 100, 2)] {
        let native = Native::save(&model, &path, max_file, min_external);
        let files = same("save", native, Capi::save(&model, &path, max_file, min_external));
        assert_eq!((files.len(), files[0].as_str()), (count, path.to_str().unwrap()));
        assert!(files.iter().all(|file| std::path::Path::new(file).exists()), "{files:?}");
    }
    let nowhere = std::path::Path::new("/nowhere/at/all");
    let failure = Native::save(&model, nowhere, 1000, 100).unwrap_err();
    assert_eq!(failure, Capi::save(&model, nowhere, 1000, 100).unwrap_err());
    let labels = digits("test_labels.npy");
    let (dtype, shape, bytes) = same("labels", Native::read_npy(&labels), Capi::read_npy(&labels));
    assert_eq!((dtype.as_str(), bytes.len()), ("I64", shape.iter().product::<usize>() * size_of::<i64>()));
    for wrong in [&model, nowhere] {
        assert_eq!(Native::read_npy(wrong).unwrap_err(), Capi::read_npy(wrong).unwrap_err());
    }
    let graph = qdq::onnx::Model::open(&model).unwrap().graph().unwrap();
    for tensor in &graph.tensors {
        let (native, capi) = (Native::constant(&model, &tensor.name), Capi::constant(&model, &tensor.name));
        let found = same(&tensor.name, native, capi);
        assert_eq!(found.is_some(), tensor.kind == qdq::graph::TensorKind::Constant, "{}", tensor.name);
    }
    let (native, capi) =
        (Native::metadata(&model, "owner", "nobody"), Capi::metadata(&model, "owner", "nobody"));
    assert_eq!(same("metadata", native, capi), (None, Some("nobody".to_owned())));
}

/// Narrow types keep their type when they are read.
#[test]
fn arrays_of_other_types_are_read_on_both_ways() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    let header = "{'descr': '<f2', 'fortran_order': True, 'shape': (2, 2), }\n";
    let mut bytes = b"\x93NUMPY\x01\0".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend([1.0, 2.0, 3.0, 4.0].iter().flat_map(|&x| f16::from_f32(x).to_le_bytes()));
    std::fs::write(&path, bytes).unwrap();
    let (dtype, shape, bytes) = same("f16", Native::read_npy(&path), Capi::read_npy(&path));
    let rows: Vec<u8> = [1.0, 3.0, 2.0, 4.0].iter().flat_map(|&x| f16::from_f32(x).to_ne_bytes()).collect();
    assert_eq!((dtype.as_str(), shape, bytes), ("F16", vec![2, 2], rows));
}
