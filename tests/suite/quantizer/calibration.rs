//! From observed data to amax.

use half::f16;
use ndarray::{Array1, ArrayD, IxDyn, array};
use proptest::prelude::*;
use qdq::error::ErrorKind;
use qdq::observe::TensorStats;
use qdq::observe::compat::{HistogramCalibrator, Library};
use qdq::quant::{CalibMethod, QuantDescriptor, abs_max, abs_max_per_block, scaled_e4m3};
use qdq::quantizer::{Calibration, TensorQuantizer};
use qdq::range::{self, Method, Target, compat};

use super::{data, dynamic, e4m3, histogram, per_axis, per_block, quantizer, scalar, with_amax};

#[test]
fn maxima_become_amax_of_their_axes_and_blocks() {
    let wide = data().mapv(|x| x * x);
    for (descriptor, amax_of) in [
        (QuantDescriptor::default(), (|x| abs_max(x, None)) as fn(ndarray::ArrayView2<f32>) -> _),
        (per_axis(&[0]), |x| abs_max(x, Some(&[0]))),
        (per_axis(&[-1]), |x| abs_max(x, Some(&[1]))),
        (per_axis(&[0, 1]), |x| abs_max(x, Some(&[0, 1]))),
        (per_block(-1, 2), |x| abs_max_per_block(x, 1, 2)),
    ] {
        let mut quantizer = quantizer(descriptor);
        quantizer.observe(data().view()).unwrap();
        quantizer.observe(wide.view()).unwrap();
        let (first, second) = (amax_of(data().view()).unwrap(), amax_of(wide.view()).unwrap());
        let expected = ndarray::Zip::from(&first).and(&second).map_collect(|a, b| a.max(*b));
        assert_eq!(quantizer.load_calib_amax(Method::Max, true).unwrap(), Some(&expected));
        assert_eq!(quantizer.amax(), Some(&expected));
        quantizer.forward(wide.view()).unwrap();
    }
}

#[test]
fn a_histogram_serves_every_method() {
    let values =
        Array1::from_iter((0..4000).map(|i| ((i * 7919 % 4001) as f32 / 4001.0).powi(4) * 10.0 - 1.0));
    let mut stats = TensorStats::new();
    stats.observe(values.as_slice().unwrap());
    let mut quantizer = quantizer(QuantDescriptor { num_bits: 4.into(), ..histogram() });
    quantizer.observe(values.view()).unwrap();
    for method in [Method::Max, Method::Entropy, Method::Percentile(99.0), Method::Mse] {
        let expected = range::compute(&stats, method, Target { num_bits: 4, unsigned: false }).unwrap();
        assert_eq!(quantizer.load_calib_amax(method, true).unwrap(), Some(&scalar(expected)));
    }
    let Calibration::Histogram(found) = quantizer.calibration() else { panic!() };
    assert_eq!(found, &stats);
}

