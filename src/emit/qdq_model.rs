//! A model with Quantize and Dequantize in the places that a plan names.
//!
//! Every pair is symmetric: zero point 0, int8. An activation has one scale of rank 0 (TensorRT takes a scale
//! of shape `[1]` for a per-channel one and leaves the convolution in float without a word); a weight has one
//! per output channel. Biases and everything else stay as they are.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::dtype::DataType;
use crate::emit::ranges::{Ranges, int8_scale};
use crate::emit::weights::unusable;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Edge, Graph, GraphTensor, NodeId, TensorId};
use crate::onnx::{AttributeValue, Edits, ElementType, Model, Network, NodeSpec, Position, UniqueNames};
use crate::place::{Plan, PlannedActivation, PlannedWeight};
use crate::quant::weights::{QuantizedWeights, quantize_weights_to};
use crate::range::{self, Method, Target};
use crate::runtime::map_constants;
use crate::tensor::{Data, Tensor};

/// How a quantized weight is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WeightForm {
    /// As int8 with DequantizeLinear: a quarter of the size.
    #[default]
    Int8,
    /// As it was, with QuantizeLinear and DequantizeLinear behind it: for tools that go on training or that
    /// compute weight ranges themselves.
    Float,
}

/// How weights are quantized.
#[derive(Clone, Debug)]
pub struct Weights {
    /// How they are stored.
    pub form: WeightForm,
    /// Bits of their integers, 2 to 8; 8 by default. Fewer are stored as int8 all the same, on a coarser
    /// grid, because TensorRT runs convolutions and products on int8 only and every opset from 13 has it: the
    /// layer computes in INT8, and what becomes smaller is what a packer or another target makes of the
    /// model.
    pub bits: u32,
    /// How their ranges follow from their values. The default, [`Method::Mse`], gains 0.5 to 3 dB of output
    /// SQNR over [`Method::Max`]: see [`range::weights`].
    pub method: Method,
    /// Ranges that are known already, by the name of the tensor that the nodes read or of the stored tensor
    /// behind it: amax of the whole weight, or of each index of the axis that the plan gives it. Training has
    /// found them.
    pub amax: HashMap<String, Vec<f32>>,
}

impl Weights {
    /// Refuses what weights that are stored as float cannot have: fewer than 8 bits, and other integers than
    /// the nearest.
    ///
    /// # Errors
    /// `InvalidArgument` for these.
    pub fn check(&self, are_rounded: bool) -> Result<()> {
        if self.form == WeightForm::Float && (self.bits != 8 || are_rounded) {
            let message =
                "weights that are stored as float are rounded by QuantizeLinear, to the nearest of 8 bits";
            return Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_remedy("store them as int8, or leave out learned rounding and other bits"));
        }
        Ok(())
    }

    /// The known range of a weight, spread over its `channels`.
    fn known(&self, graph: &Graph, planned: &PlannedWeight, channels: usize) -> Result<Option<Vec<f32>>> {
        let mut names = [planned.tensor, planned.form.constant].into_iter().map(|id| &graph.tensor(id).name);
        match names.find_map(|name| self.amax.get(name)) {
            None => Ok(None),
            Some(amax) if amax.len() == channels => Ok(Some(amax.clone())),
            Some(amax) if amax.len() == 1 => Ok(Some(amax.repeat(channels))),
            Some(amax) => Err(Error::new(
                ErrorKind::Shape,
                format!("{} ranges are given for {channels} channels", amax.len()),
            )
            .with_remedy("give one amax for the weight, or one per output channel")),
        }
    }
}

impl Default for Weights {
    fn default() -> Self {
        Self { form: WeightForm::default(), bits: 8, method: Method::default(), amax: HashMap::new() }
    }
}

/// Weights that are quantized already, by the name of their tensor and the axis of their plan.
pub type ReadyWeights = BTreeMap<(String, Option<usize>), QuantizedWeights>;

/// Puts the plan's pairs into the model of `network`.
///
/// # Errors
/// `Data` where a planned activation has no range or a weight is not finite, and `Shape` where a known range
/// of a weight does not fit it, naming the tensor.
pub fn quantize(network: &Network, plan: &Plan, ranges: &Ranges, weights: &Weights) -> Result<Model> {
    quantize_with(network, plan, ranges, weights, &ReadyWeights::new())
}

