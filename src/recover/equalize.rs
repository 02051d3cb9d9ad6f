//! Cross-layer equalization: channels between two layers are given scales of their own.
//!
//! The channels of an activation share one scale, and so do the columns of a row of the weight that reads it, so that a
//! channel of large values costs small ones their resolution. Where only operators with f(x / s) = f(x) / s for s > 0 lie
//! between two layers, the first one's channel c may be divided by s and the second one's column c multiplied by it without
//! changing what the network computes (Nagel et al., 2019). With a the largest magnitude that the second layer reads in the
//! channel, and r that of its column relative to the rows', s = a^α / r^(1 - α): α = 1 makes the activation even, α = 0 the
//! weight. Which is best depends on the bits of either, so [`BALANCES`] are tried and measured.
//!
//! Each s is a power of two. It costs at most a factor of √2 to the evenness, and the float network stays the same bit for
//! bit, as does the rounding of the first layer's weight where it has a scale per channel.

use std::collections::BTreeMap;

use crate::dtype::DataType;
use crate::error::Result;
use crate::graph::{Graph, NodeId, TensorId};
use crate::onnx::Model;
use crate::place::Plan;
use crate::tensor::{Tensor, TensorView};

use super::layer::Layer;

/// The α that are tried.
pub const BALANCES: [f32; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];
/// The largest exponent of a scale, either way.
const MOST_EXPONENT: f32 = 12.0;

/// Two layers with channels of their own between them.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The layer that computes the channels, what lies between, and the layer that reads them.
    pub nodes: Vec<NodeId>,
    /// What the second layer reads.
    pub read: TensorId,
    /// How many channels there are.
    pub channels: usize,
    first: Weight,
    bias: Option<Weight>,
    second: Weight,
    /// Whether the second weight has a scale per row.
    has_row_scales: bool,
}

/// A stored tensor and the channel and row of each of its elements.
#[derive(Clone, Debug, PartialEq)]
struct Weight {
    name: String,
    channel: Axis,
    row: Axis,
}

/// Which part of a row-major position counts: position / step % size / span, plus group * channels per group.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Axis {
    step: usize,
    size: usize,
    span: usize,
    /// Elements of one group and its channels; the former 0 without groups.
    group: (usize, usize),
}

impl Axis {
    fn new(shape: &[usize], axis: usize) -> Self {
        Self { step: shape[axis + 1..].iter().product(), size: shape[axis], span: 1, group: (0, 0) }
    }

    fn of(&self, position: usize) -> usize {
        let (elements, channels) = self.group;
        position / self.step % self.size / self.span + position.checked_div(elements).unwrap_or(0) * channels
    }
}

/// Finds the layer before `second` that has only channels for it, or says why there is none.
///
/// # Errors
/// Outside, those of [`Model::constant`].
pub fn pair(
    model: &Model,
    graph: &Graph,
    plan: &Plan,
    layers: &[Layer],
    second: &Layer,
) -> Result<std::result::Result<Pair, String>> {
    let (first, mut nodes) = match walk_back(graph, layers, second) {
        Ok(found) => found,
        Err(reason) => return Ok(Err(reason)),
    };
    nodes.push(second.node);
    let stored = |layer: &Layer, input: usize| -> Result<std::result::Result<(String, Tensor), String>> {
        stored(model, graph, layer, input)
    };
    let ((first_name, first_value), (second_name, second_value)) =
        match (stored(first, first.weight_input)?, stored(second, second.weight_input)?) {
            (Ok(first), Ok(second)) => (first, second),
            (Err(reason), _) | (_, Err(reason)) => return Ok(Err(reason)),
        };
    let bias = match graph.node(first.node).input(2) {
        None => None,
        Some(_) => match stored(first, 2)? {
            Ok(bias) => Some(bias),
            Err(reason) => return Ok(Err(reason)),
        },
    };
    let Some((row, _)) = axes(graph, first, first_value.shape(), 0) else {
        return Ok(Err("the layer before has groups or another form that is left alone".into()));
    };
    let channels = row.size;
    let Some((second_row, column)) = axes(graph, second, second_value.shape(), channels) else {
        return Ok(Err("its weight does not have the channels of the layer before".into()));
    };
    let bias = match bias {
        Some((name, value)) if value.shape().last() == Some(&channels) => {
            let axis = Axis::new(value.shape(), value.shape().len() - 1);
            Some(Weight { name, channel: axis, row: axis })
        }
        Some((name, _)) => {
            return Ok(Err(format!("the bias '{name}' of the layer before is not one per channel")));
        }
        None => None,
    };
    Ok(Ok(Pair {
        nodes,
        read: second.input,
        channels,
        first: Weight { name: first_name, channel: row, row },
        bias,
        second: Weight { name: second_name, channel: column, row: second_row },
        has_row_scales: plan.weights[second.planned].axis.is_some(),
    }))
}

