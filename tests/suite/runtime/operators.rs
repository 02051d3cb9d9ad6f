//! ONNX's own test case of every operator through the embedded runtime: correct or refused, never wrong.

use std::fs::File;
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use ndarray::{IxDyn, OwnedRepr};
use ndarray_npy::NpzReader;
use qdq::dtype::DataType;
use qdq::e4m3;
use qdq::error::ErrorKind;
use qdq::onnx::Model;
use qdq::runtime::RuntimeKind;
use qdq::tensor::{Data, Tensor, TensorSpec};

use super::{batch, run, run_python};

/// Cases with random results.
const RANDOM: [&str; 3] =
    ["test_bernoulli_expanded", "test_bernoulli_double_expanded", "test_bernoulli_seed_expanded"];

type Named = Vec<(String, Tensor)>;

/// Returns the arrays of a case for `specs`; `None` if one has a type that qdq does not compute with.
fn arrays(archive: &mut NpzReader<File>, prefix: &str, specs: &[TensorSpec]) -> Option<Named> {
    specs
        .iter()
        .map(|spec| {
            let array = array(archive, &format!("{prefix}.{}", spec.name))?;
            let narrow = match (spec.dtype?, array.data()) {
                (DataType::F16, Data::F32(wide)) => {
                    wide.iter().map(|&x| f16::from_f32(x)).collect::<Vec<_>>().into()
                }
                (DataType::Bf16, Data::F32(wide)) => {
                    wide.iter().map(|&x| bf16::from_f32(x)).collect::<Vec<_>>().into()
                }
                (DataType::F8E4M3, Data::F32(wide)) => {
                    Data::F8E4M3(wide.iter().map(|&x| e4m3::encode(x)).collect())
                }
                (DataType::I4, Data::I8(values)) => Data::I4(values.clone()),
                (DataType::U4, Data::U8(values)) => Data::U4(values.clone()),
                _ => array.data().clone(),
            };
            Some((spec.name.clone(), Tensor::new(array.shape().to_vec(), narrow).ok()?))
        })
        .collect()
}

fn array(archive: &mut NpzReader<File>, name: &str) -> Option<Tensor> {
    macro_rules! first_that_fits {
        ($($element:ty => $data:expr),*) => {
            $(if let Ok(array) = archive.by_name::<OwnedRepr<$element>, IxDyn>(name) {
                let values: Vec<$element> = array.iter().copied().collect();
                let data: fn(Vec<$element>) -> Data = $data;
                return Tensor::new(array.shape().to_vec(), data(values)).ok();
            })*
        };
    }
    first_that_fits! {
        f32 => Data::F32, f64 => Data::F64, i64 => Data::I64, i32 => Data::I32, i8 => Data::I8, u8 => Data::U8,
        i16 => Data::I16, u16 => Data::U16, bool => |values| Data::Bool(values.into_iter().map(u8::from).collect())
    }
    None
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    match tensor.data() {
        Data::F32(values) => values.iter().map(|&value| value.into()).collect(),
        Data::F64(values) => values.clone(),
        Data::I64(values) => values.iter().map(|&value| value as f64).collect(),
        Data::I32(values) => values.iter().map(|&value| value.into()).collect(),
        Data::I16(values) => values.iter().map(|&value| value.into()).collect(),
        Data::U16(values) => values.iter().map(|&value| value.into()).collect(),
        Data::F8E4M3(codes) => codes.iter().map(|&code| e4m3::decode(code).into()).collect(),
        Data::I8(values) | Data::I4(values) => values.iter().map(|&value| value.into()).collect(),
        Data::U8(values) | Data::U4(values) | Data::Bool(values) => {
            values.iter().map(|&value| value.into()).collect()
        }
        Data::F16(values) => values.iter().map(|&value| value.into()).collect(),
        Data::Bf16(values) => values.iter().map(|&value| value.into()).collect(),
        _ => unreachable!("no array is of another type"),
    }
}

/// Returns the place at which two tensors differ by more than ONNX's own tests allow, or by more than two
/// steps of bf16.
fn difference(expected: &Tensor, got: &Tensor) -> Option<String> {
    if (expected.shape(), expected.dtype()) != (got.shape(), got.dtype()) {
        let show = |tensor: &Tensor| format!("{} {:?}", tensor.dtype(), tensor.shape());
        return Some(format!("{} instead of {}", show(got), show(expected)));
    }
    let relative = if expected.dtype() == DataType::Bf16 { 1.6e-2 } else { 1e-3 };
    let close = |(expected, got): &(f64, f64)| {
        expected == got
            || (expected.is_nan() && got.is_nan())
            || (expected - got).abs() <= relative * expected.abs() + 1e-5
    };
    let mut pairs = numbers(expected).into_iter().zip(numbers(got));
    pairs.find(|pair| !close(pair)).map(|(expected, got)| format!("{got} instead of {expected}"))
}

fn cases() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("node_cases");
    std::fs::create_dir_all(&folder).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/node_cases.py");
    run_python(&[script.to_str().unwrap(), folder.to_str().unwrap()]);
    folder
}

#[test]
fn the_embedded_engine_is_right_or_refuses() {
    let folder = cases();
    let (mut right, mut refused, mut wrong) = (0, Vec::new(), Vec::new());
    for entry in std::fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(name) = name.strip_suffix(".onnx").filter(|name| !RANDOM.contains(name)) else { continue };
        let path = folder.join(format!("{name}.onnx"));
        let model = Model::open(&path).unwrap();
        let mut archive = NpzReader::new(File::open(folder.join(format!("{name}.npz"))).unwrap()).unwrap();
        let inputs = arrays(&mut archive, "in", &model.inputs());
        let (Some(inputs), Some(expected)) = (inputs, arrays(&mut archive, "out", &model.outputs())) else {
            continue;
        };
        let batch = batch(inputs.iter().map(|(name, tensor)| (name.as_str(), tensor.clone())).collect());
        let tapped: Vec<&str> = expected.iter().map(|(name, _)| name.as_str()).collect();
        for taps in [&tapped[..], &[]] {
            match run(RuntimeKind::Embedded, &path, taps, &batch) {
                Err(error) => {
                    let kinds = [ErrorKind::Unsupported, ErrorKind::Runtime, ErrorKind::Data];
                    assert!(kinds.contains(&error.kind()) && error.remedy().is_some(), "{name}: {error:?}");
                    refused.push(name.to_owned());
                }
                Ok(ran) => {
                    let differs = |((output, expected), got): ((&String, &Tensor), &Tensor)| {
                        Some(format!("{name}: '{output}' is {}", difference(expected, got)?))
                    };
                    let pairs = expected.iter().map(|(name, tensor)| (name, tensor)).zip(&ran.outputs);
                    match pairs.filter_map(differs).next() {
                        Some(difference) => wrong.push(difference),
                        None => right += 1,
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{right} runs right, {} refused", refused.len());
    assert!(right >= 2120, "only {right} runs are right");
    // Every type and form of these that qdq has: e4m3, 4, 8 and 16 bits, per axis and in blocks.
    let is_pair = |name: &&String| name.contains("_quantizelinear") || name.contains("_dequantizelinear");
    assert_eq!(refused.iter().find(is_pair), None);
    for case in [
        "quantizelinear_e4m3fn",
        "dequantizelinear_e4m3fn_float16",
        "quantizelinear_int4",
        "dequantizelinear_uint4",
        "quantizelinear_blocked_asymmetric",
        "dequantizelinear_blocked",
        "quantizelinear_uint16",
    ] {
        assert!(folder.join(format!("test_{case}.onnx")).exists(), "{case} is left out");
    }
}
