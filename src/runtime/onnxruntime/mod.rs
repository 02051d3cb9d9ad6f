//! ONNX Runtime as a runtime.
//!
//! An observer follows each tapped tensor. It is a custom operator that passes its input to the tap and gives
//! an output with the tensor's name, so that consumers, subgraphs and the model's outputs need no change. The
//! output shares the memory of the input. Observing therefore makes no copy and keeps no memory alive.

mod library;
mod locate;
mod observer;
mod types;
mod values;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ort::logging::LogLevel;
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};

use super::{Runtime, Tap, check, indices};
use crate::batch::Batch;
use crate::dtype::DataType;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::graph::{TensorId, TensorKind};
use crate::onnx::{Model, Network};
use crate::tensor::{Tensor, TensorSpec};
use observer::Sink;

pub(super) use library::environment;
pub use library::version as onnxruntime_version;
pub use locate::find_onnxruntime;
pub(super) use locate::is_asked_for;

/// A model that is ready to run in ONNX Runtime.
pub(super) struct OnnxRuntime {
    session: Session,
    version: String,
    inputs: Vec<TensorSpec>,
    outputs: Vec<TensorSpec>,
    /// The tapped inputs of the model: position and number of the tap.
    tapped_inputs: Vec<(usize, usize)>,
    sink: Arc<Sink>,
}

impl OnnxRuntime {
    /// Opens `model` in the library at `library`. `taps` gives the number of each tapped tensor.
    ///
    /// # Errors
    /// `Runtime` if the library cannot be used or refuses the model.
    pub fn open(
        library: &Path,
        network: &Network,
        taps: &BTreeMap<TensorId, usize>,
        tap: Arc<dyn Tap>,
        threads: Option<usize>,
    ) -> Result<Self> {
        let (environment, version) = environment(library)?;
        let Network { model, graph, .. } = network;
        let kind = |tensor: TensorId| graph.tensor(tensor).kind;
        let pairs = || taps.iter().map(|(&tensor, &index)| (tensor, index));
        let inputs = model.inputs();
        let tapped_inputs = pairs()
            .filter(|(tensor, _)| kind(*tensor) == TensorKind::Input)
            .filter_map(|(tensor, index)| {
                let name = &graph.tensor(tensor).name;
                Some((inputs.iter().position(|spec| spec.name == *name)?, index))
            })
            .collect();
        let mut observed: Vec<(TensorId, usize)> =
            pairs().filter(|(tensor, _)| kind(*tensor) == TensorKind::Activation).collect();
        observed.retain(|(tensor, _)| graph.tensor(*tensor).may_be_float());
        let sink = Arc::new(Sink::new(tap));
        let (model, folder) = model.without_links()?;
        let create = |bytes: &[u8]| {
            Session::builder(&environment)
                .and_then(|builder| configure(builder, &sink, threads, folder.as_deref()))
                .and_then(|mut builder| builder.commit_from_memory(bytes))
                .map_err(|error| {
                    Error::new(ErrorKind::Runtime, format!("ONNX Runtime refuses the model: {error}"))
                        .with_remedy("check the model with onnx.checker, or run it in the embedded runtime")
                })
        };
        // ONNX Runtime registers the observers' domain in a table of the process. Two sessions that are
        // created at the same time may both find it missing, and then one of them fails.
        static CREATION: Mutex<()> = Mutex::new(());
        let creation = CREATION.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(probe) = types::probe(&model, graph, &observed)? {
            let tensors = types::tensors(&create(&probe)?);
            observed.retain(|(tensor, _)| types::is_observable(graph.tensor(*tensor), &tensors));
        }
        let runnable = with_an_output(&model)?;
        let bytes = observer::insert(&runnable, network, &observed)?.encode()?;
        let session = create(&bytes)?;
        drop(creation);
        Ok(Self { session, version, inputs, outputs: model.outputs(), tapped_inputs, sink })
    }
}

/// Adds a constant output, which costs nothing, to a model without outputs.
///
/// ONNX Runtime runs no node of a model without outputs.
fn with_an_output(model: &Model) -> Result<Cow<'_, Model>> {
    if !model.outputs().is_empty() {
        return Ok(Cow::Borrowed(model));
    }
    let mut model = model.clone();
    let name = model.unique_names().fresh("no_output");
    model.add_initializer(&name, &[1], vec![0f32])?;
    model.add_output(&name, Some(DataType::F32))?;
    Ok(Cow::Owned(model))
}

fn configure(
    builder: SessionBuilder,
    sink: &Arc<Sink>,
    threads: Option<usize>,
    folder: Option<&Path>,
) -> ort::Result<SessionBuilder> {
    let mut builder = builder
        .with_log_level(LogLevel::Warning)?
        // Higher levels may change the rounding of values, and with it the ranges.
        .with_optimization_level(GraphOptimizationLevel::Level1)?
        // These passes would move Q/DQ pairs and round biases to integers, which TensorRT does not do.
        // Without them, each operator computes what ONNX defines.
        .with_config_entry("session.disable_quant_qdq", "1")?
        // Threads that spin between operators would take the cores from the threads that observe.
        .with_intra_op_spinning(false)?
        .with_operators(observer::domain(sink)?)?;
    if let Some(threads) = threads {
        builder = builder.with_intra_threads(threads)?;
    }
    if let Some(folder) = folder.and_then(Path::to_str) {
        builder =
            builder.with_config_entry("session.model_external_initializers_file_folder_path", folder)?;
    }
    Ok(builder)
}

impl Runtime for OnnxRuntime {
    fn run(&mut self, batch: &Batch) -> Result<Vec<Tensor>> {
        let tensors = check::inputs(&self.inputs, batch)?;
        for &(position, index) in &self.tapped_inputs {
            if tensors[position].dtype().is_float() {
                self.sink.tap().observe(index, tensors[position].view())?;
            }
        }
        let given = self
            .inputs
            .iter()
            .zip(&tensors)
            .map(|(spec, tensor)| Ok((spec.name.as_str(), values::to_ort(&spec.name, tensor)?)))
            .collect::<Result<Vec<_>>>()?;
        let results = self.session.run(given);
        if let Some(failure) = self.sink.take_failure() {
            return Err(failure);
        }
        let results = results
            .context(ErrorKind::Runtime, || "ONNX Runtime failed to run the model".to_owned())
            .map_err(|error| indices::explained(batch, error))?;
        let result = |spec: &TensorSpec| {
            let value = results.get(&spec.name).ok_or_else(|| {
                Error::new(ErrorKind::Runtime, format!("ONNX Runtime gives no output '{}'", spec.name))
            })?;
            values::from_ort(&spec.name, value)
        };
        self.outputs.iter().map(result).collect()
    }

    fn describe(&self) -> String {
        format!("ONNX Runtime {}", self.version)
    }
}
