//! Values and shapes for which quantization tends to be wrong.

use half::{bf16, f16};
use ndarray::{Array, Array1, Array2, Array3, array, aview1};
use qdq::error::ErrorKind;
use qdq::quant::{
    self, EPSILON, Mode, NumBits, PerGroup, QuantDescriptor, QuantParams, abs_max, abs_max_per_block,
    dequantize, fake_affine_tensor_quant, fake_tensor_quant, fake_tensor_quant_backward,
    fake_tensor_quant_slice, quantize, quantize_slice, scaled_e4m3, tensor_quant,
};

const MODES: [Mode; 3] = [Mode::Reference, Mode::GpuCompat, Mode::Corrected];

fn int8(mode: Mode) -> QuantParams {
    QuantParams::new(8).unwrap().mode(mode)
}

fn fake(x: f32, amax: f32, params: QuantParams) -> f32 {
    fake_tensor_quant(array![x].view(), amax, &params).unwrap()[0]
}

#[test]
fn an_amax_around_epsilon() {
    let x = EPSILON.next_up();
    for (amax, zero_in) in [
        (0.0, [true, true, true]),
        (EPSILON.next_down(), [true, true, true]),
        (EPSILON, [true, false, true]),
        (EPSILON.next_up(), [false, false, false]),
    ] {
        for (mode, zero) in MODES.into_iter().zip(zero_in) {
            let y = fake(x, amax, int8(mode));
            assert_eq!(y == 0.0, zero, "{mode:?}, amax {amax:e}: {y:e}");
            let found = tensor_quant(array![x].view(), amax, &int8(mode)).unwrap();
            let zero = amax <= EPSILON;
            assert_eq!(found.values[0] == 0.0, zero);
            assert_eq!(found.inverse_scale.values()[0], if zero { 1.0 } else { 127.0 / amax });
        }
    }
}

#[test]
fn only_the_gpu_kernel_is_always_narrow() {
    let x = -128.0 / 127.0;
    assert_eq!(fake(x, 1.0, int8(Mode::Reference)), -128.0 / 127.0);
    assert_eq!(fake(x, 1.0, int8(Mode::Reference).narrow_range(true)), -1.0);
    assert_eq!(fake(x, 1.0, int8(Mode::Corrected)), -128.0 / 127.0);
    assert_eq!(fake(x, 1.0, int8(Mode::GpuCompat)), -1.0);
    let found = tensor_quant(array![x].view(), 1.0, &int8(Mode::GpuCompat)).unwrap();
    assert_eq!(found.values[0], -128.0);
}

#[test]
fn infinite_data_saturates() {
    for mode in MODES {
        assert_eq!(fake(f32::INFINITY, 127.0, int8(mode).narrow_range(true)), 127.0);
        assert_eq!(fake(f32::NEG_INFINITY, 127.0, int8(mode).narrow_range(true)), -127.0);
    }
    assert!(fake(f32::INFINITY, 0.0, int8(Mode::Reference)).is_nan());
    assert_eq!(fake(f32::INFINITY, 0.0, int8(Mode::GpuCompat)), 0.0);
    assert_eq!(fake(f32::INFINITY, 0.0, int8(Mode::Corrected)), 0.0);
    let x = array![f32::INFINITY, f32::NEG_INFINITY];
    assert_eq!(
        quantize::<_, i8, _>(x.view(), 1.0, &int8(Mode::Reference)).unwrap().values,
        array![127, -128]
    );
    assert_eq!(quantize::<_, i8, _>(x.view(), 0.0, &int8(Mode::Reference)).unwrap().values, array![0, 0]);
}

#[test]
fn nan_stays_in_floats_and_is_refused_by_integers() {
    for mode in MODES {
        assert!(fake(f32::NAN, 1.0, int8(mode)).is_nan());
        assert!(tensor_quant(array![f32::NAN].view(), 1.0, &int8(mode)).unwrap().values[0].is_nan());
        assert_eq!(fake(f32::NAN, 0.0, int8(mode)).is_nan(), mode != Mode::GpuCompat);
        // The places are in the body of a vector loop, and in its tail.
        for at in [0, 1000, 2046] {
            let mut x = Array1::zeros(2047);
            x[at] = f32::NAN;
            let error = quantize::<_, i8, _>(x.view(), 1.0, &int8(mode)).unwrap_err();
            assert!(error.message().starts_with(&format!("element [{at}] = NaN")), "{error}");
            assert!(quantize::<_, i8, _>(x.view(), 0.0, &int8(mode)).is_err());
        }
    }
    assert!(fake_affine_tensor_quant(array![f32::NAN].view(), -1.0, 1.0, 8).unwrap()[0].is_nan());
    assert!(scaled_e4m3(array![f32::NAN].view(), Some(0.0.into())).unwrap()[0].is_nan());
    assert_eq!(quant::quantize_e4m3(array![f32::NAN].view(), Some(0.0.into())).unwrap().values[0], 0x7f);
}

