//! The Rust API.

use std::path::Path;

use ndarray::{ArrayD, IxDyn};
use qdq::emit::Cache;
use qdq::emit::trt_cache::{Algorithm, Header, Version};
use qdq::error::Error;
use qdq::observe::TensorStats;
use qdq::observe::axis_max::AxisMax;
use qdq::observe::compat::{HistogramCalibrator, Library};
use qdq::onnx::Model;
use qdq::pipeline::{self, CalibrateOptions, CompareOptions, go_on};
use qdq::place::Policy;
use qdq::quant::{self, NumBits, QuantDescriptor, pack};
use qdq::range::{self, Method, Target, compat};
use qdq::report::compare::Agreement;
use qdq::{batch, report};

use super::{Api, Failure, Histogram, Integers, Outcome, Question, Run, Storage};
use crate::numbers::golden::Golden;

mod objects;
mod readings;
mod runs;
mod switches;

pub struct Native;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            kind: error.kind(),
            message: error.message().to_owned(),
            remedy: error.remedy().map(str::to_owned),
        }
    }
}

fn is_e4m3(descriptor: &QuantDescriptor) -> bool {
    descriptor.num_bits == NumBits::E4M3
}

fn amax_for<T: Golden>(
    x: &ArrayD<T>,
    amax: Option<&ArrayD<f32>>,
    descriptor: &QuantDescriptor,
) -> Outcome<quant::PerGroup<'static>> {
    let amax = amax.map_or_else(|| descriptor.amax_of(x.view()), |amax| Ok(amax.clone()))?;
    Ok(descriptor.per_group(amax, x.ndim())?)
}

fn array(values: &quant::PerGroup<'_>) -> ArrayD<f32> {
    ArrayD::from_shape_vec(IxDyn(values.shape()), values.values().to_vec()).unwrap()
}

impl Api for Native {
    fn amax<T: Golden>(x: &ArrayD<T>, descriptor: &QuantDescriptor) -> Outcome<ArrayD<f32>> {
        Ok(descriptor.amax_of(x.view())?)
    }

    fn tensor_quant<T: Golden>(
        x: &ArrayD<T>,
        amax: Option<&ArrayD<f32>>,
        descriptor: &QuantDescriptor,
    ) -> Outcome<(ArrayD<T>, ArrayD<f32>)> {
        let amax = amax_for(x, amax, descriptor)?;
        let found = quant::tensor_quant(x.view(), &amax, &descriptor.params()?)?;
        Ok((found.values, array(&found.inverse_scale)))
    }

    fn fake_quant<T: Golden>(
        x: &ArrayD<T>,
        amax: Option<&ArrayD<f32>>,
        descriptor: &QuantDescriptor,
    ) -> Outcome<ArrayD<T>> {
        let amax = amax_for(x, amax, descriptor)?;
        if is_e4m3(descriptor) {
            return Ok(quant::scaled_e4m3(x.view(), Some(amax))?);
        }
        Ok(quant::fake_tensor_quant(x.view(), &amax, &descriptor.params()?)?)
    }

    fn backward<T: Golden>(
        gradient: &ArrayD<T>,
        x: &ArrayD<T>,
        amax: &ArrayD<f32>,
        descriptor: &QuantDescriptor,
    ) -> Outcome<ArrayD<T>> {
        let amax = amax_for(x, Some(amax), descriptor)?;
        Ok(quant::fake_tensor_quant_backward(gradient.view(), x.view(), amax)?)
    }

    fn quantize<T: Golden>(
        x: &ArrayD<T>,
        amax: Option<&ArrayD<f32>>,
        descriptor: &QuantDescriptor,
        storage: Storage,
    ) -> Outcome<Integers> {
        let amax = amax_for(x, amax, descriptor)?;
        if storage == Storage::E4m3 {
            let found = quant::quantize_e4m3(x.view(), Some(amax))?;
            let values = found.values.iter().map(|&code| code.into()).collect();
            return Ok(Integers { values, scale: array(&found.inverse_scale) });
        }
        let params = descriptor.params()?;
        macro_rules! quantized {
            ($integer:ty) => {{
                let found = quant::quantize::<T, $integer, _>(x.view(), &amax, &params)?;
                (found.values.into_iter().collect::<Vec<$integer>>(), found.inverse_scale)
            }};
        }
        let wide = |values: Vec<i32>, scale| Ok(Integers { values, scale: array(&scale) });
        match storage {
            Storage::I8 => {
                let (values, scale) = quantized!(i8);
                wide(values.into_iter().map(i32::from).collect(), scale)
            }
            Storage::U8 => {
                let (values, scale) = quantized!(u8);
                wide(values.into_iter().map(i32::from).collect(), scale)
            }
            Storage::I16 => {
                let (values, scale) = quantized!(i16);
                wide(values.into_iter().map(i32::from).collect(), scale)
            }
            Storage::U16 => {
                let (values, scale) = quantized!(u16);
                wide(values.into_iter().map(i32::from).collect(), scale)
            }
            Storage::I4 => {
                let (values, scale) = quantized!(i8);
                let unpacked = pack::unpack_int4(&pack::pack_int4(&values)?, values.len())?;
                wide(unpacked.into_iter().map(i32::from).collect(), scale)
            }
            Storage::U4 => {
                let (values, scale) = quantized!(u8);
                let unpacked = pack::unpack_uint4(&pack::pack_uint4(&values)?, values.len())?;
                wide(unpacked.into_iter().map(i32::from).collect(), scale)
            }
            Storage::E4m3 => unreachable!("answered above"),
        }
    }

