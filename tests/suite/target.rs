//! The form of models for TensorRT-RTX: it computes the same as the form for TensorRT.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use qdq::batch::{self, BatchSource, DataOptions};
use qdq::emit::store_one_scale;
use qdq::emit::{WeightForm, Weights};
use qdq::graph::{Graph, Node};
use qdq::log::Sink;
use qdq::onnx::Model;
use qdq::pipeline::{self, CalibrateOptions, CompareOptions, Known, Passes, Prepared, RecoverOptions, go_on};
use qdq::place::{Policy, Target};
use qdq::precision::PrecisionPolicy;
use qdq::range::Method;
use qdq::recover::Recovery;
use qdq::runtime::{RuntimeKind, RuntimeOptions};
use qdq::tensor::Dim;

use crate::environment::{onnxruntime, project, run_python};

/// Returns the folder of the models that tests/python/target_models.py makes.
pub fn made() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("target_models");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let script = project("tests/python/target_models.py");
        run_python(&[script.to_str().unwrap(), folder.to_str().unwrap()]);
        folder
    })
}

/// A model with its data.
struct Case {
    float: Model,
    data: PathBuf,
    prepared: Prepared,
    runtime: RuntimeOptions,
}

impl Case {
    fn open(path: &Path) -> Self {
        let float = Model::open(path).unwrap();
        let prepared = pipeline::prepare(&float).unwrap();
        // rten has no 16-bit floats and does not run every layer.
        let is_known = !["_half", "layer_"].iter().any(|part| path.to_str().unwrap().contains(part));
        let kind = if is_known { RuntimeKind::Embedded } else { RuntimeKind::OnnxRuntime };
        let runtime = RuntimeOptions { kind, onnxruntime: (!is_known).then(onnxruntime), threads: Some(1) };
        Self { float, data: path.with_extension("npz"), prepared, runtime }
    }

    fn source(&self) -> Box<dyn BatchSource> {
        let fixed = self.float.inputs()[0].shape.as_ref().and_then(|shape| match shape.first() {
            Some(Dim::Fixed(size)) => Some(*size),
            _ => None,
        });
        let options = DataOptions { batch_size: fixed.or(Some(1)), ..DataOptions::default() };
        batch::open(std::slice::from_ref(&self.data), &self.float.inputs(), &options).unwrap()
    }

    /// Returns the quantized model for a target.
    fn quantized(&self, target: Target, weights: &Weights, recovery: Recovery) -> Model {
        let plan = self.prepared.plan(&Policy { target, ..Policy::default() }).unwrap();
        let options = CalibrateOptions { runtime: self.runtime.clone(), ..Default::default() };
        let stats = self.prepared.calibrate(&plan, self.source().as_mut(), &options, &mut go_on).unwrap();
        let ranges = self.prepared.ranges(&plan, &stats, Method::Max).unwrap();
        let model = if recovery.is_none() {
            self.prepared.quantize(&plan, &ranges, weights).unwrap()
        } else {
            let mut open = || Ok(self.source());
            let mut passes = Passes { open: &mut open, runtime: &self.runtime, report: &mut go_on };
            let options = RecoverOptions { weights: weights.clone(), recovery, method: Method::Max };
            self.prepared.recover(&plan, &ranges, &options, &mut passes).unwrap().model
        };
        Model::from_bytes(model.encode().unwrap().into()).unwrap()
    }

    fn decibels(&self, one: &Model, other: &Model) -> f64 {
        let options = CompareOptions { runtime: self.runtime.clone(), ..CompareOptions::default() };
        let mut source = self.source();
        let found = pipeline::compare(one, other, source.as_mut(), &options, &mut go_on).unwrap();
        found.outputs[0].metrics.sqnr_db().unwrap_or(f64::INFINITY)
    }
}

