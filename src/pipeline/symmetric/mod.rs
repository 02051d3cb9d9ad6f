//! Conversion of another tool's quantization that TensorRT refuses into a form that it accepts.
//!
//! By default, ONNX Runtime's quantizer writes uint8, zero points and int32 biases.

mod findings;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::dtype::DataType;
use crate::error::Result;
use crate::finding::Finding;
use crate::graph::{Graph, Node, NodeId, TensorId, TensorKind};
use crate::onnx::{Edits, Model, Network, NodeSpec, Position, UniqueNames};
use crate::place::existing::{is_pair, refuse};
use crate::place::ops::{changes_form, is_weighted};
use crate::place::sharing::{only_moves, selects};
use crate::runtime::{Dependence, constant_value, dependences};
use findings::{Done, findings};
use values::{has_blocks, range_of, scalar, shifted};

/// A model without the quantization of another tool that TensorRT refuses.
#[derive(Default)]
pub(super) struct Symmetric {
    /// The model; `None` if it stays as it is.
    pub model: Option<Model>,
    /// The findings for every plan of the model.
    pub findings: Vec<Finding>,
}

/// Rewrites the QuantizeLinear and DequantizeLinear of a model that TensorRT refuses.
///
/// An activation loses its pair and only keeps the range to which the pair clips. So it is planned and
/// calibrated like any other. A constant is stored as int8, or in blocks as int4, with the same scale if that
/// has the same values.
/// Otherwise it is stored as floating-point numbers, to be quantized anew. Names of tensors stay.
///
/// # Errors
/// Those of editing the model.
pub(super) fn make_symmetric(network: &Network) -> Result<Symmetric> {
    let refused = refused(network);
    if refused.is_empty() {
        return Ok(Symmetric::default());
    }
    let graph = &network.graph;
    let depends = dependences(graph);
    let mut work = Rewrite {
        names: network.model.unique_names(),
        model: network.model.clone(),
        network,
        edits: Edits::new(),
        ranges: BTreeMap::new(),
        removed: BTreeSet::new(),
        unused: Vec::new(),
        done: BTreeMap::new(),
    };
    // A pair is removed as a whole if one of its halves is refused.
    let halves = refused.iter().flat_map(|&id| {
        let readers = graph.node(id).output(0).into_iter().flat_map(|output| &graph.tensor(output).consumers);
        std::iter::once(id).chain(readers.map(|edge| edge.node))
    });
    let all: BTreeSet<NodeId> = halves.filter(|&id| graph.node(id).op == "DequantizeLinear").collect();
    for id in graph.node_ids() {
        let Some(integers) = graph.node(id).input(0).filter(|_| all.contains(&id)) else {
            work.note_range(graph.node(id));
            continue;
        };
        match graph.tensor(integers).producer.filter(|&producer| graph.node(producer).op == "QuantizeLinear")
        {
            Some(quantize) => work.clip(id, quantize)?,
            None if depends[integers.0] == Dependence::Constants => work.store(id)?,
            None => {}
        }
    }
    work.finish(&refused)
}

/// Returns the finding about the QuantizeLinear and DequantizeLinear that TensorRT refuses and that the model
/// keeps.
pub(super) fn kept(network: &Network) -> Vec<Finding> {
    let outputs = refused(network).into_iter().filter_map(|id| network.graph.node(id).output(0));
    let names: Vec<String> = outputs.map(|output| network.name(output).to_owned()).collect();
    findings(Some((Done::Kept, names)).filter(|(_, names)| !names.is_empty()).into_iter().collect())
}

/// Lists the nodes that quantize or dequantize in a form that TensorRT refuses.
fn refused(network: &Network) -> Vec<NodeId> {
    let node = |id: NodeId| network.graph.node(id);
    network.graph.node_ids().filter(|&id| is_pair(node(id)) && is_refused(network, node(id))).collect()
}

