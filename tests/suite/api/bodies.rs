//! The test bodies for both interfaces.

use half::{bf16, f16};
use ndarray::{ArrayD, IxDyn};
use qdq::error::ErrorKind;
use qdq::quant::{Block, NumBits, QuantDescriptor};
use qdq::range::{Method, Target};
use qdq::tensor::{Data, Tensor};
use serde_json::Value;

use super::capi::Capi;
use super::native::Native;
use super::{Api, Integers, Objects, Question, Storage};
use crate::golden::{Arrays, cases};
use crate::numbers::golden::{Golden, assert_same, check_error, text};

/// Runs a body through the Rust API and through C.
macro_rules! both_ways {
    ($($body:ident),* $(,)?) => {
        $(mod $body {
            #[test]
            fn in_rust() {
                super::$body::<crate::api::native::Native>();
            }

            #[test]
            fn in_c() {
                super::$body::<crate::api::capi::Capi>();
            }
        })*
    };
}
pub(super) use both_ways;

both_ways!(
    quant_equals_golden,
    affine_equals_golden,
    max_equals_golden,
    histograms_equal_golden,
    errors_say_what_is_wrong,
    a_dynamic_range_is_that_of_the_data,
);

fn descriptor_of(case: &Value) -> QuantDescriptor {
    QuantDescriptor {
        num_bits: NumBits::Integer(case["num_bits"].as_u64().unwrap() as u32),
        unsigned: case["unsigned"].as_bool().unwrap(),
        narrow_range: case["narrow_range"].as_bool().unwrap(),
        ..QuantDescriptor::default()
    }
}

pub(super) fn floats(tensor: &Tensor) -> ArrayD<f32> {
    f32::array(tensor)
}

fn quant_equals_golden<A: Api>() {
    let mut arrays = Arrays::open();
    let cases = cases("quant");
    assert_eq!(cases.len(), 162);
    for case in &cases {
        let x = floats(&arrays.get(text(case, "x")));
        let amax = floats(&arrays.get(text(case, "amax")));
        let amax = match text(case, "amax_dtype") {
            "float16" => amax.mapv(|amax| f16::from_f32(amax).to_f32()),
            _ => amax,
        };
        match text(case, "x_dtype") {
            "float16" => {
                golden_case::<A, f16>(case, &mut arrays, x.mapv(f16::from_f32), &amax, f16::from_f32)
            }
            "float64" => golden_case::<A, f64>(case, &mut arrays, x.mapv(f64::from), &amax, f64::from),
            _ => golden_case::<A, f32>(case, &mut arrays, x, &amax, |scale| scale),
        }
    }
}

fn golden_case<A: Api, T: Golden>(
    case: &Value,
    arrays: &mut Arrays,
    x: ArrayD<T>,
    amax: &ArrayD<f32>,
    narrow: fn(f32) -> T,
) {
    let (id, descriptor) = (text(case, "id"), descriptor_of(case));
    let is_tensor_quant = text(case, "kind") == "tensor";
    let found = if is_tensor_quant {
        A::tensor_quant(&x, Some(amax), &descriptor).map(|(values, scale)| (values, Some(scale)))
    } else {
        A::fake_quant(&x, Some(amax), &descriptor).map(|y| (y, None))
    };
    if case.get("error").is_some() {
        let failure = found.err().unwrap_or_else(|| panic!("{id}: no error"));
        check_error(case, failure.kind, &failure.message, failure.remedy.as_deref());
        return;
    }
    let (y, scale) = found.unwrap_or_else(|failure| panic!("{id}: {failure:?}"));
    assert_same(id, y, &T::array(&arrays.get(text(case, "y"))));
    if let Some(scale) = scale {
        let expected = T::array(&arrays.get(text(case, "scale")));
        assert_eq!(scale.shape(), expected.shape(), "{id}");
        assert_same(id, scale.mapv(narrow), &expected);
    }
    let gradient = T::array(&arrays.get(text(case, "gout")));
    let expected = T::array(&arrays.get(text(case, "gin")));
    assert_same(id, A::backward(&gradient, &x, amax, &descriptor).unwrap(), &expected);
}

