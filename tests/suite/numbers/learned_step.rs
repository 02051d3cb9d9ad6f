//! Learned step size quantization: the values, the gradients, and their relation.

use half::{bf16, f16};
use ndarray::{Array1, Array2, ArrayD, Axis, array};
use proptest::prelude::*;
use qdq::error::ErrorKind;
use qdq::quant::{
    Block, Element, Mode, PerGroup, QuantDescriptor, QuantParams, fake_tensor_quant,
    learned_step_gradient_scale, learned_step_quant, learned_step_quant_backward,
};

fn bits(num_bits: u32) -> QuantParams {
    QuantParams::new(num_bits).unwrap()
}

/// The columns are x, step, the grid; y, the gradient of x, the gradient of the step, for a gradient of 1.
#[test]
fn every_place_on_the_grid_has_its_value_and_gradients() {
    let (signed, narrow) = (bits(3), bits(3).narrow_range(true));
    let unsigned = bits(3).unsigned(true);
    let gpu = bits(3).mode(Mode::GpuCompat);
    for (x, step, params, y, to_x, to_step) in [
        (0.0f32, 0.5f32, signed, 0.0, 1.0, 0.0),
        (0.375, 0.5, signed, 0.5, 1.0, 0.25),
        (0.25, 0.5, signed, 0.0, 1.0, -0.5),
        (0.75, 0.5, signed, 1.0, 1.0, 0.5),
        (-0.375, 0.5, signed, -0.5, 1.0, -0.25),
        (1.25, 0.5, signed, 1.0, 1.0, -0.5),
        (1.5, 0.5, signed, 1.5, 0.0, 3.0),
        (9.0, 0.5, signed, 1.5, 0.0, 3.0),
        (-2.0, 0.5, signed, -2.0, 0.0, -4.0),
        (-9.0, 0.5, signed, -2.0, 0.0, -4.0),
        (-1.9, 0.5, narrow, -1.5, 0.0, -3.0),
        // The lowest integer of a GPU was always the narrow one. Here the descriptor sets it.
        (-9.0, 0.5, gpu, -2.0, 0.0, -4.0),
        (-9.0, 0.5, unsigned, 0.0, 0.0, 0.0),
        (0.0, 0.5, unsigned, 0.0, 0.0, 0.0),
        (3.25, 0.5, unsigned, 3.0, 1.0, -0.5),
        (9.0, 0.5, unsigned, 3.5, 0.0, 7.0),
        (f32::INFINITY, 2.0, signed, 6.0, 0.0, 3.0),
        (f32::NEG_INFINITY, 2.0, signed, -8.0, 0.0, -4.0),
        (f32::MAX, f32::MIN_POSITIVE, signed, 3.0 * f32::MIN_POSITIVE, 0.0, 3.0),
    ] {
        let what = format!("x = {x}, step = {step}, {params:?}");
        assert_eq!(learned_step_quant(array![x].view(), step, &params).unwrap(), array![y], "{what}");
        let found = learned_step_quant_backward(array![1.0].view(), array![x].view(), step, &params, 1.0);
        let found = found.unwrap();
        assert_eq!((found.x[0], found.step[[]]), (to_x, to_step), "{what}");
    }
}

#[test]
fn nan_stays_and_counts_for_nothing() {
    let x = array![f32::NAN, 0.375];
    assert!(learned_step_quant(x.view(), 0.5, &bits(8)).unwrap()[0].is_nan());
    let found = learned_step_quant_backward(array![7.0, 2.0].view(), x.view(), 0.5, &bits(8), 1.0).unwrap();
    assert_eq!((found.x, found.step[[]]), (array![0.0, 2.0], 0.5));
}

