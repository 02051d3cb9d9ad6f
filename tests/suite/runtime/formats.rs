//! Models with e4m3, integers of 4 and 16 bits, and blocks, in both runtimes. tests/python/format_models.py
//! makes them and computes what they give.

use bytes::Bytes;
use ndarray::ArrayD;
use proptest::prelude::*;
use qdq::e4m3;
use qdq::onnx::{Rounding, SaveOptions};
use qdq::pipeline::{self, CompareOptions, Known, go_on};
use qdq::place::Policy;
use qdq::precision::{Half, PrecisionPolicy};

use super::*;

fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("format_models");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let script = project("tests/python/format_models.py");
        run_python(&[script.to_str().unwrap(), folder.to_str().unwrap()]);
        folder
    })
}

fn path(name: &str) -> PathBuf {
    folder().join(format!("{name}.onnx"))
}

/// Returns an array of a model's file.
fn array(name: &str, array: &str) -> ArrayD<f32> {
    let file = std::fs::File::open(folder().join(format!("{name}.npz"))).unwrap();
    NpzReader::new(file).unwrap().by_name(array).unwrap()
}

/// Returns the numbers of a tensor of any type of these models.
fn numbers(tensor: &Tensor) -> Vec<f32> {
    match tensor.data() {
        Data::F8E4M3(codes) => codes.iter().map(|&code| e4m3::decode(code)).collect(),
        Data::U4(values) => values.iter().map(|&value| value.into()).collect(),
        _ => values(tensor),
    }
}

fn input(name: &str, dtype: DataType) -> Tensor {
    let x = array(name, "x");
    let shape = x.shape().to_vec();
    let values = x.into_raw_vec_and_offset().0;
    let data = match dtype {
        DataType::I4 => Data::I4(values.into_iter().map(|x| x as i8).collect()),
        _ => Data::from_f32(values, dtype),
    };
    tensor(&shape, data)
}

/// Compares the outputs of a model with those of its file. NaN is itself.
fn check(kind: RuntimeKind, name: &str, taps: &[&str]) -> Ran {
    let model = Model::open(&path(name)).unwrap();
    let x = input(name, model.inputs()[0].dtype.unwrap());
    let ran = run(kind, &path(name), taps, &batch(vec![("x", x)]))
        .unwrap_or_else(|error| panic!("{kind} {name}: {error}"));
    for (spec, found) in model.outputs().iter().zip(&ran.outputs) {
        assert_eq!(Some(found.dtype()), spec.dtype, "{kind} {name}: '{}'", spec.name);
        let expected = array(name, &spec.name);
        assert_eq!(found.shape(), expected.shape());
        let scale = expected.iter().filter(|x| !x.is_nan()).fold(0f32, |amax, x| amax.max(x.abs()));
        // Sums have any order, and in 16 bits they round at the end.
        let tolerance = match (&*spec.name, spec.dtype) {
            ("product" | "y", Some(DataType::F16)) => 1e-3 * scale,
            ("product" | "y", _) => 1e-6 * scale,
            _ => 0.0,
        };
        for (expected, found) in expected.iter().zip(numbers(found)) {
            let is_same = (expected - found).abs() <= tolerance || (expected.is_nan() && found.is_nan());
            assert!(is_same, "{kind} {name}: '{}' is {found} instead of {expected}", spec.name);
        }
    }
    ran
}

