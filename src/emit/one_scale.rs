//! One stored scale for the weight of a convolution, with the scales of its channels behind the convolution.
//!
//! For the integers q, the scales s of the channels, one scale t and the bias b:
//!
//! ```text
//! conv(x, q * s) + b = conv(x, q * t) * (s / t) + b
//! ```
//!
//! The integers are those of one scale per channel, so this costs no accuracy. t is a power of two, so that
//! `q * t` and `s / t` are exact. It is the largest one up to the largest s with which no result exceeds
//! [`LARGEST`], whatever the data: x is at most 128 of its own steps. A channel of zeros is multiplied by 0.

use std::collections::BTreeSet;

use super::channel_factors::{Channels, LARGEST};
use crate::dtype::DataType;
use crate::error::Result;
use crate::finding::{Finding, counted};
use crate::graph::{Edge, Node, NodeId, TensorId};
use crate::onnx::{Edits, Model, Network, NodeSpec, Position, UniqueNames};
use crate::tensor::{Data, Tensor};

/// Stores the weights of these operators with one scale each.
///
/// These are the weights that are stored as int8 with a DequantizeLinear along the first axis. A weight keeps
/// one scale per channel if a result would exceed 65504. The model then has a finding ([`Model::findings`]).
///
/// # Errors
/// Those of reading and of editing the model.
pub fn store_one_scale(model: Model, operators: &[&str]) -> Result<Model> {
    let network = Network::of(model)?;
    let captured = network.graph.captured();
    let mut rewriter = Rewriter {
        network: &network,
        model: network.model.clone(),
        names: network.model.unique_names(),
        edits: Edits::new(),
        replaced: Vec::new(),
    };
    let mut too_large = Vec::new();
    for id in network.graph.node_ids() {
        let Some(weight) = Weight::of(&network, &captured, id, operators)? else { continue };
        match weight.channels().one_scale(weight.largest_input) {
            Some(scale) => rewriter.weight(&weight, scale)?,
            None => too_large.push(network.name(weight.output)),
        }
    }
    let mut model = rewriter.finish()?;
    if !too_large.is_empty() {
        model.add_finding(keep_scales(&too_large));
    }
    Ok(model)
}

/// Returns the finding about weights that cannot have one scale.
fn keep_scales(weights: &[&str]) -> Finding {
    let message = format!(
        "{} of convolutions keep one scale per channel, with which TensorRT-RTX writes float32: with one scale, \
         results could exceed {LARGEST}",
        counted(weights.len(), "weight")
    );
    Finding::note(message).about(weights.iter().copied())
}

/// The stored weight of convolutions.
struct Weight {
    dequantize: NodeId,
    /// The dequantized weight.
    output: TensorId,
    shape: Vec<usize>,
    integers: Vec<i8>,
    /// One scale per output channel.
    scales: Vec<f32>,
    /// The type of the scales.
    dtype: DataType,
    convolutions: Vec<NodeId>,
    /// The largest magnitude of what the convolutions read.
    largest_input: f32,
}

impl Weight {
    /// Returns the weight that node `id` dequantizes, if it can have one scale.
    fn of(
        network: &Network,
        captured: &BTreeSet<TensorId>,
        id: NodeId,
        operators: &[&str],
    ) -> Result<Option<Self>> {
        let node = network.graph.node(id);
        let Some(output) = node.output(0).filter(|_| node.is("DequantizeLinear") && node.int("axis", 1) == 0)
        else {
            return Ok(None);
        };
        let readers = readers(network, captured, output).filter(|edges| !edges.is_empty());
        let reads = |edge: &Edge| {
            let reader = network.graph.node(edge.node);
            edge.input == 1 && operators.iter().any(|op| reader.is(op))
        };
        let Some(edges) = readers.filter(|edges| edges.iter().all(reads)) else { return Ok(None) };
        let (Some(integers), Some(scales)) = (stored(network, node, 0)?, stored(network, node, 1)?) else {
            return Ok(None);
        };
        let shape = integers.shape().to_vec();
        if shape.len() < 3 {
            return Ok(None);
        }
        let is_zero = |zero: Tensor| zero.view().data().is_zero();
        let has_zero_points = match node.input(2) {
            Some(_) => stored(network, node, 2)?.is_some_and(is_zero),
            None => true,
        };
        let is_per_channel = scales.shape().len() == 1 && scales.shape().first() == shape.first();
        let steps = scales.view().data();
        let (Data::I8(values), Some(steps)) = (integers.data(), steps.to_f32()) else { return Ok(None) };
        let mut largest_input = 0f32;
        for edge in &edges {
            match largest(network, edge.node)? {
                Some(largest) => largest_input = largest_input.max(largest),
                None => return Ok(None),
            }
        }
        Ok((is_per_channel && has_zero_points && !values.is_empty()).then(|| Self {
            dequantize: id,
            output,
            integers: values.clone(),
            shape,
            scales: steps.to_vec(),
            dtype: scales.dtype(),
            convolutions: edges.iter().map(|edge| edge.node).collect(),
            largest_input,
        }))
    }

    fn channels(&self) -> Channels<'_> {
        Channels { integers: &self.integers, scales: &self.scales }
    }
}

/// Reads an input of a node if it is stored in the model.
fn stored(network: &Network, node: &Node, input: usize) -> Result<Option<Tensor>> {
    node.input(input).map_or(Ok(None), |tensor| network.model.constant(network.name(tensor)))
}

