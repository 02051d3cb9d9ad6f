//! Constants that are computed: a tensor whose ancestors are all constants is one itself.
//!
//! A model computes its weights where an exporter did not: weight normalization, one packed tensor that is split, a target of
//! Reshape put together from numbers. The embedded engine computes them once, node by node, and only what is asked for. Nothing
//! is kept but in an engine that is open, so that a value always follows from the model as it is.

mod branches;
mod forms;
mod size;
mod store;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use half::{bf16, f16};

pub use branches::take_branches;
pub(super) use store::store;

use super::{EngineKind, EngineOptions, Tap, open};
use crate::batch::Batch;
use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Edge, Graph, Node, NodeId, TensorId, TensorKind};
use crate::onnx::Model;
use crate::place::ops::{changes_form, constant_form};
use crate::tensor::{Tensor, TensorView};

/// The largest constant that is computed, in bytes at four an element: the engine computes in f32 and i32. It holds for each
/// constant by itself.
pub const MOST_CONSTANT_BYTES: u64 = 1 << 30;

/// For each tensor of `graph` whether it follows from constants alone by operators that are computed ahead: those that give the
/// same result every time and whose result's size is known before. Constants that are stored do too.
pub fn follows_from_constants(graph: &Graph) -> Vec<bool> {
    let mut follows: Vec<bool> =
        graph.tensors.iter().map(|tensor| tensor.kind == TensorKind::Constant).collect();
    for node in &graph.nodes {
        let is_computed = node.domain.is_empty()
            && node.captures.is_empty()
            && node.inputs.iter().flatten().next().is_some()
            && node.inputs.iter().flatten().all(|input| follows[input.0])
            && size::is_known(&node.op);
        if is_computed {
            node.outputs.iter().flatten().for_each(|output| follows[output.0] = true);
        }
    }
    follows
}

/// The tensors that follow from constants alone, that are neither stored nor only another form of one that is
/// ([`constant_form`]), and that something else reads.
pub fn computed_constants(graph: &Graph) -> Vec<TensorId> {
    let follows = follows_from_constants(graph);
    let reads_on = |edge: &Edge| {
        let node = graph.node(edge.node);
        node.outputs.iter().flatten().all(|output| follows[output.0])
    };
    let is_asked_for = |&id: &TensorId| {
        let tensor = graph.tensor(id);
        let is_computed = follows[id.0] && tensor.kind == TensorKind::Activation;
        is_computed && !tensor.consumers.iter().all(reads_on) && constant_form(graph, id).is_none()
    };
    graph.tensor_ids().filter(is_asked_for).collect()
}

/// The value of a constant of `graph`, the main graph of `model`: stored, or computed from what is.
///
/// # Errors
/// `Unsupported` where the embedded engine cannot compute it, it depends on an input, or it would have more than
/// [`MOST_CONSTANT_BYTES`]; `Format` where the model's parameters do not fit. Each names the tensor.
pub fn constant_value(model: &Model, graph: &Graph, tensor: TensorId) -> Result<Tensor> {
    let mut values: HashMap<TensorId, Tensor> = HashMap::new();
    let nodes = ancestors(graph, tensor);
    let mut uses: HashMap<TensorId, usize> = HashMap::from([(tensor, 1)]);
    for input in nodes.iter().flat_map(|&id| graph.node(id).inputs.iter().flatten()) {
        *uses.entry(*input).or_default() += 1;
    }
    for &id in &nodes {
        let node = graph.node(id);
        let mut inputs = Vec::with_capacity(node.inputs.len());
        for input in &node.inputs {
            inputs.push(match input {
                None => None,
                Some(input) => Some(read(model, graph, *input, &mut values, &mut uses)?),
            });
        }
        let is_wanted = |output: &&TensorId| uses.contains_key(output);
        let outputs: Vec<TensorId> = node.outputs.iter().flatten().filter(is_wanted).copied().collect();
        let results = compute(model, graph, node, inputs, &outputs).map_err(|error| {
            let what = format!("node '{}' ({}): cannot be computed ahead", node.name, node.op);
            Error::new(error.kind(), what).with_source(error)
        })?;
        values.extend(outputs.into_iter().zip(results));
    }
    read(model, graph, tensor, &mut values, &mut uses)
}

