//! A model with Quantize and Dequantize in the places that a plan names.
//!
//! Every pair is symmetric: its zero point is 0. An activation has one scale of rank 0, because TensorRT
//! takes a scale of shape `[1]` for a per-channel one and silently leaves the convolution in float. A weight
//! has one scale per output channel, or per block. Biases and everything else stay as they are.
//!
//! Scales have the type of the data if the opset has such scales ([`scale`]). Other 16-bit data is cast to
//! f32 before its pair, and back behind it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::dtype::DataType;
use crate::emit::ranges::Ranges;
use crate::emit::scale;
use crate::emit::stored_weight::{StoredWeight, store};
use crate::emit::weight_options::{WeightForm, Weights, check_formats};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Edge, Graph, GraphTensor, NodeId, TensorId};
use crate::onnx::{AttributeValue, Edits, Model, Network, NodeSpec, Position, UniqueNames};
use crate::place::{Plan, PlannedActivation, PlannedWeight, WeightGrid};
use crate::quant::weights::QuantizedWeights;
use crate::runtime::map_constants;
use crate::tensor::Tensor;

/// Weights that are already quantized to integers, by the name of their tensor and the scales of their plan.
pub type ReadyWeights = BTreeMap<(String, WeightGrid), QuantizedWeights>;

/// Puts the plan's pairs into the model of `network`.
///
/// # Errors
/// `Data` if a planned activation has no range or a weight is not finite; `Shape` if a known range of a
/// weight does not fit it. The message names the tensor.
pub fn quantize(network: &Network, plan: &Plan, ranges: &Ranges, weights: &Weights) -> Result<Model> {
    quantize_with(network, plan, ranges, weights, &ReadyWeights::new())
}

/// Quantizes as [`quantize`] does, with weights that are already rounded: they are stored as they are.
///
/// # Errors
/// Those of [`quantize`].
pub fn quantize_with(
    network: &Network,
    plan: &Plan,
    ranges: &Ranges,
    weights: &Weights,
    ready: &ReadyWeights,
) -> Result<Model> {
    weights.check(!ready.is_empty())?;
    check_formats(plan, weights, network.model.opset())?;
    let graph = &network.graph;
    let mut emitter = Emitter {
        model: network.model.clone(),
        network,
        edits: Edits::new(),
        names: network.model.unique_names(),
        zero_points: Vec::new(),
        weights,
    };
    for activation in &plan.activations {
        let amax = shared_amax(graph, plan, activation, ranges)?;
        emitter.activation(activation, amax)?;
    }
    // The ranges of weights take the most time by far, and none depends on another.
    let tensors: Vec<TensorId> = plan.weights.iter().map(|weight| weight.tensor).collect();
    let rounded = map_constants(network, &tensors, |at, value| {
        let planned = &plan.weights[at];
        let own = ready.get(&(network.name(planned.tensor).to_owned(), planned.grid));
        store(network, planned, &value?, weights, own)
    });
    for (planned, rounded) in plan.weights.iter().zip(rounded) {
        emitter.weight(planned, rounded?)?;
    }
    emitter.finish(plan)
}

struct Emitter<'a> {
    model: Model,
    /// The original network.
    network: &'a Network,
    edits: Edits,
    names: UniqueNames,
    /// The zero points that exist already, by type and shape.
    zero_points: Vec<(DataType, Vec<usize>, String)>,
    weights: &'a Weights,
}

/// The common parts of a Quantize and its Dequantize.
///
/// These are the names of scale and zero point, and the axis and the blocks of several scales.
///
/// A weight is dequantized without a zero point, which is optional and 0 if absent. ONNX Runtime refuses a
/// zero point with per-channel scales on weights of rank 3.
struct Grid<'a> {
    base: &'a str,
    scale: &'a str,
    zero: Option<&'a str>,
    axis: Option<usize>,
    block: Option<usize>,
}

