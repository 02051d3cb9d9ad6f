//! Calibrators compared with the numbers of pytorch-quantization (`tests/data/golden`).

use ndarray::IxDyn;
use ndarray_npy::NpzReader;
use qdq::error::Error;
use qdq::observe::compat::{HistogramCalibrator, Library};
use qdq::observe::{Stats, TensorStats};
use qdq::range::compat::{self, Search};
use qdq::range::{self, Method, Target};
use qdq::tensor::{Data, Tensor};
use serde_json::Value;

use crate::golden::{Arrays, cases};

fn floats(tensor: &Tensor) -> &[f32] {
    match tensor.data() {
        Data::F32(values) => values,
        other => panic!("{:?} instead of f32", other.view().dtype()),
    }
}

/// Returns a number of a case. `nan` and `inf` are text there.
fn number(value: &Value) -> f32 {
    match value.as_str() {
        Some(text) => text.parse().unwrap(),
        None => value.as_f64().unwrap() as f32,
    }
}

fn collected(case: &Value, arrays: &mut Arrays) -> Result<HistogramCalibrator, (u64, Error)> {
    let library = if case["torch_hist"].as_bool().unwrap() { Library::Torch } else { Library::Numpy };
    let num_bins = case["num_bins"].as_u64().unwrap() as usize;
    let mut calibrator =
        HistogramCalibrator::new(num_bins, case["skip_zeros"].as_bool().unwrap(), library).unwrap();
    for (batch, name) in (0..).zip(case["inputs"].as_array().unwrap()) {
        let values = arrays.get(name.as_str().unwrap());
        calibrator.observe(floats(&values)).map_err(|error| (batch, error))?;
    }
    Ok(calibrator)
}

/// Maxima, histograms and ranges are compared in `api`, through Rust and C. This test has the requests that C
/// lacks.
#[test]
fn a_histogram_fails_at_the_golden_batch() {
    let mut arrays = Arrays::open();
    let failing: Vec<Value> =
        cases("hist").into_iter().filter(|case| case.get("collect_error").is_some()).collect();
    for case in &failing {
        let (batch, error) = collected(case, &mut arrays).expect_err(case["id"].as_str().unwrap());
        assert_eq!(case["collect_error"]["batch"].as_u64(), Some(batch), "{}: {error}", case["id"]);
        assert!(error.remedy().is_some(), "{}: {error}", case["id"]);
    }
    assert!(failing.len() > 10);
}

/// C takes 0 for the default percentile, and has numbers for methods instead of names.
#[test]
fn percentiles_outside_and_methods_that_nobody_has_equal_golden() {
    let mut arrays = Arrays::open();
    let mut asked = 0;
    for case in cases("hist") {
        for (name, expected) in case["results"].as_object().into_iter().flatten() {
            let what = format!("{} {name}", case["id"]);
            let amax = expected.get("amax").map(number);
            match expected.get("method").and_then(Value::as_str).unwrap_or(name) {
                "percentile" => {
                    let percentile = expected["args"]["percentile"].as_f64().unwrap();
                    if percentile > 0.0 && percentile <= 100.0 {
                        continue;
                    }
                    let calibrator =
                        collected(&case, &mut arrays).unwrap_or_else(|(_, e)| panic!("{what}: {e}"));
                    let found = compat::percentile(calibrator.histogram().unwrap(), percentile);
                    assert!(found.as_ref().err().is_none_or(|error| error.remedy().is_some()), "{what}");
                    assert_eq!(found.ok(), amax, "{what}");
                }
                "entropy" | "mse" => continue,
                unknown => {
                    let error = unknown.parse::<Method>().expect_err(&what);
                    assert!(amax.is_none() && error.remedy().is_some(), "{what}: {error}");
                }
            }
            asked += 1;
        }
    }
    assert!(asked > 3);
}

