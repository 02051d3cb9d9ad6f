//! The statistics of calibration, saved and loaded.

use ndarray::array;
use qdq::error::ErrorKind;
use qdq::observe::axis_max::AxisMax;
use qdq::observe::{Stats, TensorStats};
use qdq::quant::QuantDescriptor;
use qdq::range::Method;

use super::{data, histogram, per_axis, per_block, quantizer};

/// Two machines, two files, one range: it equals that of a quantizer that observed everything.
#[test]
fn observed_saved_loaded_and_merged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calibration");
    let wide = data().mapv(|x| x * x);
    let named = QuantDescriptor { name: Some("conv1".into()), ..histogram() };
    for descriptor in [
        QuantDescriptor::default(),
        histogram(),
        named,
        per_axis(&[0]),
        per_axis(&[-1, 0]),
        per_axis(&[]),
        per_block(-1, 2),
    ] {
        let new = || quantizer(descriptor.clone());
        let (mut one, mut first, mut second, mut loaded) = (new(), new(), new(), new());
        for batch in [data(), wide.clone()] {
            one.observe(batch.view()).unwrap();
        }
        first.observe(data().view()).unwrap();
        second.observe(wide.view()).unwrap();
        // A file exists before the first batch too.
        loaded.save_calibration(&path).unwrap();
        loaded.load_calibration(&path).unwrap();
        assert_eq!(loaded.load_calib_amax(Method::Max, false).unwrap(), None, "{descriptor:?}");
        second.save_calibration(&path).unwrap();
        loaded.load_calibration(&path).unwrap();
        first.merge(&loaded).unwrap();
        assert_eq!(first.calibration_to_bytes().unwrap(), one.calibration_to_bytes().unwrap());
        let amax = first.load_calib_amax(Method::Max, true).unwrap();
        assert_eq!(amax, one.load_calib_amax(Method::Max, true).unwrap(), "{descriptor:?}");
    }
}

#[test]
fn infinities_are_saved_as_such() {
    let mut maxima = quantizer(per_axis(&[1]));
    maxima.observe(array![[1.0, f32::NEG_INFINITY]].view()).unwrap();
    let bytes = maxima.calibration_to_bytes().unwrap();
    assert_eq!(AxisMax::from_bytes(&bytes).unwrap().amax().unwrap().values, [1.0, f32::INFINITY]);
}

#[test]
fn observers_of_the_library_are_loaded_too() {
    let mut max = AxisMax::keeping(&[0]);
    max.observe(&[2, 2], &[1.0, -2.0, 3.0, 4.0]).unwrap();
    let mut rows = quantizer(per_axis(&[0]));
    rows.calibration_from_bytes(&max.to_bytes().unwrap()).unwrap();
    assert_eq!(rows.load_calib_amax(Method::Max, true).unwrap(), Some(&array![[2.0f32], [4.0]].into_dyn()));
    let mut run = Stats::default();
    for (name, value) in [("a", 1.0), ("b", 2.0)] {
        let mut stats = TensorStats::new();
        stats.observe(&[value]);
        run.tensors.insert(name.into(), stats);
    }
    let mut own = quantizer(QuantDescriptor { name: Some("b".into()), ..histogram() });
    own.calibration_from_bytes(&run.to_bytes().unwrap()).unwrap();
    assert_eq!(own.load_calib_amax(Method::Max, true).unwrap().unwrap()[[]], 2.0);
    let error = quantizer(histogram()).calibration_from_bytes(&run.to_bytes().unwrap()).unwrap_err();
    assert!(error.kind() == ErrorKind::Data && error.message().contains("none of 2 tensors"), "{error}");
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let saved = |descriptor| {
        let mut other = quantizer(descriptor);
        other.observe(data().view()).unwrap();
        other.calibration_to_bytes().unwrap()
    };
    let mut rows = quantizer(per_axis(&[0]));
    rows.observe(data().view()).unwrap();
    let before = rows.calibration_to_bytes().unwrap();
    for (bytes, kind, says) in [
        (saved(per_axis(&[1])), ErrorKind::InvalidArgument, "other axes or blocks"),
        (saved(per_block(1, 2)), ErrorKind::InvalidArgument, "other axes or blocks"),
        (saved(histogram()), ErrorKind::Format, "holds no maxima"),
        (before[..before.len() - 1].to_vec(), ErrorKind::Format, "holds no maxima"),
        (b"nonsense".to_vec(), ErrorKind::Format, "holds no maxima"),
    ] {
        let error = rows.calibration_from_bytes(&bytes).unwrap_err();
        assert!(error.kind() == kind && error.message().contains(says), "{error}: {says}");
        assert_eq!(rows.calibration_to_bytes().unwrap(), before);
    }
    let error = quantizer(histogram()).calibration_from_bytes(&before).unwrap_err();
    assert!(error.message().contains("holds no calibration statistics"), "{error}");
    let error = rows.load_calibration(std::path::Path::new("/nowhere/at/all")).unwrap_err();
    assert!(error.kind() == ErrorKind::Io && error.message().contains("/nowhere/at/all"), "{error}");
}