#[test]
fn an_amax_that_is_no_range() {
    let x = array![1.0f32];
    for mode in MODES {
        for amax in [-1.0, f32::NEG_INFINITY] {
            assert_eq!(
                fake_tensor_quant(x.view(), amax, &int8(mode)).unwrap_err().kind(),
                ErrorKind::InvalidArgument
            );
        }
        for amax in [f32::NAN, f32::INFINITY] {
            match fake_tensor_quant(x.view(), amax, &int8(mode)) {
                Ok(y) => assert!(mode != Mode::Corrected && y[0].is_nan(), "{mode:?} {amax}"),
                Err(error) => {
                    assert!(mode == Mode::Corrected && error.message().contains("amax is"), "{error}")
                }
            }
            assert!(quantize::<_, i8, _>(x.view(), amax, &int8(mode)).is_err());
            assert!(scaled_e4m3(x.view(), Some(amax.into())).is_err());
        }
    }
    assert!(dequantize::<i8, f32, _>(array![1].view(), 0.0).is_err());
    assert!(dequantize::<i8, f32, _>(array![1].view(), f32::NAN).is_err());
}

#[test]
fn f16_with_a_small_amax_is_only_right_in_the_corrected_and_the_gpu_mode() {
    let amax = 1e-3f32;
    let x = Array1::from_iter((-10..=10).map(|k| f16::from_f32(k as f32 * 1e-4)));
    let reference = fake_tensor_quant(x.view(), amax, &int8(Mode::Reference)).unwrap();
    assert!(reference.iter().all(|y| y.to_f32() == 0.0));
    assert!(tensor_quant(x.view(), amax, &int8(Mode::Reference)).is_err());
    for mode in [Mode::Corrected, Mode::GpuCompat] {
        let y = fake_tensor_quant(x.view(), amax, &int8(mode)).unwrap();
        let worst = x.iter().zip(&y).map(|(x, y)| (x.to_f32() - y.to_f32()).abs()).fold(0.0, f32::max);
        assert!(worst <= amax / 127.0 * 0.51, "{mode:?}: {worst}");
    }
    let found = tensor_quant(x.view(), amax, &int8(Mode::Corrected)).unwrap();
    assert_eq!((found.values[20].to_f32(), found.inverse_scale.values()[0]), (127.0, 127.0 / amax));
}

#[test]
fn wide_integers_survive_narrow_floats() {
    let params = QuantParams::new(16).unwrap();
    let x = array![f16::from_f32(1.0)];
    assert_eq!(quantize::<_, i16, _>(x.view(), 1.0, &params).unwrap().values[0], 32767);
    // The reference keeps the integer in the type of the data, which rounds it.
    assert_eq!(tensor_quant(x.view(), 1.0, &params).unwrap().values[0].to_f32(), 32768.0);
    let x = array![bf16::from_f32(-1.0)];
    assert_eq!(quantize::<_, i16, _>(x.view(), 1.0, &params).unwrap().values[0], -32767);
    assert_eq!(fake_tensor_quant(x.view(), 1.0, &params).unwrap()[0].to_f32(), -1.0);
}

#[test]
fn f64_data_is_computed_in_f64_except_for_the_gpu() {
    // The value is just above the middle between two integers. f32 cannot represent the difference.
    let x = array![0.5f64 + 1e-12];
    let params = QuantParams::new(8).unwrap();
    assert_eq!(fake_tensor_quant(x.view(), 127.0, &params).unwrap()[0], 1.0);
    assert_eq!(fake_tensor_quant(x.view(), 127.0, &params.mode(Mode::GpuCompat)).unwrap()[0], 0.0);
}

#[test]
fn integer_types_must_hold_the_grid() {
    let x = array![1.0f32];
    let bits = |bits| QuantParams::new(bits).unwrap();
    assert!(quantize::<_, u8, _>(x.view(), 1.0, &bits(8).unsigned(true)).is_ok());
    assert!(quantize::<_, i16, _>(x.view(), 1.0, &bits(8).unsigned(true)).is_ok());
    assert!(quantize::<_, u16, _>(x.view(), 1.0, &bits(16).unsigned(true)).is_ok());
    let error = quantize::<_, i8, _>(x.view(), 1.0, &bits(8).unsigned(true)).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Type, "i8 does not hold the integers 0 to 255"));
    assert!(quantize::<_, u8, _>(x.view(), 1.0, &bits(4)).is_err());
    assert!(quantize::<_, i8, _>(x.view(), 1.0, &bits(9)).is_err());
    for wrong in [0, 1, 17, u32::MAX] {
        assert!(QuantParams::new(wrong).is_err());
        assert!(fake_affine_tensor_quant(x.view(), 0.0, 1.0, wrong).is_err());
    }
}

