//! Weights that were trained with a quantizer, in every format: its numbers are what is stored.

use ndarray::{ArrayD, ArrayViewD};
use qdq::e4m3;
use qdq::emit::{Ranges, WeightForm, Weights};
use qdq::error::{Error, ErrorKind};
use qdq::onnx::Model;
use qdq::pipeline::{self, Prepared, RecoverOptions};
use qdq::place::{Format, Plan, Policy};
use qdq::precision::Half;
use qdq::quant::{Block, Mode, NumBits, QuantDescriptor};
use qdq::quantizer::{TensorQuantizer, TrainedWeight};
use qdq::recover::Recovery;
use qdq::tensor::{Data, Tensor};

use crate::environment::project;

const FC: &str = "fc.weight";
const CONV: &str = "onnx::Conv_30";

fn digits() -> Model {
    Model::open(&project("tests/data/digits/model.onnx")).unwrap()
}

fn values(tensor: &Tensor) -> ArrayD<f32> {
    let floats = tensor.view().data().to_f32().unwrap().into_owned();
    ArrayD::from_shape_vec(tensor.shape(), floats).unwrap()
}

fn weight(name: &str) -> ArrayD<f32> {
    values(&digits().constant(name).unwrap().unwrap())
}

/// Returns a quantizer by the largest magnitudes of a weight, times a factor that clips some numbers.
fn trained(name: &str, descriptor: QuantDescriptor, factor: f32) -> TensorQuantizer {
    let amax = descriptor.amax_of(weight(name).view()).unwrap() * factor;
    TensorQuantizer::new(QuantDescriptor { amax: Some(amax), ..descriptor }).unwrap()
}

fn rows(num_bits: impl Into<NumBits>) -> QuantDescriptor {
    QuantDescriptor { num_bits: num_bits.into(), axis: Some(vec![0]), ..QuantDescriptor::default() }
}

fn in_blocks(num_bits: u32, size: usize) -> QuantDescriptor {
    let block = Some(Block { axis: -1, size });
    QuantDescriptor { axis: None, block, ..rows(num_bits) }
}

fn planned(format: Format, block: Option<usize>) -> (Prepared, Plan) {
    let policy = Policy {
        formats: vec![("*".into(), format)],
        block_sizes: block.map(|size| ("/fc/*".to_owned(), size)).into_iter().collect(),
        ..Policy::default()
    };
    let mut model = digits();
    model.raise_opset(policy.least_opset().max(17)).unwrap();
    let prepared = pipeline::prepare(&model).unwrap();
    let plan = prepared.plan(&policy).unwrap();
    (prepared, plan)
}

fn quantized(
    place: &(Prepared, Plan),
    name: &str,
    quantizer: &TensorQuantizer,
    form: WeightForm,
) -> Result<Model, Error> {
    quantized_with(place, name, quantizer, Weights { form, ..Weights::default() })
}

fn quantized_with(
    (prepared, plan): &(Prepared, Plan),
    name: &str,
    quantizer: &TensorQuantizer,
    weights: Weights,
) -> Result<Model, Error> {
    let mut ranges = Ranges::new("by hand");
    for tap in plan.taps() {
        ranges.set(&prepared.graph().tensor(tap).name, 1.0).unwrap();
    }
    let trained = [(name.to_owned(), TrainedWeight::new(quantizer)?)].into();
    prepared.quantize(plan, &ranges, &Weights { trained, ..weights })
}

/// Returns the stored numbers and scales of a weight.
fn stored(model: &Model, name: &str) -> (ArrayD<f32>, ArrayD<f32>) {
    let constant = |label: &str| model.constant(&format!("{name}_{label}")).unwrap().unwrap();
    let numbers = constant("quantized");
    let floats: Vec<f32> = match numbers.data() {
        Data::I8(values) | Data::I4(values) => values.iter().map(|&q| q.into()).collect(),
        Data::F8E4M3(codes) => codes.iter().map(|&code| e4m3::decode(code)).collect(),
        other => panic!("{:?}", other.view().dtype()),
    };
    (ArrayD::from_shape_vec(numbers.shape(), floats).unwrap(), values(&constant("scale")))
}

/// Spreads scales over the elements of a weight whose first axis has the channels, or whose last has the
/// blocks.
fn dequantized(numbers: &ArrayD<f32>, scales: &ArrayD<f32>, block: Option<usize>) -> ArrayD<f32> {
    ArrayD::from_shape_fn(numbers.raw_dim(), |at| {
        let scale = match block {
            Some(block) => scales[[at[0], at[1] / block]],
            None => scales[[at[0]]],
        };
        numbers[&at] * scale
    })
}

