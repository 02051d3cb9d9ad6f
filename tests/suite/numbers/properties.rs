//! Properties that hold for every input.

use half::{bf16, f16};
use ndarray::{Array, ArrayD, Axis, IxDyn};
use proptest::prelude::*;
use qdq::quant::pack::{pack_int4, pack_uint4, unpack_int4, unpack_uint4};
use qdq::quant::{
    Mode, PerGroup, QuantParams, abs_max, abs_max_per_block, dequantize, fake_affine_tensor_quant,
    fake_tensor_quant, fake_tensor_quant_backward, quantize, scaled_e4m3, tensor_quant,
};

fn data() -> impl Strategy<Value = ArrayD<f32>> {
    let element = prop_oneof![8 => -4f32..4.0, 1 => Just(0.0), 1 => -1e6f32..1e6, 1 => -1e-6f32..1e-6];
    proptest::collection::vec(1usize..6, 1..4).prop_flat_map(move |shape| {
        proptest::collection::vec(element.clone(), shape.iter().product::<usize>())
            .prop_map(move |values| ArrayD::from_shape_vec(shape.clone(), values).unwrap())
    })
}

fn params() -> impl Strategy<Value = QuantParams> {
    (2u32..=16, any::<bool>(), any::<bool>()).prop_map(|(bits, narrow, corrected)| {
        let mode = if corrected { Mode::Corrected } else { Mode::Reference };
        QuantParams::new(bits).unwrap().narrow_range(narrow).mode(mode)
    })
}

fn amax() -> impl Strategy<Value = f32> {
    prop_oneof![4 => 1e-3f32..1e3, 1 => Just(0.0), 1 => 1e-12f32..1e-5, 1 => 1e20f32..1e38]
}