#[test]
fn the_original_histogram_has_the_original_ranges_and_their_options() {
    let compat_descriptor =
        || QuantDescriptor { calib_method: CalibMethod::Compat, ..QuantDescriptor::default() };
    let batches = [1.0f32, 2.5].map(|factor| {
        Array1::from_iter((0..4000).map(|i| ((i * 7919 % 4001) as f32 / 4001.0).powi(4) * factor))
    });
    let mut original = HistogramCalibrator::new(2048, false, Library::Torch).unwrap();
    let mut found = quantizer(compat_descriptor());
    assert_eq!(found.load_calib_amax(Method::Entropy, false).unwrap(), None);
    for batch in &batches {
        original.observe(batch.as_slice().unwrap()).unwrap();
        found.observe(batch.view()).unwrap();
    }
    found.observe(Array1::<f32>::zeros(0).view()).unwrap();
    let bins = original.histogram().unwrap();
    let (target, usual) = (Target::default(), compat::Search::default());
    let rule = |method, search| match method {
        Method::Entropy => compat::entropy(bins, target, search),
        Method::Mse => compat::mse(bins, target, search),
        Method::Percentile(percentile) => compat::percentile(bins, percentile),
        Method::Max => unreachable!(),
    };
    for method in [Method::Entropy, Method::Mse, Method::Percentile(99.0)] {
        let expected = scalar(rule(method, usual).unwrap());
        assert_eq!(found.load_calib_amax(method, true).unwrap(), Some(&expected), "{method}");
    }
    let mut ranges = Vec::new();
    for method in [Method::Entropy, Method::Mse] {
        for (start_bin, stride) in [(128, 1), (700, 11), (3000, 1)] {
            let search = compat::Search { start_bin, stride };
            let expected = scalar(rule(method, search).unwrap());
            assert_eq!(found.load_calib_amax_searching(method, search, true).unwrap(), Some(&expected));
            ranges.push(expected[[]]);
        }
    }
    assert!(
        ranges[..3].windows(2).any(|two| two[0] != two[1])
            && ranges[3..].windows(2).any(|two| two[0] != two[1])
    );

    let kept = found.amax().cloned();
    let error = found.load_calib_amax(Method::Max, true).unwrap_err();
    assert!(error.message().contains("no max over a histogram") && error.remedy().is_some(), "{error}");
    for (method, start_bin, stride, part) in [
        (Method::Entropy, 128, 0, "in steps of 0"),
        (Method::Mse, 1 << 20, 1, "no bin to try"),
        (Method::Percentile(99.0), 128, 1, "no start_bin and stride"),
        (Method::Max, 128, 1, "max has no start_bin and stride"),
    ] {
        let search = compat::Search { start_bin, stride };
        let error = found.load_calib_amax_searching(method, search, false).unwrap_err();
        assert!(error.message().contains(part) && error.remedy().is_some(), "{error}");
        assert!(error.kind() == ErrorKind::InvalidArgument, "{error}");
    }
    for descriptor in [histogram(), QuantDescriptor::default()] {
        let mut other = quantizer(descriptor);
        other.observe(data().view()).unwrap();
        let error = other.load_calib_amax_searching(Method::Entropy, usual, true).unwrap_err();
        assert!(error.remedy().unwrap().contains("compat"), "{error}");
    }
    assert_eq!(found.amax().cloned(), kept);

    // This histogram depends on the order of batches, and it has no file.
    let error = found.merge(&found.clone()).unwrap_err();
    assert!(error.kind() == ErrorKind::Unsupported && error.message().contains("order"), "{error}");
    let error = found.calibration_to_bytes().unwrap_err();
    assert!(error.kind() == ErrorKind::Unsupported && error.message().contains("no file"), "{error}");
    assert!(found.calibration_from_bytes(b"").unwrap_err().message().contains("no file"));
    let error = found.observe(array![f32::NAN].view()).unwrap_err();
    assert!(error.message().contains("NaN"), "{error}");
    assert!(found.to_string().contains("calibrator=compat"), "{found}");
    found.reset_calibration();
    assert_eq!(found.load_calib_amax(Method::Entropy, false).unwrap(), None);
    let again = TensorQuantizer::from_json(&found.to_json().unwrap()).unwrap();
    assert_eq!(again.descriptor().calib_method, CalibMethod::Compat);

    // e4m3 has no integers, which the original's entropy and mse need.
    let mut floats = quantizer(QuantDescriptor { calib_method: CalibMethod::Compat, ..e4m3() });
    floats.observe(data().view()).unwrap();
    for method in [Method::Entropy, Method::Mse] {
        assert_eq!(floats.load_calib_amax(method, true).unwrap_err().kind(), ErrorKind::Unsupported);
    }
    floats.load_calib_amax(Method::Percentile(100.0), true).unwrap();
    let per_row = QuantDescriptor { axis: Some(vec![0]), ..compat_descriptor() };
    assert!(TensorQuantizer::new(per_row).unwrap_err().message().contains("per tensor"));
}

#[test]
fn maxima_know_no_other_method_than_max() {
    let mut quantizer = dynamic();
    quantizer.observe(data().view()).unwrap();
    for method in [Method::Entropy, Method::Percentile(99.0), Method::Mse] {
        let error = quantizer.load_calib_amax(method, false).unwrap_err();
        assert!(error.message().contains(&format!("{method} needs a histogram")), "{error}");
        assert!(error.remedy().unwrap().contains("calib_method"), "{error}");
    }
    assert_eq!(quantizer.amax(), None);
}

#[test]
fn e4m3_has_ranges_by_every_method_but_entropy() {
    let mut quantizer = quantizer(QuantDescriptor { calib_method: histogram().calib_method, ..e4m3() });
    quantizer.observe(data().view()).unwrap();
    let error = quantizer.load_calib_amax(Method::Entropy, true).unwrap_err();
    assert!(error.kind() == ErrorKind::Unsupported && error.remedy().unwrap().contains("mse"), "{error}");
    for method in [Method::Max, Method::Percentile(100.0)] {
        let amax = quantizer.load_calib_amax(method, true).unwrap().unwrap()[[]];
        assert_eq!(amax, abs_max(data().view(), None).unwrap()[[]]);
    }
}

