//! Models with 16-bit floating-point numbers: their f32 twins, and what both runtimes make of them.

use std::collections::BTreeMap;
use std::fs::File;

use half::{bf16, f16};
use ndarray::ArrayD;
use qdq::onnx::Rounding;
use qdq::pipeline::{self, CompareOptions, go_on};

use super::*;

/// Returns the folder of the models that tests/python/half_models.py makes.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("half_models");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        python("make", &folder);
        folder
    })
}

fn python(task: &str, folder: &Path) -> String {
    let script = project("tests/python/half_models.py");
    run_python(&[script.to_str().unwrap(), task, folder.to_str().unwrap()])
}

fn model(name: &str) -> Model {
    Model::open(&folder().join(format!("{name}.onnx"))).unwrap()
}

/// Returns the arrays of a model's file whose names begin with `start`: its inputs or its outputs.
fn arrays(name: &str, start: &str, specs: &[qdq::tensor::TensorSpec]) -> Vec<(String, Tensor)> {
    let mut file = NpzReader::new(File::open(folder().join(format!("{name}.npz"))).unwrap()).unwrap();
    let mut array = |spec: &qdq::tensor::TensorSpec| {
        let name = format!("{start}{}", spec.name);
        macro_rules! read {
            ($element:ty, $data:expr) => {{
                let array: ArrayD<$element> = file.by_name(&name).unwrap();
                let shape = array.shape().to_vec();
                Tensor::new(shape, $data(array.into_raw_vec_and_offset().0)).unwrap()
            }};
        }
        match spec.dtype.unwrap() {
            DataType::F16 => {
                read!(f32, |wide: Vec<f32>| Data::F16(wide.into_iter().map(f16::from_f32).collect()))
            }
            DataType::F32 => read!(f32, Data::F32),
            DataType::I32 => read!(i32, Data::I32),
            DataType::Bool => {
                read!(bool, |flags: Vec<bool>| Data::Bool(flags.into_iter().map(u8::from).collect()))
            }
            other => panic!("{name} is {other}"),
        }
    };
    specs.iter().map(|spec| (spec.name.clone(), array(spec))).collect()
}

fn ran(model: &Model, kind: RuntimeKind, rounding: Rounding, batch: &Batch) -> Vec<Tensor> {
    let recorder = Arc::new(Recorder::default());
    let mut runtime = runtime::open_with(model, &[], recorder, &options(kind), rounding).unwrap();
    runtime.run(batch).unwrap()
}

/// Whether two tensors have one type and equal numbers. All NaN are equal, and so are both zeros.
fn is_same(one: &Tensor, other: &Tensor) -> bool {
    let number = |tensor: &Tensor| -> Vec<u32> {
        let floats = tensor.data().view().to_f32().map_or_else(Vec::new, std::borrow::Cow::into_owned);
        floats
            .into_iter()
            .map(|x| if x.is_nan() { f32::NAN.to_bits() } else { (x + 0.0).to_bits() })
            .collect()
    };
    one.dtype() == other.dtype()
        && one.shape() == other.shape()
        && if one.dtype().is_float() { number(one) == number(other) } else { one == other }
}

#[test]
fn sixteen_bit_tensors_hold_what_the_reference_of_onnx_computes() {
    for name in ["elementwise", "nested", "types", "quantized", "quantized_in_branch"] {
        let model = model(name);
        let inputs = arrays(name, "in_", &model.inputs());
        let batch = Batch { inputs, samples: 1, repeats: 0 };
        let expected = arrays(name, "out_", &model.outputs());
        for kind in BOTH {
            let found = ran(&model, kind, Rounding::On, &batch);
            for ((output, expected), found) in expected.iter().zip(&found) {
                assert!(is_same(found, expected), "{name} in {kind}, '{output}':\n{found:?}\n{expected:?}");
            }
        }
    }
}

