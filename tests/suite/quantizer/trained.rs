//! The formats of trained quantizers, and the quantizers that no format has.

use ndarray::{ArrayD, IxDyn, array};
use qdq::error::{Error, ErrorKind};
use qdq::place::{Format, WeightGrid};
use qdq::quant::{NumBits, QuantDescriptor};
use qdq::quantizer::{TensorQuantizer, TrainedWeight};

use super::{dynamic, e4m3, learning, per_axis, per_block, quantizer, scalar, with_amax};

fn ranged(descriptor: QuantDescriptor, shape: &[usize]) -> TensorQuantizer {
    let count = shape.iter().product::<usize>();
    let amax = ArrayD::from_shape_vec(IxDyn(shape), (1..=count).map(|n| n as f32).collect()).unwrap();
    quantizer(QuantDescriptor { amax: Some(amax), ..descriptor })
}

fn bits(num_bits: u32, descriptor: QuantDescriptor) -> QuantDescriptor {
    QuantDescriptor { num_bits: num_bits.into(), ..descriptor }
}

fn refusal(input: Option<&TensorQuantizer>, weight: &TensorQuantizer) -> Error {
    let error = TrainedWeight::new(weight).and_then(|weight| weight.format(input)).unwrap_err();
    assert!(error.remedy().is_some(), "{error}");
    error
}

#[test]
fn both_quantizers_decide_the_format() {
    let (int8, float) = (ranged(QuantDescriptor::default(), &[]), ranged(e4m3(), &[1, 1]));
    let mut disabled = int8.clone();
    disabled.set_disabled(true);
    for (input, weight, expected) in [
        (Some(&int8), ranged(per_axis(&[0]), &[3, 1]), Format::Int8),
        (Some(&int8), ranged(bits(2, per_axis(&[0])), &[3, 1]), Format::Int8),
        (Some(&learning(2.0)), learning(1.0), Format::Int8),
        (Some(&float), ranged(QuantDescriptor { axis: Some(vec![0]), ..e4m3() }, &[3, 1]), Format::Fp8),
        (Some(&float), float.clone(), Format::Fp8),
        (None, int8.clone(), Format::Int8Weights),
        (Some(&disabled), int8.clone(), Format::Int8Weights),
        (None, ranged(bits(4, per_block(-1, 64)), &[2, 3]), Format::Int4Weights),
        (Some(&disabled), ranged(bits(3, per_block(0, 128)), &[2, 3]), Format::Int4Weights),
    ] {
        assert_eq!(TrainedWeight::new(&weight).unwrap().format(input).unwrap(), expected, "{weight}");
    }
}

#[test]
fn weights_that_no_format_has_are_refused() {
    let float = ranged(e4m3(), &[]);
    let blocks = |size| QuantDescriptor { name: Some("fc".into()), ..per_block(-1, size) };
    let in_blocks = "train integers of up to 4 bits in blocks of 128 or 64";
    for (weight, message, remedy) in [
        (
            ranged(bits(4, blocks(32)), &[2, 3]),
            "quantizer 'fc': has blocks of 32, which no format has",
            in_blocks,
        ),
        (ranged(bits(8, blocks(64)), &[2, 3]), "has blocks of 8-bit integers", in_blocks),
        (
            ranged(QuantDescriptor { num_bits: NumBits::E4M3, ..blocks(64) }, &[2, 3]),
            "has blocks of e4m3",
            in_blocks,
        ),
        (ranged(bits(9, per_axis(&[0])), &[3, 1]), "has 9 bits", "train it with 8 bits"),
        (
            ranged(QuantDescriptor { unsigned: true, ..with_amax(1.0) }, &[]),
            "is unsigned, and formats have signed weights",
            "train it with a sign",
        ),
        (
            ranged(bits(4, QuantDescriptor { unsigned: true, ..per_block(-1, 64) }), &[2, 3]),
            "is unsigned",
            "train it with a sign",
        ),
        (
            ranged(per_axis(&[0, 1]), &[2, 3]),
            "keeps several axes, with ranges of shape [2, 3]",
            "train it with one range, or one per output channel",
        ),
    ] {
        let error = refusal(Some(&float), &weight);
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains(message), "{error}");
        assert_eq!(error.remedy(), Some(remedy));
    }
}

#[test]
fn quantizers_that_change_what_they_quantize_by_are_refused() {
    let fixed = quantizer(with_amax(1.0));
    let spoiled = |spoil: &dyn Fn(&mut TensorQuantizer)| {
        let mut spoiled = fixed.clone();
        spoil(&mut spoiled);
        spoiled
    };
    for (bad, message) in [
        (dynamic(), "has no fixed range"),
        (quantizer(QuantDescriptor { learn_amax: true, ..QuantDescriptor::default() }), "has no fixed range"),
        (spoiled(&|it| it.set_calibrating(true)), "is calibrating"),
        (spoiled(&|it| it.set_quantizing(false)), "does not quantize"),
        (spoiled(&|it| it.set_pre_quant_scale(Some(scalar(2.0))).unwrap()), "scales its data first"),
        (quantizer(QuantDescriptor { fake_quant: false, ..with_amax(1.0) }), "gives integers"),
    ] {
        assert!(refusal(Some(&fixed), &bad).message().contains(message));
        assert!(refusal(Some(&bad), &fixed).message().contains(message));
    }
    let off = spoiled(&|it| it.set_disabled(true));
    assert!(refusal(Some(&fixed), &off).message().contains("is disabled"));
    // A disabled quantizer still scales its data.
    let off = spoiled(&|it| {
        it.set_disabled(true);
        it.set_pre_quant_scale(Some(scalar(2.0))).unwrap();
    });
    assert!(refusal(Some(&off), &fixed).message().contains("scales its data first"));
}