#[test]
fn the_mse_range_of_e4m3_has_nearly_the_least_error_there_is() {
    let laplace = |i: i32| {
        let u = f64::from(i * 7919 % 4001) / 4001.0 - 0.5;
        (u.signum() * -(1.0 - 2.0 * u.abs()).ln()) as f32
    };
    let wide = Array1::from_iter((1..4001).map(laplace));
    // Nearly all values are at places without a level of the largest magnitude.
    let narrow =
        Array1::from_iter((0..4000).map(|i| if i == 0 { 1.3 } else { 1.0 + (i as f32).sin() / 50.0 }));
    for (values, factor, gain) in
        [(&wide, 1.0, 1.0), (&wide, 1e-3, 1.0), (&wide, 1e3, 1.0), (&narrow, 1.0, 2.0)]
    {
        let x = values * factor;
        let mut quantizer = quantizer(QuantDescriptor { calib_method: histogram().calib_method, ..e4m3() });
        quantizer.observe(x.view()).unwrap();
        let found = quantizer.load_calib_amax(Method::Mse, true).unwrap().unwrap()[[]];
        let error = |amax: f32| {
            let y = scaled_e4m3(x.view(), Some(amax.into())).unwrap();
            (y - &x).mapv(|e| f64::from(e).powi(2)).sum()
        };
        let max = abs_max(x.view(), None).unwrap()[[]];
        let least = (1..=1000).map(|k| error(max * k as f32 / 1000.0)).fold(f64::INFINITY, f64::min);
        assert!(found <= max && error(found) <= 1.03 * least, "{found}: {} {least}", error(found));
        assert!(gain * error(found) <= error(max), "{} {}", error(found), error(max));
    }
    for (x, amax) in [(array![0.0f32, 0.0], 0.0), (array![0.3, -0.3], 0.3)] {
        let mut quantizer = quantizer(QuantDescriptor { calib_method: histogram().calib_method, ..e4m3() });
        quantizer.observe(x.view()).unwrap();
        assert_eq!(quantizer.load_calib_amax(Method::Mse, true).unwrap(), Some(&scalar(amax)));
    }
}

#[test]
fn nothing_observed_is_an_error_or_leaves_the_range_as_it_was() {
    for descriptor in [QuantDescriptor::default(), histogram(), per_axis(&[0])] {
        let mut quantizer = quantizer(descriptor);
        quantizer.observe(Array1::<f32>::zeros(0).view()).unwrap();
        let error = quantizer.load_calib_amax(Method::Max, true).unwrap_err();
        assert!(
            error.kind() == ErrorKind::Data && error.message().contains("nothing was observed"),
            "{error}"
        );
        assert_eq!(quantizer.load_calib_amax(Method::Max, false).unwrap(), None);
        assert!(quantizer.is_dynamic());
        assert!(quantizer.forward(data().view()).unwrap().iter().all(|y| y.is_finite()));
    }
    let mut fixed = quantizer(with_amax(2.0));
    assert_eq!(fixed.load_calib_amax(Method::Max, false).unwrap(), None);
    assert_eq!(fixed.amax(), Some(&scalar(2.0)));
}

#[test]
fn nan_is_left_out_and_infinity_is_no_range() {
    let (nan, infinity) = (f32::NAN, f32::NEG_INFINITY);
    for descriptor in [QuantDescriptor::default(), histogram()] {
        let mut quantizer = quantizer(descriptor);
        for batch in [array![nan, nan], array![nan, -4.0], array![-3.0, 2.0]] {
            quantizer.observe(batch.view()).unwrap();
        }
        assert_eq!(quantizer.load_calib_amax(Method::Max, true).unwrap(), Some(&scalar(4.0)));
    }
    let mut only_nan = dynamic();
    only_nan.observe(array![nan].view()).unwrap();
    assert_eq!(only_nan.load_calib_amax(Method::Max, false).unwrap(), None);
    let mut maxima = dynamic();
    maxima.observe(array![1.0, infinity].view()).unwrap();
    let error = maxima.load_calib_amax(Method::Max, false).unwrap_err();
    assert!(error.message().contains("infinity was observed"), "{error}");
    assert!(maxima.is_dynamic());
    let mut counted = quantizer(histogram());
    counted.observe(array![infinity].view()).unwrap();
    assert!(
        counted.load_calib_amax(Method::Max, true).unwrap_err().message().contains("none of the 1 values")
    );
    counted.observe(array![1.0, infinity].view()).unwrap();
    assert_eq!(counted.load_calib_amax(Method::Max, true).unwrap(), Some(&scalar(1.0)));
}

