//! The embedded runtime: rten, in pure Rust, without any installation.
//!
//! rten has no hook between operators. A tapped model therefore runs unoptimised and a few nodes at a time.
//! The results of each piece go to the tap, and each result is dropped after its last reader.
//!
//! A model without taps runs whole and optimised. An exception is a model with operators that qdq computes
//! itself because rten differs from ONNX or lacks them.
//!
//! rten computes in f32, i32, i8 and u8 only. f64 becomes f32; i64 and bool become i32. A model with f16 or
//! bf16 comes as its f32 twin, whose only nodes of these types are Casts that round. e4m3 comes in f32 too,
//! and integers of 4 and 16 bits in those of 8 and 32.

mod arg_extreme;
mod differences;
mod lrn;
mod quantize_linear;
mod rounded;
mod schedule;
mod values;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::error::Error as _;
use std::sync::Arc;

use rten::{LoadErrorKind, ModelOptions, RunOptions, ThreadPool, Value, ValueOrView, ValueView};
use rten_tensor::prelude::*;

use super::guard::{guarded, guarded_deep};
use super::{Runtime, Tap, USE_ONNXRUNTIME, check, indices};
use crate::batch::Batch;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Graph, Node, NodeId, TensorId};
use crate::onnx::{Detached, Edits, Model, Network, NodeSpec, Position};
use crate::tensor::{DataView, Tensor, TensorSpec, TensorView};
use arg_extreme::arg_extreme;
use differences::is_own;
use lrn::lrn;
use quantize_linear::Linear;
use rounded::rounded;
use schedule::Step;

/// A model that is ready to run in rten.
pub(super) struct Embedded {
    model: rten::Model,
    options: RunOptions,
    graph: Arc<Graph>,
    inputs: Vec<TensorSpec>,
    /// The outputs, each one once.
    outputs: Vec<TensorSpec>,
    /// The position in `outputs` of each output of the model. A model may list an output twice.
    listed: Vec<usize>,
    /// The inputs, each with a flag whether anything reads it.
    input_tensors: Vec<(TensorId, bool)>,
    output_tensors: Vec<TensorId>,
    /// The rten number of every tensor that rten knows.
    ids: HashMap<TensorId, rten::NodeId>,
    taps: BTreeMap<TensorId, usize>,
    tap: Arc<dyn Tap>,
    /// The pieces in which the model runs; `None` if it runs whole.
    steps: Option<Vec<Step>>,
}

/// The tensors of a run that are still needed.
type Live<'b> = HashMap<TensorId, ValueOrView<'b>>;

impl Embedded {
    /// Loads `model`. `taps` gives the number of each tapped tensor.
    ///
    /// # Errors
    /// `Unsupported` with the name of the node if rten lacks an operator, a form of it or a type.
    pub fn open(
        network: &Network,
        taps: BTreeMap<TensorId, usize>,
        tap: Arc<dyn Tap>,
        threads: Option<usize>,
    ) -> Result<Self> {
        let Network { model, graph, .. } = network;
        differences::refuse(model, graph)?;
        let own = |node: NodeId| is_own(graph, graph.node(node));
        let inputs = model.inputs();
        let (outputs, listed) = each_once(model.outputs());
        let whole = taps.is_empty() && !outputs.is_empty() && !graph.node_ids().any(own);
        let Detached { message, weights } = without_lacking(network)?.detached()?;
        let loaded = guarded_deep("loading the model", graph.nodes.len(), || {
            let mut options = ModelOptions::with_all_ops();
            options.enable_optimization(whole);
            for (name, data) in weights {
                options.external_data(&name, data.to_vec());
            }
            options.load(message)
        })?
        .map_err(|error| load_failure(graph, &error))?;

        let read: HashSet<TensorId> = graph.node_ids().flat_map(|node| graph.reads(node)).collect();
        let is_read = |id: TensorId| read.contains(&id) || graph.tensor(id).is_output;
        let input_tensors = tensors(graph, &inputs)?.into_iter().map(|id| (id, is_read(id))).collect();
        let output_tensors = tensors(graph, &outputs)?;
        let ids = graph
            .tensor_ids()
            .filter_map(|tensor| Some((tensor, loaded.find_node(&graph.tensor(tensor).name)?)))
            .collect();
        let steps = (!whole).then(|| {
            let tapped: Vec<TensorId> = taps.keys().copied().collect();
            schedule::steps(graph, &output_tensors, &tapped, own)
        });
        let pool = threads.map(|threads| Arc::new(ThreadPool::with_num_threads(threads)));
        let options = RunOptions::default().with_thread_pool(pool);
        Ok(Self {
            model: loaded,
            options,
            graph: graph.clone(),
            inputs,
            outputs,
            listed,
            input_tensors,
            output_tensors,
            ids,
            taps,
            tap,
            steps,
        })
    }