/// Operators that compute channel by channel and keep a positive factor.
fn keeps_scale(graph: &Graph, node: NodeId) -> bool {
    let node = graph.node(node);
    let ops =
        ["Relu", "LeakyRelu", "MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool", "Identity"];
    ops.iter().any(|op| node.is(op)) || (node.is("Flatten") && node.int("axis", 1) == 1)
}

fn walk_back<'a>(
    graph: &Graph,
    layers: &'a [Layer],
    second: &Layer,
) -> std::result::Result<(&'a Layer, Vec<NodeId>), String> {
    if second.weight_input == 0 || graph.node(second.node).op == "MatMul" {
        return Err("only convolutions and Gemm are equalized".into());
    }
    let mut nodes = Vec::new();
    let mut at = second.input;
    loop {
        let tensor = graph.tensor(at);
        let is_captured = || graph.nodes.iter().any(|node| node.captures.contains(&at));
        if tensor.consumers.len() != 1 || tensor.is_output || is_captured() {
            return Err(format!("'{}' is read elsewhere too", tensor.name));
        }
        let Some(producer) = tensor.producer else {
            return Err("it reads an input of the network".into());
        };
        nodes.push(producer);
        if let Some(first) = layers.iter().find(|layer| layer.node == producer) {
            if graph.node(producer).op == "MatMul" {
                return Err("only convolutions and Gemm are equalized".into());
            }
            nodes.reverse();
            return Ok((first, nodes));
        }
        let node = graph.node(producer);
        match node.input(0) {
            Some(before) if keeps_scale(graph, producer) => at = before,
            _ => return Err(format!("'{}' ({}) before it does not keep a factor", node.name, node.op)),
        }
    }
}

/// An input of a layer that is an f32 tensor of the model which nothing else reads.
fn stored(
    model: &Model,
    graph: &Graph,
    layer: &Layer,
    input: usize,
) -> Result<std::result::Result<(String, Tensor), String>> {
    let Some(id) = graph.node(layer.node).input(input) else { return Ok(Err("a weight is missing".into())) };
    let tensor = graph.tensor(id);
    if tensor.consumers.len() != 1 || tensor.is_output || !model.is_initializer(&tensor.name) {
        return Ok(Err(format!("'{}' is not stored for this layer alone", tensor.name)));
    }
    Ok(match model.constant(&tensor.name)? {
        Some(value) if value.dtype() == DataType::F32 && !value.shape().is_empty() => {
            Ok((tensor.name.clone(), value))
        }
        _ => Err(format!("'{}' is no f32 tensor", tensor.name)),
    })
}

/// The output and the input channels of a weight. With `inputs` not 0 it must read as many channels, of one or several elements
/// each.
fn axes(graph: &Graph, layer: &Layer, shape: &[usize], inputs: usize) -> Option<(Axis, Axis)> {
    let node = graph.node(layer.node);
    let groups = usize::try_from(node.int("group", 1)).ok().filter(|&groups| groups > 0)?;
    let (mut row, mut column) = match (node.op.as_str(), shape.len()) {
        ("Conv", 3..) => (Axis::new(shape, 0), Axis::new(shape, 1)),
        ("ConvTranspose", 3..) if groups == 1 => (Axis::new(shape, 1), Axis::new(shape, 0)),
        ("Gemm", 2) if node.int("transB", 0) != 0 => (Axis::new(shape, 0), Axis::new(shape, 1)),
        ("Gemm", 2) => (Axis::new(shape, 1), Axis::new(shape, 0)),
        _ => return None,
    };
    if node.op == "Gemm" && node.int("transA", 0) != 0 {
        return None;
    }
    if inputs > 0 {
        let read = column.size * groups;
        column.span = read.checked_div(inputs).filter(|span| span * inputs == read)?;
        if column.span != 1 && node.op != "Gemm" {
            return None;
        }
    }
    if groups > 1 {
        let elements = shape.iter().product::<usize>() / groups;
        column.group = (elements, column.size);
        row.group = (0, 0);
    }
    (row.size > 0 && column.size > 0).then_some((row, column))
}