fn affine_equals_golden<A: Api>() {
    let mut arrays = Arrays::open();
    let cases = cases("affine");
    assert_eq!(cases.len(), 3);
    for case in &cases {
        let number = |key: &str| case[key].as_f64().unwrap() as f32;
        let (min, max) = (number("min"), number("max"));
        let x = floats(&arrays.get(text(case, "x")));
        let y = A::affine(&x, min, max, case["num_bits"].as_u64().unwrap() as u32).unwrap();
        assert_same(text(case, "id"), y, &floats(&arrays.get(text(case, "y"))));
        // The input gradient is not stored. Each result is zero or equal to it.
        let gin = floats(&arrays.get(text(case, "gin")));
        let gradient = gin.mapv(|g| if g == 0.0 { 1.0 } else { g });
        assert_same(text(case, "id"), A::affine_backward(&gradient, &x, min, max).unwrap(), &gin);
    }
}

fn batches(case: &Value, arrays: &mut Arrays) -> Vec<ArrayD<f32>> {
    let names = case["inputs"].as_array().unwrap();
    names.iter().map(|name| floats(&arrays.get(name.as_str().unwrap()))).collect()
}

/// Lists all numbers of a nested list, row-major. `nan` and `inf` are text there.
pub(super) fn numbers(value: &Value) -> Vec<f32> {
    match (value.as_array(), value.as_str()) {
        (Some(list), _) => list.iter().flat_map(numbers).collect(),
        (_, Some(text)) => vec![text.parse().unwrap()],
        _ => vec![value.as_f64().unwrap() as f32],
    }
}

fn max_equals_golden<A: Api>() {
    let mut arrays = Arrays::open();
    for case in cases("max") {
        let axes: Vec<i32> = match &case["axis"] {
            Value::Null => Vec::new(),
            Value::Number(axis) => vec![axis.as_i64().unwrap() as i32],
            axes => axes.as_array().unwrap().iter().map(|axis| axis.as_i64().unwrap() as i32).collect(),
        };
        let amax = A::axis_max(&batches(&case, &mut arrays), &axes).unwrap();
        let shape: Vec<usize> = serde_json::from_value(case["shape"].clone()).unwrap();
        assert_eq!(amax, ArrayD::from_shape_vec(shape, numbers(&case["amax"])).unwrap(), "{}", case["id"]);
    }
}

fn histograms_equal_golden<A: Api>() {
    let mut arrays = Arrays::open();
    for case in cases("hist") {
        let id = text(&case, "id");
        let target = Target {
            num_bits: case["num_bits"].as_u64().unwrap() as u32,
            unsigned: case["unsigned"].as_bool().unwrap(),
        };
        let mut questions = Vec::new();
        let mut expected_ranges = Vec::new();
        for (name, expected) in case["results"].as_object().into_iter().flatten() {
            let number = |key: &str, usual: u64| {
                expected["args"].get(key).map_or(usual, |value| value.as_u64().unwrap()) as usize
            };
            let method = match expected.get("method").and_then(Value::as_str).unwrap_or(name) {
                "entropy" => Method::Entropy,
                "mse" => Method::Mse,
                "percentile" => match expected["args"]["percentile"].as_f64().unwrap() {
                    // C takes 0 for the default percentile, and the tool accepts only percentiles above 0.
                    percentile if !(0.0..=100.0).contains(&percentile) || percentile == 0.0 => continue,
                    percentile => Method::Percentile(percentile),
                },
                _ => continue,
            };
            questions.push(Question {
                method,
                target,
                start_bin: number("start_bin", 128),
                stride: number("stride", 1),
            });
            expected_ranges.push((name, expected.get("amax").map(|amax| numbers(amax)[0])));
        }
        let found = A::histogram(
            &batches(&case, &mut arrays),
            case["num_bins"].as_u64().unwrap() as usize,
            case["skip_zeros"].as_bool().unwrap(),
            case["torch_hist"].as_bool().unwrap(),
            &questions,
        );
        if case.get("collect_error").is_some() {
            assert!(found.is_err_and(|failure| failure.remedy.is_some()), "{id}");
            continue;
        }
        let (histogram, answers) = found.unwrap_or_else(|failure| panic!("{id}: {failure:?}"));
        let Data::I64(counts) = arrays.get(text(&case, "hist_file")).into_data() else { panic!("{id}") };
        assert!(counts.iter().zip(&histogram.counts).all(|(a, b)| u64::try_from(*a) == Ok(*b)), "{id}");
        let edges = floats(&arrays.get(text(&case, "edges_file")));
        assert!(edges.iter().zip(&histogram.edges).all(|(a, b)| f64::from(*a) == *b), "{id}");
        assert_eq!((counts.len(), edges.len()), (histogram.counts.len(), histogram.edges.len()), "{id}");
        for ((name, expected), answer) in expected_ranges.into_iter().zip(answers) {
            let silent = answer.as_ref().is_err_and(|failure| failure.remedy.is_none());
            assert!(!silent, "{id} {name}: {answer:?}");
            assert_eq!(answer.ok(), expected, "{id} {name}");
        }
    }
}