#[test]
fn every_type_of_data_is_observed() {
    for descriptor in [QuantDescriptor::default(), histogram()] {
        let mut quantizer = quantizer(descriptor);
        quantizer.observe(array![f16::from_f32(-1.5)].view()).unwrap();
        quantizer.observe(array![half::bf16::from_f32(-2.5)].view()).unwrap();
        quantizer.observe(array![3.5f64].view()).unwrap();
        assert_eq!(quantizer.load_calib_amax(Method::Max, true).unwrap(), Some(&scalar(3.5)));
    }
}

#[test]
fn kept_axes_must_stay_and_exist() {
    let mut quantizer = quantizer(per_axis(&[0]));
    quantizer.observe(data().view()).unwrap();
    let error = quantizer.observe(array![[1.0f32]].view()).unwrap_err();
    assert!(error.message().contains("[3, 1]") && error.message().contains("[1, 1]"), "{error}");
    let error = super::quantizer(per_axis(&[2])).observe(data().view()).unwrap_err();
    assert!(error.message().contains("no axis 2"), "{error}");
    assert!(super::quantizer(per_block(2, 2)).observe(data().view()).is_err());
}

#[test]
fn resetting_forgets_the_data_but_not_the_range() {
    for descriptor in [QuantDescriptor::default(), histogram()] {
        let mut quantizer = quantizer(descriptor);
        quantizer.observe(array![5.0f32].view()).unwrap();
        quantizer.load_calib_amax(Method::Max, true).unwrap();
        quantizer.reset_calibration();
        assert_eq!(quantizer.amax(), Some(&scalar(5.0)));
        assert_eq!(quantizer.load_calib_amax(Method::Max, false).unwrap(), None);
        quantizer.observe(array![2.0f32].view()).unwrap();
        assert_eq!(quantizer.load_calib_amax(Method::Max, true).unwrap(), Some(&scalar(2.0)));
    }
}

#[test]
fn loading_keeps_the_shape_of_a_single_number_and_refuses_to_change_others() {
    let one = ArrayD::from_elem(IxDyn(&[1, 1]), 9.0);
    let mut quantizer = quantizer(QuantDescriptor { amax: Some(one), ..QuantDescriptor::default() });
    quantizer.observe(data().view()).unwrap();
    assert_eq!(quantizer.load_calib_amax(Method::Max, true).unwrap().unwrap().shape(), [1, 1]);
    let mut rows = super::quantizer(QuantDescriptor { amax: Some(scalar(9.0)), ..per_axis(&[0]) });
    rows.observe(data().view()).unwrap();
    assert_eq!(rows.load_calib_amax(Method::Max, true).unwrap_err().kind(), ErrorKind::Shape);
    assert_eq!(rows.amax(), Some(&scalar(9.0)));
    rows.set_amax(None).unwrap();
    assert_eq!(rows.load_calib_amax(Method::Max, true).unwrap().unwrap().shape(), [3, 1]);
}

#[test]
fn quantizers_that_collect_differently_do_not_merge() {
    for (a, b) in [
        (QuantDescriptor::default(), histogram()),
        (per_axis(&[0]), per_axis(&[1])),
        (per_block(0, 2), per_block(0, 3)),
        (per_block(0, 2), QuantDescriptor::default()),
    ] {
        let error = quantizer(a).merge(&quantizer(b)).unwrap_err();
        assert!(error.message().contains("another method, axis or block"), "{error}");
    }
    let (mut three, mut two) = (quantizer(per_axis(&[0])), quantizer(per_axis(&[0])));
    three.observe(data().view()).unwrap();
    two.observe(array![[1.0f32], [2.0]].view()).unwrap();
    assert_eq!(three.merge(&two).unwrap_err().kind(), ErrorKind::Shape);
}

proptest! {
    #[test]
    fn threads_together_collect_what_one_would(
        batches in prop::collection::vec(prop::collection::vec(-100f32..100.0, 6), 1..5),
        cut in 0usize..5,
        which in 0usize..5,
    ) {
        let descriptor = match which {
            0 => QuantDescriptor::default(),
            1 => histogram(),
            2 => per_axis(&[-2]),
            3 => per_axis(&[]),
            _ => per_block(1, 2),
        };
        let (mut one, mut a, mut b) =
            (quantizer(descriptor.clone()), quantizer(descriptor.clone()), quantizer(descriptor));
        for (at, batch) in batches.iter().enumerate() {
            let batch = ArrayD::from_shape_vec(IxDyn(&[2, 3]), batch.clone()).unwrap();
            one.observe(batch.view()).unwrap();
            if at < cut { &mut a } else { &mut b }.observe(batch.view()).unwrap();
        }
        a.merge(&b).unwrap();
        let together = a.load_calib_amax(Method::Max, true).unwrap();
        prop_assert_eq!(together, one.load_calib_amax(Method::Max, true).unwrap());
    }
}