    fn run_whole(&self, inputs: Live<'_>) -> Result<Vec<Value>> {
        let named = self.numbered(inputs)?;
        let wanted = self.output_tensors.iter().map(|&tensor| self.id(tensor)).collect::<Result<Vec<_>>>()?;
        guarded_deep("running the model", self.graph.nodes.len(), || {
            self.model.run(named, &wanted, Some(self.options.clone()))
        })?
        .map_err(|error| self.run_failure(&error))
    }

    fn run_steps(&self, steps: &[Step], mut live: Live<'_>) -> Result<Vec<Value>> {
        for step in steps {
            let results = match step.nodes[..] {
                [node] if is_own(&self.graph, self.graph.node(node)) => {
                    let result = self.run_own(self.graph.node(node), &live)?;
                    for (tensor, _) in step.inputs.iter().filter(|(_, last)| *last) {
                        live.remove(tensor);
                    }
                    vec![result]
                }
                _ => self.run_step(step, &mut live)?,
            };
            for (&(tensor, kept), value) in step.outputs.iter().zip(results) {
                if let Some(&index) = self.taps.get(&tensor) {
                    self.hand_over(index, &value)?;
                }
                if kept {
                    live.insert(tensor, ValueOrView::Value(value));
                }
            }
        }
        let result = |&tensor: &TensorId| match live.remove(&tensor) {
            Some(value) => Ok(value.into_owned()),
            None => self.constant(tensor),
        };
        self.output_tensors.iter().map(result).collect()
    }

    /// Runs the nodes of `step` in rten. Inputs that no later step reads are moved in, so rten can reuse
    /// them.
    fn run_step(&self, step: &Step, live: &mut Live<'_>) -> Result<Vec<Value>> {
        let mut given = Vec::new();
        for (tensor, _) in step.inputs.iter().filter(|(_, last)| *last) {
            let value = live.remove(tensor).ok_or_else(|| self.lost_tensor(*tensor))?;
            given.push((self.id(*tensor)?, value));
        }
        for (tensor, _) in step.inputs.iter().filter(|(_, last)| !*last) {
            let value = live.get(tensor).ok_or_else(|| self.lost_tensor(*tensor))?;
            given.push((self.id(*tensor)?, value.as_view().into()));
        }
        let wanted = step.outputs.iter().map(|(tensor, _)| self.id(*tensor)).collect::<Result<Vec<_>>>()?;
        let options = Some(self.options.clone());
        let first = step.nodes.first().map_or("", |node| &self.graph.node(*node).name);
        guarded(&format!("running the nodes from '{first}' on"), || self.model.run(given, &wanted, options))?
            .map_err(|error| self.run_failure(&error))
    }

    /// Runs a node that rten does not have or computes differently from ONNX.
    fn run_own(&self, node: &Node, live: &Live<'_>) -> Result<Value> {
        let operand = |index: usize| {
            let Some(tensor) = node.input(index) else { return Ok(None) };
            let value = match live.get(&tensor) {
                Some(value) => value.as_view().into(),
                None => ValueOrView::Value(self.constant(tensor)?),
            };
            Ok(Some(value))
        };
        let missing = || {
            Error::new(ErrorKind::Format, format!("node '{}' ({}) lacks an input", node.name, node.op))
                .with_remedy("check the model with onnx.checker")
        };
        let x = operand(0)?.ok_or_else(missing)?;
        match node.op.as_str() {
            "LRN" => return lrn(node, &x.as_view()),
            "ArgMax" | "ArgMin" => return arg_extreme(node, &x.as_view()),
            "Cast" => return rounded(node, &x.as_view()),
            _ => {}
        }
        let scale = operand(1)?.ok_or_else(missing)?;
        let zero_point = operand(2)?;
        let linear = Linear {
            node,
            x: x.as_view(),
            scale: scale.as_view(),
            zero_point: zero_point.as_ref().map(ValueOrView::as_view),
        };
        if node.op == "QuantizeLinear" { linear.quantize() } else { linear.dequantize() }
    }

    /// Reads a tensor that is part of the model.
    fn constant(&self, tensor: TensorId) -> Result<Value> {
        let id = self.id(tensor)?;
        let found =
            guarded("reading a constant", || self.model.run(Vec::new(), &[id], Some(self.options.clone())))?
                .map_err(|error| self.run_failure(&error))?;
        found.into_iter().next().ok_or_else(|| self.lost_tensor(tensor))
    }

    fn hand_over(&self, index: usize, value: &Value) -> Result<()> {
        let ValueView::FloatTensor(tensor) = value.as_view() else { return Ok(()) };
        let tensor = tensor.to_contiguous();
        self.tap.observe(index, TensorView::new(tensor.shape(), DataView::F32(tensor.data()))?)
    }

