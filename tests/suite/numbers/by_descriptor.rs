//! The methods of a descriptor, compared with the functions that they should call.

use ndarray::{ArrayD, IxDyn, array};
use qdq::error::ErrorKind;
use qdq::quant::{
    Block, Mode, NumBits, PerGroup, QuantDescriptor, Stored, StoredMut, dequantize, dequantize_e4m3,
    fake_tensor_quant, fake_tensor_quant_backward, learned_step_quant, learned_step_quant_backward, quantize,
    quantize_e4m3, scaled_e4m3, tensor_quant,
};

fn data() -> ArrayD<f32> {
    let values = (0..2 * 3 * 7).map(|i| ((i * 7919 % 2003) as f32 - 1001.0) / 250.0).collect();
    ArrayD::from_shape_vec(IxDyn(&[2, 3, 7]), values).unwrap()
}

/// Lists every way to group, to get a range and to round, in integers of 4 bits and in e4m3.
fn descriptors() -> Vec<QuantDescriptor> {
    let grids = [
        QuantDescriptor::default(),
        QuantDescriptor { axis: Some(vec![-2]), narrow_range: true, ..Default::default() },
        QuantDescriptor { block: Some(Block { axis: -1, size: 3 }), ..Default::default() },
        QuantDescriptor { amax: Some(ndarray::arr0(2.0).into_dyn()), ..Default::default() },
        QuantDescriptor { scale_amax: Some(0.5), mode: Mode::GpuCompat, ..Default::default() },
    ];
    let formats = [NumBits::Integer(4), NumBits::E4M3];
    let all =
        grids.iter().flat_map(|grid| formats.map(|num_bits| QuantDescriptor { num_bits, ..grid.clone() }));
    all.collect()
}

/// Returns the range of the data, and a given range that is half as large.
fn ranges(descriptor: &QuantDescriptor) -> [(Option<ArrayD<f32>>, ArrayD<f32>); 2] {
    let found = descriptor.amax_of(data().view()).unwrap();
    let half = found.mapv(|amax| amax / 2.0);
    [(None, found), (Some(half.clone()), half)]
}

/// C and the quantizer use only these methods.
#[test]
fn format_blocks_and_range_are_the_descriptors() {
    let (x, gradient) = (data(), data().mapv(|x| 1.0 + x));
    for descriptor in descriptors() {
        for (given, amax) in ranges(&descriptor) {
            let what = format!("{descriptor:?} {given:?}");
            let given = || given.as_ref().map(PerGroup::from);
            let amax = match descriptor.block {
                Some(Block { size, .. }) => PerGroup::per_block(&amax, 2, size).unwrap(),
                None => PerGroup::from(&amax),
            };
            let fake = descriptor.fake_quantize(x.view(), given()).unwrap();
            let floats = descriptor.tensor_quant(x.view(), given()).unwrap();
            if descriptor.num_bits == NumBits::E4M3 {
                assert_eq!(fake, scaled_e4m3(x.view(), Some(amax.clone())).unwrap(), "{what}");
                let expected = quantize_e4m3(x.view(), Some(amax.clone())).unwrap();
                assert_eq!(
                    floats.values,
                    dequantize_e4m3::<f32, _>(expected.values.view(), 1.0).unwrap(),
                    "{what}"
                );
                assert_eq!(floats.inverse_scale, expected.inverse_scale, "{what}");
                let (mut found, mut bytes) = (vec![0; x.len()], vec![0; x.len()]);
                for out in [StoredMut::E4m3(&mut found), StoredMut::U8(&mut bytes)] {
                    let scale = descriptor.quantize(x.view(), given(), out).unwrap();
                    assert_eq!(scale, expected.inverse_scale, "{what}");
                }
                assert_eq!(found, expected.values.as_slice().unwrap(), "{what}");
                assert_eq!(bytes, found, "{what}");
            } else {
                let params = descriptor.params().unwrap();
                assert_eq!(fake, fake_tensor_quant(x.view(), &amax, &params).unwrap(), "{what}");
                assert_eq!(floats, tensor_quant(x.view(), &amax, &params).unwrap(), "{what}");
                let expected = quantize::<_, i16, _>(x.view(), &amax, &params).unwrap();
                let mut found = vec![0; x.len()];
                let scale = descriptor.quantize(x.view(), given(), StoredMut::I16(&mut found)).unwrap();
                assert_eq!(found, expected.values.as_slice().unwrap(), "{what}");
                assert_eq!(scale, expected.inverse_scale, "{what}");
                let shape = ArrayD::from_shape_vec(scale.shape(), scale.values().to_vec()).unwrap();
                let back = descriptor.dequantize::<f32>(Stored::I16(&found), x.shape(), (&shape).into());
                assert_eq!(
                    back.unwrap(),
                    dequantize::<_, f32, _>(expected.values.view(), scale).unwrap(),
                    "{what}"
                );
            }
            let passed = descriptor.backward(gradient.view(), x.view(), given()).unwrap();
            assert_eq!(
                passed,
                fake_tensor_quant_backward(gradient.view(), x.view(), &amax).unwrap(),
                "{what}"
            );
        }
    }
}