impl Emitter<'_> {
    fn activation(&mut self, planned: &PlannedActivation, amax: f32) -> Result<()> {
        let tensor = self.network.graph.tensor(planned.tensor);
        let position = self.behind(tensor);
        let base = tensor.name.clone();
        let format = planned.format;
        let wanted = scale::type_for(tensor.dtype, self.model.opset());
        // A step that fits the 16-bit type of a later conversion needs no Cast then.
        let later = self.weights.held_in.filter(|_| format.rules().headroom > 1.0);
        let fitting = later.and_then(|half| scale::of_range(amax, format, half.dtype()));
        let (dtype, step) = match fitting.or_else(|| scale::of_range(amax, format, wanted)) {
            Some(step) => (wanted, step),
            None => (DataType::F32, format.step(amax)),
        };
        let half = cast_to(tensor.dtype, dtype);
        let source = match half {
            Some(_) => self.cast(&base, DataType::F32, position),
            None => base.clone(),
        };
        let scale = self.initializer(&base, "scale", scale::tensor(vec![], vec![step], dtype)?)?;
        let zero = self.zero_point(format.rules().element, &[])?;
        let grid = Grid { base: &base, scale: &scale, zero: Some(&zero), axis: None, block: None };
        let quantized = self.quantize_linear(&grid, &source, position);
        let result = self.dequantize_linear(&grid, &quantized, half, position);
        self.rewire(&planned.edges, &result);
        Ok(())
    }

    fn weight(&mut self, planned: &PlannedWeight, stored: StoredWeight) -> Result<()> {
        let StoredWeight { shape, dtype: original, values, steps, steps_shape, axis, block, float } = stored;
        let wanted = scale::type_for(Some(original), self.model.opset());
        let is_held = steps.iter().all(|&step| scale::held(step, wanted) == Some(step));
        let dtype = if is_held { wanted } else { DataType::F32 };
        let half = cast_to(Some(original), dtype);
        let base = self.network.name(planned.tensor).to_owned();
        let scale = self.initializer(&base, "scale", scale::tensor(steps_shape.clone(), steps, dtype)?)?;
        let result = match self.weights.form {
            WeightForm::Int8 => {
                let stored = self.initializer(&base, "quantized", Tensor::new(shape, values)?)?;
                let grid = Grid { base: &base, scale: &scale, zero: None, axis, block };
                self.dequantize_linear(&grid, &stored, half, Position::Start)
            }
            WeightForm::Float => {
                let position = self.before_readers(&planned.edges);
                let float = match float {
                    Some(numbers) => self.initializer(&base, "rounded", Tensor::new(shape, numbers)?)?,
                    None => base.clone(),
                };
                let source = match half {
                    Some(_) => self.cast(&float, DataType::F32, position),
                    None => float,
                };
                let zero = self.zero_point(planned.grid.format.rules().element, &steps_shape)?;
                let grid = Grid { base: &base, scale: &scale, zero: Some(&zero), axis, block };
                let quantized = self.quantize_linear(&grid, &source, position);
                self.dequantize_linear(&Grid { zero: None, ..grid }, &quantized, half, position)
            }
        };
        self.rewire(&planned.edges, &result);
        Ok(())
    }

    fn quantize_linear(&mut self, grid: &Grid<'_>, source: &str, position: Position) -> String {
        self.linear("QuantizeLinear", grid, source, position)
    }

    fn dequantize_linear(
        &mut self,
        grid: &Grid<'_>,
        quantized: &str,
        half: Option<DataType>,
        position: Position,
    ) -> String {
        let output = self.linear("DequantizeLinear", grid, quantized, position);
        match half {
            Some(dtype) => self.cast(&output, dtype, position),
            None => output,
        }
    }

    fn linear(&mut self, op: &str, grid: &Grid<'_>, source: &str, position: Position) -> String {
        let label = if op == "QuantizeLinear" { "quantized" } else { "dequantized" };
        let output = self.names.fresh(&format!("{}_{label}", grid.base));
        let name = self.names.fresh(&format!("{}_{op}", grid.base));
        let inputs: Vec<&str> = [source, grid.scale].into_iter().chain(grid.zero).collect();
        let mut node = NodeSpec::new(op, &name, &inputs, &[&output]);
        if let Some(axis) = grid.axis {
            node = node.with("axis", AttributeValue::Int(axis as i64));
        }
        if let Some(block) = grid.block {
            node = node.with("block_size", AttributeValue::Int(block as i64));
        }
        self.edits.insert(position, node);
        output
    }

    /// Casts a tensor.
    fn cast(&mut self, source: &str, to: DataType, position: Position) -> String {
        let output = self.names.fresh(&format!("{source}_{to}"));
        let name = self.names.fresh(&format!("{source}_Cast_{to}"));
        self.edits.insert(position, NodeSpec::cast(&name, source, &output, to));
        output
    }

    /// Returns the position behind the node that computes the tensor.
    fn behind(&self, tensor: &GraphTensor) -> Position {
        tensor.producer.map_or(Position::Start, |id| Position::After(self.network.position(id)))
    }

    /// Returns the position before the first reader of a weight.
    ///
    /// A `Constant` node anywhere before may compute the weight.
    fn before_readers(&self, edges: &[Edge]) -> Position {
        let readers = edges.iter().map(|edge| self.network.position(edge.node));
        readers.min().map_or(Position::End, Position::Before)
    }

    fn initializer(&mut self, base: &str, label: &str, value: Tensor) -> Result<String> {
        let name = self.names.fresh(&format!("{base}_{label}"));
        let shape = value.shape().to_vec();
        self.model.add_initializer(&name, &shape, value.into_data())?;
        Ok(name)
    }

    /// Returns the zero point of a type and shape. All pairs with these share it.
    fn zero_point(&mut self, dtype: DataType, shape: &[usize]) -> Result<String> {
        let is_it = |known: &&(DataType, Vec<usize>, String)| known.0 == dtype && known.1 == shape;
        if let Some((.., name)) = self.zero_points.iter().find(is_it) {
            return Ok(name.clone());
        }
        let count: usize = shape.iter().product();
        let mut label = "zero_point".to_owned();
        if !shape.is_empty() {
            label = format!("{label}_{count}");
        }
        if dtype != DataType::I8 {
            label = format!("{label}_{dtype}");
        }
        // Zero is all bits zero in every type.
        let zeros = Tensor::from_bytes(dtype, shape.to_vec(), &vec![0; count * dtype.size()])?;
        let name = self.initializer("qdq", &label, zeros)?;
        self.zero_points.push((dtype, shape.to_vec(), name.clone()));
        Ok(name)
    }

    fn rewire(&mut self, edges: &[Edge], to: &str) {
        for edge in edges {
            self.edits.replace_input(self.network.position(edge.node), edge.input, to);
        }
    }

    /// Applies the edits and removes float weights that nothing reads any more.
    ///
    /// The nodes that computed these weights or changed their form are removed too.
    fn finish(mut self, plan: &Plan) -> Result<Model> {
        let network = self.network;
        let mut unused: Vec<&str> = Vec::new();
        if self.weights.form == WeightForm::Int8 {
            for id in dead_sources(&network.graph, plan) {
                self.edits.remove(network.position(id));
                let inputs = network.graph.node(id).inputs.iter().flatten();
                unused.extend(inputs.map(|&input| network.name(input)));
            }
        }
        unused.extend(plan.weights.iter().map(|weight| network.name(weight.tensor)));
        self.model.edit(self.edits)?;
        self.model.remove_unused_constants(unused);
        Ok(self.model)
    }
}

