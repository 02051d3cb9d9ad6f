//! The operations while a model runs.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ndarray::{ArrayD, IxDyn};
use qdq::batch::{self, Batch};
use qdq::error::{Error, Result};
use qdq::log::Sink;
use qdq::onnx::Model;
use qdq::pipeline::{self, CalibrateOptions};
use qdq::place::Policy;
use qdq::runtime::{self, RuntimeKind, RuntimeOptions, Tap};
use qdq::tensor::{Tensor, TensorView};
use tracing::Level;

use super::Native;
use crate::api::runs::images;
use crate::api::{Fault, Outcome, Raised, Ran, Runs, Script, Watched};
use crate::environment::{digits, onnxruntime};

fn tensor(x: &ArrayD<f32>) -> Tensor {
    Tensor::new(x.shape().to_vec(), x.as_slice().unwrap().to_vec()).unwrap()
}

fn array(tensor: &Tensor) -> ArrayD<f32> {
    let values = tensor.data().view().to_f32().unwrap().into_owned();
    ArrayD::from_shape_vec(IxDyn(tensor.shape()), values).unwrap()
}

fn give(script: Script, call: usize) -> Result<Option<Vec<(String, Tensor)>>> {
    let mut name = "input";
    let mut tensor = tensor(&images(call));
    match script.fault {
        Some((at, fault)) if at == call => match fault {
            Fault::Fails(kind, message, remedy) => return Err(Error::new(kind, message).with_remedy(remedy)),
            Fault::GivesAnotherInput => name = "another",
            Fault::GivesAnotherShape => tensor = tensor.reshaped(vec![2, 1, 16, 4]).unwrap(),
        },
        _ if call >= script.batches => return Ok(None),
        _ => {}
    }
    Ok(Some(vec![(name.to_owned(), tensor)]))
}

/// Calibrates the digits model on the results of `next`.
fn calibrate(
    next: impl FnMut() -> Result<Option<Vec<(String, Tensor)>>> + Send,
    report: &mut dyn FnMut(pipeline::Progress) -> ControlFlow<()>,
) -> Outcome<Vec<u8>> {
    let prepared = pipeline::prepare(&Model::open(&digits("model.onnx"))?)?;
    let plan = prepared.plan(&Policy::default())?;
    let mut source = batch::from_fn(&prepared.model().inputs(), next);
    let options = CalibrateOptions { every_activation: true, ..Default::default() };
    Ok(prepared.calibrate(&plan, &mut source, &options, report)?.to_bytes()?)
}

/// Keeps the tensors of the taps.
struct Seen(Mutex<Vec<Option<Tensor>>>);

impl Tap for Seen {
    fn observe(&self, index: usize, value: TensorView<'_>) -> Result<()> {
        self.0.lock().unwrap()[index] = Some(value.to_owned());
        Ok(())
    }
}

fn level_of(level: Level) -> i32 {
    match level {
        Level::ERROR | Level::WARN => 0,
        Level::INFO => 1,
        _ => 2,
    }
}

impl Runs for Native {
    fn calibrate(script: Script, stop_after: Option<u64>) -> Watched {
        let asked = AtomicUsize::new(0);
        let mut reports = Vec::new();
        let stats = calibrate(|| give(script, asked.fetch_add(1, Ordering::Relaxed)), &mut |progress| {
            let batches = progress.batches as u64;
            reports.push((batches, progress.samples as u64, progress.total_batches.map(|all| all as u64)));
            if stop_after == Some(batches) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        Watched { stats, asked: asked.into_inner(), reports }
    }

    fn endless(given: &AtomicUsize) -> Outcome<()> {
        let is_requested = AtomicBool::new(false);
        let endless = Script { batches: usize::MAX, fault: None };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while given.load(Ordering::Relaxed) < 3 {
                    std::thread::yield_now();
                }
                is_requested.store(true, Ordering::Relaxed);
            });
            let stop = || is_requested.load(Ordering::Relaxed);
            let stats = calibrate(|| give(endless, given.fetch_add(1, Ordering::Relaxed) % 9), &mut |_| {
                if stop() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            stats.map(drop)
        })
    }

    fn raise_opset(model: &Path, to: i64) -> Outcome<Raised> {
        let mut model = Model::open(model)?;
        let change = model.raise_opset(to)?;
        let qdq::onnx::OpsetChange { from, to, converted } = change;
        Ok(Raised { from, to, converted, model: model.encode()? })
    }

    fn log(level: i32) -> Vec<(i32, String)> {
        let found = Arc::new(Mutex::new(Vec::new()));
        let messages = found.clone();
        let keep = move |of, text: &str| messages.lock().unwrap().push((level_of(of), text.to_owned()));
        let sink = Sink::new(move |of| level_of(of) <= level, keep);
        let options = RuntimeOptions {
            kind: RuntimeKind::Auto,
            onnxruntime: Some(onnxruntime()),
            ..RuntimeOptions::default()
        };
        tracing::subscriber::with_default(sink, || options.settled().unwrap());
        std::mem::take(&mut *found.lock().unwrap())
    }

    fn session(taps: &[&str], images: &ArrayD<f32>, onnxruntime: Option<&Path>) -> Outcome<Ran> {
        let model = Model::open(&digits("model.onnx"))?;
        let taps: Vec<String> = taps.iter().map(ToString::to_string).collect();
        let seen = Arc::new(Seen(Mutex::new(vec![None; taps.len()])));
        let kind = onnxruntime.map_or(RuntimeKind::Embedded, |_| RuntimeKind::OnnxRuntime);
        let options = RuntimeOptions { kind, onnxruntime: onnxruntime.map(Path::to_owned), threads: Some(1) };
        let mut runtime = runtime::open(&model, &taps, seen.clone(), &options)?;
        let batch = Batch { inputs: vec![("input".to_owned(), tensor(images))], samples: 2, repeats: 0 };
        let outputs = runtime.run(&batch)?;
        let names = model.outputs().into_iter().map(|output| output.name);
        let seen = std::mem::take(&mut *seen.0.lock().unwrap());
        let tapped = taps.into_iter().zip(seen);
        Ok(Ran {
            runtime: runtime.describe(),
            outputs: names.zip(outputs.iter().map(array)).collect(),
            tapped: tapped.filter_map(|(name, tensor)| Some((name, array(&tensor?)))).collect(),
        })
    }

    fn onnxruntime(place: &Path) -> Outcome<(String, String)> {
        let path = runtime::find_onnxruntime(Some(place))?;
        let version = runtime::onnxruntime_version(&path)?;
        Ok((path.display().to_string(), version))
    }
}