/// Whether TensorRT does not accept the node.
///
/// It takes int8, int4 and e4m3 around zero, and blocks of int4 alone. Pairs of types that qdq does not have
/// are left as they are.
fn is_refused(network: &Network, node: &Node) -> bool {
    let Network { model, graph, .. } = network;
    let integers = if node.op == "QuantizeLinear" { node.output(0) } else { node.input(0) };
    let dtype = integers.and_then(|id| graph.tensor(id).dtype);
    if dtype.is_some_and(|dtype| dtype != DataType::I4) && has_blocks(node) {
        return true;
    }
    match dtype {
        Some(DataType::I8 | DataType::I4 | DataType::F8E4M3) => {
            let zero_point = node.input(2).map(|id| model.constant(&graph.tensor(id).name));
            match zero_point {
                Some(Ok(Some(value))) => !value.view().data().is_zero(),
                _ => false,
            }
        }
        Some(_) => true,
        None => false,
    }
}

/// Whether a convolution or product reads the constant, or another form of it, as one of its two operands.
fn is_weight(graph: &Graph, constant: TensorId) -> bool {
    let mut forms = vec![constant];
    while let Some(form) = forms.pop() {
        for edge in &graph.tensor(form).consumers {
            let node = graph.node(edge.node);
            if is_weighted(node) && edge.input < 2 {
                return true;
            }
            if changes_form(node) && edge.input == 0 {
                forms.extend(node.outputs.iter().flatten());
            }
        }
    }
    false
}

struct Rewrite<'a> {
    model: Model,
    /// The original network.
    network: &'a Network,
    names: UniqueNames,
    edits: Edits,
    /// The range of the values of a tensor, as far as pairs show it.
    ranges: BTreeMap<TensorId, (f32, f32)>,
    removed: BTreeSet<NodeId>,
    /// Constants that may have no reader any more.
    unused: Vec<&'a str>,
    done: BTreeMap<Done, Vec<String>>,
}