#[test]
fn a_type_that_only_readers_show_is_rounded_to() {
    let x: Vec<f16> = (0..60).map(|at| f16::from_f32(at as f32 / 13.0 - 2.0)).collect();
    let batch = batch(vec![("x", tensor(&[60], x))]);
    let recorder = Arc::new(Recorder::default());
    let (kind, taps) = (options(RuntimeKind::OnnxRuntime), ["s".to_owned()]);
    let mut runtime =
        runtime::open_with(&model("contributed"), &taps, recorder.clone(), &kind, Rounding::On).unwrap();
    runtime.run(&batch).unwrap();
    let seen = values(&recorder.0.lock().unwrap()[0].1);
    assert_eq!(seen.len(), 60);
    assert!(seen.iter().all(|&x| f16::from_f32(x).to_f32() == x), "{seen:?}");
}

#[test]
fn every_narrowing_cast_rounds_to_even_and_overflows() {
    let mut x: Vec<f32> = (0..=u16::MAX).map(|bits| f16::from_bits(bits).to_f32()).collect();
    // The numbers halfway between two of a type, and the next beside them.
    let mut halfway = |middle: f32| {
        x.extend([-1, 0, 1].map(|step| f32::from_bits(middle.to_bits().wrapping_add_signed(step))));
    };
    (0..0x7bff).for_each(|bits| {
        halfway((f16::from_bits(bits).to_f32() + f16::from_bits(bits + 1).to_f32()) / -2.0);
    });
    (0..0x7f80).for_each(|bits: u32| halfway(f32::from_bits((bits << 16) + 0x8000)));
    let mut state = 1u32;
    x.extend((0..20_000).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from_bits(state)
    }));
    x.extend([65519.996, 65520.0, -65520.0, f32::MAX, f32::MIN, f32::INFINITY, f32::from_bits(0x7f7f_7fff)]);
    x.retain(|x| !x.is_nan());
    let batch = batch(vec![("x", tensor(&[x.len()], x.clone()))]);
    let expected: [(&str, Vec<f32>); 2] = [
        ("narrowing_f16", x.iter().map(|&x| f16::from_f32(x).to_f32()).collect()),
        ("narrowing_bf16", x.iter().map(|&x| bf16::from_f32(x).to_f32()).collect()),
    ];
    for (name, expected) in expected {
        for output in BOTH.into_iter().flat_map(|kind| ran(&model(name), kind, Rounding::On, &batch)) {
            for ((x, expected), found) in x.iter().zip(&expected).zip(values(&output)) {
                assert!(found == *expected, "{name}: {x:e} gives {found:e}, not {expected:e}");
            }
        }
        // Without rounding they do nothing.
        for output in ran(&model(name), RuntimeKind::Embedded, Rounding::Off, &batch) {
            assert_eq!(values(&output), x, "{name}");
        }
    }
}

#[test]
fn statistics_are_those_of_f32() {
    let model = model("elementwise");
    let inputs = arrays("elementwise", "in_", &model.inputs());
    let x = values(&inputs[0].1);
    let taps = ["x", "square", "shifted"].map(str::to_owned);
    let recorder = Arc::new(Recorder::default());
    let mut runtime =
        runtime::open(&model, &taps, recorder.clone(), &options(RuntimeKind::Embedded)).unwrap();
    let outputs = runtime.run(&Batch { inputs, samples: 1, repeats: 0 }).unwrap();
    let seen: BTreeMap<usize, Tensor> = recorder.0.lock().unwrap().drain(..).collect();
    let third = f16::from_f32(1.0 / 3.0).to_f32();
    assert_eq!(values(&seen[&0]), x);
    assert_eq!(values(&seen[&1]), x.iter().map(|x| x * x).collect::<Vec<_>>());
    assert_eq!(values(&seen[&2]), x.iter().map(|x| x * x + third).collect::<Vec<_>>());
    // Outputs have the declared type, in which the largest are infinite.
    assert_eq!(outputs[0].dtype(), DataType::F16);
    assert_eq!(values(&outputs[0])[0], f32::INFINITY);
}

