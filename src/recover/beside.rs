//! Layers and their quantized copies side by side in one model.
//!
//! Both read the same float input, so that their difference is the cost of quantizing this layer alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::emit::Ranges;
use crate::emit::Weights;
use crate::emit::qdq_model::{self, ReadyWeights, shared_amax};
use crate::error::Result;
use crate::graph::{Edge, Graph, NodeId, TensorId};
use crate::onnx::{Edits, Model, Network, NodeSpec, Position, UniqueNames};
use crate::place::{Format, Forms, Plan, PlannedActivation, PlannedWeight, WeightGrid};
use crate::runtime::constant_value;
use crate::tensor::Tensor;

/// Consecutive nodes that are copied together.
#[derive(Clone, Debug, Default)]
pub struct Segment<'a> {
    /// The nodes in order. Each one reads the one before.
    pub nodes: Vec<NodeId>,
    /// The number of nodes, from the first on, that stay in float.
    pub in_float: usize,
    /// Constant inputs that differ in the copy, or that only the copy has.
    pub constants: Vec<(Edge, Tensor)>,
    /// Inputs that a Mul multiplies by a constant in the copy. The copy reads the product.
    pub factors: Vec<(Edge, Tensor)>,
    /// The divisor of each output channel that results from `constants`; empty if there is none.
    pub unit: Vec<f32>,
    /// Ranges that differ in the copy, by the name of the original tensor.
    pub ranges: Option<&'a Ranges>,
    /// Weights that are already rounded in the copy, by the name of the original tensor.
    pub ready: Option<&'a ReadyWeights>,
}

/// The float model with quantized copies in it.
pub struct Beside {
    /// The model.
    pub model: Model,
    /// For each segment, the output of its last node and that of the copy.
    ///
    /// `None` if the segment could not be copied.
    pub pairs: Vec<Option<(String, String)>>,
}

/// Puts a quantized copy of each segment into the float model, beside the original.
///
/// # Errors
/// Those of [`qdq_model::quantize`].
pub fn beside(
    network: &Network,
    plan: &Plan,
    segments: &[Segment<'_>],
    ranges: &Ranges,
    weights: &Weights,
) -> Result<Beside> {
    let mut copier = Copier {
        network,
        plan,
        model: network.model.clone(),
        edits: Edits::new(),
        names: network.model.unique_names(),
        ranges: Ranges::default(),
        edges: Vec::new(),
        ready: ReadyWeights::new(),
        ranged: BTreeMap::new(),
    };
    let mut pairs = Vec::new();
    for segment in segments {
        pairs.push(copier.copy(segment, ranges)?);
    }
    let Copier { mut model, edits, ranges, edges, ready, .. } = copier;
    model.edit(edits)?;
    let network = Network::of(model)?;
    let plan = plan_of(&network.graph, &edges);
    let model = qdq_model::quantize_with(&network, &plan, &ranges, weights, &ready)?;
    Ok(Beside { model, pairs })
}

/// A quantized input of a copied node: the first output of the copy, the input, and the tensor that it reads.
struct Quantized {
    output: String,
    input: usize,
    tensor: String,
    form: Form,
}

/// The way in which an input is quantized.
enum Form {
    Activation(Format),
    Weight(WeightGrid),
}

struct Copier<'a> {
    network: &'a Network,
    plan: &'a Plan,
    model: Model,
    edits: Edits,
    names: UniqueNames,
    ranges: Ranges,
    edges: Vec<Quantized>,
    ready: ReadyWeights,
    /// Copies of tensors of the float model, by the range that they have.
    ranged: BTreeMap<(TensorId, u32), String>,
}