/// Describes the convolutions of a model: the number of scales of their weight, and whether they have a bias.
fn convolutions(model: &Model) -> Vec<(usize, bool)> {
    let flat = pipeline::prepare(model).unwrap();
    let graph = flat.graph();
    let found = graph.nodes.iter().filter(|node| node.is("Conv"));
    found.map(|node| (scales(graph, node), node.input(2).is_some())).collect()
}

fn scales(graph: &Graph, convolution: &Node) -> usize {
    let mut producer = graph.producer(convolution.input(1).unwrap()).unwrap();
    while producer.is("Cast") {
        producer = graph.producer(producer.input(0).unwrap()).unwrap();
    }
    graph.tensor(producer.input(1).unwrap()).fixed_shape().unwrap().iter().product()
}

#[test]
fn one_scale_computes_what_scales_per_channel_do() {
    for (name, convolution, count) in [
        ("uneven", (8, true), 1),
        ("uneven_half", (8, true), 1),
        ("without_bias", (8, false), 1),
        ("without_bias_half", (8, false), 1),
        ("shared", (6, true), 2),
        ("shared_half", (6, true), 2),
        ("read_twice", (6, false), 1),
        ("computed_bias", (6, true), 1),
        ("computed_bias_half", (6, true), 1),
        ("branch", (6, true), 1),
    ] {
        let case = Case::open(&made().join(format!("{name}.onnx")));
        let none = Recovery::default();
        let [tensorrt, rtx] =
            [Target::TensorRt, Target::Rtx].map(|target| case.quantized(target, &Weights::default(), none));
        assert_eq!(convolutions(&tensorrt), vec![convolution; count], "{name}");
        assert_eq!(convolutions(&rtx), vec![(1, false); count], "{name}");
        let found = case.decibels(&tensorrt, &rtx);
        // A second convolution reads values that rounding may move by a whole step.
        let least = if name.contains("half") || count > 1 { 45.0 } else { 120.0 };
        assert!(found > least, "{name}: {found} dB");
        let names = |model: &Model| model.outputs().into_iter().map(|output| output.name).collect::<Vec<_>>();
        assert_eq!(names(&rtx), names(&tensorrt), "{name}");
        let again = store_one_scale(rtx.clone(), &["Conv"]).unwrap();
        assert_eq!(again.encode().unwrap(), rtx.encode().unwrap(), "{name}");
    }
}

/// Layers of every rank and kind; only convolutions change.
#[test]
fn only_convolutions_get_the_form_and_of_every_rank() {
    let folder = crate::recover::made();
    let mut changed = Vec::new();
    for name in crate::recover::models("layer_") {
        let case = Case::open(&folder.join(format!("{name}.onnx")));
        let none = Recovery::default();
        let [tensorrt, rtx] =
            [Target::TensorRt, Target::Rtx].map(|target| case.quantized(target, &Weights::default(), none));
        if tensorrt.encode().unwrap() != rtx.encode().unwrap() {
            let found = case.decibels(&tensorrt, &rtx);
            assert!(name.contains("transposed") || found > 120.0, "{name}: {found} dB");
            changed.push(name);
        }
    }
    let expected = [
        "conv",
        "depthwise",
        "grouped",
        "line",
        "same_lower",
        "same_upper",
        "space",
        "strided",
        "transposed",
        "transposed_grouped",
        "valid",
    ];
    assert_eq!(changed, expected.map(|name| format!("layer_{name}")));
}

/// The new nodes lie in the branch or body of their convolution.
#[test]
fn convolutions_in_subgraphs_get_the_form_too() {
    let mut changed = 0;
    for name in ["both", "deep", "loop", "growing", "loop_in_branch"] {
        let case = Case::open(&crate::subgraphs::made(name));
        let [tensorrt, rtx] = [Target::TensorRt, Target::Rtx]
            .map(|target| case.quantized(target, &Weights::default(), Recovery::default()));
        let inside = convolutions(&rtx);
        assert!(inside.iter().all(|&(scales, has_bias)| scales == 1 && !has_bias), "{name}: {inside:?}");
        changed += inside.len();
        let found = case.decibels(&tensorrt, &rtx);
        assert!(found > 45.0, "{name}: {found} dB");
    }
    assert!(changed > 5, "{changed}");
}

