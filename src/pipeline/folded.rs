//! Constants that a model computes, as constants of its graph.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::sync::Arc;

use super::dequantized;
use crate::dtype::DataType;
use crate::error::Error;
use crate::finding::{Finding, listed};
use crate::graph::{Graph, Node, NodeId, TensorId};
use crate::onnx::Network;
use crate::place::ops::{is_weighted, nested_weighted};
use crate::runtime::{Dependence, computed_constants, dependences, each_constant, why_not};

/// The number of causes that have a finding of their own. A model can have as many causes as tensors.
const MOST_CAUSES: usize = 5;
/// The number of layers that a finding names.
const SHOWN: usize = 5;

/// Marks tensors as constants in the graph if they follow from constants alone and something else reads them.
///
/// A node that only changes the form of a stored constant needs no mark: placement sees through it. A tensor
/// that cannot be computed ahead stays an activation. That is a finding if layers need it for a weight, or an
/// If for its condition.
pub(super) fn fold_constants(network: &mut Network) -> Vec<Finding> {
    let (stored, wanted): (Vec<TensorId>, Vec<TensorId>) = computed_constants(&network.graph)
        .into_iter()
        .partition(|&id| dequantized::maker(&network.graph, id).is_some());
    let (mut known, mut causes) = (Vec::new(), BTreeMap::new());
    for id in stored {
        let integers = dequantized::maker(&network.graph, id).and_then(|node| node.input(0));
        let shape = integers.and_then(|integers| network.graph.tensor(integers).fixed_shape());
        known.extend(shape.map(|shape| (id, DataType::F32, shape)));
    }
    each_constant(network, &wanted, |at, value| match value {
        Ok(value) => known.push((wanted[at], value.dtype(), value.shape().to_vec())),
        Err(error) => {
            tracing::debug!("'{}' is computed when the model runs: {error:#}", network.name(wanted[at]));
            causes.insert(wanted[at], cause(&error));
        }
    });
    let graph = Arc::make_mut(&mut network.graph);
    known.into_iter().for_each(|(id, dtype, shape)| graph.fold(id, dtype, &shape));
    for (id, depends) in graph.tensor_ids().zip(dependences(graph)) {
        if let Dependence::Uncomputed(node) = depends {
            causes.entry(id).or_insert_with(|| why_not(graph.node(node)));
        }
    }
    let weights = Left::find(graph, &causes, is_weighted, &[0, 1]).into_iter().map(|left| {
        let layers = listed(&left.nodes, SHOWN);
        let what = format!(
            "not quantized as weights, since they cannot be computed before the model runs ({}): convolutions that read them stay \
             in float, and products quantize them in every run ({layers})",
            left.cause
        );
        Finding::warning(what).about(left.tensors).with_remedy("store their values in the model when you export it")
    });
    // A flattened If contains nothing any more.
    let holds_layers =
        |node: &Node| node.is("If") && (node.nested.is_empty() || nested_weighted(node).is_some());
    let conditions = Left::find(graph, &causes, holds_layers, &[0]).into_iter().map(|left| {
        let what = format!(
            "which branch runs is constant, but cannot be computed before the model runs ({})",
            left.cause
        );
        Finding::warning(what)
            .about(left.tensors)
            .with_remedy("store the condition in the model when you export it")
    });
    weights.chain(conditions).collect()
}

/// Returns the cause of an error, without the node that has it.
fn cause(error: &Error) -> String {
    let below = error.source().and_then(|source| source.downcast_ref::<Error>());
    below.map_or_else(|| error.message().to_owned(), |below| below.message().to_owned())
}

/// Tensors that have no value for one cause, and the nodes that read them.
struct Left {
    cause: String,
    tensors: Vec<String>,
    nodes: Vec<String>,
}

impl Left {
    /// Examines these inputs of the nodes that `asks` accepts.
    fn find(
        graph: &Graph,
        causes: &BTreeMap<TensorId, String>,
        asks: impl Fn(&Node) -> bool,
        inputs: &[usize],
    ) -> Vec<Self> {
        // Constants that another tool has quantized to int4 or float8 are stored and stay as they are.
        let is_quantized = |id: TensorId| graph.producer(id).is_some_and(|node| node.is("DequantizeLinear"));
        let mut found: Vec<Self> = Vec::new();
        for node in graph.node_ids().map(|id: NodeId| graph.node(id)).filter(|node| asks(node)) {
            for id in inputs.iter().filter_map(|&input| node.input(input)).filter(|id| !is_quantized(*id)) {
                let Some(cause) = causes.get(&id) else { continue };
                let at = match found.iter().position(|left| left.cause == *cause) {
                    Some(at) => at,
                    None if found.len() < MOST_CAUSES => {
                        found.push(Self { cause: cause.clone(), tensors: Vec::new(), nodes: Vec::new() });
                        found.len() - 1
                    }
                    // The last entry collects all further causes.
                    None => found.len() - 1,
                };
                let (left, name) = (&mut found[at], &graph.tensor(id).name);
                if left.tensors.last() != Some(name) {
                    left.tensors.push(name.clone());
                }
                left.nodes.push(format!("'{}'", node.name));
            }
        }
        found
    }
}