/// Lists the uses of a tensor, directly or behind a Cast; `None` if not only nodes of this graph read it.
fn readers(network: &Network, captured: &BTreeSet<TensorId>, tensor: TensorId) -> Option<Vec<Edge>> {
    let (mut edges, mut pending) = (Vec::new(), vec![tensor]);
    while let Some(tensor) = pending.pop() {
        let found = network.graph.tensor(tensor);
        if found.is_output || captured.contains(&tensor) {
            return None;
        }
        for &edge in &found.consumers {
            let reader = network.graph.node(edge.node);
            match reader.output(0).filter(|_| reader.is("Cast")) {
                Some(cast) => pending.push(cast),
                None => edges.push(edge),
            }
        }
    }
    Some(edges)
}

/// Returns the largest magnitude that a convolution can read, if its input is dequantized with one scale.
fn largest(network: &Network, convolution: NodeId) -> Result<Option<f32>> {
    let mut node = network.graph.node(convolution);
    loop {
        let Some(before) = node.input(0).and_then(|input| network.graph.producer(input)) else {
            return Ok(None);
        };
        node = before;
        if !node.is("Cast") {
            break;
        }
    }
    if !node.is("DequantizeLinear") {
        return Ok(None);
    }
    let scale = stored(network, node, 1)?;
    let step = scale.and_then(|scale| match scale.view().data().to_f32().as_deref() {
        Some([step]) => Some(*step),
        _ => None,
    });
    Ok(step.map(|step| step * 128.0))
}

struct Rewriter<'a> {
    network: &'a Network,
    model: Model,
    names: UniqueNames,
    edits: Edits,
    /// Scales and biases that other tensors replace.
    replaced: Vec<&'a str>,
}

impl<'a> Rewriter<'a> {
    fn weight(&mut self, weight: &Weight, scale: f32) -> Result<()> {
        let network = self.network;
        let node = network.graph.node(weight.dequantize);
        let output = network.name(weight.output);
        let one = self.initializer(output, "scale", weight.dtype, (vec![], vec![scale]))?;
        let integers = node.input(0).map_or("", |tensor| network.name(tensor));
        let position = network.position(weight.dequantize);
        self.edits.remove(position);
        let dequantize = NodeSpec::new(&node.op, &node.name, &[integers, &one], &[output]);
        self.edits.insert(Position::Before(position), dequantize);
        self.replaced.extend(node.inputs.iter().skip(1).flatten().map(|&tensor| network.name(tensor)));
        let factors = weight.channels().factors(scale);
        for &convolution in &weight.convolutions {
            self.convolution(convolution, &factors, weight.shape.len())?;
        }
        Ok(())
    }

    /// Multiplies the result of a convolution by the factors of its channels, and adds the bias behind that.
    fn convolution(&mut self, id: NodeId, factors: &[f32], rank: usize) -> Result<()> {
        let network = self.network;
        let (node, position) = (network.graph.node(id), network.position(id));
        let (Some(weight), Some(result)) = (node.input(1), node.output(0)) else { return Ok(()) };
        let name = network.name(result);
        let mut shape = vec![1; rank];
        shape[1] = factors.len();
        let dtype = network.graph.tensor(weight).dtype.unwrap_or(DataType::F32);
        let factor = self.initializer(name, "channel_scale", dtype, (shape.clone(), factors.to_vec()))?;
        let unscaled = self.names.fresh(&format!("{name}_unscaled"));
        self.edits.replace_output(position, 0, unscaled.as_str());
        let Some(bias) = node.input(2) else {
            self.insert(id, "Mul", [&unscaled, &factor], name);
            return Ok(());
        };
        let bias = self.bias(id, bias, shape)?;
        self.edits.replace_input(position, 2, "");
        let scaled = self.names.fresh(&format!("{name}_scaled"));
        self.insert(id, "Mul", [&unscaled, &factor], &scaled);
        self.insert(id, "Add", [&scaled, &bias], name);
        Ok(())
    }

    /// Returns a bias in the shape that fits the result of the convolution.
    fn bias(&mut self, id: NodeId, bias: TensorId, shape: Vec<usize>) -> Result<String> {
        let name = self.network.name(bias);
        let spread = self.names.fresh(&format!("{name}_per_channel"));
        match self.network.model.constant(name)? {
            Some(value) => {
                let value = value.reshaped(shape)?;
                self.model.add_initializer(&spread, value.shape(), value.data().clone())?;
                self.replaced.push(name);
            }
            None => {
                let axes: Vec<i64> = (1..shape.len() as i64 - 1).collect();
                let axes_name = self.names.fresh(&format!("{spread}_axes"));
                self.model.add_initializer(&axes_name, &[axes.len()], Data::from(axes))?;
                let node = self.names.fresh(&format!("{name}_Unsqueeze"));
                let node = NodeSpec::new("Unsqueeze", &node, &[name, &axes_name], &[&spread]);
                self.edits.insert(Position::Before(self.network.position(id)), node);
            }
        }
        Ok(spread)
    }

    fn insert(&mut self, behind: NodeId, op: &str, inputs: [&str; 2], output: &str) {
        let name = self.names.fresh(&format!("{}_{op}", self.network.graph.node(behind).name));
        let position = Position::After(self.network.position(behind));
        self.edits.insert(position, NodeSpec::new(op, &name, &inputs, &[output]));
    }

    fn initializer(
        &mut self,
        base: &str,
        label: &str,
        dtype: DataType,
        (shape, values): (Vec<usize>, Vec<f32>),
    ) -> Result<String> {
        let name = self.names.fresh(&format!("{base}_{label}"));
        self.model.add_initializer(&name, &shape, Data::from_f32(values, dtype))?;
        Ok(name)
    }

    fn finish(mut self) -> Result<Model> {
        self.model.edit(self.edits)?;
        self.model.remove_unused_constants(self.replaced);
        Ok(self.model)
    }
}