#[test]
fn steps_are_grouped_like_ranges_and_each_gets_its_own_gradient() {
    let x = Array2::from_shape_fn((3, 5), |(i, j)| ((i * 5 + j) as f32 * 0.7).sin() * (i + 1) as f32);
    let gradient = x.mapv(|x| x * x - 0.5);
    let rows = array![[0.1f32], [0.2], [0.4]];
    let found = learned_step_quant_backward(gradient.view(), x.view(), &rows, &bits(4), 0.25).unwrap();
    assert_eq!(found.step.shape(), [3, 1]);
    let values = learned_step_quant(x.view(), &rows, &bits(4)).unwrap();
    for row in 0..3 {
        let (x, gradient) = (x.index_axis(Axis(0), row), gradient.index_axis(Axis(0), row));
        let step = rows[[row, 0]];
        let alone = learned_step_quant_backward(gradient, x, step, &bits(4), 0.25).unwrap();
        assert_eq!(found.x.index_axis(Axis(0), row), alone.x);
        assert_eq!(found.step[[row, 0]], alone.step[[]]);
        let expected = learned_step_quant(x, step, &bits(4)).unwrap();
        assert_eq!(values.index_axis(Axis(0), row), expected);
    }
    let blocks = QuantDescriptor { block: Some(Block { axis: -1, size: 2 }), ..QuantDescriptor::default() };
    let steps = Array2::from_elem((3, 3), 0.2f32);
    let per_block = blocks.per_group(&steps, 2).unwrap();
    let found = learned_step_quant_backward(gradient.view(), x.view(), &per_block, &bits(4), 1.0).unwrap();
    assert_eq!(found.step.shape(), [3, 3]);
    let whole = learned_step_quant_backward(gradient.view(), x.view(), 0.2, &bits(4), 1.0).unwrap();
    assert_eq!(found.x, whole.x);
    assert!((found.step.sum() - whole.step[[]]).abs() < 1e-5, "{} {}", found.step, whole.step);
}

#[test]
fn memory_order_does_not_matter() {
    let x = Array2::from_shape_fn((3, 4), |(i, j)| i as f32 - j as f32 * 0.3);
    let turned = x.t().to_owned();
    let steps = array![[0.1f32], [0.2], [0.3]];
    let found = learned_step_quant_backward(turned.t(), turned.t(), &steps, &bits(3), 1.0).unwrap();
    assert_eq!(found, learned_step_quant_backward(x.view(), x.view(), &steps, &bits(3), 1.0).unwrap());
    let values = learned_step_quant(turned.t(), &steps, &bits(3)).unwrap();
    assert_eq!(values, learned_step_quant(x.view(), &steps, &bits(3)).unwrap());
}

#[test]
fn sixteen_bit_floats_are_computed_in_f32_and_f64_in_f64() {
    fn narrow<T: Element>(to: fn(f32) -> T, from: fn(T) -> f32) {
        let x: Array1<T> = (0..3000).map(|i| to((i as f32 * 0.37).sin())).collect();
        let wide = x.mapv(from);
        let values = learned_step_quant(wide.view(), 0.013, &bits(6)).unwrap();
        assert_eq!(learned_step_quant(x.view(), 0.013, &bits(6)).unwrap(), values.mapv(to));
        let expected = learned_step_quant_backward(wide.view(), wide.view(), 0.013, &bits(6), 0.5).unwrap();
        let found = learned_step_quant_backward(x.view(), x.view(), 0.013, &bits(6), 0.5).unwrap();
        assert_eq!((found.x, found.step), (expected.x.mapv(to), expected.step));
    }
    narrow(f16::from_f32, f16::to_f32);
    narrow(bf16::from_f32, bf16::to_f32);
    // The value is just above the middle between two integers. Only f64 represents the difference.
    let x = array![0.5f64 + 1e-12];
    assert_eq!(learned_step_quant(x.view(), 1.0, &bits(8)).unwrap(), array![1.0]);
    let found = learned_step_quant_backward(array![1.0].view(), x.view(), 1.0, &bits(8), 1.0).unwrap();
    assert_eq!(found.step[[]], 0.5);
}

#[test]
fn the_gradient_scale_is_a_factor_on_the_gradient_of_the_step() {
    let x: Array1<f32> = (0..64).map(|i| (i as f32).sin()).collect();
    let scale = learned_step_gradient_scale(64, &bits(4));
    assert_eq!(scale, (1.0 / (64.0f64 * 7.0).sqrt()) as f32);
    assert_eq!(learned_step_gradient_scale(100, &bits(8).unsigned(true)), (1.0 / 25500f64.sqrt()) as f32);
    assert!(learned_step_gradient_scale(0, &bits(8)).is_finite());
    let plain = learned_step_quant_backward(x.view(), x.view(), 0.1, &bits(4), 1.0).unwrap();
    let scaled = learned_step_quant_backward(x.view(), x.view(), 0.1, &bits(4), scale).unwrap();
    assert_eq!(scaled.x, plain.x);
    assert!((scaled.step[[]] - plain.step[[]] * scale).abs() < 1e-6);
}

#[test]
fn a_step_of_amax_by_m_is_fake_quantization() {
    // The scales are powers of two, for which both ways of scaling are exact.
    let x: Array1<f32> = (-400..400).map(|i| i as f32 * 0.011).collect();
    for params in [bits(8), bits(4), bits(4).narrow_range(true)] {
        let (step, high) = (0.0625, params.high() as f32);
        let expected = fake_tensor_quant(x.view(), step * high, &params).unwrap();
        assert_eq!(learned_step_quant(x.view(), step, &params).unwrap(), expected);
    }
}

