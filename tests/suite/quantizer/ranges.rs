//! amax and the ranges that derive from it.

use ndarray::{ArrayD, IxDyn, array};
use qdq::error::ErrorKind;
use qdq::quant::{NumBits, QuantDescriptor};
use qdq::quantizer::{ClipRange, TensorQuantizer};
use qdq::range::Method;

use super::{data, dynamic, e4m3, learning, per_axis, per_block, quantizer, scalar, with_amax};

#[test]
fn amax_keeps_its_shape_until_it_is_cleared() {
    let mut quantizer = dynamic();
    quantizer.set_amax(Some(array![[1.0], [2.0], [3.0]].into_dyn())).unwrap();
    quantizer.set_amax(Some(array![[3.0], [2.0], [0.0]].into_dyn())).unwrap();
    let error = quantizer.set_amax(Some(scalar(1.0))).unwrap_err();
    assert!(error.kind() == ErrorKind::Shape && error.message().contains("[3, 1]"), "{error}");
    assert_eq!(quantizer.amax().unwrap()[[0, 0]], 3.0);
    quantizer.set_amax(None).unwrap();
    assert!(quantizer.is_dynamic());
    quantizer.set_amax(Some(scalar(1.0))).unwrap();
    assert_eq!(quantizer.descriptor().amax, Some(scalar(1.0)));
}

#[test]
fn an_amax_that_is_no_range_is_refused() {
    for bad in [-1.0, f32::NAN, f32::INFINITY] {
        let error = dynamic().set_amax(Some(array![1.0, bad].into_dyn())).unwrap_err();
        assert!(error.message().contains(&format!("amax is {bad}")), "{error}");
        assert!(error.remedy().is_some(), "{error}");
        assert!(TensorQuantizer::new(with_amax(bad)).is_err());
    }
    let empty = Some(ArrayD::zeros(IxDyn(&[0])));
    assert!(dynamic().set_amax(empty.clone()).unwrap_err().message().contains("no number"));
    assert!(TensorQuantizer::new(QuantDescriptor { amax: empty, ..QuantDescriptor::default() }).is_err());
    assert!(
        TensorQuantizer::new(QuantDescriptor { num_bits: 1.into(), ..QuantDescriptor::default() }).is_err()
    );
}

#[test]
fn the_step_is_that_of_the_range_in_use() {
    assert_eq!(dynamic().step_size(), None);
    let step = |descriptor| quantizer(descriptor).step_size().unwrap();
    assert_eq!(step(with_amax(127.0)), scalar(1.0));
    assert_eq!(step(QuantDescriptor { unsigned: true, ..with_amax(255.0) }), scalar(1.0));
    assert_eq!(step(QuantDescriptor { num_bits: 4.into(), ..with_amax(3.5) }), scalar(0.5));
    assert_eq!(step(QuantDescriptor { scale_amax: Some(0.5), ..with_amax(127.0) }), scalar(0.5));
    assert_eq!(step(QuantDescriptor { num_bits: NumBits::E4M3, ..with_amax(224.0) }), scalar(0.5));
    let mut learning = learning(127.0);
    learning.set_clip_range(ClipRange { min: -254.0, max: 1.0 }).unwrap();
    assert_eq!(learning.step_size(), Some(scalar(2.0)));
    assert_eq!(
        quantizer(QuantDescriptor { learn_amax: true, ..QuantDescriptor::default() }).step_size(),
        None
    );
    let rows =
        quantizer(QuantDescriptor { amax: Some(array![[127.0], [254.0]].into_dyn()), ..per_axis(&[0]) });
    assert_eq!(rows.step_size(), Some(array![[1.0], [2.0]].into_dyn()));
}

