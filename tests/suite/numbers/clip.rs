//! Clipping, multiplication, and gradients at the edge of a range.

use half::{bf16, f16};
use ndarray::array;
use qdq::error::ErrorKind;
use qdq::quant::{ClipGradient, abs_max, clip, clip_backward, fake_tensor_quant_backward, multiply};

#[test]
fn the_clip_sends_the_gradient_inside_or_to_its_ends() {
    let x = array![-2.0f32, -1.0, -0.5, 1.0, 1.5, f32::NAN];
    let gradient = array![1.0f32, 2.0, 4.0, 8.0, 16.0, 32.0];
    let (to_x, ends) = clip_backward(gradient.view(), x.view(), -1.0, 1.0).unwrap();
    assert_eq!(to_x, array![0.0, 0.0, 4.0, 0.0, 0.0, 0.0]);
    assert_eq!(ends, ClipGradient { min: 3.0, max: 24.0 });
    let (_, ends) = clip_backward(gradient.view(), x.view(), -1.0, -1.0).unwrap();
    assert_eq!(ends, ClipGradient { min: 3.0, max: 30.0 }, "the second counts for both");
    assert!(clip(x.view(), -1.0, 1.0).unwrap()[5].is_nan());
    let mut sum = ends;
    sum += ends;
    assert_eq!(sum, ClipGradient { min: 6.0, max: 60.0 });
    for (min, max) in [(1.0, -1.0), (f32::NAN, 1.0), (-1.0, f32::INFINITY)] {
        assert_eq!(clip(x.view(), min, max).unwrap_err().kind(), ErrorKind::InvalidArgument);
        assert!(clip_backward(gradient.view(), x.view(), min, max).is_err());
    }
    let error = clip_backward(array![1.0f32].view(), x.view(), -1.0, 1.0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Shape);
}

#[test]
fn clipping_keeps_the_type_of_the_data() {
    let ends = (-0.1, 0.1);
    let x = array![-1.0f32, 0.05, 1.0];
    assert_eq!(clip(x.view(), ends.0, ends.1).unwrap(), array![-0.1, 0.05, 0.1]);
    let (wide, narrow) = (x.mapv(f64::from), x.mapv(f16::from_f32));
    let expected = array![-f64::from(0.1f32), wide[1], f64::from(0.1f32)];
    assert_eq!(clip(wide.view(), ends.0, ends.1).unwrap(), expected);
    let expected = array![f16::from_f32(-0.1), narrow[1], f16::from_f32(0.1)];
    assert_eq!(clip(narrow.view(), ends.0, ends.1).unwrap(), expected);
}

#[test]
fn products_are_rounded_once() {
    let factors = array![3.0f32, 0.1];
    let x = array![[0.1f32, 0.7], [1e30, -0.0]];
    assert_eq!(multiply(x.view(), &factors).unwrap(), &x * &factors);
    let wide = x.mapv(f64::from);
    assert_eq!(multiply(wide.view(), &factors).unwrap(), &wide * &factors.mapv(f64::from));
    let narrow = x.mapv(bf16::from_f32);
    let expected = (narrow.mapv(bf16::to_f32) * &factors).mapv(bf16::from_f32);
    assert_eq!(multiply(narrow.view(), &factors).unwrap(), expected);
    let error = multiply(x.view(), &array![1.0f32, 2.0, 3.0]).unwrap_err();
    assert!(error.kind() == ErrorKind::Shape && error.message().contains("factor"), "{error}");
}

#[test]
fn the_largest_f64_lies_within_its_own_amax() {
    // Rounding to f32 makes 0.3 larger and 0.7 smaller.
    for largest in [0.3f64, 0.7] {
        let x = array![largest, -largest, 0.1];
        let amax = abs_max(x.view(), None).unwrap();
        let gradient = array![1.0, 2.0, 3.0];
        assert_eq!(fake_tensor_quant_backward(gradient.view(), x.view(), &amax).unwrap(), gradient);
    }
    let x = array![f64::from(1f32.next_up())];
    assert_eq!(fake_tensor_quant_backward(array![1.0].view(), x.view(), 1.0).unwrap(), array![0.0]);
}