#[test]
fn what_is_no_step_or_does_not_fit_is_refused() {
    let x = array![[1.0f32, 2.0]];
    let backward = |gradient: &Array2<f32>, step: PerGroup<'_>, scale| {
        learned_step_quant_backward(gradient.view(), x.view(), step, &bits(8), scale).unwrap_err()
    };
    for bad in [0.0, -0.5, f32::NAN, f32::INFINITY] {
        let says = format!("step is {bad}, not a positive finite number");
        let forward = learned_step_quant(x.view(), &array![1.0, bad], &bits(8)).unwrap_err();
        for error in [forward, backward(&x, bad.into(), 1.0)] {
            assert!(error.message() == says && error.kind() == ErrorKind::InvalidArgument, "{error}");
            assert!(error.remedy().unwrap().contains("above 0"), "{error}");
        }
        let error = backward(&x, 1.0.into(), bad);
        assert!(error.message().starts_with("gradient_scale is") && error.remedy().is_some(), "{error}");
    }
    let error = learned_step_quant(x.view(), &array![1.0f32, 1.0, 1.0], &bits(8)).unwrap_err();
    assert!(error.kind() == ErrorKind::Shape && error.message().starts_with("step of shape [3]"), "{error}");
    assert_eq!(backward(&array![[1.0]], 1.0.into(), 1.0).kind(), ErrorKind::Shape);
    let empty = ArrayD::<f32>::zeros(vec![0, 2]);
    let found = learned_step_quant_backward(empty.view(), empty.view(), 1.0, &bits(8), 1.0).unwrap();
    assert_eq!((found.x, found.step[[]]), (empty, 0.0));
}

/// Returns Σ gradient · y.
fn loss(x: &Array1<f64>, gradient: &Array1<f64>, step: f32, params: &QuantParams) -> f64 {
    (learned_step_quant(x.view(), step, params).unwrap() * gradient).sum()
}

proptest! {
    #[test]
    fn gradients_are_finite_differences_once_rounding_is_the_identity(
        // The values are eighths of a step, never at a middle between integers nor at an end, so that nothing
        // jumps within a small change.
        x in prop::collection::vec((-20i32..20, prop::sample::select(vec![-3i32, -1, 1, 3])), 1..30),
        seed in prop::collection::vec(-10i32..10, 30),
        num_bits in 2u32..5,
        (unsigned, narrow) in any::<(bool, bool)>(),
    ) {
        let params = bits(num_bits).unsigned(unsigned).narrow_range(narrow);
        let step = 0.5f32;
        let v: Array1<f64> = x.iter().map(|&(q, eighths)| f64::from(q) + f64::from(eighths) / 8.0).collect();
        let x = &v * f64::from(step);
        let gradient: Array1<f64> = seed.iter().take(x.len()).map(|&g| f64::from(g)).collect();
        let found = learned_step_quant_backward(gradient.view(), x.view(), step, &params, 1.0).unwrap();
        let by = 1.0 / 4096.0;
        let slope = (loss(&x, &gradient, step + by, &params) - loss(&x, &gradient, step - by, &params))
            / (2.0 * f64::from(by));
        // This is the gradient of the true function, whose rounded x / step does not follow the step. If the
        // gradient passes, the identity adds its own part, -x / step.
        let identity = (&found.x * &v).sum();
        prop_assert!((slope - (f64::from(found.step[[]]) + identity)).abs() < 1e-4);
    }

    /// y(c x, c step) = c y(x, step), so x ∂y/∂x + step ∂y/∂step = y. This holds for the gradients of this
    /// estimator too.
    #[test]
    fn gradients_make_up_the_values(
        x in prop::collection::vec(-9f64..9.0, 1..50),
        step in 0.01f32..2.0,
        num_bits in 2u32..9,
        (unsigned, narrow) in any::<(bool, bool)>(),
    ) {
        let params = bits(num_bits).unsigned(unsigned).narrow_range(narrow);
        let x = Array1::from(x);
        let gradient = x.mapv(|x| (x * 3.0).cos());
        let found = learned_step_quant_backward(gradient.view(), x.view(), step, &params, 1.0).unwrap();
        let made_up = (&found.x * &x).sum() + f64::from(step * found.step[[]]);
        let value = loss(&x, &gradient, step, &params);
        prop_assert!((made_up - value).abs() < 1e-3 * (1.0 + value.abs()), "{made_up} {value}");
    }
}