/// The same with weights that somebody else has rounded: they are stored as they are.
///
/// # Errors
/// As [`quantize`].
pub fn quantize_with(
    network: &Network,
    plan: &Plan,
    ranges: &Ranges,
    weights: &Weights,
    ready: &ReadyWeights,
) -> Result<Model> {
    weights.check(!ready.is_empty())?;
    let graph = &network.graph;
    let mut emitter = Emitter {
        model: network.model.clone(),
        network,
        edits: Edits::new(),
        names: network.model.unique_names(),
        zero_points: Vec::new(),
    };
    for activation in &plan.activations {
        let amax = shared_amax(graph, plan, activation, ranges)?;
        emitter.activation(activation, amax)?;
    }
    // Ranges of weights take the most time by far, and none depends on another.
    let tensors: Vec<TensorId> = plan.weights.iter().map(|weight| weight.tensor).collect();
    let rounded = map_constants(network, &tensors, |at, value| {
        rounded(graph, &plan.weights[at], value?, weights, ready)
    });
    for (planned, rounded) in plan.weights.iter().zip(rounded) {
        emitter.weight(planned, rounded?, weights.form)?;
    }
    emitter.finish(plan, weights.form)
}

/// A weight as integers, with the shape and the type that it has in the model.
struct Rounded {
    shape: Vec<usize>,
    dtype: DataType,
    weights: QuantizedWeights,
}

fn rounded(
    graph: &Graph,
    planned: &PlannedWeight,
    value: Tensor,
    weights: &Weights,
    ready: &ReadyWeights,
) -> Result<Rounded> {
    let name = &graph.tensor(planned.tensor).name;
    let weights = match ready.get(&(name.clone(), planned.axis)) {
        Some(ready) => ready.clone(),
        None => round_to_nearest(graph, planned, &value, weights)?,
    };
    Ok(Rounded { shape: value.shape().to_vec(), dtype: value.dtype(), weights })
}

struct Emitter<'a> {
    model: Model,
    /// As it was.
    network: &'a Network,
    edits: Edits,
    names: UniqueNames,
    /// The int8 zeros that exist already, by their shape.
    zero_points: Vec<(Vec<usize>, String)>,
}

/// What a pair has in common: the names of its scale and zero point, and the axis of several scales.
///
/// A weight is dequantized without a zero point: it is optional, 0 where absent, and ONNX Runtime refuses one
/// with per-channel scales on weights of rank 3.
struct Grid<'a> {
    base: &'a str,
    scale: &'a str,
    zero: Option<&'a str>,
    axis: Option<usize>,
}