#[test]
fn inputs_that_no_format_has_beside_a_weight_are_refused() {
    let (int8, float) = (ranged(QuantDescriptor::default(), &[]), ranged(e4m3(), &[]));
    let in_blocks = ranged(bits(4, per_block(-1, 64)), &[2, 3]);
    let unknown = "is no signed 8-bit quantizer with its whole range, and no e4m3 one";
    for (input, weight, message) in [
        (Some(quantizer(bits(4, with_amax(1.0)))), &int8, unknown),
        (Some(quantizer(QuantDescriptor { unsigned: true, ..with_amax(1.0) })), &int8, unknown),
        (Some(quantizer(QuantDescriptor { narrow_range: true, ..with_amax(1.0) })), &int8, unknown),
        (
            Some(ranged(per_axis(&[1]), &[1, 3])),
            &int8,
            "has 3 ranges, and the activations of formats have one",
        ),
        (Some(ranged(QuantDescriptor { axis: Some(vec![1]), ..e4m3() }, &[1, 3])), &float, "has 3 ranges"),
        (Some(ranged(per_block(-1, 64), &[1, 1])), &int8, "has 1 ranges"),
        (
            Some(int8.clone()),
            &float,
            "its weights are e4m3, and no format has inputs in integers beside them",
        ),
        (
            Some(float.clone()),
            &int8,
            "its weights are integers, and no format has inputs in e4m3 beside them",
        ),
        (None, &float, "its weights are e4m3, and no format has inputs in floating point beside them"),
        (
            Some(int8.clone()),
            &in_blocks,
            "its weights are integers in blocks, and no format has inputs in integers",
        ),
        (Some(float.clone()), &in_blocks, "no format has inputs in e4m3"),
    ] {
        let error = refusal(input.as_ref(), weight);
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains(message), "{error}");
    }
}

#[test]
fn ranges_lie_in_the_order_of_the_scales() {
    let trained = |quantizer: TensorQuantizer| TrainedWeight::new(&quantizer).unwrap();
    let grid = |format, axis, block| WeightGrid { format, axis, block };
    let rows = trained(ranged(bits(4, per_axis(&[-2])), &[2, 1]));
    let int8 = |axis| grid(Format::Int8, axis, None);
    // 7 steps of 4 bits are 127 steps of 8 bits.
    assert_eq!(rows.ranges(int8(Some(0)), &[2, 5]).unwrap(), [127.0 / 7.0, 254.0 / 7.0]);
    let one = trained(ranged(e4m3(), &[1, 1]));
    assert_eq!(one.ranges(grid(Format::Fp8, Some(1), None), &[2, 3]).unwrap(), [1.0; 3]);
    assert_eq!(one.ranges(grid(Format::Fp8, None, None), &[2, 3]).unwrap(), [1.0]);
    let blocks = trained(ranged(bits(3, per_block(-1, 64)), &[2, 3]));
    let int4 = |axis, block| grid(Format::Int4Weights, Some(axis), Some(block));
    let sevens: Vec<f32> = (1..=6u8).map(|n| (f64::from(n) * 7.0 / 3.0) as f32).collect();
    assert_eq!(blocks.ranges(int4(1, 64), &[2, 192]).unwrap(), sevens);
    for (weight, wrong, shape) in [
        (&rows, int8(Some(1)), [2, 2]),
        (&rows, int8(None), [2, 2]),
        (&rows, int8(Some(0)), [3, 2]),
        (&rows, grid(Format::Fp8, Some(0), None), [2, 2]),
        (&blocks, int4(1, 128), [2, 384]),
        (&blocks, int4(0, 64), [128, 3]),
        (&blocks, int8(Some(0)), [2, 192]),
    ] {
        let error = weight.ranges(wrong, &shape).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("has ranges of shape [2, ") && error.remedy().is_some(), "{error}");
    }
}

#[test]
fn numbers_are_those_of_the_quantizer() {
    let weight = TrainedWeight::new(&ranged(bits(4, per_block(0, 64)), &[1, 2])).unwrap();
    let quantized = weight.quantized(&[0.51, 2.3, -7.0, 0.9], &[2, 2]).unwrap();
    let sevenths = array![4.0 / 7.0, 2.0, -8.0 / 7.0, 6.0 / 7.0];
    assert!(
        sevenths.iter().zip(&quantized).all(|(a, b): (&f32, &f32)| (a - b).abs() < 1e-6),
        "{quantized:?}"
    );
    assert_eq!(weight.quantized(&[1.0], &[2, 2]).unwrap_err().kind(), ErrorKind::Shape);
}