/// The nodes that `tensor` needs, in order.
fn ancestors(graph: &Graph, tensor: TensorId) -> BTreeSet<NodeId> {
    let mut nodes = BTreeSet::new();
    let mut pending = vec![tensor];
    while let Some(tensor) = pending.pop() {
        if let Some(node) = graph.tensor(tensor).producer
            && nodes.insert(node)
        {
            pending.extend(graph.node(node).inputs.iter().flatten());
        }
    }
    nodes
}

/// A value for one of its uses; the last one takes it.
fn read(
    model: &Model,
    graph: &Graph,
    tensor: TensorId,
    values: &mut HashMap<TensorId, Tensor>,
    uses: &mut HashMap<TensorId, usize>,
) -> Result<Tensor> {
    let left = uses.entry(tensor).or_default();
    *left = left.saturating_sub(1);
    let computed = if *left == 0 { values.remove(&tensor) } else { values.get(&tensor).cloned() };
    if let Some(value) = computed {
        return Ok(value);
    }
    let name = &graph.tensor(tensor).name;
    model.constant(name)?.ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, format!("tensor '{name}' has no value before the model runs"))
            .with_remedy("store the value in the model, or fix the input that it depends on")
    })
}

/// The values of `outputs` of `node`.
fn compute(
    model: &Model,
    graph: &Graph,
    node: &Node,
    mut inputs: Vec<Option<Tensor>>,
    outputs: &[TensorId],
) -> Result<Vec<Tensor>> {
    size::check(node, &inputs)?;
    if changes_form(node) && outputs.len() == 1 {
        let parameter = inputs.get_mut(1).and_then(Option::take);
        if let Some(value) = inputs.get_mut(0).and_then(Option::take) {
            return Ok(vec![forms::apply(node, value, parameter.as_ref())?]);
        }
    }
    let names = node.inputs.iter().flatten().map(|&input| graph.tensor(input).name.clone());
    let mut values: Vec<(String, Tensor)> = Vec::with_capacity(inputs.len());
    for (name, value) in names.zip(inputs.into_iter().flatten()) {
        if !values.iter().any(|(known, _)| *known == name) {
            values.push((name, widened(value)?));
        }
    }
    let wanted: Vec<(&str, Option<DataType>)> = outputs
        .iter()
        .map(|&output| {
            let tensor = graph.tensor(output);
            let wide = |dtype| if is_half(dtype) { DataType::F32 } else { dtype };
            (tensor.name.as_str(), tensor.dtype.map(wide))
        })
        .collect();
    let first = wanted.first().map_or("", |(name, _)| name);
    let alone = model.node_alone(first, values, &wanted)?;
    let embedded = EngineOptions { kind: EngineKind::Embedded, ..Default::default() };
    let results = open(&alone, &[], Arc::new(Unheard), &embedded)?.run(&Batch::default())?;
    outputs
        .iter()
        .zip(results)
        .map(|(&output, value)| match graph.tensor(output).dtype {
            Some(dtype) if is_half(dtype) => narrowed(value, dtype),
            // The engine has one type for several of ONNX's; which one it stands for only the graph knows.
            None if value.dtype() != DataType::F32 => {
                let message = format!("the type of '{}' is not known", graph.tensor(output).name);
                Err(Error::new(ErrorKind::Unsupported, message))
            }
            _ => Ok(value),
        })
        .collect()
}

struct Unheard;

impl Tap for Unheard {
    fn observe(&self, _: usize, _: TensorView<'_>) -> Result<()> {
        Ok(())
    }
}

fn is_half(dtype: DataType) -> bool {
    matches!(dtype, DataType::F16 | DataType::Bf16)
}

/// The engine has no 16-bit floats: each operator computes in f32 and rounds its result, as ONNX Runtime does.
fn widened(value: Tensor) -> Result<Tensor> {
    if !is_half(value.dtype()) {
        return Ok(value);
    }
    let floats = value.view().data().to_f32().unwrap_or_default().into_owned();
    Tensor::new(value.shape().to_vec(), floats)
}

fn narrowed(value: Tensor, to: DataType) -> Result<Tensor> {
    let floats = value.view().data().to_f32().unwrap_or_default().into_owned();
    let shape = value.shape().to_vec();
    match to {
        DataType::F16 => Tensor::new(shape, floats.into_iter().map(f16::from_f32).collect::<Vec<_>>()),
        _ => Tensor::new(shape, floats.into_iter().map(bf16::from_f32).collect::<Vec<_>>()),
    }
}
