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
use qdq::quant::{self, PerGroup, QuantDescriptor, Stored, StoredMut, pack};
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

fn array(values: &PerGroup<'_>) -> ArrayD<f32> {
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
        let found = descriptor.tensor_quant(x.view(), amax.map(PerGroup::from))?;
        Ok((found.values, array(&found.inverse_scale)))
    }

    fn fake_quant<T: Golden>(
        x: &ArrayD<T>,
        amax: Option<&ArrayD<f32>>,
        descriptor: &QuantDescriptor,
    ) -> Outcome<ArrayD<T>> {
        Ok(descriptor.fake_quantize(x.view(), amax.map(PerGroup::from))?)
    }

    fn backward<T: Golden>(
        gradient: &ArrayD<T>,
        x: &ArrayD<T>,
        amax: &ArrayD<f32>,
        descriptor: &QuantDescriptor,
    ) -> Outcome<ArrayD<T>> {
        Ok(descriptor.backward(gradient.view(), x.view(), Some(amax.into()))?)
    }

    fn quantize<T: Golden>(
        x: &ArrayD<T>,
        amax: Option<&ArrayD<f32>>,
        descriptor: &QuantDescriptor,
        storage: Storage,
    ) -> Outcome<Integers> {
        let (x, amax) = (x.view(), amax.map(PerGroup::from));
        macro_rules! quantized {
            ($stored:ident) => {{
                let mut values = vec![0; x.len()];
                let scale = descriptor.quantize(x, amax, StoredMut::$stored(&mut values))?;
                (values.into_iter().map(i32::from).collect(), scale)
            }};
            ($stored:ident, $unpack:path) => {{
                let (mut bytes, count) = (vec![0; x.len().div_ceil(2)], x.len());
                let scale = descriptor.quantize(x, amax, StoredMut::$stored(&mut bytes))?;
                ($unpack(&bytes, count)?.into_iter().map(i32::from).collect(), scale)
            }};
        }
        let (values, scale) = match storage {
            Storage::I8 => quantized!(I8),
            Storage::U8 => quantized!(U8),
            Storage::I16 => quantized!(I16),
            Storage::U16 => quantized!(U16),
            Storage::I4 => quantized!(I4, pack::unpack_int4),
            Storage::U4 => quantized!(U4, pack::unpack_uint4),
            Storage::E4m3 => quantized!(E4m3),
        };
        Ok(Integers { values, scale: array(&scale) })
    }

    fn dequantize<T: Golden>(
        integers: &Integers,
        shape: &[usize],
        descriptor: &QuantDescriptor,
        storage: Storage,
    ) -> Outcome<ArrayD<T>> {
        macro_rules! values {
            ($integer:ty) => {
                integers.values.iter().map(|&value| value as $integer).collect::<Vec<_>>()
            };
        }
        let back = |values: Stored<'_>| descriptor.dequantize(values, shape, (&integers.scale).into());
        Ok(match storage {
            Storage::I8 => back(Stored::I8(&values!(i8))),
            Storage::U8 => back(Stored::U8(&values!(u8))),
            Storage::I16 => back(Stored::I16(&values!(i16))),
            Storage::U16 => back(Stored::U16(&values!(u16))),
            Storage::I4 => back(Stored::I4(&pack::pack_int4(&values!(i8))?)),
            Storage::U4 => back(Stored::U4(&pack::pack_uint4(&values!(u8))?)),
            Storage::E4m3 => back(Stored::E4m3(&values!(u8))),
        }?)
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