#[test]
fn every_format_has_the_values_of_its_definition() {
    let in_both = [
        "e4m3",
        "e4m3_f16",
        "e4m3_blocks",
        "e4m3_activations",
        "int4_blocks",
        "int4_blocks_f16",
        "int4_activations",
        "uint4",
        "uint4_blocks",
        "uint4_around_8",
        "int8_blocks",
        "int16",
        "uint16",
        "uint16_activations",
        "moved_e4m3",
        "moved_int16",
        "quantized_weights",
        "then",
        "else",
        "pairs_in_then",
        "pairs_in_else",
    ];
    for name in in_both {
        for kind in BOTH {
            let taps = all_taps(&path(name));
            let taps: Vec<&str> = taps.iter().map(String::as_str).collect();
            check(kind, name, &[]);
            let seen = check(kind, name, &taps).seen;
            // Quantized tensors are no floating-point numbers that a tap would want.
            assert!(
                !seen.iter().any(|(tensor, _)| ["q", "steps", "codes"].contains(&&**tensor)),
                "{kind} {name}"
            );
            assert!(seen.iter().any(|(tensor, _)| tensor == "x"), "{kind} {name}");
        }
    }
    // ONNX Runtime 1.32 moves no 4-bit integers, and its wrapper takes and gives none, nor e4m3.
    for name in ["moved_int4", "casts", "results"] {
        check(RuntimeKind::Embedded, name, &[]);
    }
}

#[test]
fn damaged_tensors_of_these_formats_are_refused_everywhere() {
    let x = batch(vec![("x", input("int4_blocks", DataType::F32))]);
    for kind in BOTH {
        let error = run(kind, &path("cut_short"), &[], &x).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Format);
        assert!(error.message().contains("3 bytes are stored, i4 of shape [7, 3] takes 11"), "{error}");
        assert!(run(kind, &path("other_blocks"), &[], &x).is_err());
    }
    let error = run(RuntimeKind::Embedded, &path("other_blocks"), &[], &x).err().unwrap();
    assert_eq!(
        (error.kind(), error.message()),
        (
            ErrorKind::Shape,
            "node 'w' (DequantizeLinear): scales of shape [2, 3] do not fit axis 0 of shape [7, 3] in blocks of 3"
        )
    );
}

#[test]
fn models_of_these_formats_become_half_and_are_compared() {
    for (name, types) in [
        ("e4m3", [DataType::F16, DataType::F8E4M3]),
        ("int4_blocks", [DataType::F16, DataType::I4]),
        ("uint4_blocks", [DataType::F16, DataType::U4]),
        ("e4m3_blocks", [DataType::F16, DataType::F8E4M3]),
    ] {
        let float = Model::open(&path(name)).unwrap();
        let prepared = pipeline::prepare_cast(&float, Half::F16, None).unwrap();
        let half = prepared.cast(Known::default(), &PrecisionPolicy::default()).unwrap().model;
        let stored = |name: &str| half.constant(name).unwrap().map(|tensor| tensor.dtype());
        let found = [["columns", "scale"], ["codes", "q"]].map(|names| names.into_iter().find_map(stored));
        assert_eq!(found, types.map(Some), "{name}");
        let decibels = BOTH.map(|kind| {
            let options =
                CompareOptions { runtime: options(kind), per_tensor: true, ..CompareOptions::default() };
            let compare = |models: [&Model; 2]| {
                let mut given = Some(vec![("x".to_owned(), input(name, DataType::F32))]);
                let mut data = qdq::batch::from_fn(&float.inputs(), move || Ok(given.take()));
                let found = pipeline::compare(models[0], models[1], &mut data, &options, &mut go_on).unwrap();
                found.outputs.last().unwrap().metrics.sqnr_db()
            };
            assert!(compare([&float, &float]).is_none_or(f64::is_infinite), "{kind} {name}");
            compare([&float, &half]).unwrap()
        });
        // Rounding x to f16 moves some activations to another number of e4m3.
        assert!(decibels[0] > 30.0 && (decibels[0] - decibels[1]).abs() < 0.1, "{name}: {decibels:?}");
    }
}