#[test]
fn data_is_rounded_to_the_type_of_the_input() {
    let model = model("squared_f16");
    let x = [0.1f32, 3.0, -7.77];
    let wide = batch(vec![("x", tensor(&[1, 3], x.to_vec()))]);
    let narrow = batch(vec![("x", tensor(&[1, 3], x.map(f16::from_f32).to_vec()))]);
    let far = batch(vec![("x", tensor(&[1, 3], vec![7e4f32; 3]))]);
    for kind in BOTH {
        for rounding in [Rounding::Off, Rounding::On] {
            let expected = ran(&model, kind, rounding, &narrow);
            assert_eq!(expected[0].dtype(), DataType::F16);
            assert_eq!(ran(&model, kind, rounding, &wide), expected, "{kind}");
            let mut runtime =
                runtime::open_with(&model, &[], Arc::new(Recorder::default()), &options(kind), rounding)
                    .unwrap();
            let error = runtime.run(&far).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Type);
            assert!(error.message().contains("input 'x': has f32 values that f16 cannot hold"), "{error}");
        }
    }
}

#[test]
fn twins_are_valid_and_have_no_16_bit_tensor_but_casts() {
    let mut count = 0;
    for name in ["elementwise", "nested", "types", "quantized", "narrowing_bf16", "squared_f16"] {
        for (rounding, label) in [(Rounding::Off, "off"), (Rounding::On, "on")] {
            let model = model(name);
            let twin = model.widened(rounding).unwrap();
            assert!(model.has_halves() && twin.has_halves() == (rounding == Rounding::On), "{name}");
            let path = folder().join(format!("{name}_{label}.twin.onnx"));
            twin.save(&path, &Default::default()).unwrap();
            count += 1;
        }
    }
    assert_eq!(python("check", folder()), count.to_string());
    let float = model("squared_f32");
    assert!(matches!(float.widened(Rounding::On).unwrap(), std::borrow::Cow::Borrowed(_)));
    let error = model("bits").widened(Rounding::Off).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("node 'n_y' (BitCast)"), "{error}");
}

#[test]
fn a_model_is_compared_with_its_half() {
    let [float, half] = [model("squared_f32"), model("squared_f16")];
    let x: Vec<f32> = (0..300).map(|at| (at as f32 - 150.0) / 31.0).collect();
    let data = |first: f32| {
        let mut x = x.clone();
        x[0] = first;
        let mut given = Some(vec![("x".to_owned(), tensor(&[100, 3], x))]);
        qdq::batch::from_fn(&float.inputs(), move || Ok(given.take()))
    };
    for kind in BOTH {
        let options =
            CompareOptions { runtime: options(kind), per_tensor: true, ..CompareOptions::default() };
        let compare = |models: [&Model; 2], first: f32| {
            pipeline::compare(models[0], models[1], &mut data(first), &options, &mut go_on).unwrap()
        };
        for models in [[&float, &half], [&half, &float]] {
            let found = compare(models, 1.0);
            let output = &found.outputs[0].metrics;
            let decibels = output.sqnr_db().unwrap();
            assert!((60.0..80.0).contains(&decibels), "{kind}: {decibels} dB");
            assert_eq!((output.non_finite(), found.tensors.len()), (0, 2));
            assert!(found.findings.iter().any(|it| it.message.contains("every 16-bit tensor is rounded")));
            // The square overflows in f16.
            let found = compare(models, 300.0);
            assert_eq!(
                (found.outputs[0].metrics.non_finite(), found.tensors[0].metrics.non_finite()),
                (1, 1)
            );
        }
        let same = compare([&float, &float], 1.0);
        assert!(same.findings.is_empty() && same.outputs[0].metrics.sqnr_db().is_none_or(f64::is_infinite));
    }
}