    fn numbered<'b>(&self, live: Live<'b>) -> Result<Vec<(rten::NodeId, ValueOrView<'b>)>> {
        live.into_iter().map(|(tensor, value)| Ok((self.id(tensor)?, value))).collect()
    }

    fn id(&self, tensor: TensorId) -> Result<rten::NodeId> {
        self.ids.get(&tensor).copied().ok_or_else(|| self.lost_tensor(tensor))
    }

    fn lost_tensor(&self, tensor: TensorId) -> Error {
        lost(&self.graph.tensor(tensor).name)
    }

    fn run_failure(&self, error: &rten::RunError) -> Error {
        let node = error.node_path().first().copied().flatten().unwrap_or_default();
        let message = match node {
            "" => format!("the embedded runtime failed: {error}"),
            name => format!("{}: the embedded runtime failed: {error}", show_node(&self.graph, name)),
        };
        Error::new(ErrorKind::Runtime, message).with_remedy(USE_ONNXRUNTIME)
    }
}

impl Runtime for Embedded {
    fn run(&mut self, batch: &Batch) -> Result<Vec<Tensor>> {
        let tensors = check::inputs(&self.inputs, batch)?;
        let mut live = Live::new();
        for ((spec, (id, is_read)), tensor) in self.inputs.iter().zip(&self.input_tensors).zip(&tensors) {
            if let Some(&index) = self.taps.get(id)
                && tensor.dtype().is_float()
            {
                self.tap.observe(index, tensor.view())?;
            }
            if *is_read {
                live.insert(*id, values::to_rten(&spec.name, tensor)?);
            }
        }
        let results = match &self.steps {
            Some(steps) => self.run_steps(steps, live),
            None => self.run_whole(live),
        };
        let results = results.map_err(|error| indices::explained(batch, error))?;
        let found = self.outputs.iter().zip(results).map(|(spec, value)| values::from_rten(spec, value));
        let found: Vec<Tensor> = found.collect::<Result<_>>()?;
        if found.len() == self.listed.len() {
            return Ok(found);
        }
        Ok(self.listed.iter().map(|&at| found[at].clone()).collect())
    }

    fn describe(&self) -> String {
        "embedded runtime (rten 0.27)".to_owned()
    }
}

fn tensors(graph: &Graph, specs: &[TensorSpec]) -> Result<Vec<TensorId>> {
    specs.iter().map(|spec| graph.find(&spec.name).ok_or_else(|| lost(&spec.name))).collect()
}

/// Returns every output once, and for each of `outputs` its position among them.
fn each_once(outputs: Vec<TensorSpec>) -> (Vec<TensorSpec>, Vec<usize>) {
    let mut once: Vec<TensorSpec> = Vec::with_capacity(outputs.len());
    let mut listed = Vec::with_capacity(outputs.len());
    let mut places: HashMap<String, usize> = HashMap::new();
    for output in outputs {
        listed.push(*places.entry(output.name.clone()).or_insert(once.len()));
        if listed.last() == Some(&once.len()) {
            once.push(output);
        }
    }
    (once, listed)
}

/// Returns the model with a node that rten can load in place of each node that rten lacks.
///
/// The replacement nodes never run: see [`Embedded::run_own`].
fn without_lacking(network: &Network) -> Result<Cow<'_, Model>> {
    let Network { model, graph, .. } = network;
    let mut edits = Edits::new();
    for (position, node) in model.nodes().enumerate() {
        if let ([input, ..], [output, ..]) = (node.inputs(), node.outputs())
            && network.node_at(position).is_some_and(|id| differences::is_lacking(graph, graph.node(id)))
        {
            edits.remove(position);
            edits.insert(
                Position::Before(position),
                NodeSpec::new("Identity", node.name(), &[input], &[output]),
            );
        }
    }
    if edits.is_empty() {
        return Ok(Cow::Borrowed(model));
    }
    let mut model = model.clone();
    model.edit(edits)?;
    Ok(Cow::Owned(model))
}

fn load_failure(graph: &Graph, error: &rten::LoadError) -> Error {
    let kind = match error.kind() {
        LoadErrorKind::OperatorInvalid | LoadErrorKind::GraphError => ErrorKind::Unsupported,
        LoadErrorKind::ParseError | LoadErrorKind::UnknownFileType => ErrorKind::Format,
        _ => ErrorKind::Runtime,
    };
    let place = error.node().map_or("the model".to_owned(), |name| show_node(graph, name));
    let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    Error::new(kind, format!("{place}: the embedded runtime cannot load it: {cause}"))
        .with_remedy(USE_ONNXRUNTIME)
}

/// Returns `name`, with its operator if it is a node of the graph.
fn show_node(graph: &Graph, name: &str) -> String {
    match graph.nodes.iter().find(|node| node.name == name) {
        Some(node) => format!("node '{name}' ({})", node.op),
        None => format!("'{name}'"),
    }
}

fn lost(name: &str) -> Error {
    Error::new(ErrorKind::Runtime, format!("the embedded runtime has no tensor '{name}'"))
        .with_remedy(super::CHECK_OR_OTHER)
}
