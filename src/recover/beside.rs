//! Layers and their quantized copies side by side in one model, which tells what quantizing a layer costs by itself: both
//! read the same float input.

use std::collections::{BTreeMap, BTreeSet};

use crate::emit::Ranges;
use crate::emit::qdq_model::{self, ReadyWeights, Weights, shared_amax};
use crate::error::Result;
use crate::graph::{Edge, Graph, NodeId, TensorId};
use crate::onnx::{Edits, Model, Position, UniqueNames};
use crate::place::{Plan, PlannedActivation, PlannedWeight};
use crate::tensor::Tensor;

/// The model that is measured.
#[derive(Clone, Copy)]
pub struct Original<'a> {
    /// The float model.
    pub model: &'a Model,
    /// Its main graph.
    pub graph: &'a Graph,
    /// The position in the model of each node of the graph.
    pub index: &'a [usize],
    /// What of it is quantized.
    pub plan: &'a Plan,
}

/// Nodes that follow each other, to be copied together.
#[derive(Clone, Debug, Default)]
pub struct Segment<'a> {
    /// The nodes in their order, each reading the one before.
    pub nodes: Vec<NodeId>,
    /// Constants that have other values in the copy, by name.
    pub constants: BTreeMap<String, Tensor>,
    /// Ranges that are others in the copy, by the name of the original tensor.
    pub ranges: Option<&'a Ranges>,
}

/// The float model with quantized copies in it.
pub struct Beside {
    /// The model.
    pub model: Model,
    /// For each segment the tensor that its last node computes and that of the copy; `None` where it could not be copied.
    pub pairs: Vec<Option<(String, String)>>,
}

/// Puts a quantized copy of each segment beside it.
///
/// # Errors
/// Those of [`qdq_model::quantize`].
pub fn beside(
    original: Original<'_>,
    segments: &[Segment<'_>],
    ranges: &Ranges,
    weights: &Weights,
    ready: &ReadyWeights,
) -> Result<Beside> {
    let mut copier = Copier {
        original,
        model: original.model.clone(),
        edits: Edits::new(),
        names: original.model.unique_names(),
        ranges: Ranges::default(),
        edges: Vec::new(),
    };
    let mut pairs = Vec::new();
    for segment in segments {
        pairs.push(copier.copy(segment, ranges)?);
    }
    let Copier { mut model, edits, ranges, edges, .. } = copier;
    model.edit(edits)?;
    let (graph, index) = model.graph_with_index()?;
    let plan = plan_of(&graph, &edges);
    let model = qdq_model::quantize_with(&model, &graph, &index, &plan, &ranges, weights, ready)?;
    Ok(Beside { model, pairs })
}

/// An input of a copied node that is quantized: the copy's first output, the input, and what it reads.
struct Quantized {
    output: String,
    input: usize,
    tensor: String,
    /// The axis of a weight; `None` for an activation.
    weight: Option<Option<usize>>,
}

struct Copier<'a> {
    original: Original<'a>,
    model: Model,
    edits: Edits,
    names: UniqueNames,
    ranges: Ranges,
    edges: Vec<Quantized>,
}

impl Copier<'_> {
    fn copy(&mut self, segment: &Segment<'_>, ranges: &Ranges) -> Result<Option<(String, String)>> {
        let Original { graph, index, plan, .. } = self.original;
        let specs = segment.nodes.iter().map(|&id| self.model.node(index[id.0])?.to_spec());
        let Some(mut specs) = specs.collect::<Option<Vec<_>>>() else { return Ok(None) };
        let mut renamed: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in &segment.constants {
            let copy = self.fresh(name);
            self.model.add_initializer(&copy, value.shape(), value.data().clone())?;
            renamed.insert(name.clone(), copy);
        }
        let mut last = None;
        for (&id, spec) in segment.nodes.iter().zip(&mut specs) {
            let inputs = spec.inputs.clone();
            for name in &mut spec.inputs {
                if let Some(copy) = renamed.get(name) {
                    *name = copy.clone();
                }
            }
            spec.name = self.fresh(&spec.name);
            for name in spec.outputs.iter_mut().filter(|name| !name.is_empty()) {
                let copy = self.fresh(name);
                renamed.insert(name.clone(), copy.clone());
                *name = copy;
            }
            let output = spec.outputs.first().cloned().unwrap_or_default();
            last = graph.node(id).output(0).map(|tensor| (graph.tensor(tensor).name.clone(), output.clone()));
            for (input, name) in inputs.iter().enumerate() {
                let edge = Edge { node: id, input };
                let tensor = spec.inputs[input].clone();
                let activation = plan.activations.iter().find(|planned| planned.edges.contains(&edge));
                let weight = plan.weights.iter().find(|planned| planned.edges.contains(&edge));
                if let Some(planned) = activation {
                    let own = segment.ranges.and_then(|ranges| ranges.get(name));
                    let amax = own.map_or_else(|| shared_amax(graph, plan, planned, ranges), Ok)?;
                    self.ranges.set(&tensor, amax)?;
                    self.edges.push(Quantized { output: output.clone(), input, tensor, weight: None });
                } else if let Some(planned) = weight {
                    self.edges.push(Quantized {
                        output: output.clone(),
                        input,
                        tensor,
                        weight: Some(planned.axis),
                    });
                }
            }
            self.edits.insert(Position::After(index[id.0]), spec.clone());
        }
        Ok(last)
    }

    /// A name that neither the model nor another copy has.
    fn fresh(&mut self, name: &str) -> String {
        self.names.fresh(&format!("{name}_copy"))
    }
}

/// The plan that quantizes what the copies read.
fn plan_of(graph: &Graph, edges: &[Quantized]) -> Plan {
    let mut activations: BTreeMap<TensorId, BTreeSet<Edge>> = BTreeMap::new();
    let mut weights: BTreeMap<(TensorId, Option<usize>), BTreeSet<Edge>> = BTreeMap::new();
    for Quantized { output, input, tensor, weight } in edges {
        let node = graph.find(output).and_then(|output| graph.tensor(output).producer);
        let (Some(node), Some(tensor)) = (node, graph.find(tensor)) else { continue };
        let edge = Edge { node, input: *input };
        match weight {
            Some(axis) => weights.entry((tensor, *axis)).or_default().insert(edge),
            None => activations.entry(tensor).or_default().insert(edge),
        };
    }
    let groups = activations.keys().map(|&tensor| vec![tensor]).collect();
    let activations = activations.into_iter().enumerate().map(|(group, (tensor, edges))| PlannedActivation {
        tensor,
        edges: edges.into_iter().collect(),
        group,
    });
    let weights = weights.into_iter().map(|((tensor, axis), edges)| PlannedWeight {
        tensor,
        edges: edges.into_iter().collect(),
        axis,
    });
    Plan { activations: activations.collect(), weights: weights.collect(), groups, decisions: Vec::new() }
}