fn errors_say_what_is_wrong<A: Api>() {
    let x = ArrayD::from_shape_vec(IxDyn(&[2, 2]), vec![1.0f32, -2.0, 3.0, f32::NAN]).unwrap();
    let one = ArrayD::from_elem(IxDyn(&[]), 1.0f32);
    let plain = QuantDescriptor::default();
    let unsigned = QuantDescriptor { unsigned: true, ..plain.clone() };
    let cases: [(ErrorKind, &str, Option<super::Failure>); 6] = [
        (
            ErrorKind::Data,
            "element [1, 1] = NaN is NaN",
            A::quantize(&x, Some(&one), &plain, Storage::I8).err(),
        ),
        (ErrorKind::Data, "is negative", A::fake_quant(&x, Some(&one), &unsigned).err()),
        (
            ErrorKind::Shape,
            "amax of shape [3] does not fit",
            A::fake_quant(&x, Some(&ArrayD::ones(IxDyn(&[3]))), &plain).err(),
        ),
        (
            ErrorKind::Type,
            "does not hold the integers",
            A::quantize(&x.mapv(f32::abs), Some(&one), &plain, Storage::U8).err(),
        ),
        (ErrorKind::InvalidArgument, "amax is -1", A::fake_quant(&x, Some(&one.mapv(|x| -x)), &plain).err()),
        (ErrorKind::InvalidArgument, "num_bits is 17", A::affine(&x, 0.0, 1.0, 17).err()),
    ];
    for (kind, says, failure) in cases {
        let failure = failure.unwrap_or_else(|| panic!("no error: {says}"));
        assert_eq!(failure.kind, kind, "{failure:?}");
        assert!(failure.message.contains(says) && failure.remedy.is_some(), "{failure:?}");
    }
}

fn a_dynamic_range_is_that_of_the_data<A: Api>() {
    let x = ArrayD::from_shape_fn(IxDyn(&[3, 4]), |at| (at[0] * 4 + at[1]) as f32 - 5.5);
    let cases = [
        (QuantDescriptor::default(), vec![], vec![5.5]),
        (QuantDescriptor { axis: Some(vec![0]), ..Default::default() }, vec![3, 1], vec![5.5, 1.5, 5.5]),
        (
            QuantDescriptor { block: Some(Block { axis: -1, size: 3 }), ..Default::default() },
            vec![3, 2],
            vec![5.5, 2.5, 1.5, 1.5, 4.5, 5.5],
        ),
        (QuantDescriptor { scale_amax: Some(0.5), ..Default::default() }, vec![], vec![2.75]),
    ];
    for (descriptor, shape, values) in cases {
        let amax = A::amax(&x, &descriptor).unwrap();
        assert_eq!(amax, ArrayD::from_shape_vec(shape, values).unwrap(), "{descriptor:?}");
        let dynamic = A::fake_quant(&x, None, &descriptor).unwrap();
        assert_eq!(dynamic, A::fake_quant(&x, Some(&amax), &descriptor).unwrap(), "{descriptor:?}");
    }
}