impl Pair {
    /// The largest finite magnitude of each channel of what the second layer reads, gathered in `maxima`.
    pub fn add_maxima(&self, maxima: &mut Vec<f32>, x: TensorView<'_>) {
        maxima.resize(self.channels, 0.0);
        self.each(x, |channel, value| {
            if value.is_finite() {
                maxima[channel] = maxima[channel].max(value.abs());
            }
        });
    }

    /// What the second layer reads where the channels are divided by `scales`.
    pub fn divided(&self, scales: &[f32], x: TensorView<'_>) -> Vec<f32> {
        let mut divided = Vec::new();
        self.each(x, |channel, value| divided.push(value / scales[channel]));
        divided
    }

    fn each(&self, x: TensorView<'_>, mut f: impl FnMut(usize, f32)) {
        let (shape, data) = (x.shape(), x.data());
        let Some(values) = data.to_f32() else { return };
        if shape.len() < 2 || shape[1] % self.channels != 0 {
            return;
        }
        let axis = Axis { span: shape[1] / self.channels, ..Axis::new(shape, 1) };
        values.iter().enumerate().for_each(|(at, &value)| f(axis.of(at), value));
    }

    /// The scale of each channel by its largest magnitude `maxima` and the second layer's weight in `model`: powers of two.
    ///
    /// # Errors
    /// Those of [`Model::constant`].
    pub fn scales(&self, model: &Model, maxima: &[f32], balance: f32) -> Result<Vec<f32>> {
        let columns = self.columns(&value(model, &self.second.name)?);
        let exponents: Vec<Option<f32>> = (maxima.iter().zip(&columns))
            .map(|(&a, &r)| (a > 0.0 && r > 0.0).then(|| balance * a.log2() - (1.0 - balance) * r.log2()))
            .collect();
        let known = exponents.iter().flatten().count().max(1) as f32;
        let middle = exponents.iter().flatten().sum::<f32>() / known;
        let scale = |exponent: &Option<f32>| {
            let exponent = exponent.map_or(0.0, |exponent| (exponent - middle).round());
            exponent.clamp(-MOST_EXPONENT, MOST_EXPONENT).exp2()
        };
        Ok(exponents.iter().map(scale).collect())
    }

    /// The largest magnitude of each column, relative to its row where rows have scales of their own.
    fn columns(&self, weight: &Tensor) -> Vec<f32> {
        let Weight { channel, row, .. } = self.second;
        let data = weight.view().data();
        let values = data.to_f32().unwrap_or_default();
        let mut rows = vec![0f32; row.size];
        for (at, value) in values.iter().enumerate() {
            rows[row.of(at)] = rows[row.of(at)].max(value.abs());
        }
        let mut columns = vec![0f32; self.channels];
        for (at, value) in values.iter().enumerate() {
            let row = if self.has_row_scales { rows[row.of(at)] } else { 1.0 };
            let relative = if row > 0.0 { value.abs() / row } else { 0.0 };
            columns[channel.of(at)] = columns[channel.of(at)].max(relative);
        }
        columns
    }

    /// The pair's weights and bias by name, with the channels divided by `scales`; `None` where one of them would not come back
    /// exactly.
    ///
    /// # Errors
    /// Those of [`Model::constant`].
    pub fn scaled(&self, model: &Model, scales: &[f32]) -> Result<Option<BTreeMap<String, Tensor>>> {
        let inverse: Vec<f32> = scales.iter().map(|scale| scale.recip()).collect();
        let mut scaled = BTreeMap::new();
        let firsts = [Some(&self.first), self.bias.as_ref()].into_iter().flatten();
        for (weight, factors) in
            firsts.map(|weight| (weight, &inverse)).chain([(&self.second, &scales.to_vec())])
        {
            let value = value(model, &weight.name)?;
            let view = value.view().data();
            let old = view.to_f32().unwrap_or_default();
            let factor = |at: usize| factors[weight.channel.of(at)];
            let new: Vec<f32> = old.iter().enumerate().map(|(at, &old)| old * factor(at)).collect();
            let is_exact =
                |(at, (new, old)): (usize, (&f32, &f32))| new / factor(at) == *old && new.is_finite();
            if !new.iter().zip(old.iter()).enumerate().all(is_exact) {
                return Ok(None);
            }
            scaled.insert(weight.name.clone(), Tensor::new(value.shape().to_vec(), new)?);
        }
        Ok(Some(scaled))
    }
}

fn value(model: &Model, name: &str) -> Result<Tensor> {
    model.constant(name)?.ok_or_else(|| {
        crate::error::Error::new(crate::error::ErrorKind::Internal, format!("'{name}' is not stored"))
    })
}
