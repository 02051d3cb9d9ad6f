//! Recovery of accuracy: it measures correctly, changes nothing else, and improves the result.

mod awq;
mod gains;
mod layers;
mod pairs;
mod refused;
mod smooth;
mod written;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use qdq::batch::{self, BatchSource, DataOptions};
use qdq::emit::Ranges;
use qdq::emit::Weights;
use qdq::error::Result;
use qdq::onnx::Model;
use qdq::pipeline::{
    self, CalibrateOptions, Passes, PrepareOptions, Prepared, RecoverOptions, Recovered, go_on,
};
use qdq::place::{Plan, Policy};
use qdq::range::Method;
use qdq::recover::Recovery;
use qdq::runtime::{self, RuntimeKind, RuntimeOptions, Tap};
use qdq::tensor::{Tensor, TensorView};

use crate::environment::{onnxruntime, project, run_python};

const NONE: Recovery = Recovery {
    equalization: false,
    smooth: false,
    awq: false,
    learned_rounding: false,
    bias_correction: false,
};
const EQUALIZATION: Recovery = Recovery { equalization: true, ..NONE };
const SMOOTH: Recovery = Recovery { smooth: true, ..NONE };
const AWQ: Recovery = Recovery { awq: true, ..NONE };
const ROUNDING: Recovery = Recovery { learned_rounding: true, ..NONE };
const BIAS: Recovery = Recovery { bias_correction: true, ..NONE };
/// All methods for int8.
const ALL: Recovery =
    Recovery { equalization: true, smooth: true, learned_rounding: true, bias_correction: true, ..NONE };

/// Returns the folder of the models that tests/python/recover_models.py makes.
pub fn made() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recover_models");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let script = project("tests/python/recover_models.py");
        run_python(&[script.to_str().unwrap(), folder.to_str().unwrap()]);
        folder
    })
}

/// Lists the models whose names begin with `beginning`.
pub fn models(beginning: &str) -> Vec<String> {
    let names =
        std::fs::read_dir(made()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let onnx = names.filter_map(|name| name.strip_suffix(".onnx").map(str::to_owned));
    let mut found: Vec<String> = onnx.filter(|name| name.starts_with(beginning)).collect();
    found.sort();
    found
}

fn runtime(kind: RuntimeKind) -> RuntimeOptions {
    let onnxruntime = (kind == RuntimeKind::OnnxRuntime).then(onnxruntime);
    RuntimeOptions { kind, onnxruntime, threads: Some(1) }
}

/// A model with its calibration data, ready for quantization.
struct Case {
    float: Model,
    data: PathBuf,
    prepared: Prepared,
    plan: Plan,
    ranges: Ranges,
    runtime: RuntimeOptions,
}

impl Case {
    fn open(model: &Path, data: &Path, kind: RuntimeKind) -> Self {
        Self::with(model, data, kind, &Policy::default())
    }

    fn with(model: &Path, data: &Path, kind: RuntimeKind, policy: &Policy) -> Self {
        let float = Model::open(model).unwrap();
        let options = PrepareOptions {
            opset: policy.least_opset().max(PrepareOptions::default().opset),
            ..Default::default()
        };
        let prepared = pipeline::prepare_with(&float, &options).unwrap();
        let plan = prepared.plan(policy).unwrap();
        let runtime = runtime(kind);
        let mut source = read(data, &float).unwrap();
        let options = CalibrateOptions { runtime: runtime.clone(), ..Default::default() };
        let stats = prepared.calibrate(&plan, source.as_mut(), &options, &mut go_on).unwrap();
        let ranges = prepared.ranges(&plan, &stats, Method::default()).unwrap();
        Self { float, data: data.to_owned(), prepared, plan, ranges, runtime }
    }

    fn made(name: &str) -> Self {
        Self::made_in(name, RuntimeKind::Embedded)
    }

    fn made_in(name: &str, kind: RuntimeKind) -> Self {
        let file = |ending: &str| made().join(format!("{name}.{ending}"));
        Self::open(&file("onnx"), &file("npz"), kind)
    }

    fn recover(&self, bits: u32, recovery: Recovery) -> Recovered {
        self.try_recover(Weights { bits, ..Weights::default() }, recovery).unwrap()
    }

    fn try_recover(&self, weights: Weights, recovery: Recovery) -> Result<Recovered> {
        let mut open = || read(&self.data, &self.float);
        let mut passes = Passes { open: &mut open, runtime: &self.runtime, report: &mut go_on };
        let options = RecoverOptions { weights, recovery, ..Default::default() };
        self.prepared.recover(&self.plan, &self.ranges, &options, &mut passes)
    }

    /// Returns the mean squared difference of the first outputs of two models on the calibration data.
    fn mean_square(&self, one: &Model, other: &Model) -> f64 {
        let [one, other] = [one, other].map(|model| outputs(model, &self.data, &self.runtime));
        let squares = one.iter().zip(&other).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
        assert_eq!(one.len(), other.len());
        squares.sum::<f64>() / one.len() as f64
    }
}

fn read(data: &Path, model: &Model) -> Result<Box<dyn BatchSource>> {
    let fixed = model.inputs()[0]
        .shape
        .as_ref()
        .is_some_and(|shape| matches!(shape.first(), Some(qdq::tensor::Dim::Fixed(_))));
    let options = DataOptions { batch_size: (!fixed).then_some(8), ..DataOptions::default() };
    batch::open(&[data.to_owned()], &model.inputs(), &options)
}

struct Nothing;

impl Tap for Nothing {
    fn observe(&self, _: usize, _: TensorView<'_>) -> Result<()> {
        Ok(())
    }
}

/// Returns the first output of a model on all data.
fn outputs(model: &Model, data: &Path, options: &RuntimeOptions) -> Vec<f32> {
    let mut runtime = runtime::open(model, &[], Arc::new(Nothing), options).unwrap();
    let mut source = read(data, model).unwrap();
    let mut values = Vec::new();
    while let Some(batch) = source.next_batch().unwrap() {
        let output: Tensor = runtime.run(&batch).unwrap().remove(0);
        values.extend_from_slice(&output.view().data().to_f32().unwrap());
    }
    values
}