/// Returns the range that a tensor shares with its group: the widest one.
///
/// A calibrated range already covers the whole group. Ranges from elsewhere may differ.
pub(crate) fn shared_amax(
    graph: &Graph,
    plan: &Plan,
    planned: &PlannedActivation,
    ranges: &Ranges,
) -> Result<f32> {
    let group = plan.groups.get(planned.group).into_iter().flatten().copied();
    group.chain([planned.tensor]).try_fold(0f32, |widest, member| {
        let name = &graph.tensor(member).name;
        let amax = ranges.get(name).ok_or_else(|| {
            Error::new(ErrorKind::Data, format!("tensor '{name}' is to be quantized but has no range"))
                .with_remedy("calibrate the model again, or exclude the nodes that read the tensor")
        })?;
        Ok(widest.max(amax))
    })
}

/// Returns the type to which a result of DequantizeLinear is cast: that of 16-bit data with other scales.
fn cast_to(data: Option<DataType>, scales: DataType) -> Option<DataType> {
    data.filter(|data| data.is_half() && *data != scales)
}

/// Lists the nodes that only computed weights whose readers now all read the int8 form.
fn dead_sources(graph: &Graph, plan: &Plan) -> BTreeSet<NodeId> {
    let rewired: HashSet<_> = plan.weights.iter().flat_map(|weight| weight.edges.iter().copied()).collect();
    let captured = graph.captured();
    let mut dead = BTreeSet::new();
    // The walk goes from the last node to the first, so that the readers of a node are judged before it.
    let producer = |tensor: TensorId| graph.tensor(tensor).producer;
    let mut open: BTreeSet<NodeId> =
        plan.weights.iter().filter_map(|weight| producer(weight.tensor)).collect();
    while let Some(id) = open.pop_last() {
        let node = graph.node(id);
        let is_read = node.outputs.iter().flatten().any(|&output| {
            let tensor = graph.tensor(output);
            let reads = |edge: &Edge| !rewired.contains(edge) && !dead.contains(&edge.node);
            tensor.is_output || captured.contains(&output) || tensor.consumers.iter().any(reads)
        });
        if !is_read {
            dead.insert(id);
            open.extend(node.inputs.iter().flatten().filter_map(|&input| producer(input)));
        }
    }
    dead
}