#[test]
fn only_a_fixed_range_is_exported() {
    assert!(dynamic().amax_for_export().unwrap_err().message().contains("no fixed range"));
    let mut fixed = quantizer(QuantDescriptor { scale_amax: Some(0.5), ..with_amax(4.0) });
    assert_eq!(fixed.amax_for_export().unwrap(), scalar(2.0));
    fixed.set_calibrating(true);
    assert!(fixed.amax_for_export().unwrap_err().message().contains("still calibrating"));
    let rows = array![[1.0], [2.0]].into_dyn();
    let e4m3_rows = QuantDescriptor { amax: Some(rows.clone()), axis: Some(vec![0]), ..e4m3() };
    assert_eq!(quantizer(e4m3_rows).amax_for_export().unwrap(), rows);
    let blocks = QuantDescriptor { num_bits: NumBits::E4M3, amax: Some(rows), ..per_block(-1, 64) };
    assert!(quantizer(blocks).amax_for_export().unwrap_err().message().contains("e4m3"));
    let one = QuantDescriptor { amax: Some(array![[1.0]].into_dyn()), ..e4m3() };
    assert_eq!(quantizer(one).amax_for_export().unwrap(), array![[1.0]].into_dyn());
}

#[test]
fn clipping_needs_learn_amax() {
    let mut plain = quantizer(with_amax(1.0));
    for error in [
        plain.set_clipping(true).unwrap_err(),
        plain.set_clip_range(ClipRange { min: -1.0, max: 1.0 }).unwrap_err(),
        plain.init_learn_amax().unwrap_err(),
    ] {
        assert!(error.message().contains("needs learn_amax"), "{error}");
    }
    plain.set_clipping(false).unwrap();
    let mut learning = learning(1.0);
    learning.set_clipping(true).unwrap();
    assert!(learning.is_clipping());
    learning.set_clipping(false).unwrap();
    assert!(!learning.is_clipping());
}

#[test]
fn learning_starts_at_the_largest_amax() {
    let descriptor = QuantDescriptor { learn_amax: true, ..QuantDescriptor::default() };
    let mut quantizer = quantizer(descriptor);
    assert!(!quantizer.is_dynamic() && quantizer.clip_range().is_none());
    assert!(quantizer.init_learn_amax().unwrap_err().message().contains("no amax"));
    let error = quantizer.forward(data().view()).unwrap_err();
    assert!(error.message().contains("no clip range") && error.remedy().is_some(), "{error}");
    assert!(quantizer.backward(data().view(), data().view()).is_err());
    quantizer.observe(data().view()).unwrap();
    quantizer.load_calib_amax(Method::Max, true).unwrap();
    quantizer.init_learn_amax().unwrap();
    let amax = quantizer.amax().unwrap()[[]];
    assert_eq!(quantizer.clip_range(), Some(ClipRange { min: -amax, max: amax }));
    quantizer.set_amax(None).unwrap();
    quantizer.set_amax(Some(array![1.0, 3.0, 2.0].into_dyn())).unwrap();
    quantizer.init_learn_amax().unwrap();
    assert_eq!(quantizer.clip_range(), Some(ClipRange { min: -3.0, max: 3.0 }));
    assert_eq!(learning(2.0).clip_range(), Some(ClipRange { min: -2.0, max: 2.0 }));
}

#[test]
fn a_clip_range_has_ends_in_order() {
    for (min, max) in [(1.0, -1.0), (f32::NAN, 1.0), (-1.0, f32::INFINITY)] {
        let error = learning(1.0).set_clip_range(ClipRange { min, max }).unwrap_err();
        assert!(error.message().contains("no clip range") && error.remedy().is_some(), "{error}");
    }
    assert_eq!(ClipRange { min: -1.0, max: 0.5 }.amax(), 1.0);
    assert_eq!(ClipRange { min: 0.25, max: 0.5 }.amax(), 0.5);
    assert_eq!(ClipRange { min: -3.0, max: -2.0 }.amax(), 3.0);
}

#[test]
fn the_format_can_change() {
    let mut quantizer = quantizer(with_amax(1.0));
    quantizer.set_format(4, true, true).unwrap();
    assert_eq!(quantizer.step_size(), Some(scalar(1.0 / 15.0)));
    quantizer.set_format(NumBits::E4M3, false, false).unwrap();
    assert_eq!(quantizer.step_size(), Some(scalar(1.0 / 448.0)));
    assert!(quantizer.set_format(NumBits::E4M3, true, false).is_err());
    assert!(quantizer.set_format(17, false, false).is_err());
    assert_eq!(quantizer.descriptor().num_bits, NumBits::E4M3);
}