/// TensorRT takes blocks of int4 alone, around zero.
#[test]
fn weights_in_blocks_are_made_such_that_tensorrt_takes_them() {
    for (name, stored, finding) in [
        ("int4_blocks", Some(DataType::I4), None),
        ("uint4_around_8", Some(DataType::I4), Some("as int8 or in blocks as int4")),
        ("uint4_blocks", None, Some("are quantized anew")),
        ("int8_blocks", None, Some("are quantized anew")),
        ("e4m3_blocks", None, Some("are quantized anew")),
    ] {
        let model = Model::open(&path(name)).unwrap();
        let prepared = pipeline::prepare(&model).unwrap();
        let graph = prepared.graph();
        let pairs = graph.nodes.iter().filter(|node| node.is("DequantizeLinear"));
        let found: Vec<_> = pairs.map(|node| graph.tensor(node.input(0).unwrap()).dtype).collect();
        assert_eq!(found, stored.map(Some).into_iter().collect::<Vec<_>>(), "{name}");
        let findings: Vec<_> = prepared.plan(&Policy::default()).unwrap().findings;
        let is_said = |text: &str| findings.iter().any(|finding| finding.message.contains(text));
        assert!(finding.is_none_or(is_said), "{name}: {findings:?}");
        let x = batch(vec![("x", input(name, DataType::F32))]);
        let run = |model: &Model| {
            let recorder = Arc::new(Recorder::default());
            let options = options(RuntimeKind::Embedded);
            runtime::open(model, &[], recorder, &options).unwrap().run(&x).unwrap()
        };
        assert_eq!(run(&model), run(prepared.model()), "{name}");
    }
}

/// Returns the bytes of a model that stores a tensor.
fn storing(tensor: &Tensor) -> Vec<u8> {
    let mut model = Model::open(&path("int4_blocks")).unwrap();
    model.add_initializer("stored", tensor.shape(), tensor.data().clone()).unwrap();
    model.encode().unwrap()
}

/// Opens and runs a model in every form, if it can be opened at all.
fn exercise(bytes: Vec<u8>) -> Result<()> {
    let model = Model::from_bytes(Bytes::from(bytes))?;
    let _ = (model.graph()?, model.in_plain_types()?.encode()?);
    let x = batch(vec![("x", input("int4_blocks", DataType::F32))]);
    for rounding in [Rounding::Off, Rounding::On] {
        let options = options(RuntimeKind::Embedded);
        let mut runtime = runtime::open_with(&model, &[], Arc::new(Recorder::default()), &options, rounding)?;
        runtime.run(&x)?;
    }
    Ok(())
}

#[test]
fn weights_of_these_formats_lie_beside_the_model_too() {
    let folder = tempfile::tempdir().unwrap();
    let written = folder.path().join("beside.onnx");
    for data in [Data::I4(vec![-8, 7, 3]), Data::U4(vec![15, 0, 9]), Data::F8E4M3(vec![1, 0x7e, 0xff])] {
        let stored = tensor(&[3], data);
        let model = Model::from_bytes(Bytes::from(storing(&stored))).unwrap();
        model.save(&written, &SaveOptions { max_file: 0, min_external: 1 }).unwrap();
        let model = Model::open(&written).unwrap();
        assert!(model.check_stored().is_ok());
        assert_eq!(model.constant("stored").unwrap(), Some(stored));
        let data = folder.path().join("beside.onnx.data");
        let beside = std::fs::metadata(&data).unwrap().len();
        std::fs::File::options().write(true).open(&data).unwrap().set_len(beside - 1).unwrap();
        assert_eq!(Model::open(&written).unwrap().check_stored().unwrap_err().kind(), ErrorKind::Format);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn stored_tensors_come_back(
        signed in prop::collection::vec(-8i8..8, 0..40),
        unsigned in prop::collection::vec(0u8..16, 0..40),
        codes in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        for data in [Data::I4(signed), Data::U4(unsigned), Data::F8E4M3(codes)] {
            let stored = tensor(&[data.view().len()], data);
            let model = Model::from_bytes(Bytes::from(storing(&stored))).unwrap();
            prop_assert_eq!(model.constant("stored").unwrap(), Some(stored));
            prop_assert!(model.check_stored().is_ok());
        }
    }

    #[test]
    fn damaged_models_of_these_formats_never_panic(
        which in 0usize..8,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let names = [
            "int4_blocks", "uint4_blocks", "e4m3", "e4m3_blocks", "int4_blocks_f16", "uint16_activations",
            "moved_int4", "then",
        ];
        let mut bytes = std::fs::read(path(names[which])).unwrap();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let _ = exercise(bytes);
    }
}