impl Rewrite<'_> {
    fn remove(&mut self, id: NodeId) {
        let network = self.network;
        self.edits.remove(network.position(id));
        self.removed.insert(id);
        let inputs = network.graph.node(id).inputs.iter().flatten();
        self.unused.extend(inputs.map(|&input| network.name(input)));
    }

    /// Replaces a pair by a Clip to its range.
    ///
    /// Tools leave out a Relu if a pair cuts off the same values. If the values are in that range already,
    /// only the name of the pair's output remains.
    fn clip(&mut self, dequantize: NodeId, quantize: NodeId) -> Result<()> {
        let graph = &self.network.graph;
        let (node, source) = (graph.node(dequantize), graph.node(quantize));
        let (Some(output), Some(input)) = (node.output(0), source.input(0)) else { return Ok(()) };
        let (after, before) = (graph.tensor(output), graph.tensor(input));
        let dtype = after.dtype.or(before.dtype).unwrap_or(DataType::F32);
        let fits = before.dtype.is_none_or(|before| before == dtype);
        let Some((least, most)) = range_of(self.network, node).filter(|_| fits) else { return Ok(()) };
        // No Relu was left out before the pair of an input.
        let is_fed = before.kind == TensorKind::Input;
        let is_inside =
            self.ranges.get(&input).is_some_and(|(lower, upper)| least <= *lower && *upper <= most);
        let name = self.names.fresh(&format!("{}/Clip", after.name));
        let replacement = if is_fed || is_inside {
            NodeSpec::new("Identity", &name, &[&before.name], &[&after.name])
        } else {
            let mut end = |label: &str, value: f32| -> Result<String> {
                let name = self.names.fresh(&format!("{}_{label}", after.name));
                self.model.add_initializer(&name, &[], scalar(dtype, value))?;
                Ok(name)
            };
            let (lower, upper) = (end("least", least)?, end("most", most)?);
            NodeSpec::new("Clip", &name, &[&before.name, &lower, &upper], &[&after.name])
        };
        self.edits.insert(Position::Before(self.network.position(dequantize)), replacement);
        self.ranges.insert(output, (least, most));
        self.remove(dequantize);
        self.done.entry(Done::Clipped).or_default().push(before.name.clone());
        Ok(())
    }

    /// Notes the range of the results of a node that moves, selects or averages values of a known range.
    fn note_range(&mut self, node: &Node) {
        if !(only_moves(node) || selects(node) || node.is("GlobalAveragePool")) {
            return;
        }
        let count = if node.op == "Concat" { node.inputs.len() } else { 1 };
        let ranges: Option<Vec<(f32, f32)>> =
            (0..count).map(|input| self.ranges.get(&node.input(input)?).copied()).collect();
        let hull = |one: (f32, f32), other: (f32, f32)| (one.0.min(other.0), one.1.max(other.1));
        if let Some(range) = ranges.and_then(|ranges| ranges.into_iter().reduce(hull)) {
            self.ranges.extend(node.outputs.iter().flatten().map(|&output| (output, range)));
        }
    }

    /// Stores the constant that `dequantize` computes.
    fn store(&mut self, dequantize: NodeId) -> Result<()> {
        let (network, graph) = (self.network, &self.network.graph);
        let node = graph.node(dequantize);
        let Some(output) = node.output(0) else { return Ok(()) };
        let position = network.position(dequantize);
        let done = match shifted(network, node) {
            Some(integers) => {
                let Some(mut spec) = network.model.node(position).and_then(|node| node.to_spec()) else {
                    return Ok(());
                };
                let name = self.names.fresh(&format!("{}_symmetric", network.name(output)));
                let shape = integers.shape().to_vec();
                self.model.add_initializer(&name, &shape, integers.into_data())?;
                spec.inputs.truncate(2);
                spec.inputs[0] = name;
                spec.domain = String::new();
                self.edits.insert(Position::Before(position), spec);
                Done::Shifted
            }
            None => {
                let Ok(value) = constant_value(network, output) else { return Ok(()) };
                let shape = value.shape().to_vec();
                self.model.add_initializer(network.name(output), &shape, value.into_data())?;
                if is_weight(graph, output) { Done::Anew } else { Done::Stored }
            }
        };
        let name = network.name(output).to_owned();
        self.done.entry(done).or_default().push(name);
        self.remove(dequantize);
        Ok(())
    }

    /// Applies the changes, and reports what was done and what is left.
    fn finish(mut self, refused: &[NodeId]) -> Result<Symmetric> {
        let graph = &self.network.graph;
        let captured = graph.captured();
        for id in graph.node_ids().filter(|&id| graph.node(id).op == "QuantizeLinear") {
            let Some(output) = graph.node(id).output(0).filter(|output| !captured.contains(output)) else {
                continue;
            };
            let tensor = graph.tensor(output);
            let mut readers = tensor.consumers.iter().map(|edge| edge.node);
            let is_gone = readers.len() > 0 && readers.all(|reader| self.removed.contains(&reader));
            if is_gone && !tensor.is_output {
                self.remove(id);
            }
        }
        let left = refused.iter().filter(|id| !self.removed.contains(id));
        let left: Vec<String> =
            left.filter_map(|&id| Some(graph.tensor(graph.node(id).output(0)?).name.clone())).collect();
        if !left.is_empty() {
            self.done.insert(Done::Left, left);
        }
        let is_changed = !self.edits.is_empty();
        self.model.edit(self.edits)?;
        self.model.remove_unused_constants(self.unused);
        Ok(Symmetric { model: is_changed.then_some(self.model), findings: findings(self.done) })
    }
}

/// Marks the remaining nodes that TensorRT refuses, so that nothing counts them as INT8.
pub(super) fn mark(network: &mut Network) {
    let refused = refused(network);
    let graph = Arc::make_mut(&mut network.graph);
    refused.into_iter().for_each(|id| refuse(graph, id));
}