/// The collection by numpy. Its numbers are in the section `quirks`, because the original's entropy
/// overwrites the histogram that it reads. qdq's cannot do that.
#[test]
fn numpy_collection_equals_golden() {
    let values = Arrays::open().get("in_relu_normal");
    let mut calibrator = HistogramCalibrator::new(2048, false, Library::Numpy).unwrap();
    calibrator.observe(floats(&values)).unwrap();
    let histogram = calibrator.histogram().unwrap();
    assert_eq!(histogram.counts.iter().sum::<u64>(), 65_536);
    assert_eq!(compat::percentile(histogram, 60.0).unwrap(), 0.247_645_84);
}

/// Returns reproducible numbers in (0, 1).
fn uniform(seed: u64, count: usize) -> impl Iterator<Item = f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    })
    .take(count)
}

fn normal(seed: u64, count: usize) -> impl Iterator<Item = f64> {
    uniform(seed, count)
        .zip(uniform(seed + 1, count))
        .map(|(u, v)| (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos())
}

fn single(values: impl IntoIterator<Item = f64>) -> Vec<f32> {
    values.into_iter().map(|x| x as f32).collect()
}

/// The table in the documentation of the entropy method.
#[test]
fn entropy_against_the_original_rule() {
    let digits = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/digits/calib.npz");
    let mut digits = NpzReader::new(std::fs::File::open(digits).unwrap()).unwrap();
    let pixels =
        digits.by_name::<ndarray::OwnedRepr<f32>, IxDyn>("input").unwrap().into_raw_vec_and_offset().0;
    let alternating = |i: usize| if i.is_multiple_of(2) { -3.0 } else { 5.0 };
    let mut spike = vec![0.5; 1_000_000];
    spike.extend(uniform(3, 1000).map(|u| 8.0 * u));
    let laplace = uniform(4, 100_000).map(|u| if u < 0.5 { (2.0 * u).ln() } else { -(2.0 - 2.0 * u).ln() });
    let modes = normal(1, 100_000).enumerate().map(|(i, x)| alternating(i) + 0.1 * x);
    // The largest value, and its range by the original rule, by this entropy and by mse.
    let cases = [
        (pixels, [1.0, 0.0625, 1.0, 127.0 / 112.0]),
        (single(modes), [5.40, 2.54, 5.40, 5.28]),
        (single(spike), [8.00, 0.504, 8.00, 7.96]),
        (single(normal(5, 100_000).chain([4000.0])), [4000.0, 4000.0, 4.67, 4000.0]),
        (single(normal(7, 100_000).map(|x| (4.0 * x).clamp(0.0, 6.0))), [6.0; 4]),
        (single(laplace), [12.5, 10.3, 12.5, 10.6]),
        (single(normal(5, 100_000)), [4.57, 4.29, 4.28, 3.99]),
    ];
    for (values, expected) in cases {
        let mut calibrator = HistogramCalibrator::new(2048, false, Library::Torch).unwrap();
        calibrator.observe(&values).unwrap();
        let histogram = calibrator.histogram().unwrap();
        let original = compat::entropy(histogram, Target::default(), Search::default()).unwrap();
        let mut stats = TensorStats::new();
        stats.observe(&values);
        let amax = |method| range::compute(&stats, method, Target::default()).unwrap();
        let found = [amax(Method::Max), original, amax(Method::Entropy), amax(Method::Mse)];
        for (found, expected) in found.into_iter().zip(expected) {
            assert!((found / expected - 1.0f32).abs() < 0.005, "{found} for {expected}");
        }
    }
}

#[test]
fn the_original_collector_refuses_what_it_cannot_count() {
    let cases: [(&str, &[&[f32]], bool); 5] = [
        ("empty", &[&[]], false),
        ("only skipped zeros", &[&[1.0], &[0.0]], true),
        ("NaN later", &[&[1.0], &[f32::NAN]], false),
        ("infinity later", &[&[1.0], &[f32::INFINITY]], false),
        ("growth without bound", &[&[1e-6], &[1e6]], false),
    ];
    // numpy widens the range of a first batch of zeros to 1; torch gives it bins of width 0.
    let zeros_first: (&str, &[&[f32]], bool) = ("zeros first", &[&[0.0], &[1.0]], false);
    for library in [Library::Torch, Library::Numpy] {
        let also = (library == Library::Torch).then_some(zeros_first);
        for (name, batches, skip_zeros) in cases.into_iter().chain(also) {
            let mut calibrator = HistogramCalibrator::new(2048, skip_zeros, library).unwrap();
            let (last, first) = batches.split_last().unwrap();
            first.iter().for_each(|batch| calibrator.observe(batch).unwrap());
            let before = calibrator.histogram().cloned();
            match calibrator.observe(last) {
                Err(error) => assert!(error.remedy().is_some(), "{name}: {error}"),
                Ok(()) => panic!("{name}, {library:?}: no error"),
            }
            assert_eq!(calibrator.histogram(), before.as_ref(), "{name}");
        }
    }
}

#[test]
fn statistics_that_have_no_range_say_why() {
    let range = |values: &[f32], method, target| {
        let mut stats = TensorStats::new();
        stats.observe(values);
        range::compute(&stats, method, target)
    };
    let signed = Target::default();
    let unsigned = Target { unsigned: true, ..signed };
    for method in [Method::Max, Method::Entropy, Method::Percentile(99.99), Method::Mse] {
        assert_eq!(range(&[0.0, -0.0], method, signed).unwrap(), 0.0);
        assert_eq!(range(&[0.0, 2.0, f32::NAN, f32::NEG_INFINITY], method, unsigned).unwrap(), 2.0);
        for (values, target, part) in [
            (&[][..], signed, "no value"),
            (&[f32::NAN, f32::INFINITY], signed, "none of the 2 values"),
            (&[1.0, -0.5], unsigned, "-0.5"),
            (&[1.0], Target { num_bits: 1, unsigned: false }, "1 bits"),
        ] {
            let error = range(values, method, target).unwrap_err();
            assert!(error.message().contains(part) && error.remedy().is_some(), "{method}: {error}");
        }
    }
}

#[test]
fn methods_read_what_they_print() {
    for method in [Method::Max, Method::Entropy, Method::Percentile(99.9), Method::Mse] {
        assert_eq!(method.to_string().parse::<Method>().unwrap(), method);
    }
    assert_eq!("percentile".parse::<Method>().unwrap(), Method::Percentile(99.99));
    for wrong in ["", "kl", "max=3", "percentile=", "percentile=0", "percentile=101", "percentile=NaN"] {
        assert!(wrong.parse::<Method>().unwrap_err().remedy().is_some(), "{wrong}");
    }
}

#[test]
fn files_that_are_no_statistics_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.stats");
    let mut stats = Stats { samples: 5, ..Stats::default() };
    stats.tensors.entry("x".to_owned()).or_default().observe(&[1.0, -2.0, 0.0, f32::NAN]);
    stats.save(&path).unwrap();
    assert_eq!(Stats::load(&path).unwrap(), stats);

    let good = std::fs::read(&path).unwrap();
    let foreign = safetensors::serialize::<&str, safetensors::tensor::TensorView<'_>, _>([], None).unwrap();
    let newer = String::from_utf8_lossy(&good).contains(r#""qdq.stats":"1""#);
    assert!(newer, "the version is no longer where this test changes it");
    let at = good.windows(15).position(|part| part == br#""qdq.stats":"1""#).unwrap();
    let mut other_version = good.clone();
    other_version[at + 13] = b'9';
    let cases: [(&[u8], &str); 5] = [
        (&[], "is empty"),
        (b"not statistics at all, but long enough for a header", "safetensors"),
        (&good[..good.len() - 1], "safetensors"),
        (&foreign, "not calibration statistics"),
        (&other_version, "version 9"),
    ];
    for (bytes, part) in cases {
        std::fs::write(&path, bytes).unwrap();
        let error = Stats::load(&path).unwrap_err();
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        let text = format!("{error}: {}", cause.unwrap_or_default());
        assert!(error.message().contains("run.stats") && text.contains(part), "{text}");
        assert!(error.remedy().is_some(), "{text}");
    }
    assert!(Stats::load(&folder.path().join("absent")).unwrap_err().message().contains("absent"));
}