impl Copier<'_> {
    fn copy(&mut self, segment: &Segment<'_>, ranges: &Ranges) -> Result<Option<(String, String)>> {
        let (network, graph, plan) = (self.network, &self.network.graph, self.plan);
        let specs = segment.nodes.iter().map(|&id| self.model.node(network.position(id))?.to_spec());
        let Some(mut specs) = specs.collect::<Option<Vec<_>>>() else { return Ok(None) };
        let mut renamed: BTreeMap<String, String> = BTreeMap::new();
        let mut last = None;
        for (place, (&id, spec)) in segment.nodes.iter().zip(&mut specs).enumerate() {
            let inputs = spec.inputs.clone();
            for name in &mut spec.inputs {
                if let Some(copy) = renamed.get(name) {
                    *name = copy.clone();
                }
            }
            for (edge, value) in segment.constants.iter().filter(|(edge, _)| edge.node == id) {
                let base = inputs.get(edge.input).filter(|name| !name.is_empty()).unwrap_or(&spec.name);
                let count = spec.inputs.len().max(edge.input + 1);
                let name = self.constant(base, value)?;
                spec.inputs.resize(count, String::new());
                spec.inputs[edge.input] = name;
            }
            for (edge, value) in segment.factors.iter().filter(|(edge, _)| edge.node == id) {
                let Some(read) = spec.inputs.get_mut(edge.input) else { continue };
                let [factors, product] = ["factors", "product"].map(|part| format!("{read}_{part}"));
                let (factors, product) = (self.constant(&factors, value)?, self.fresh(&product));
                let node = NodeSpec::new("Mul", &product, &[read, &factors], &[&product]);
                self.edits.insert(Position::After(network.position(id)), node);
                *read = product;
            }
            spec.name = self.fresh(&spec.name);
            for name in spec.outputs.iter_mut().filter(|name| !name.is_empty()) {
                let copy = self.fresh(name);
                renamed.insert(name.clone(), copy.clone());
                *name = copy;
            }
            let output = spec.outputs.first().cloned().unwrap_or_default();
            last = graph.node(id).output(0).map(|tensor| (graph.tensor(tensor).name.clone(), output.clone()));
            for (input, name) in inputs.iter().enumerate().filter(|_| place >= segment.in_float) {
                let edge = Edge { node: id, input };
                let activation = plan.activations.iter().find(|planned| planned.edges.contains(&edge));
                let weight = plan.weights.iter().find(|planned| planned.edges.contains(&edge));
                let mut tensor = spec.inputs[input].clone();
                let form = if let Some(planned) = activation {
                    let own = segment.ranges.and_then(|ranges| ranges.get(name));
                    if let Some(amax) = own.filter(|_| tensor == *name) {
                        tensor = self.with_range(planned.tensor, amax);
                        spec.inputs[input].clone_from(&tensor);
                    }
                    let amax = own.map_or_else(|| shared_amax(graph, plan, planned, ranges), Ok)?;
                    self.ranges.set(&tensor, amax)?;
                    Form::Activation(planned.format)
                } else if let Some(planned) = weight {
                    let key = (graph.tensor(planned.tensor).name.clone(), planned.grid);
                    if let Some(rounded) = segment.ready.and_then(|ready| ready.get(&key)) {
                        let value = constant_value(network, planned.tensor)?;
                        tensor = self.constant(name, &value)?;
                        spec.inputs[input].clone_from(&tensor);
                        self.ready.insert((tensor.clone(), planned.grid), rounded.clone());
                    }
                    Form::Weight(planned.grid)
                } else {
                    continue;
                };
                self.edges.push(Quantized { output: output.clone(), input, tensor, form });
            }
            self.edits.insert(Position::After(network.position(id)), spec.clone());
        }
        Ok(last)
    }

    /// Returns a copy of a tensor of the float model that is quantized with a range of its own.
    fn with_range(&mut self, tensor: TensorId, amax: f32) -> String {
        if let Some(copy) = self.ranged.get(&(tensor, amax.to_bits())) {
            return copy.clone();
        }
        let graph = &self.network.graph;
        let name = &graph.tensor(tensor).name;
        let copy = self.fresh(name);
        let place = match graph.tensor(tensor).producer {
            Some(node) => Position::After(self.network.position(node)),
            None => Position::Start,
        };
        self.edits.insert(place, NodeSpec::new("Identity", &copy, &[name], &[&copy]));
        self.ranged.insert((tensor, amax.to_bits()), copy.clone());
        copy
    }

    /// Stores a value for a copy and returns its name.
    fn constant(&mut self, base: &str, value: &Tensor) -> Result<String> {
        let name = self.fresh(base);
        self.model.add_initializer(&name, value.shape(), value.data().clone())?;
        Ok(name)
    }

    /// Returns a name that neither the model nor another copy has.
    fn fresh(&mut self, name: &str) -> String {
        self.names.fresh(&format!("{name}_copy"))
    }
}

/// Makes the plan that quantizes the inputs of the copies.
fn plan_of(graph: &Graph, edges: &[Quantized]) -> Plan {
    let mut activations: BTreeMap<(TensorId, Format), BTreeSet<Edge>> = BTreeMap::new();
    let mut weights: BTreeMap<(TensorId, WeightGrid), BTreeSet<Edge>> = BTreeMap::new();
    for Quantized { output, input, tensor, form } in edges {
        let node = graph.find(output).and_then(|output| graph.tensor(output).producer);
        let (Some(node), Some(tensor)) = (node, graph.find(tensor)) else { continue };
        let edge = Edge { node, input: *input };
        match form {
            Form::Weight(grid) => weights.entry((tensor, *grid)).or_default().insert(edge),
            Form::Activation(format) => activations.entry((tensor, *format)).or_default().insert(edge),
        };
    }
    let groups = activations.keys().map(|&(tensor, _)| vec![tensor]).collect();
    let activations = activations.into_iter().enumerate().map(|(group, ((tensor, format), edges))| {
        PlannedActivation { tensor, edges: edges.into_iter().collect(), group, format }
    });
    let forms = Forms::of(graph);
    let weights = weights
        .into_iter()
        .map(|((tensor, grid), edges)| PlannedWeight::new(&forms, tensor, grid, edges.into_iter().collect()));
    Plan { activations: activations.collect(), weights: weights.collect(), groups, ..Plan::default() }
}
