//! Descriptors, and the worked examples of pytorch-quantization's user guide.

use ndarray::{Array4, ArrayD, IxDyn, array};
use proptest::prelude::*;
use qdq::error::ErrorKind;
use qdq::quant::{
    Block, CalibMethod, Mode, NumBits, PerGroup, QuantDescriptor, QuantParams, abs_max, abs_max_per_block,
    dequantize, fake_tensor_quant, quantize, scaled_e4m3, tensor_quant,
};

#[test]
fn the_user_guides_example() {
    let x = array![0.9817f32, 0.8796, 0.9921, 0.4611, 0.0832, 0.1784, 0.3674, 0.5676, 0.3376, 0.2119];
    let params = QuantDescriptor::per_tensor_8bit().params().unwrap();
    let amax = abs_max(x.view(), None).unwrap();
    let found = tensor_quant(x.view(), &amax, &params).unwrap();
    assert_eq!(found.values, array![126.0, 113.0, 127.0, 59.0, 11.0, 23.0, 47.0, 73.0, 43.0, 27.0]);
    assert!((found.inverse_scale.values()[0] - 128.0057).abs() < 0.01);
    let y = fake_tensor_quant(x.view(), &amax, &params).unwrap();
    let expected = [0.9843, 0.8828, 0.9921, 0.4609, 0.0859, 0.1797, 0.3672, 0.5703, 0.3359, 0.2109];
    assert!(y.iter().zip(expected).all(|(y, expected)| (y - expected).abs() < 1e-4), "{y}");
}

/// 4 bits, unsigned, axis 0, real quantization, on a tensor of shape [10, 9, 8, 7].
#[test]
fn four_bits_unsigned_per_channel() {
    let descriptor = QuantDescriptor {
        num_bits: 4.into(),
        name: Some("input".into()),
        unsigned: true,
        axis: Some(vec![0]),
        fake_quant: false,
        ..QuantDescriptor::default()
    };
    let x = Array4::from_shape_fn((10, 9, 8, 7), |(n, c, h, w)| {
        (n * n + 1) as f32 * ((n * 131 + c * 56 + h * 7 + w) * 7919 % 504) as f32 / 503.0
    });
    let amax = descriptor.amax_of(x.view()).unwrap();
    assert_eq!(amax.shape(), [10, 1, 1, 1]);
    let params = descriptor.params().unwrap();
    let found = quantize::<_, u8, _>(x.view(), &amax, &params).unwrap();
    let floats = tensor_quant(x.view(), &amax, &params).unwrap();
    for ((n, c, h, w), &q) in found.values.indexed_iter() {
        let amax = (n * n + 1) as f32;
        let expected = (x[[n, c, h, w]] * (15.0 / amax)).round_ties_even();
        assert_eq!(f32::from(q), expected);
        assert_eq!(floats.values[[n, c, h, w]], expected);
        assert_eq!(found.inverse_scale.values()[n], 15.0 / amax);
    }
    assert!(found.values.outer_iter().all(|channel| channel.iter().max() == Some(&15)));
    let back: Array4<f32> = dequantize(found.values.view(), &found.inverse_scale).unwrap();
    assert_eq!(back, fake_tensor_quant(x.view(), &amax, &params).unwrap());
}

#[test]
fn predefined_descriptors() {
    assert_eq!(QuantDescriptor::per_tensor_8bit(), QuantDescriptor::default());
    assert!(QuantDescriptor::unsigned_per_tensor_8bit().unsigned);
    assert_eq!(QuantDescriptor::conv_weight_per_channel().axis, Some(vec![0]));
    assert_eq!(QuantDescriptor::linear_weight_per_row().axis, Some(vec![0]));
    assert_eq!(QuantDescriptor::conv_transpose_weight_per_channel().axis, Some(vec![1]));
}

#[test]
fn a_fixed_amax_is_scaled_and_must_fit() {
    let x = array![[1.0f32, 2.0], [3.0, 4.0]];
    let descriptor = QuantDescriptor {
        amax: Some(ArrayD::from_elem(IxDyn(&[2, 1]), 3.0)),
        scale_amax: Some(0.5),
        ..QuantDescriptor::default()
    };
    assert_eq!(descriptor.amax_of(x.view()).unwrap(), array![[1.5], [1.5]].into_dyn());
    assert!(descriptor.amax_of(array![1.0f32, 2.0, 3.0].view()).is_err());
    let dynamic = QuantDescriptor { scale_amax: Some(0.5), ..QuantDescriptor::default() };
    assert_eq!(dynamic.amax_of(x.view()).unwrap()[[]], 2.0);
    let fp8 = QuantDescriptor { num_bits: NumBits::E4M3, ..QuantDescriptor::default() };
    assert!(fp8.params().is_err());
    let amax = fp8.amax_of(x.view()).unwrap();
    // The scale is 112. 3 * 112 is between 320 and 352, the nearest numbers with few enough bits.
    assert_eq!(
        scaled_e4m3(x.view(), Some((&amax).into())).unwrap(),
        array![[1.0, 2.0], [320.0 / 112.0, 4.0]]
    );
}

