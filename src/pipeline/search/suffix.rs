//! Runs of the part of a quantized model that differs from the float model.
//!
//! If only one layer of a model is quantized, all that it does not change is as in the float model. So the
//! run begins at the layer, with the activations of the float model, and computes only what depends on it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::dtype::DataType;
use crate::error::Result;
use crate::graph::{Graph, TensorId, TensorKind};
use crate::onnx::Model;
use crate::pipeline::compared::Compared;
use crate::pipeline::progress::Progress;
use crate::pipeline::ready::{Ready, Shelf, add, comparable, rounding};
use crate::pipeline::recover::Passes;
use crate::report::compare::Metrics;
use crate::runtime::{self, RuntimeOptions};
use crate::tensor::{Dim, Tensor, TensorSpec};

use super::judge::{Judge, Judged, Unheard};

/// The activations of the float model for some batches.
pub(super) struct Activations {
    names: Vec<String>,
    /// For each batch, its tensors by their position in `names`; `None` for one that was not computed.
    batches: Vec<Vec<Option<Tensor>>>,
}

impl Activations {
    /// Runs the float model on the first batches, until their activations would exceed `most` bytes, and
    /// keeps all floating-point activations on which the compared outputs depend. There is at least one
    /// batch.
    pub fn of(judge: &Judge, batches: &[Judged], most: usize, options: &RuntimeOptions) -> Result<Self> {
        let float = &judge.compared.part_of(judge.float())?;
        let graph = float.graph()?;
        // A tensor of a flattened subgraph is no tensor of the main graph that could be fed.
        let kept: Vec<TensorId> = if float.is_flat() { Vec::new() } else { kept(&graph).collect() };
        let names: Vec<String> = kept.into_iter().map(|id| graph.tensor(id).name.clone()).collect();
        let shelf = Arc::new(Shelf { tensors: Mutex::new(vec![None; names.len()]) });
        let rounding = rounding([float, float]);
        let mut runner = runtime::open_with(float, &names, shelf.clone(), options, rounding)?;
        let (mut kept, mut bytes): (Vec<Vec<Option<Tensor>>>, usize) = (Vec::new(), 0);
        for (batch, _) in batches {
            runner.run(batch)?;
            let mut tensors = shelf.tensors.lock().unwrap_or_else(PoisonError::into_inner);
            let found = std::mem::replace(&mut *tensors, vec![None; names.len()]);
            let sizes = found.iter().flatten().map(|tensor| tensor.view().data().as_bytes().len());
            bytes += sizes.sum::<usize>();
            if bytes > most && !kept.is_empty() {
                break;
            }
            kept.push(found);
        }
        Ok(Self { names, batches: kept })
    }

    /// Returns the number of batches whose activations are kept.
    pub fn batches(&self) -> usize {
        self.batches.len()
    }
}

/// Lists the activations that can be kept: f32 in the main graph.
fn kept(graph: &Graph) -> impl Iterator<Item = TensorId> + '_ {
    graph.tensor_ids().filter(|&id| {
        let tensor = graph.tensor(id);
        tensor.kind == TensorKind::Activation && tensor.dtype == Some(DataType::F32) && !tensor.is_opaque
    })
}

/// Compares the outputs of a model, which differs from the float model in some layers only, with those of the
/// float model.
///
/// `expected` holds the compared outputs of the float model for each batch. The metrics are those of each
/// output; an output that does not depend on the layers has none.
pub(super) fn judge(
    judge: &Judge,
    quantized: &Model,
    activations: &Activations,
    batches: &[Judged],
    passes: &mut Passes<'_>,
) -> Result<Vec<Option<Metrics>>> {
    let (float, compared) = (judge.float(), &judge.compared);
    let quantized = &comparable(quantized)?;
    let graph = quantized.graph()?;
    let changed = changed(&float.graph()?, &graph);
    let outputs: Vec<Option<TensorId>> = compared.outputs.iter().map(|name| graph.find(name)).collect();
    let is_changed: Vec<bool> =
        outputs.iter().map(|output| output.is_some_and(|output| changed.contains(&output))).collect();
    let mut metrics: Vec<Option<Metrics>> = is_changed.iter().map(|&is| is.then(Metrics::default)).collect();
    let wanted: Vec<usize> = (0..outputs.len()).filter(|&at| is_changed[at]).collect();
    if wanted.is_empty() {
        return Ok(metrics);
    }
    let is_kept = |id: TensorId| activations.names.contains(&graph.tensor(id).name) && !changed.contains(&id);
    let border = border(&graph, wanted.iter().filter_map(|&at| outputs[at]), is_kept);
    let fed: Vec<TensorSpec> = border.iter().map(|&id| spec_of(&graph, id)).collect();
    let is_fed = |name: &String| fed.iter().any(|spec| spec.name == *name);
    let part = Compared {
        outputs: wanted.iter().map(|&at| compared.outputs[at].clone()).collect(),
        activations: Vec::new(),
        has_classes: false,
        findings: Vec::new(),
    };
    let model = quantized.starting_at(&fed)?;
    let rounding = rounding([float, quantized]);
    let mut ready = Ready::open(&model, &part, Arc::new(Unheard), passes.runtime, rounding)?;
    let mut progress = Progress::start(Some(batches.len()));
    let positions: Vec<(usize, &String)> =
        activations.names.iter().enumerate().filter(|(_, name)| is_fed(name)).collect();
    for ((batch, expected), kept) in batches.iter().zip(&activations.batches) {
        let mut batch = batch.clone();
        for &(at, name) in &positions {
            batch.inputs.extend(kept[at].clone().map(|tensor| (name.clone(), tensor)));
        }
        let found = ready.run(&batch)?;
        for (&at, found) in wanted.iter().zip(&found) {
            if let Some(metrics) = &mut metrics[at] {
                add(metrics, &expected[at], found.view());
            }
        }
        progress.advance(batch.samples, passes.report)?;
    }
    Ok(metrics)
}

/// Describes a tensor that is fed. Its rank matters to the runtimes, and its sizes do not.
fn spec_of(graph: &Graph, id: TensorId) -> TensorSpec {
    let tensor = graph.tensor(id);
    let shape = tensor.rank().map(|rank| vec![Dim::Unknown; rank]);
    TensorSpec { name: tensor.name.clone(), dtype: Some(DataType::F32), shape }
}

/// Lists the tensors that depend on nodes that the float model does not have.
fn changed(float: &Graph, graph: &Graph) -> BTreeSet<TensorId> {
    let mut changed = BTreeSet::new();
    for node in graph.node_ids() {
        let outputs = || graph.node(node).outputs.iter().flatten().copied();
        let is_new = outputs().any(|output| float.find(&graph.tensor(output).name).is_none());
        if is_new || graph.reads(node).any(|read| changed.contains(&read)) {
            changed.extend(outputs());
        }
    }
    changed
}

/// Lists the tensors from which on `outputs` are computed: the last ones on every path for which `is_kept`.
fn border(
    graph: &Graph,
    outputs: impl Iterator<Item = TensorId>,
    is_kept: impl Fn(TensorId) -> bool,
) -> BTreeSet<TensorId> {
    let mut pending: Vec<TensorId> = outputs.collect();
    let mut seen: BTreeSet<TensorId> = pending.iter().copied().collect();
    let mut border = BTreeSet::new();
    while let Some(id) = pending.pop() {
        if is_kept(id) {
            border.insert(id);
        } else if let Some(node) = graph.tensor(id).producer {
            pending.extend(graph.reads(node).filter(|&read| seen.insert(read)));
        }
    }
    border
}
