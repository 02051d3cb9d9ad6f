//! Gradients.

use half::f16;
use ndarray::{Array1, array};
use proptest::prelude::*;
use qdq::error::ErrorKind;
use qdq::quant::{QuantDescriptor, clip_backward, fake_tensor_quant_backward};
use qdq::quantizer::{ClipRange, TensorQuantizer};

use super::{data, dynamic, e4m3, learning, per_axis, per_block, quantizer, scalar, with_amax};

fn gradient() -> ndarray::Array2<f32> {
    data().mapv(|x| x * 3.0 + 1.0)
}

#[test]
fn the_gradient_passes_up_to_the_amax_used() {
    let descriptors = [
        with_amax(2.0),
        QuantDescriptor { scale_amax: Some(0.5), ..QuantDescriptor::default() },
        QuantDescriptor { scale_amax: Some(0.5), ..per_axis(&[-1]) },
        QuantDescriptor { scale_amax: Some(0.5), ..per_block(1, 2) },
        QuantDescriptor { amax: Some(scalar(2.0)), ..e4m3() },
        QuantDescriptor { fake_quant: false, ..with_amax(2.0) },
    ];
    for descriptor in descriptors {
        let amax = descriptor.amax_of(data().view()).unwrap();
        let grouped = descriptor.per_group(&amax, 2).unwrap();
        let expected = fake_tensor_quant_backward(gradient().view(), data().view(), grouped).unwrap();
        assert!(expected.iter().any(|&g| g == 0.0), "nothing is clipped");
        let found = quantizer(descriptor).backward(gradient().view(), data().view()).unwrap();
        assert_eq!((found.x, found.clip), (expected, None));
    }
}

#[test]
fn a_dynamic_range_holds_everything_in_every_type() {
    for descriptor in [QuantDescriptor::default(), per_axis(&[0]), per_block(0, 2)] {
        let quantizer = quantizer(descriptor);
        // 0.1 is larger and 0.3 is smaller in f32 than in f64.
        let x = data().mapv(|x| f64::from(x) / 3.0) + 0.1;
        let ones = x.mapv(|_| 1.0);
        assert_eq!(quantizer.backward(ones.view(), x.view()).unwrap().x, ones);
        let (x, ones) = (x.mapv(f16::from_f64), ones.mapv(f16::from_f64));
        assert_eq!(quantizer.backward(ones.view(), x.view()).unwrap().x, ones);
    }
}

#[test]
fn switches_decide_what_the_gradient_passes() {
    let mut quantizer = learning(1.0);
    let found = |quantizer: &TensorQuantizer| quantizer.backward(gradient().view(), data().view()).unwrap();
    let (clipped, ends) = clip_backward(gradient().view(), data().view(), -1.0, 1.0).unwrap();
    assert_eq!((found(&quantizer).x, found(&quantizer).clip), (clipped.clone(), Some(ends)));
    quantizer.set_quantizing(false);
    assert_eq!((found(&quantizer).x, found(&quantizer).clip), (gradient(), None));
    quantizer.set_clipping(true).unwrap();
    assert_eq!((found(&quantizer).x, found(&quantizer).clip), (clipped, Some(ends)));
    quantizer.set_disabled(true);
    assert_eq!((found(&quantizer).x, found(&quantizer).clip), (gradient(), None));
}

#[test]
fn the_pre_quant_scale_multiplies_the_gradient_and_moves_the_mask() {
    let mut quantizer = quantizer(with_amax(2.0));
    let factors = array![[1.0f32], [10.0], [-0.5]];
    quantizer.set_pre_quant_scale(Some(factors.clone().into_dyn())).unwrap();
    let scaled = data() * &factors;
    let masked = fake_tensor_quant_backward(gradient().view(), scaled.view(), 2.0).unwrap();
    let found = quantizer.backward(gradient().view(), data().view()).unwrap();
    assert_eq!(found.x, masked * &factors);
    quantizer.set_disabled(true);
    assert_eq!(quantizer.backward(gradient().view(), data().view()).unwrap().x, gradient() * &factors);
}

#[test]
fn a_gradient_of_another_shape_is_an_error() {
    let short = array![[1.0f32]];
    for quantizer in [dynamic(), learning(1.0)] {
        let error = quantizer.backward(short.view(), data().view()).unwrap_err();
        assert!(error.kind() == ErrorKind::Shape && error.message().contains("[3, 5]"), "{error}");
    }
}

/// Returns Σ gradient · clip(x · factor). The gradients are its derivatives.
fn loss(x: &Array1<f64>, gradient: &Array1<f64>, range: ClipRange, factor: f32) -> f64 {
    let mut quantizer = learning(1.0);
    quantizer.set_pre_quant_scale(Some(scalar(factor))).unwrap();
    quantizer.set_quantizing(false);
    quantizer.set_clipping(true).unwrap();
    quantizer.set_clip_range(range).unwrap();
    (quantizer.quantize(x.view()).unwrap().values * gradient).sum()
}

proptest! {
    #[test]
    fn clip_gradients_are_finite_differences(
        // The values are between the multiples of 1/8, or of 1/16 after the multiplication, and the ends are
        // such multiples. So no value changes sides within a small step.
        x in prop::collection::vec(-40i32..40, 1..20),
        seed in prop::collection::vec(-10i32..10, 20),
        (min, max) in (-20i8..0, 0i8..20),
        factor in prop::sample::select(vec![1.0f32, 0.5, -1.0, -0.5]),
    ) {
        let x: Array1<f64> = x.into_iter().map(|x| f64::from(x) / 8.0 + 0.0625).collect();
        let gradient: Array1<f64> = seed.iter().take(x.len()).map(|&g| f64::from(g)).collect();
        let range = ClipRange { min: f32::from(min) / 8.0, max: f32::from(max) / 8.0 + 0.25 };
        let mut quantizer = learning(1.0);
        quantizer.set_clip_range(range).unwrap();
        quantizer.set_pre_quant_scale(Some(scalar(factor))).unwrap();
        let found = quantizer.backward(gradient.view(), x.view()).unwrap();
        let ends = found.clip.unwrap();
        let step = 1.0 / 1024.0f32;
        let slope = |up: f64, down: f64| (up - down) / (2.0 * f64::from(step));
        let moved = |by_min: f32, by_max: f32| {
            loss(&x, &gradient, ClipRange { min: range.min + by_min, max: range.max + by_max }, factor)
        };
        prop_assert!((slope(moved(step, 0.0), moved(-step, 0.0)) - ends.min).abs() < 1e-6);
        prop_assert!((slope(moved(0.0, step), moved(0.0, -step)) - ends.max).abs() < 1e-6);
        for at in 0..x.len() {
            let at_moved = |by: f64| {
                let mut x = x.clone();
                x[at] += by;
                loss(&x, &gradient, range, factor)
            };
            let slope = slope(at_moved(step.into()), at_moved(-f64::from(step)));
            prop_assert!((slope - found.x[at]).abs() < 1e-6);
        }
    }
}