#[test]
fn a_learned_step_has_the_descriptors_integers_and_blocks() {
    let (x, gradient) = (data(), data().mapv(|x| 1.0 + x));
    let block = Some(Block { axis: -1, size: 3 });
    let descriptor = QuantDescriptor { num_bits: 4.into(), block, ..QuantDescriptor::default() };
    let step = descriptor.amax_of(x.view()).unwrap().mapv(|amax| amax / 9.0);
    let (groups, params) = (PerGroup::per_block(&step, 2, 3).unwrap(), descriptor.params().unwrap());
    let found = descriptor.learned_step_quant(x.view(), (&step).into()).unwrap();
    assert_eq!(found, learned_step_quant(x.view(), &groups, &params).unwrap());
    let found = descriptor.learned_step_quant_backward(gradient.view(), x.view(), (&step).into(), 0.5);
    let expected = learned_step_quant_backward(gradient.view(), x.view(), &groups, &params, 0.5);
    assert_eq!(found.unwrap(), expected.unwrap());
    let floats = QuantDescriptor { num_bits: NumBits::E4M3, ..QuantDescriptor::default() };
    assert!(floats.learned_step_quant(x.view(), 1.0.into()).is_err());
}

#[test]
fn what_does_not_hold_the_format_is_refused() {
    let x = array![1.0f32, -2.0, 3.0];
    let of = |num_bits| QuantDescriptor { num_bits, ..QuantDescriptor::default() };
    let (int4, int8, e4m3) = (of(4.into()), of(8.into()), of(NumBits::E4M3));
    let kind = |descriptor: &QuantDescriptor, out: StoredMut<'_>| {
        descriptor.quantize(x.view(), None, out).unwrap_err().kind()
    };
    assert_eq!(kind(&int8, StoredMut::U8(&mut [0; 3])), ErrorKind::Type);
    assert_eq!(kind(&int8, StoredMut::I4(&mut [0; 2])), ErrorKind::Type);
    assert_eq!(kind(&int4, StoredMut::U4(&mut [0; 2])), ErrorKind::Type);
    assert_eq!(kind(&int8, StoredMut::E4m3(&mut [0; 3])), ErrorKind::Type);
    assert_eq!(kind(&e4m3, StoredMut::I8(&mut [0; 3])), ErrorKind::Type);
    // The size differs from that of the data.
    assert_eq!(kind(&int8, StoredMut::I8(&mut [0; 4])), ErrorKind::Shape);
    assert_eq!(kind(&int4, StoredMut::I4(&mut [0; 3])), ErrorKind::Shape);
    assert_eq!(kind(&e4m3, StoredMut::E4m3(&mut [0; 2])), ErrorKind::Shape);
    assert!(e4m3.fake_quantize_into(x.view(), None, &mut [0.0; 2]).is_err());
    let back = |values: Stored<'_>| int4.dequantize::<f32>(values, &[3], 1.0.into()).is_err();
    assert!(back(Stored::I8(&[0; 4])) && back(Stored::I4(&[0; 3])) && back(Stored::E4m3(&[0; 2])));
    // Codes are recognized by their type, for every format.
    let codes = int4.dequantize::<f32>(Stored::E4m3(&[0x38, 0x7e, 0]), &[3], 1.0.into()).unwrap();
    assert_eq!(codes, array![1.0, 448.0, 0.0].into_dyn());
}
