//! Models that cannot be recovered, and runs that fail.

use std::ops::ControlFlow;

use qdq::emit::{WeightForm, Weights};
use qdq::error::{Error, ErrorKind};
use qdq::pipeline::{self, Passes, RecoverOptions};
use qdq::recover::Recovery;
use qdq::tensor::{Data, Tensor};

use super::{ALL, BIAS, Case, EQUALIZATION, NONE, ROUNDING, go_on, read};

#[test]
fn equalization_does_not_take_ranges_that_are_given() {
    let amax = [("fc.weight".to_owned(), vec![1.0])].into();
    let weights = Weights { amax, ..Weights::default() };
    let check = |weights: &Weights, recovery: Recovery| {
        RecoverOptions { weights: weights.clone(), recovery, ..Default::default() }.check()
    };
    let error = check(&weights, EQUALIZATION).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("ranges are given"), "{error}");
    check(&weights, BIAS).unwrap();
    check(&Weights::default(), EQUALIZATION).unwrap();
}

#[test]
fn float_weights_are_rounded_by_the_runtime() {
    let case = Case::made("layer_gemm");
    let float = Weights { form: WeightForm::Float, ..Weights::default() };
    for (weights, recovery) in
        [(float.clone(), ROUNDING), (float.clone(), ALL), (Weights { bits: 4, ..float.clone() }, NONE)]
    {
        let error = case.try_recover(weights, recovery).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains("stored as float"), "{error}");
    }
    for recovery in [BIAS, EQUALIZATION] {
        case.try_recover(float.clone(), recovery).unwrap();
    }
}

#[test]
fn weights_have_two_to_eight_bits() {
    let case = Case::made("layer_gemm");
    for bits in [0, 1, 9, 16, u32::MAX] {
        let error = case.try_recover(Weights { bits, ..Weights::default() }, ROUNDING).map(drop).unwrap_err();
        assert!(error.to_string().contains("'weight'"), "{error}");
    }
    for bits in 2..=8 {
        case.recover(bits, ALL);
    }
}

#[test]
fn weights_that_are_not_finite_are_refused_by_name() {
    for recovery in [NONE, ROUNDING, BIAS, EQUALIZATION] {
        let mut case = Case::made("pair_conv");
        let mut weight = case.prepared.model().constant("w_1").unwrap().unwrap();
        if let Data::F32(values) = weight.data() {
            let mut values = values.clone();
            values[3] = f32::NAN;
            weight = Tensor::new(weight.shape().to_vec(), values).unwrap();
        }
        let mut broken = case.float.clone();
        broken.set_initializer("w_1", weight.clone()).unwrap();
        case.prepared = pipeline::prepare(&broken).unwrap();
        let error = case.try_recover(Weights::default(), recovery).map(drop).unwrap_err();
        assert!(error.to_string().contains("'w_1"), "{recovery:?}: {error}");
    }
}

#[test]
fn what_goes_wrong_in_a_pass_comes_out() {
    let case = Case::made("pair_conv");
    let run = |fails_at: usize, stops_at: usize| {
        let (mut opened, mut seen) = (0, 0);
        let mut open = || {
            opened += 1;
            if opened == fails_at {
                return Err(Error::new(ErrorKind::Io, "the camera is gone"));
            }
            read(&case.data, &case.float)
        };
        let mut report = |progress| {
            seen += 1;
            if seen == stops_at { ControlFlow::Break(()) } else { go_on(progress) }
        };
        let mut passes = Passes { open: &mut open, runtime: &case.runtime, report: &mut report };
        let options = RecoverOptions { recovery: ALL, ..Default::default() };
        let found = case.prepared.recover(&case.plan, &case.ranges, &options, &mut passes);
        (found.map(drop).map_err(|error| error.kind()), opened, seen)
    };
    // Equalization and smoothing read the data three times, the others read it twice each, and the statistics
    // of scaled tensors once. There are three batches.
    assert_eq!(run(0, 0), (Ok(()), 11, 33));
    for pass in 1..=11 {
        assert_eq!(run(pass, 0), (Err(ErrorKind::Io), pass, 3 * (pass - 1)));
        assert_eq!(run(0, 3 * pass), (Err(ErrorKind::Cancelled), pass, 3 * pass));
    }
}

#[test]
fn without_a_method_no_data_is_read() {
    let case = Case::made("layer_conv");
    let mut open = || Err(Error::new(ErrorKind::Io, "nobody asked"));
    let mut passes = Passes { open: &mut open, runtime: &case.runtime, report: &mut go_on };
    let options = RecoverOptions::default();
    let found = case.prepared.recover(&case.plan, &case.ranges, &options, &mut passes).unwrap();
    let plain = case.prepared.quantize(&case.plan, &case.ranges, &options.weights).unwrap();
    assert!(found.model.encode().unwrap() == plain.encode().unwrap() && found.report.layers.is_empty());
}