/// For every type and granularity, both interfaces give equal results, and dequantization gives the fake
/// quantization.
#[test]
fn every_type_and_granularity_is_the_same_on_both_ways() {
    let x = ArrayD::from_shape_fn(IxDyn(&[2, 3, 8]), |at| {
        ((at[0] * 24 + at[1] * 8 + at[2]) as f32 * 0.37).sin() * (1 + at[1]) as f32
    });
    let grids = [
        QuantDescriptor::default(),
        QuantDescriptor { axis: Some(vec![1]), narrow_range: true, ..Default::default() },
        QuantDescriptor { axis: Some(vec![0, -1]), ..Default::default() },
        QuantDescriptor { block: Some(Block { axis: 2, size: 3 }), ..Default::default() },
    ];
    let formats: [(NumBits, bool, &[Storage]); 5] = [
        (NumBits::Integer(4), false, &[Storage::I4, Storage::I8, Storage::I16]),
        (NumBits::Integer(4), true, &[Storage::U4, Storage::U8, Storage::U16]),
        (NumBits::Integer(8), false, &[Storage::I8, Storage::I16]),
        (NumBits::Integer(16), false, &[Storage::I16]),
        (NumBits::E4M3, false, &[Storage::E4m3]),
    ];
    for grid in &grids {
        for (num_bits, unsigned, storages) in formats {
            let narrow_range = grid.narrow_range && num_bits != NumBits::E4M3;
            let descriptor = QuantDescriptor { num_bits, unsigned, narrow_range, ..grid.clone() };
            let x = if unsigned { x.mapv(f32::abs) } else { x.clone() };
            for &storage in storages {
                type_case(&x, &descriptor, storage);
                type_case(&x.mapv(f64::from), &descriptor, storage);
                type_case(&x.mapv(f16::from_f32), &descriptor, storage);
                type_case(&x.mapv(bf16::from_f32), &descriptor, storage);
            }
        }
    }
}

fn type_case<T: Golden>(x: &ArrayD<T>, descriptor: &QuantDescriptor, storage: Storage) {
    let what = format!("{descriptor:?} {storage:?} {}", std::any::type_name::<T>());
    let native: Integers = Native::quantize(x, None, descriptor, storage).unwrap();
    assert_eq!(native, Capi::quantize(x, None, descriptor, storage).unwrap(), "{what}");
    let back: ArrayD<T> = Native::dequantize(&native, x.shape(), descriptor, storage).unwrap();
    assert_same(&what, Capi::dequantize::<T>(&native, x.shape(), descriptor, storage).unwrap(), &back);
    let fake = Native::fake_quant(x, None, descriptor).unwrap();
    assert_same(&what, Capi::fake_quant(x, None, descriptor).unwrap(), &fake);
    match (Native::tensor_quant(x, None, descriptor), Capi::tensor_quant(x, None, descriptor)) {
        (Ok((floats, scale)), Ok((found, found_scale))) => {
            assert_same(&what, found, &floats);
            assert_eq!(found_scale, scale, "{what}");
        }
        // Some of these ranges are too small for the reference in f16.
        (native, capi) => assert_eq!(native.unwrap_err(), capi.unwrap_err(), "{what}"),
    }
}

#[test]
fn every_method_gives_the_same_range_on_both_ways() {
    let batches: Vec<ArrayD<f32>> = (0..4)
        .map(|batch| {
            ArrayD::from_shape_fn(IxDyn(&[500]), |at| ((at[0] + 500 * batch) as f32 * 0.7).sin().powi(3))
        })
        .collect();
    for method in [Method::Max, Method::Mse, Method::Entropy, Method::Percentile(99.0)] {
        for num_bits in [2, 4, 8, 16] {
            let target = Target { num_bits, unsigned: false };
            let native = Native::stats_amax(&batches, method, target).unwrap();
            assert_eq!(native, Capi::stats_amax(&batches, method, target).unwrap(), "{method} {num_bits}");
        }
    }
    let empty = [ArrayD::from_shape_vec(IxDyn(&[0]), vec![]).unwrap()];
    let native = Native::stats_amax(&empty, Method::Max, Target::default()).unwrap_err();
    assert_eq!(native, Capi::stats_amax(&empty, Method::Max, Target::default()).unwrap_err());
}

#[test]
fn a_whole_run_leaves_the_same_bytes_on_both_ways() {
    let native = Native::digits(Method::Mse).unwrap();
    let capi = Capi::digits(Method::Mse).unwrap();
    assert_eq!(native, capi);
    assert!(native.sqnr_db >= 38.8 && native.accuracy.1 >= native.accuracy.0 - 0.005, "{}", native.sqnr_db);
    assert!(native.cache.starts_with("TRT-100300-EntropyCalibration2\n") && !native.model.is_empty());
}