#[test]
fn stored_numbers_are_those_of_the_quantizer() {
    let narrow = QuantDescriptor { narrow_range: true, ..rows(8) };
    let gpu = QuantDescriptor { mode: Mode::GpuCompat, ..rows(8) };
    for (format, block, name, descriptor) in [
        (Format::Int8, None, FC, rows(8)),
        (Format::Int8, None, CONV, rows(8)),
        (Format::Int8, None, CONV, rows(3)),
        (Format::Int8, None, FC, narrow),
        (Format::Int8, None, FC, gpu),
        (Format::Fp8, None, FC, rows(NumBits::E4M3)),
        (Format::Fp8, None, CONV, rows(NumBits::E4M3)),
        (Format::Int8Weights, None, FC, rows(8)),
        (Format::Int4Weights, Some(64), FC, in_blocks(4, 64)),
        (Format::Int4Weights, Some(128), FC, in_blocks(4, 128)),
        (Format::Int4Weights, Some(64), FC, in_blocks(3, 64)),
        (Format::Int4Weights, Some(64), FC, QuantDescriptor { narrow_range: true, ..in_blocks(2, 64) }),
    ] {
        let place = planned(format, block);
        for factor in [1.0, 0.61] {
            let quantizer = trained(name, descriptor.clone(), factor);
            let model = quantized(&place, name, &quantizer, WeightForm::Int8).unwrap();
            let (numbers, scales) = stored(&model, name);
            let weight = weight(name);
            let fake = quantizer.quantize(weight.view()).unwrap().values;
            let back = dequantized(&numbers, &scales, block);
            // q * (amax / M) and q / (M / amax) differ in the last places alone.
            let is_same = |(a, b): (&f32, &f32)| (a - b).abs() <= 3.0 * f32::EPSILON * a.abs();
            assert!(back.iter().zip(&fake).all(is_same), "{format} {name} {descriptor:?}");
            let is_new = |x: &f32| !weight.iter().any(|w| w == x);
            assert!(fake.iter().filter(|x| is_new(x)).count() > fake.len() / 2, "nothing is rounded");
            if descriptor.mode == Mode::Reference {
                assert_eq!(numbers, quantizer.descriptor().tensor_quant(weight.view(), None).unwrap().values);
            }
        }
    }
}

/// With ranges whose steps are powers of two, the stored weight dequantizes to the quantizer's result bit for
/// bit.
#[test]
fn exact_steps_dequantize_bit_for_bit() {
    for (format, block, descriptor, largest) in [
        (Format::Int8, None, rows(8), 127.0),
        (Format::Int8, None, rows(4), 7.0),
        (Format::Fp8, None, rows(NumBits::E4M3), 448.0),
        (Format::Int8Weights, None, rows(8), 127.0),
        (Format::Int4Weights, Some(64), in_blocks(4, 64), 7.0),
        (Format::Int4Weights, Some(128), in_blocks(3, 128), 3.0),
    ] {
        let amax = descriptor.amax_of(weight(FC).view()).unwrap();
        let amax = amax.mapv(|amax: f32| (amax / largest).log2().round().exp2() * largest);
        let quantizer = TensorQuantizer::new(QuantDescriptor { amax: Some(amax), ..descriptor }).unwrap();
        let fake = quantizer.quantize(weight(FC).view()).unwrap().values;
        let model = quantized(&planned(format, block), FC, &quantizer, WeightForm::Int8).unwrap();
        let (numbers, scales) = stored(&model, FC);
        assert_eq!(dequantized(&numbers, &scales, block), fake, "{format}");
    }
}

/// Rounding a scale to 16 bits moves no number to another integer.
#[test]
fn scales_of_16_bits_keep_the_integers() {
    for (format, block, descriptor) in [
        (Format::Int8, None, rows(8)),
        (Format::Int8, None, rows(4)),
        (Format::Int4Weights, Some(64), in_blocks(4, 64)),
    ] {
        let (place, quantizer) = (planned(format, block), trained(FC, descriptor, 0.9));
        let expected = quantizer.descriptor().tensor_quant(weight(FC).view(), None).unwrap().values;
        for half in [Half::F16, Half::Bf16] {
            let weights = Weights { held_in: Some(half), ..Weights::default() };
            let model = quantized_with(&place, FC, &quantizer, weights).unwrap();
            let (numbers, scales) = stored(&model, FC);
            assert_eq!(numbers, expected, "{format} {half:?}");
            assert!(scales.iter().all(|&scale| half.round(scale) == scale));
        }
    }
}