/// TensorRT-RTX runs transposed convolutions in float.
#[test]
fn a_transposed_convolution_stays_float_on_rtx() {
    let case = Case::open(&crate::recover::made().join("layer_transposed.onnx"));
    let plan = case.prepared.plan(&Policy { target: Target::Rtx, ..Policy::default() }).unwrap();
    assert!(
        plan.is_empty() && plan.decisions.iter().any(|decision| decision.reason.contains("TensorRT-RTX"))
    );
    let least = Policy { target: Target::Rtx, min_quantized: 1.0, ..Policy::default() };
    assert!(case.prepared.plan(&least).is_ok());
}

#[test]
fn recovered_weights_and_biases_keep_their_values() {
    let all = Recovery {
        equalization: true,
        smooth: true,
        awq: false,
        learned_rounding: true,
        bias_correction: true,
    };
    let case = Case::open(&made().join("without_bias.onnx"));
    let weights = Weights { bits: 4, ..Weights::default() };
    let [tensorrt, rtx] = [Target::TensorRt, Target::Rtx].map(|target| case.quantized(target, &weights, all));
    // Bias correction has added a bias.
    assert_eq!((convolutions(&tensorrt), convolutions(&rtx)), (vec![(8, true)], vec![(1, false)]));
    let found = case.decibels(&tensorrt, &rtx);
    assert!(found > 120.0, "{found} dB");
}

/// The form needs stored integers, and results that half precision can hold.
#[test]
fn weights_that_cannot_have_one_scale_keep_their_scales() {
    for (name, form, said) in [("uneven", WeightForm::Float, 0), ("huge", WeightForm::Int8, 1)] {
        let case = Case::open(&made().join(format!("{name}.onnx")));
        let weights = Weights { form, ..Weights::default() };
        let messages = Arc::new(Mutex::new(Vec::new()));
        let heard = messages.clone();
        let sink = Sink::new(|_| true, move |_, text| heard.lock().unwrap().push(text.to_owned()));
        let [tensorrt, rtx] = tracing::subscriber::with_default(sink, || {
            [Target::TensorRt, Target::Rtx]
                .map(|target| case.quantized(target, &weights, Recovery::default()))
        });
        assert_eq!(tensorrt.encode().unwrap(), rtx.encode().unwrap(), "{name}");
        let is_said = |text: &&String| text.contains("keep one scale per channel");
        assert_eq!(messages.lock().unwrap().iter().filter(is_said).count(), said, "{name}");
    }
}

/// The model that was made has the finding. Files do not hold it.
#[test]
fn a_quantized_model_has_its_findings() {
    for (name, count) in [("uneven", 0), ("huge", 1)] {
        let case = Case::open(&made().join(format!("{name}.onnx")));
        let plan = case.prepared.plan(&Policy { target: Target::Rtx, ..Policy::default() }).unwrap();
        let options = CalibrateOptions { runtime: case.runtime.clone(), ..Default::default() };
        let stats = case.prepared.calibrate(&plan, case.source().as_mut(), &options, &mut go_on).unwrap();
        let ranges = case.prepared.ranges(&plan, &stats, Method::Max).unwrap();
        let model = case.prepared.quantize(&plan, &ranges, &Weights::default()).unwrap();
        let about: Vec<&String> = model.findings().iter().flat_map(|finding| &finding.tensors).collect();
        assert_eq!((model.findings().len(), about.len()), (count, count), "{name}");
        let read = Model::from_bytes(model.encode().unwrap().into()).unwrap();
        assert!(read.findings().is_empty(), "{name}");
        let policy = PrecisionPolicy::default();
        let halved =
            pipeline::halve(model.clone(), Known { stats: Some(&stats), ranges: None }, &policy).unwrap();
        assert_eq!(halved.model.findings(), model.findings(), "{name}");
    }
}