    fn dequantize<T: Golden>(
        integers: &Integers,
        shape: &[usize],
        descriptor: &QuantDescriptor,
        storage: Storage,
    ) -> Outcome<ArrayD<T>> {
        let scale = descriptor.per_group(integers.scale.clone(), shape.len())?;
        macro_rules! stored {
            ($integer:ty) => {{
                let values = integers.values.iter().map(|&value| value as $integer).collect();
                ArrayD::<$integer>::from_shape_vec(IxDyn(shape), values).unwrap()
            }};
        }
        Ok(match storage {
            Storage::I8 | Storage::I4 => quant::dequantize(stored!(i8).view(), scale)?,
            Storage::U8 | Storage::U4 => quant::dequantize(stored!(u8).view(), scale)?,
            Storage::I16 => quant::dequantize(stored!(i16).view(), scale)?,
            Storage::U16 => quant::dequantize(stored!(u16).view(), scale)?,
            Storage::E4m3 => quant::dequantize_e4m3(stored!(u8).view(), scale)?,
        })
    }

    fn affine(x: &ArrayD<f32>, min: f32, max: f32, num_bits: u32) -> Outcome<ArrayD<f32>> {
        Ok(quant::fake_affine_tensor_quant(x.view(), min, max, num_bits)?)
    }

    fn affine_backward(gradient: &ArrayD<f32>, x: &ArrayD<f32>, min: f32, max: f32) -> Outcome<ArrayD<f32>> {
        Ok(quant::fake_affine_tensor_quant_backward(gradient.view(), x.view(), min, max)?)
    }

    fn axis_max(batches: &[ArrayD<f32>], axes: &[i32]) -> Outcome<ArrayD<f32>> {
        let axes: Vec<i64> = axes.iter().map(|&axis| axis.into()).collect();
        let mut collector = if axes.is_empty() { AxisMax::per_tensor() } else { AxisMax::keeping(&axes) };
        for batch in batches {
            collector.observe(batch.shape(), batch.as_slice().unwrap())?;
        }
        let amax = collector.amax().unwrap();
        Ok(ArrayD::from_shape_vec(IxDyn(&amax.shape), amax.values.clone()).unwrap())
    }

    fn histogram(
        batches: &[ArrayD<f32>],
        num_bins: usize,
        skip_zeros: bool,
        is_torch: bool,
        questions: &[Question],
    ) -> Outcome<(Histogram, Vec<Outcome<f32>>)> {
        let library = if is_torch { Library::Torch } else { Library::Numpy };
        let mut calibrator = HistogramCalibrator::new(num_bins, skip_zeros, library)?;
        for batch in batches {
            calibrator.observe(batch.as_slice().unwrap())?;
        }
        let found = calibrator.histogram().unwrap();
        let answer = |question: &Question| {
            let search = compat::Search { start_bin: question.start_bin, stride: question.stride };
            Ok(match question.method {
                Method::Entropy => compat::entropy(found, question.target, search)?,
                Method::Mse => compat::mse(found, question.target, search)?,
                Method::Percentile(percentile) => compat::percentile(found, percentile)?,
                Method::Max => panic!("not a histogram method"),
            })
        };
        let histogram = Histogram { counts: found.counts.clone(), edges: found.edges.clone() };
        Ok((histogram, questions.iter().map(answer).collect()))
    }

    fn stats_amax(batches: &[ArrayD<f32>], method: Method, target: Target) -> Outcome<f32> {
        let mut stats = TensorStats::new();
        for batch in batches {
            stats.observe(batch.as_slice().unwrap());
        }
        Ok(range::compute(&stats, method, target)?)
    }

    fn digits(method: Method) -> Outcome<Run> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/digits");
        let model = Model::open(&folder.join("model.onnx"))?;
        let prepared = pipeline::prepare(&model)?;
        let plan = prepared.plan(&Policy::default())?;
        let options = batch::DataOptions { batch_size: Some(64), ..Default::default() };
        let open = |name: &str| batch::open(&[folder.join(name)], &model.inputs(), &options);
        let every = CalibrateOptions { every_activation: true, ..Default::default() };
        let mut source = open("calib.npz")?;
        let stats = prepared.calibrate(&plan, source.as_mut(), &every, &mut go_on)?;
        let ranges = prepared.ranges(&plan, &stats, method)?;
        let quantized = prepared.quantize(&plan, &ranges, &Default::default())?;
        let version: Version = "10.3.0".parse()?;
        let header = Header::new(version, Algorithm::EntropyCalibration2);
        let labels = batch::read_npy(&folder.join("test_labels.npy"))?;
        let qdq::tensor::Data::I64(labels) = labels.into_data() else { panic!("labels are i64") };
        let compare = CompareOptions { labels: Some(labels), ..Default::default() };
        let mut source = open("test.npz")?;
        let comparison = pipeline::compare(&model, &quantized, source.as_mut(), &compare, &mut go_on)?;
        Ok(Run {
            plan: report::plan::text(prepared.graph(), &plan),
            stats: stats.to_bytes()?,
            ranges: ranges.to_json(),
            cache: Cache::from_ranges(&ranges, header).to_text()?,
            model: quantized.encode()?,
            sqnr_db: comparison.outputs[0].metrics.sqnr_db().unwrap(),
            classes: {
                let Agreement { samples, same, labelled, float_right, quantized_right } =
                    comparison.agreement;
                [samples, same, labelled, float_right, quantized_right]
            },
            figures: {
                let metrics = &comparison.outputs[0].metrics;
                (metrics.mean_error().unwrap(), metrics.count(), metrics.non_finite())
            },
            accuracy: comparison.agreement.accuracy().unwrap(),
        })
    }
}