#[test]
fn float_weights_are_those_of_quantizers_with_fewer_numbers() {
    let place = planned(Format::Int8, None);
    let original = weight(FC);
    let all = quantized(&place, FC, &trained(FC, rows(8), 1.0), WeightForm::Float).unwrap();
    assert_eq!(values(&all.constant(FC).unwrap().unwrap()), original);
    let coarse = trained(FC, rows(4), 1.0);
    let model = quantized(&place, FC, &coarse, WeightForm::Float).unwrap();
    assert!(model.constant(FC).unwrap().is_none(), "nothing reads it any more");
    let rounded = values(&model.constant("fc.weight_rounded").unwrap().unwrap());
    assert_eq!(rounded, coarse.quantize(original.view()).unwrap().values);
}

#[test]
fn weights_that_are_quantized_in_another_way_are_refused() {
    let refused = |place: &(Prepared, Plan), name: &str, quantizer: &TensorQuantizer| {
        let error = quantized(place, name, quantizer, WeightForm::Int8).unwrap_err();
        assert!(error.message().contains(name) && error.remedy().is_some(), "{error}");
        (error.kind(), error.message().to_owned())
    };
    let [int8, fp8] = [Format::Int8, Format::Fp8].map(|format| planned(format, None));
    let int4 = planned(Format::Int4Weights, Some(64));
    let columns = QuantDescriptor { axis: Some(vec![1]), ..rows(8) };
    for (place, name, descriptor, message) in [
        (&int8, FC, columns.clone(), "has ranges of shape [1, 128] for int8"),
        // There are as many input channels as output channels.
        (&int8, CONV, columns, "has ranges of shape [1, 32, 1, 1] for int8"),
        (&fp8, FC, rows(8), "for int8, but its weight of shape [10, 128] is quantized as fp8"),
        (&int8, FC, rows(NumBits::E4M3), "for fp8, but its weight of shape [10, 128] is quantized as int8"),
        (&int4, FC, in_blocks(4, 128), "for int4-weights in blocks of 128, but"),
        (&int8, FC, in_blocks(4, 64), "is quantized as int8 with scales of shape [10, 1]"),
        (&int4, CONV, rows(8), "reads it in float: int4-weights is for Gemm and MatMul alone"),
    ] {
        let (kind, said) = refused(place, name, &trained(name, descriptor, 1.0));
        assert_eq!(kind, ErrorKind::Unsupported);
        assert!(said.contains(message), "{said}");
    }
    let one = TensorQuantizer::new(QuantDescriptor {
        amax: Some(ArrayViewD::from_shape(vec![], &[1.0]).unwrap().to_owned()),
        ..QuantDescriptor::default()
    });
    let (kind, said) = refused(&int8, "typo", &one.unwrap());
    assert_eq!(kind, ErrorKind::InvalidArgument);
    assert!(said.contains("no node reads a tensor of this name"), "{said}");
}

/// A network that was trained with quantizers of weights alone has no range.
#[test]
fn formats_of_weights_are_planned_without_ranges() {
    let (prepared, _) = planned(Format::Int8, None);
    let plan = |format| prepared.plan_for_ranges(&Policy { format, ..Policy::default() }, &Ranges::default());
    assert_eq!(plan(Format::Int8Weights).unwrap().weights.len(), 1);
    let error = plan(Format::Int8).unwrap_err();
    assert_eq!(error.message(), "none of the ranges belongs to a tensor of the model");
}

#[test]
fn methods_that_change_trained_weights_are_refused() {
    let trained = [(FC.to_owned(), TrainedWeight::new(&trained(FC, rows(8), 1.0)).unwrap())].into();
    let options = RecoverOptions { weights: Weights { trained, ..Weights::default() }, ..Default::default() };
    let check = |recovery| RecoverOptions { recovery, ..options.clone() }.check();
    for (recovery, method) in [
        (Recovery { equalization: true, ..Recovery::default() }, "equalization"),
        (Recovery { awq: true, ..Recovery::default() }, "activation-aware scaling"),
        (Recovery { learned_rounding: true, ..Recovery::default() }, "learned rounding"),
    ] {
        let error = check(recovery).unwrap_err();
        assert_eq!(error.message(), format!("{method} changes weights that were trained with a quantizer"));
        assert_eq!(error.remedy(), Some(&*format!("leave out {method}, or the quantizers")));
    }
    check(Recovery { bias_correction: true, ..Recovery::default() }).unwrap();
}