proptest! {
    #[test]
    fn integers_are_within_bounds_and_fake_is_the_way_there_and_back(
        x in data(), params in params(), amax in amax(), unsigned in any::<bool>(),
    ) {
        let x = if unsigned { x.mapv(f32::abs) } else { x };
        let params = params.unsigned(unsigned);
        // Together, i16 and u16 hold every grid.
        let (integers, back): (Vec<i32>, ArrayD<f32>) = if unsigned {
            let found = quantize::<_, u16, _>(x.view(), amax, &params).unwrap();
            (found.values.iter().map(|&q| q.into()).collect(), dequantize(found.values.view(), &found.inverse_scale).unwrap())
        } else {
            let found = quantize::<_, i16, _>(x.view(), amax, &params).unwrap();
            (found.values.iter().map(|&q| q.into()).collect(), dequantize(found.values.view(), &found.inverse_scale).unwrap())
        };
        prop_assert!(integers.iter().all(|q| (params.low()..=params.high()).contains(q)));
        let floats = tensor_quant(x.view(), amax, &params).unwrap().values;
        prop_assert!(floats.iter().zip(&integers).all(|(&float, &q)| float == q as f32));
        prop_assert_eq!(fake_tensor_quant(x.view(), amax, &params).unwrap(), back);
    }

    #[test]
    fn what_was_quantized_once_stays(x in data(), params in params(), amax in 1e-3f32..1e3) {
        let once = quantize::<_, i16, _>(x.view(), amax, &params).unwrap();
        let y: ArrayD<f32> = dequantize(once.values.view(), &once.inverse_scale).unwrap();
        prop_assert_eq!(&quantize::<_, i16, _>(y.view(), amax, &params).unwrap().values, &once.values);
        prop_assert_eq!(fake_tensor_quant(y.view(), amax, &params).unwrap(), y);
    }

    #[test]
    fn results_are_near_and_in_order(a in -2e3f32..2e3, b in -2e3f32..2e3, params in params(), amax in 1e-3f32..1e3) {
        let x = ndarray::array![a.min(b), a.max(b)];
        let y = fake_tensor_quant(x.view(), amax, &params).unwrap();
        prop_assert!(y[0] <= y[1]);
        let step = amax / params.high() as f32;
        for (x, y) in x.iter().zip(&y) {
            let clamped = x.clamp(step * params.low() as f32, amax);
            prop_assert!((clamped - y).abs() <= step * 0.5001 + amax * 2e-7, "{x} {y} {step}");
        }
        // The grid is symmetric except for the one integer that only the negative side has.
        let mirrored = fake_tensor_quant(x.mapv(|x| -x).view(), amax, &params.narrow_range(true)).unwrap();
        let narrow = fake_tensor_quant(x.view(), amax, &params.narrow_range(true)).unwrap();
        prop_assert_eq!(mirrored.mapv(|y| -y), narrow);
    }

    #[test]
    fn per_axis_is_per_tensor_of_every_slice(x in data(), params in params(), axis in 0usize..3) {
        let axis = axis % x.ndim();
        let amax = abs_max(x.view(), Some(&[axis as isize])).unwrap();
        let y = fake_tensor_quant(x.view(), &amax, &params).unwrap();
        let gradient = fake_tensor_quant_backward(x.view(), x.view(), &amax.mapv(|a| a / 2.0)).unwrap();
        for index in 0..x.len_of(Axis(axis)) {
            let slice = x.index_axis(Axis(axis), index);
            let amax = abs_max(slice.view(), None).unwrap();
            prop_assert_eq!(y.index_axis(Axis(axis), index), fake_tensor_quant(slice.view(), &amax, &params).unwrap());
            let expected = fake_tensor_quant_backward(slice.view(), slice.view(), &amax.mapv(|a| a / 2.0)).unwrap();
            prop_assert_eq!(gradient.index_axis(Axis(axis), index), expected);
        }
    }

    #[test]
    fn per_block_is_per_tensor_of_every_block(x in data(), params in params(), axis in 0usize..3, size in 1usize..7) {
        let axis = axis % x.ndim();
        let amax = abs_max_per_block(x.view(), axis, size).unwrap();
        let y = fake_tensor_quant(x.view(), PerGroup::per_block(&amax, axis, size).unwrap(), &params).unwrap();
        let others: Vec<isize> = (0..x.ndim()).filter(|&a| a != axis).map(|a| a as isize).collect();
        for (block, part) in x.axis_chunks_iter(Axis(axis), size).enumerate() {
            let amax = abs_max(part.view(), Some(&others)).unwrap();
            let expected = fake_tensor_quant(part.view(), &amax, &params).unwrap();
            let start = block * size;
            let found = y.slice_axis(Axis(axis), (start..start + part.len_of(Axis(axis))).into());
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn an_amax_of_full_shape_equals_any_smaller_one(x in data(), params in params(), kept in any::<[bool; 3]>()) {
        let axes: Vec<isize> = (0..x.ndim()).filter(|&axis| kept[axis]).map(|axis| axis as isize).collect();
        let amax = abs_max(x.view(), Some(&axes)).unwrap();
        let full = amax.broadcast(x.raw_dim()).unwrap();
        let y = fake_tensor_quant(x.view(), &amax, &params).unwrap();
        prop_assert_eq!(&y, &fake_tensor_quant(x.view(), &full, &params).unwrap());
        let one_by_one = ndarray::Zip::from(&x).and(full).map_collect(|&x, &amax| {
            fake_tensor_quant(ndarray::arr0(x).view(), amax, &params).unwrap()[()]
        });
        prop_assert_eq!(y, one_by_one);
    }

    #[test]
    fn gradients_pass_inside_only(x in data(), amax in amax()) {
        let gradient = x.mapv(|x| x.mul_add(0.5, 1.0));
        let found = fake_tensor_quant_backward(gradient.view(), x.view(), amax).unwrap();
        for ((&x, &gradient), &found) in x.iter().zip(&gradient).zip(&found) {
            prop_assert_eq!(found, if x.abs() <= amax { gradient } else { 0.0 });
        }
    }

    #[test]
    fn sixteen_bits_are_f32_rounded_once(x in data(), params in params(), amax in 1e-3f32..1e3) {
        let params = params.mode(Mode::Corrected);
        macro_rules! check { ($half:ty) => {
            let narrow = x.mapv(<$half>::from_f32);
            let wide = fake_tensor_quant(narrow.mapv(<$half>::to_f32).view(), amax, &params).unwrap();
            let found = fake_tensor_quant(narrow.view(), amax, &params).unwrap();
            prop_assert_eq!(found.mapv(<$half>::to_bits), wide.mapv(|y| <$half>::from_f32(y).to_bits()));
            prop_assert_eq!(
                abs_max(narrow.view(), None).unwrap(),
                abs_max(narrow.mapv(<$half>::to_f32).view(), None).unwrap()
            );
        } }
        check!(f16);
        check!(bf16);
    }

    #[test]
    fn affine_results_are_multiples_of_the_step_near_the_data(
        x in -20f32..20.0, min in -10f32..0.0, width in 0.1f32..20.0, bits in 2u32..=10,
    ) {
        let max = min + width;
        let y = fake_affine_tensor_quant(ndarray::array![x, 0.0].view(), min, max, bits).unwrap();
        let step = (max - min) / ((1 << bits) - 1) as f32;
        prop_assert!((y[0] - x.clamp(min, max)).abs() <= step * 1.01, "{}", y[0]);
        prop_assert!((y[0] / step - (y[0] / step).round()).abs() < 1e-3);
        if max >= 0.0 {
            prop_assert_eq!(y[1], 0.0);
        }
    }

    #[test]
    fn e4m3_is_near_and_stays(x in data(), amax in 1e-2f32..1e3) {
        let y = scaled_e4m3(x.view(), Some(amax.into())).unwrap();
        for (&x, &y) in x.iter().zip(&y) {
            let clamped = x.clamp(-amax, amax);
            prop_assert!((y - clamped).abs() <= clamped.abs() / 16.0 + amax / 448.0 / 512.0, "{x} {y}");
        }
        let codes = qdq::quant::quantize_e4m3(x.view(), Some(amax.into())).unwrap();
        let back: ArrayD<f32> = qdq::quant::dequantize_e4m3(codes.values.view(), &codes.inverse_scale).unwrap();
        prop_assert_eq!(back, y);
    }

    #[test]
    fn four_bits_pack_and_unpack(signed in proptest::collection::vec(-8i8..=7, 0..20)) {
        let bytes = pack_int4(&signed).unwrap();
        prop_assert_eq!(bytes.len(), signed.len().div_ceil(2));
        prop_assert_eq!(&unpack_int4(&bytes, signed.len()).unwrap(), &signed);
        let unsigned: Vec<u8> = signed.iter().map(|&q| (q + 8) as u8).collect();
        prop_assert_eq!(unpack_uint4(&pack_uint4(&unsigned).unwrap(), unsigned.len()).unwrap(), unsigned);
        prop_assert!(unpack_int4(&bytes, signed.len() + 2).is_err());
    }
}

#[test]
fn what_needs_more_than_four_bits_is_refused() {
    for (at, wrong) in [(0, 8), (3, -9), (4, i8::MIN)] {
        let mut values = [0; 5];
        values[at] = wrong;
        let error = pack_int4(&values).unwrap_err();
        assert_eq!(error.message(), format!("element {at} = {wrong} does not fit into 4 bits"));
    }
    assert!(pack_uint4(&[0, 16]).is_err());
    assert!(unpack_uint4(&[], usize::MAX).is_err());
}

#[test]
fn a_large_tensor_is_quantized_like_its_elements() {
    // The length is larger than any internal piece, and no multiple of one.
    let x =
        Array::from_shape_fn(IxDyn(&[3, 1367]), |index| ((index[0] * 1367 + index[1]) as f32 * 0.37).sin());
    let params = QuantParams::new(8).unwrap();
    let found = quantize::<_, i8, _>(x.mapv(f16::from_f32).view(), 0.9, &params).unwrap();
    let floats = tensor_quant(x.mapv(f16::from_f32).view(), 0.9, &params).unwrap();
    for ((x, &q), float) in x.iter().zip(&found.values).zip(&floats.values) {
        let expected = (f16::from_f32(*x).to_f32() * (127.0 / 0.9)).round_ties_even().clamp(-128.0, 127.0);
        assert_eq!((f32::from(q), float.to_f32()), (expected, expected));
    }
}