/// Checks that both interfaces give the same result or fail with the same message.
pub(super) fn same<T: PartialEq + std::fmt::Debug>(
    what: &str,
    native: super::Outcome<T>,
    capi: super::Outcome<T>,
) -> T {
    assert_eq!(native, capi, "{what}");
    native.unwrap_or_else(|failure| panic!("{what}: {failure:?}"))
}

#[test]
fn weights_are_the_same_on_both_ways() {
    let weights = ArrayD::from_shape_fn(IxDyn(&[3, 4, 5]), |at| {
        ((at[0] * 20 + at[1] * 5 + at[2]) as f32 * 0.7).sin() * (1 + at[0]) as f32
    });
    for axis in [None, Some(0), Some(1), Some(2)] {
        for method in [Method::Max, Method::Mse, Method::Percentile(99.0)] {
            let what = format!("{axis:?} {method}");
            let (native, capi) =
                (Native::weights(&weights, axis, method), Capi::weights(&weights, axis, method));
            let (amax, ..) = same(&what, native, capi);
            assert_eq!(amax.len(), axis.map_or(1, |axis| weights.shape()[axis]), "{what}");
        }
    }
}

#[test]
fn clipping_and_scaling_are_the_same_on_both_ways() {
    let x = ArrayD::from_shape_fn(IxDyn(&[4, 6]), |at| at[0] as f32 * 1.5 - at[1] as f32);
    let gradient = x.mapv(|x| x * 0.25 + 1.0);
    let found = same("clip", Native::clip(&x, &gradient, -2.0, 1.0), Capi::clip(&x, &gradient, -2.0, 1.0));
    assert!(found.values.iter().all(|x| (-2.0..=1.0).contains(x)), "{found:?}");
    assert!(found.gradient != gradient && found.ends.0 != 0.0, "{found:?}");
    assert_eq!(Native::clip(&x, &gradient, 2.0, 1.0), Capi::clip(&x, &gradient, 2.0, 1.0));
    let factors = ArrayD::from_shape_fn(IxDyn(&[6]), |at| at[0] as f32);
    same("multiply", Native::multiply(&x, &factors), Capi::multiply(&x, &factors));
    let misfit = ArrayD::ones(IxDyn(&[5]));
    assert_eq!(Native::multiply(&x, &misfit), Capi::multiply(&x, &misfit));
}

#[test]
fn learned_steps_are_the_same_on_both_ways() {
    let x = ArrayD::from_shape_fn(IxDyn(&[3, 8]), |at| ((at[0] * 8 + at[1]) as f32 * 0.9).sin() * 2.0);
    let gradient = x.mapv(|x| x * 0.25 + 1.0);
    let array = |shape: &[usize], step: f32| ArrayD::from_elem(IxDyn(shape), step);
    let four_bits = QuantDescriptor { num_bits: 4.into(), ..Default::default() };
    let blocks = QuantDescriptor { block: Some(Block { axis: 1, size: 3 }), ..four_bits.clone() };
    for (step, descriptor) in [
        (array(&[], 0.2), &four_bits),
        (array(&[3, 1], 0.1), &four_bits),
        (array(&[8], 0.3), &QuantDescriptor { unsigned: true, ..four_bits.clone() }),
        (array(&[3, 3], 0.2), &blocks),
    ] {
        fn in_type<T: Golden>(
            (x, gradient): (ArrayD<T>, ArrayD<T>),
            step: &ArrayD<f32>,
            descriptor: &QuantDescriptor,
        ) {
            let what = format!("{} {step} {descriptor:?}", std::any::type_name::<T>());
            let native = Native::learned_step(&x, &gradient, step, descriptor);
            let found = same(&what, native, Capi::learned_step(&x, &gradient, step, descriptor));
            assert!(found.values != x && found.gradient != gradient, "{what}");
            assert!(found.step_gradient.iter().any(|&g| g != 0.0), "{what}: {}", found.step_gradient);
        }
        in_type((x.clone(), gradient.clone()), &step, descriptor);
        in_type((x.mapv(f64::from), gradient.mapv(f64::from)), &step, descriptor);
        in_type((x.mapv(f16::from_f32), gradient.mapv(f16::from_f32)), &step, descriptor);
        in_type((x.mapv(bf16::from_f32), gradient.mapv(bf16::from_f32)), &step, descriptor);
    }
    let e4m3 = QuantDescriptor { num_bits: NumBits::E4M3, ..Default::default() };
    for (step, descriptor) in
        [(array(&[], 0.0), &four_bits), (array(&[5], 0.2), &four_bits), (array(&[], 0.2), &e4m3)]
    {
        let native = Native::learned_step(&x, &gradient, &step, descriptor).unwrap_err();
        assert_eq!(native, Capi::learned_step(&x, &gradient, &step, descriptor).unwrap_err());
    }
}