#[test]
fn unsigned_data_must_not_be_negative() {
    let params = QuantParams::new(8).unwrap().unsigned(true);
    let error = fake_tensor_quant(array![[0.0f32, 1.0], [-0.5, 1.0]].view(), 1.0, &params).unwrap_err();
    assert_eq!(error.message(), "element [1, 0] = -0.5 is negative, but the quantization is unsigned");
    assert!(fake_tensor_quant(array![-0.0f32, f32::NAN].view(), 1.0, &params).is_ok());
    assert!(fake_tensor_quant(array![f16::NEG_INFINITY].view(), 1.0, &params).is_err());
}

#[test]
fn affine_ranges_must_be_ranges() {
    let x = array![1.0f32];
    for (min, max) in
        [(1.0, 1.0), (2.0, 1.0), (0.0, f32::NAN), (f32::NEG_INFINITY, 0.0), (-f32::MAX, f32::MAX)]
    {
        let error = fake_affine_tensor_quant(x.view(), min, max, 8).unwrap_err();
        assert!(error.remedy().is_some(), "{min} {max}: {error}");
    }
    assert!(fake_affine_tensor_quant(x.view(), 0.0, f32::from_bits(1), 8).is_err());
}

#[test]
fn amax_must_fit_the_data() {
    let x = Array3::<f32>::ones((2, 3, 4));
    let params = QuantParams::new(8).unwrap();
    let fits = |shape: &[usize]| {
        fake_tensor_quant(x.view(), &Array::from_elem(shape, 1.0), &params)
            .map_err(|error| assert_eq!(error.kind(), ErrorKind::Shape, "{error}"))
            .is_ok()
    };
    for shape in [&[][..], &[1], &[4], &[3, 1], &[2, 1, 4], &[2, 3, 4], &[1, 1, 1, 1, 1]] {
        assert!(fits(shape), "{shape:?}");
    }
    for shape in [&[2][..], &[3], &[0], &[2, 4], &[2, 1, 2], &[1, 2, 3, 4, 1], &[2, 1, 1, 1]] {
        assert!(!fits(shape), "{shape:?}");
    }
    assert!(fake_tensor_quant_backward(x.view(), x.view(), &array![1.0f32, 2.0]).is_err());
    let turned = Array3::<f32>::ones((3, 2, 4));
    assert!(fake_tensor_quant_backward(turned.view(), x.view(), 1.0).is_err());
    assert!(PerGroup::new(&[1.0, 2.0], &[3]).is_err());
}

#[test]
fn blocks_may_end_short() {
    let x = array![[1.0f32, -2.0, 3.0, 4.0, -5.0], [8.0, 16.0, 24.0, 32.0, 64.0]];
    let amax = abs_max_per_block(x.view(), 1, 2).unwrap();
    assert_eq!(amax, array![[2.0, 4.0, 5.0], [16.0, 32.0, 64.0]].into_dyn());
    let params = QuantParams::new(2).unwrap().narrow_range(true);
    let blocks = PerGroup::per_block(&amax, 1, 2).unwrap();
    let y = fake_tensor_quant(x.view(), &blocks, &params).unwrap();
    assert_eq!(y, array![[0.0, -2.0, 4.0, 4.0, -5.0], [0.0, 16.0, 32.0, 32.0, 64.0]]);
    let amax = abs_max_per_block(x.view(), 0, 2).unwrap();
    assert_eq!(amax.shape(), [1, 5]);
    let found = quantize::<_, i8, _>(x.view(), PerGroup::per_block(&amax, 0, 2).unwrap(), &params).unwrap();
    assert_eq!(found.values.row(1), aview1(&[1; 5]));
    let back: Array2<f32> = dequantize(found.values.view(), &found.inverse_scale).unwrap();
    assert!(back.row(1).iter().zip(x.row(1)).all(|(y, x)| (y - x).abs() <= x * 1e-6), "{back}");

    assert!(PerGroup::per_block(&amax, 0, 0).is_err());
    assert!(abs_max_per_block(x.view(), 0, 0).is_err());
    assert!(abs_max_per_block(x.view(), 2, 2).is_err());
    let wrong = PerGroup::per_block(&amax, 1, 3).unwrap();
    assert_eq!(fake_tensor_quant(x.view(), &wrong, &params).unwrap_err().kind(), ErrorKind::Shape);
    let wrong = PerGroup::per_block(&amax, 7, 3).unwrap();
    assert!(fake_tensor_quant(x.view(), &wrong, &params).is_err());
}