#[test]
fn fields_that_do_not_go_together_are_errors() {
    for (json, says) in [
        (r#"{"num_bits": 1}"#, "num_bits is 1"),
        (r#"{"num_bits": 32}"#, "num_bits is 32"),
        (r#"{"num_bits": [5, 2]}"#, "(5, 2)"),
        (r#"{"num_bits": [4, 3], "unsigned": true}"#, "unsigned"),
        (r#"{"num_bits": "8"}"#, "no descriptor"),
        (r#"{"learn_amax": true, "axis": 0}"#, "learn_amax"),
        (r#"{"calib_method": "histogram", "axis": 0}"#, "histogram"),
        (r#"{"calib_method": "entropy"}"#, "entropy"),
        (r#"{"block": {"axis": 0, "size": 0}}"#, "block size is 0"),
        (r#"{"block": {"axis": 0}}"#, "size"),
        (r#"{"block": {"axis": 0, "size": 2, "count": 1}}"#, "count"),
        (r#"{"block": {"axis": 0, "size": -2}}"#, "no descriptor"),
        (r#"{"block": 32}"#, "no descriptor"),
        (r#"{"block": {"axis": 0, "size": 2}, "axis": 1}"#, "an axis and a block"),
        (
            r#"{"block": {"axis": 0, "size": 2}, "learn_amax": true}"#,
            "learn_amax works per tensor, but a block",
        ),
        (
            r#"{"block": {"axis": 0, "size": 2}, "calib_method": "histogram"}"#,
            "histogram is per tensor, but a block",
        ),
        (r#"{"mode": "Reference"}"#, "Reference"),
        (r#"{"mode": "gpucompat"}"#, "gpucompat"),
        (r#"{"axis": [0, 0], "name": "w"}"#, "descriptor 'w': axis 0 is given twice"),
        (r#"{"axis": "x"}"#, "axis is neither"),
        (r#"{"axis": [[0]]}"#, "axis is neither"),
        (r#"{"amax": -1}"#, "amax is -1"),
        (r#"{"amax": 1e300}"#, "amax is inf"),
        (r#"{"amax": [[1, 2], [3]]}"#, "amax is neither"),
        (r#"{"amax": [1, [2]]}"#, "amax is neither"),
        (r#"{"amax": {"a": 1}}"#, "amax is neither"),
        (r#"{"scale_amax": 0}"#, "scale_amax is 0"),
        (r#"{"numbits": 8}"#, "numbits"),
        (r#"{"num_bits": 8"#, "no descriptor"),
        ("", "no descriptor"),
    ] {
        let error = QuantDescriptor::from_json(json).expect_err(json);
        assert!(error.message().contains(says), "{json}: {error}");
        assert!(error.remedy().is_some(), "{json}: {error}");
    }
}

#[test]
fn missing_fields_have_their_defaults() {
    assert_eq!(QuantDescriptor::from_json("{}").unwrap(), QuantDescriptor::default());
    let json =
        r#"{"axis": -1, "amax": [[0.1], [2]], "calib_method": "max", "num_bits": [4, 3], "name": null}"#;
    let found = QuantDescriptor::from_json(json).unwrap();
    assert_eq!(found.axis, Some(vec![-1]));
    assert_eq!(found.amax, Some(array![[0.1f32], [2.0]].into_dyn()));
    assert_eq!(found.num_bits, NumBits::E4M3);
}

#[test]
fn modes_have_names_and_reach_the_grid() {
    for (mode, name) in
        [(Mode::Reference, "reference"), (Mode::GpuCompat, "gpu_compat"), (Mode::Corrected, "corrected")]
    {
        let descriptor = QuantDescriptor { mode, ..QuantDescriptor::default() };
        assert!(descriptor.to_json().unwrap().contains(&format!(r#""mode":"{name}""#)), "{mode:?}");
        assert_eq!(QuantDescriptor::from_json(&format!(r#"{{"mode": "{name}"}}"#)).unwrap(), descriptor);
        assert_eq!(descriptor.params().unwrap(), QuantParams::new(8).unwrap().mode(mode));
    }
}

#[test]
fn blocks_share_one_amax_along_their_axis() {
    let x =
        Array4::from_shape_fn((2, 3, 5, 2), |(n, c, h, w)| ((n * 131 + c * 56 + h * 7 + w) * 79 % 31) as f32);
    for (axis, from_first, shape) in [(-2, 2, [2, 3, 3, 2]), (1, 1, [2, 2, 5, 2]), (-4, 0, [1, 3, 5, 2])] {
        let descriptor = QuantDescriptor {
            block: Some(Block { axis, size: 2 }),
            scale_amax: Some(0.5),
            ..QuantDescriptor::default()
        };
        let amax = descriptor.amax_of(x.view()).unwrap();
        assert_eq!(amax.shape(), shape);
        assert_eq!(amax, abs_max_per_block(x.view(), from_first, 2).unwrap() * 0.5);
        let params = descriptor.params().unwrap();
        let y = fake_tensor_quant(x.view(), descriptor.per_group(&amax, 4).unwrap(), &params).unwrap();
        let grouped = PerGroup::per_block(&amax, from_first, 2).unwrap();
        assert_eq!(y, fake_tensor_quant(x.view(), grouped, &params).unwrap());
        let fixed = QuantDescriptor { amax: Some(amax.clone()), scale_amax: None, ..descriptor };
        assert_eq!(fixed.amax_of(x.view()).unwrap(), amax);
    }
    assert_eq!(QuantDescriptor::default().per_group(2.0, 0).unwrap(), PerGroup::from(2.0));
}

#[test]
fn blocks_that_do_not_fit_the_data_are_errors() {
    let blocks =
        |axis, size| QuantDescriptor { block: Some(Block { axis, size }), ..QuantDescriptor::default() };
    let x = array![[1.0f32, 2.0, 3.0]];
    for axis in [2, -3, isize::MIN, isize::MAX] {
        let error = blocks(axis, 2).amax_of(x.view()).unwrap_err();
        assert!(error.message().contains(&format!("no axis {axis}")), "{error}");
        assert_eq!(blocks(axis, 2).per_group(1.0, 2).unwrap_err().kind(), ErrorKind::Shape);
    }
    assert!(blocks(0, 0).amax_of(x.view()).unwrap_err().message().contains("block size is 0"));
    assert!(blocks(0, 0).per_group(1.0, 2).is_err());
    let fixed = QuantDescriptor { amax: Some(array![[1.0, 2.0, 3.0]].into_dyn()), ..blocks(1, 2) };
    assert!(fixed.amax_of(x.view()).unwrap_err().message().contains("size 3 along axis 1"));
}

fn amax() -> impl Strategy<Value = ArrayD<f32>> {
    proptest::collection::vec(0usize..4, 0..4).prop_flat_map(|shape| {
        let count = shape.iter().product::<usize>();
        proptest::collection::vec(any::<f32>().prop_map(|x| if x.is_finite() { x.abs() } else { 0.0 }), count)
            .prop_map(move |values| ArrayD::from_shape_vec(shape.clone(), values).unwrap())
    })
}

fn descriptor() -> impl Strategy<Value = QuantDescriptor> {
    let axis = proptest::option::of(proptest::sample::subsequence(vec![-2isize, 0, 1, 3], 0..4));
    let numbers = (2u32..=16, proptest::option::of(amax()), proptest::option::of(1e-30f32..1e30));
    let flags = (any::<[bool; 5]>(), proptest::option::of(".*"));
    let block =
        proptest::option::of((any::<isize>(), 1..=usize::MAX).prop_map(|(axis, size)| Block { axis, size }));
    let mode = proptest::sample::select(vec![Mode::Reference, Mode::GpuCompat, Mode::Corrected]);
    (axis, numbers, flags, block, mode).prop_map(
        |(axis, (bits, amax, scale_amax), (flags, name), block, mode)| {
            let [fake_quant, learn_amax, histogram, unsigned, narrow_range] = flags;
            let block = block.filter(|_| axis.is_none());
            let per_tensor = axis.is_none() && block.is_none();
            QuantDescriptor {
                num_bits: if bits == 9 && !unsigned { NumBits::E4M3 } else { bits.into() },
                name,
                fake_quant,
                axis,
                // An empty list loses its shape.
                amax: amax.filter(|amax| !amax.is_empty()),
                learn_amax: learn_amax && per_tensor,
                scale_amax,
                calib_method: if histogram && per_tensor { CalibMethod::Histogram } else { CalibMethod::Max },
                unsigned,
                narrow_range,
                mode,
                block,
            }
        },
    )
}

proptest! {
    #[test]
    fn json_keeps_every_field(descriptor in descriptor()) {
        let json = descriptor.to_json().unwrap();
        let fields: serde_json::Value = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(fields.as_object().unwrap().len(), 12);
        prop_assert_eq!(QuantDescriptor::from_json(&json).unwrap(), descriptor);
    }

    #[test]
    fn any_text_is_a_descriptor_or_an_error(text in "\\PC*|[\\[\\]{}0-9,:\"a-z_]*") {
        let _ = QuantDescriptor::from_json(&text);
    }
}