#[test]
fn schedules_are_the_same_on_both_ways() {
    let [recommended, own] = same("schedule", Native::schedule(95, 0.1), Capi::schedule(95, 0.1));
    assert_eq!((recommended.len(), recommended[0], recommended[10]), (11, 0.001, 0.00001));
    assert!(recommended.is_sorted_by(|a, b| a > b) && own == recommended, "{recommended:?} {own:?}");
    assert_eq!(Native::schedule(0, 0.1).unwrap_err(), Capi::schedule(0, 0.1).unwrap_err());
}

#[test]
fn a_quantizer_is_the_same_on_both_ways() {
    let batches: Vec<ArrayD<f32>> = (0..3)
        .map(|batch| {
            ArrayD::from_shape_fn(IxDyn(&[4, 8]), |at| {
                ((at[0] * 8 + at[1] + batch * 32) as f32 * 0.9).sin() * 3.0
            })
        })
        .collect();
    let histogram =
        QuantDescriptor { calib_method: qdq::quant::CalibMethod::Histogram, ..QuantDescriptor::default() };
    let cases = [
        (QuantDescriptor::default(), Method::Max),
        (QuantDescriptor { axis: Some(vec![0]), num_bits: 4.into(), ..Default::default() }, Method::Max),
        (QuantDescriptor { block: Some(Block { axis: 1, size: 4 }), ..Default::default() }, Method::Max),
        (QuantDescriptor { learn_amax: true, ..histogram.clone() }, Method::Percentile(90.0)),
        (QuantDescriptor { fake_quant: false, ..histogram.clone() }, Method::Entropy),
        (QuantDescriptor { num_bits: NumBits::E4M3, ..Default::default() }, Method::Max),
        (histogram, Method::Mse),
    ];
    for (descriptor, method) in cases {
        let what = format!("{descriptor:?} {method}");
        let native = Native::quantizer(&batches, &descriptor, method, true);
        let capi = Capi::quantizer(&batches, &descriptor, method, true);
        let found = same(&what, native, capi);
        assert!(found.values != batches[0] && !found.shown.contains("dynamic"), "{what}: {}", found.shown);
    }
    // Maxima have no entropy method.
    let (plain, method) = (QuantDescriptor::default(), Method::Entropy);
    let failure = Native::quantizer(&batches, &plain, method, true).unwrap_err();
    assert_eq!(failure, Capi::quantizer(&batches, &plain, method, true).unwrap_err());
}

#[test]
fn caches_are_the_same_on_both_ways() {
    let good = "TRT-8501-EntropyCalibration2\ndata: 3c008912\n(Unnamed Layer* 64) [Shuffle]: x: 0\n";
    let doubtful = "TRT-8501-EntropyCalibration2\ndata: 3c008912\ndata: 40000000\nother: 40800000";
    for text in [good, doubtful] {
        let (native, capi) =
            (Native::cache(text, 100_300, &["data", "y"]), Capi::cache(text, 100_300, &["data", "y"]));
        let (ranges, findings) = same(text, native, capi);
        assert!(ranges.contains("\"data\"") && findings.len() >= 2, "{findings:?}");
    }
    for damaged in ["", "TRT-8501-X\nbroken", "TRT-8501-X\nx: 7fc00000"] {
        let (native, capi) = (Native::cache(damaged, 8501, &[]), Capi::cache(damaged, 8501, &[]));
        assert_eq!(native.unwrap_err(), capi.unwrap_err(), "{damaged}");
    }
}

#[test]
fn a_graph_is_planned_in_the_same_way_on_both_ways() {
    for excluded in [None, Some("Conv"), Some("Add")] {
        let plan = same("plan", Native::plan(excluded), Capi::plan(excluded));
        assert_eq!(plan.contains("excluded by the user"), excluded.is_some(), "{plan}");
    }
    assert_eq!(Native::plan(Some("Gemm")).unwrap_err(), Capi::plan(Some("Gemm")).unwrap_err());
}