impl Emitter<'_> {
    fn activation(&mut self, planned: &PlannedActivation, amax: f32) -> Result<()> {
        let tensor = self.network.graph.tensor(planned.tensor);
        let position = self.behind(tensor);
        let base = tensor.name.clone();
        let half = half_of(tensor.dtype);
        let source = match half {
            Some(_) => self.cast(&base, DataType::F32, position),
            None => base.clone(),
        };
        let scale = self.initializer(&base, "scale", Tensor::new(vec![], vec![int8_scale(amax)])?)?;
        let zero = self.zero_point(&[])?;
        let grid = Grid { base: &base, scale: &scale, zero: Some(&zero), axis: None };
        let quantized = self.quantize_linear(&grid, &source, position);
        let result = self.dequantize_linear(&grid, &quantized, half, position);
        self.rewire(&planned.edges, &result);
        Ok(())
    }

    fn weight(&mut self, planned: &PlannedWeight, rounded: Rounded, form: WeightForm) -> Result<()> {
        let axis = used_axis(planned, &rounded.shape);
        let half = half_of(Some(rounded.dtype));
        let QuantizedWeights { values, scale } = rounded.weights;
        let shape: Vec<usize> = axis.map(|_| scale.len()).into_iter().collect();
        let base = self.network.name(planned.tensor).to_owned();
        let scale = self.initializer(&base, "scale", Tensor::new(shape.clone(), scale)?)?;
        let result = match form {
            WeightForm::Int8 => {
                let values = Tensor::new(rounded.shape, values)?;
                let stored = self.initializer(&base, "quantized", values)?;
                let grid = Grid { base: &base, scale: &scale, zero: None, axis };
                self.dequantize_linear(&grid, &stored, half, Position::Start)
            }
            WeightForm::Float => {
                let position = self.before_readers(&planned.edges);
                let source = match half {
                    Some(_) => self.cast(&base, DataType::F32, position),
                    None => base.clone(),
                };
                let zero = self.zero_point(&shape)?;
                let grid = Grid { base: &base, scale: &scale, zero: Some(&zero), axis };
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
        self.edits.insert(position, node);
        output
    }

    /// 16-bit tensors are cast to f32 and back around their pair: scales of their own type need opset 19.
    fn cast(&mut self, source: &str, to: DataType, position: Position) -> String {
        let output = self.names.fresh(&format!("{source}_{to}"));
        let name = self.names.fresh(&format!("{source}_Cast_{to}"));
        let code = i64::from(ElementType::from(to).code());
        let node = NodeSpec::new("Cast", &name, &[source], &[&output]).with("to", AttributeValue::Int(code));
        self.edits.insert(position, node);
        output
    }

    /// Behind the node that computes the tensor.
    fn behind(&self, tensor: &GraphTensor) -> Position {
        tensor.producer.map_or(Position::Start, |id| Position::After(self.network.position(id)))
    }

    /// Before the first node that reads a weight, which may come out of a `Constant` node anywhere before.
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

    /// Zeros of one shape serve all pairs of that shape.
    fn zero_point(&mut self, shape: &[usize]) -> Result<String> {
        if let Some((_, name)) = self.zero_points.iter().find(|(found, _)| found == shape) {
            return Ok(name.clone());
        }
        let count = shape.iter().product();
        let label = if shape.is_empty() { "zero_point".to_owned() } else { format!("zero_point_{count}") };
        let name = self.initializer("qdq", &label, Tensor::new(shape.to_vec(), Data::I8(vec![0; count]))?)?;
        self.zero_points.push((shape.to_vec(), name.clone()));
        Ok(name)
    }

    fn rewire(&mut self, edges: &[Edge], to: &str) {
        for edge in edges {
            self.edits.replace_input(self.network.position(edge.node), edge.input, to);
        }
    }

    /// Applies the edits and drops float weights that nothing reads any more, with the nodes that computed
    /// them or changed their form.
    fn finish(mut self, plan: &Plan, form: WeightForm) -> Result<Model> {
        let network = self.network;
        let mut unused: Vec<&str> = Vec::new();
        if form == WeightForm::Int8 {
            for id in dead_sources(&network.graph, plan) {
                self.edits.remove(network.position(id));
                let inputs = network.graph.node(id).inputs.iter().flatten();
                unused.extend(inputs.map(|&input| network.name(input)));
            }
            unused.extend(plan.weights.iter().map(|weight| network.name(weight.tensor)));
        }
        self.model.edit(self.edits)?;
        self.model.remove_unused_constants(unused);
        Ok(self.model)
    }
}

/// The axis of several scales; none where there would be one scale along it.
pub(crate) fn used_axis(planned: &PlannedWeight, shape: &[usize]) -> Option<usize> {
    planned.axis.filter(|&axis| shape.get(axis).is_some_and(|&n| n > 1))
}

/// A planned weight with the given value as integers, each the nearest.
///
/// # Errors
/// `Data` where the weight is not finite, naming the tensor.
pub(crate) fn round_to_nearest(
    graph: &Graph,
    planned: &PlannedWeight,
    value: &Tensor,
    weights: &Weights,
) -> Result<QuantizedWeights> {
    let (shape, axis) = (value.shape(), used_axis(planned, value.shape()));
    let view = value.view().data();
    let floats = view.to_f32().unwrap_or_default();
    let target = Target { num_bits: weights.bits, unsigned: false };
    let channels = axis.map_or(1, |axis| shape[axis]);
    let quantized = weights
        .known(graph, planned, channels)
        .and_then(|known| match known {
            Some(amax) => Ok(amax),
            None => range::weights(&floats, shape, axis, weights.method, target),
        })
        .and_then(|amax| quantize_weights_to(&floats, shape, axis, &amax, weights.bits));
    quantized.map_err(|error| unusable(graph, planned.tensor, error))
}

/// The range that a tensor shares with its group: that of calibration covers the whole group already, ranges
/// from elsewhere may differ.
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

fn half_of(dtype: Option<DataType>) -> Option<DataType> {
    dtype.filter(|dtype| matches!(dtype, DataType::F16 | DataType::Bf16))
}

/// The nodes that only computed weights of which every reader reads the int8 form now.
fn dead_sources(graph: &Graph, plan: &Plan) -> BTreeSet<NodeId> {
    let rewired: HashSet<_> = plan.weights.iter().flat_map(|weight| weight.edges.iter().copied()).collect();
    let captured: HashSet<TensorId> =
        graph.nodes.iter().flat_map(|node| node.captures.iter().copied()).collect();
    let mut dead = BTreeSet::new();
    // From the last node to the first, so that the readers of a node are judged before it.
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