#[test]
fn memory_order_does_not_matter() {
    let x = Array2::from_shape_fn((3, 4), |(i, j)| (i as f32 - 1.3) * (j as f32 - 1.7));
    let params = QuantParams::new(4).unwrap();
    let amax = abs_max(x.view(), Some(&[0])).unwrap();
    let expected = fake_tensor_quant(x.view(), &amax, &params).unwrap();
    let (turned_amax, turned) = (amax.t().to_owned(), x.t());
    assert_eq!(fake_tensor_quant(turned, &turned_amax, &params).unwrap(), expected.t());
    assert_eq!(
        fake_tensor_quant(turned, turned_amax.view().reversed_axes().t(), &params).unwrap(),
        expected.t()
    );
    let reversed = x.slice(ndarray::s![..;-1, ..]);
    let amax = abs_max(reversed, Some(&[0])).unwrap();
    let found = fake_tensor_quant(reversed, &amax, &params).unwrap();
    assert_eq!(found.slice(ndarray::s![..;-1, ..]), expected);
}

#[test]
fn empty_data_gives_empty_results_and_no_maximum() {
    let x = Array2::<f32>::zeros((0, 3));
    let params = QuantParams::new(8).unwrap();
    assert_eq!(fake_tensor_quant(x.view(), 1.0, &params).unwrap().shape(), [0, 3]);
    assert_eq!(quantize::<_, i8, _>(x.view(), &array![1.0f32, 2.0, 3.0], &params).unwrap().values.len(), 0);
    for axis in [None, Some(&[0][..]), Some(&[1])] {
        assert_eq!(abs_max(x.view(), axis).unwrap_err().kind(), ErrorKind::Data);
    }
}

#[test]
fn slices_must_fit_their_shape() {
    let params = QuantParams::new(8).unwrap();
    let (one, huge) = (PerGroup::from(1.0), [0, usize::MAX, usize::MAX]);
    for (shape, x, out) in
        [(&[2][..], 2, 1), (&[2], 1, 2), (&[3], 2, 2), (&[usize::MAX, 2], 2, 2), (&huge, 1, 1)]
    {
        let x = vec![1.0f32; x];
        let error = quantize_slice(&x, shape, &one, &params, &mut vec![0i8; out]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Shape, "{shape:?}");
        assert!(fake_tensor_quant_slice(&x, shape, &one, &params, &mut vec![0.0; out]).is_err(), "{shape:?}");
    }
    let none = PerGroup::new(&[], &huge).unwrap();
    fake_tensor_quant_slice::<f32>(&[], &huge, &none, &params, &mut []).unwrap();
}

#[test]
fn maxima_keep_the_axes_that_they_are_told() {
    let x = array![[[1.0f32, -2.0], [3.0, 0.5]], [[-4.0, 0.0], [f32::NAN, 7.0]]];
    assert!(abs_max(x.view(), None).unwrap().iter().all(|amax| amax.is_nan()));
    assert_eq!(abs_max(x.view(), Some(&[-1, 0])).unwrap().shape(), [2, 1, 2]);
    assert_eq!(
        abs_max(x.slice(ndarray::s![.., 0, ..]), Some(&[0])).unwrap(),
        array![[2.0], [4.0]].into_dyn()
    );
    assert_eq!(abs_max(x.mapv(f64::from).slice(ndarray::s![0, .., ..]), None).unwrap()[[]], 3.0);
    assert_eq!(abs_max(array![bf16::from_f32(-2.0), bf16::from_f32(1.0)].view(), None).unwrap()[[]], 2.0);
    for axes in [&[3][..], &[-4], &[0, -3], &[isize::MIN], &[isize::MAX]] {
        assert!(abs_max(x.view(), Some(axes)).is_err(), "{axes:?}");
    }
}

#[test]
fn e4m3_with_ranges_that_overflow() {
    let x = array![1.0f32, -1.0, f32::INFINITY, 0.0];
    for amax in [0.0, 1e-45, 1e-37] {
        let y = scaled_e4m3(x.view(), Some(amax.into())).unwrap();
        assert!(y.iter().all(|y| y.abs() <= amax), "{amax:e}: {y}");
        let codes = quant::quantize_e4m3(x.view(), Some(amax.into())).unwrap();
        let back: Array1<f32> = quant::dequantize_e4m3(codes.values.view(), &codes.inverse_scale).unwrap();
        assert_eq!(back.mapv(f32::abs), y.mapv(f32::abs), "{amax:e}");
    }
    let data = array![448.0f32, 449.0, -448.0, f32::NAN];
    let e4m3 = QuantDescriptor { num_bits: NumBits::E4M3, ..QuantDescriptor::default() };
    let gradient = e4m3.backward(x.view(), data.view(), Some(448.0.into()));
    assert_eq!(gradient.unwrap(), array![1.0, 0.0, f32::INFINITY, 0.0]);
}
