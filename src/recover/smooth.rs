//! Smoothing: the channels of a quantized activation get scales of their own before Quantize.
//!
//! The channels of an activation share one scale, so a channel with large values costs the others their
//! resolution. [`equalize`](super::equalize) lets the layer before divide the channels, if only operators
//! that keep a factor are between. Behind HardSwish, SiLU, GELU or Clip nothing can: here a Mul before
//! Quantize divides channel c by s, and the layers that read it have column c of their weights multiplied by
//! s (Xiao et al., 2023). A normalization or a product with constants before takes the factors itself, if
//! nothing else reads the activation. Then no operator is added ([`Site::fold`]).
//!
//! The scales are those of equalization, with the same balances. Each is a power of two, so the float network
//! stays the same bit for bit.

use crate::error::Result;
use crate::graph::{Edge, Graph, NodeId, TensorId};
use crate::onnx::{Model, Network};
use crate::place::sharing::{only_moves, selects};
use crate::place::{Format, Plan, Verdict};
use crate::tensor::{Tensor, TensorView};

use super::channels::{Axis, ByChannel, Weight, axes};
use super::equalize::{balanced, columns, value};
use super::factors::{Constant, Found, Scaled, Search, read_elsewhere, scaled};
use super::layer::Layer;
use super::pair::{is_read_apart, pair, stored};
use super::refusal::Refusal;

/// A layer whose input channels can be scaled.
#[derive(Clone, Debug)]
pub struct Reader {
    /// The layer.
    pub layer: Layer,
    channels: usize,
    behind: usize,
    weight: Weight,
    shape: Vec<usize>,
    has_row_scales: bool,
}

/// An activation whose channels can be scaled, and the layers that read it with the same channels.
#[derive(Clone, Debug)]
pub struct Site {
    /// The activation.
    pub tensor: TensorId,
    /// The number of channels.
    pub channels: usize,
    /// The number of axes behind the one of the channels.
    pub behind: usize,
    /// The layers. All of them read the scaled activation.
    pub readers: Vec<Reader>,
    /// The constants before that take the factors; `None` if only a Mul can.
    before: Option<Found>,
}

/// Returns what is known of a layer whose input channels can be scaled.
///
/// # Errors
/// The reason why they cannot; those of [`Model::constant`].
pub fn reader(network: &Network, plan: &Plan, layers: &[Layer], layer: &Layer) -> Result<Reader, Refusal> {
    let graph = &network.graph;
    let data = data_edge(layer);
    let planned = plan.activations.iter().find(|planned| planned.edges.contains(&data));
    match planned.map(|planned| planned.format) {
        None => return Err("its input is not quantized".into()),
        Some(Format::Int8) => {}
        Some(format) => return Err(format!("its input is {format}, and only int8 is smoothed").into()),
    }
    if let Some(node) = rounded_by(graph, plan, layer.input) {
        let node = graph.node(node);
        return Err(format!("'{}' ({}) before it passes on what is rounded", node.name, node.op).into());
    }
    match pair(network, plan, layers, layer) {
        Ok(_) => return Err("the layer before can take the scales: equalization does that".into()),
        Err(Refusal::Failed(error)) => return Err(Refusal::Failed(error)),
        Err(Refusal::LeftAlone(_)) => {}
    }
    if layer.weight_input != 1 {
        return Err("its weight is the left side of the product".into());
    }
    let (name, value) = stored(network, layer.node, layer.weight_input)?;
    let shape = value.shape().to_vec();
    let node = graph.node(layer.node);
    let (row, channel) = match (node.op.as_str(), shape.len()) {
        ("MatMul", rank @ 2..) => Some((Axis::new(&shape, rank - 1), Axis::new(&shape, rank - 2))),
        _ => axes(graph, layer.node, &shape, 0),
    }
    .ok_or("only convolutions, Gemm and MatMul with a matrix are smoothed")?;
    let groups = if node.op == "Conv" { usize::try_from(node.int("group", 1)).unwrap_or(1) } else { 1 };
    let behind = if node.op.starts_with("Conv") { shape.len() - 2 } else { 0 };
    Ok(Reader {
        layer: layer.clone(),
        channels: channel.size * groups,
        behind,
        weight: Weight { name, channel, row },
        shape,
        has_row_scales: plan.weights[layer.planned].grid.axis.is_some(),
    })
}

/// Puts the readers of one activation together that have their channels on the same axis.
///
/// # Errors
/// Those of [`Model::constant`].
pub fn sites(network: &Network, plan: &Plan, readers: Vec<Reader>) -> Result<Vec<Site>> {
    let mut sites: Vec<Site> = Vec::new();
    for reader in readers {
        let (tensor, channels, behind) = (reader.layer.input, reader.channels, reader.behind);
        let is_it =
            |site: &&mut Site| (site.tensor, site.channels, site.behind) == (tensor, channels, behind);
        match sites.iter_mut().find(is_it) {
            Some(site) => site.readers.push(reader),
            None => sites.push(Site { tensor, channels, behind, readers: vec![reader], before: None }),
        }
    }
    for site in &mut sites {
        site.before = match site.find(network, plan) {
            Ok(found) => Some(found),
            Err(Refusal::LeftAlone(_)) => None,
            Err(Refusal::Failed(error)) => return Err(error),
        };
    }
    Ok(sites)
}

impl ByChannel for Site {
    fn channels(&self) -> usize {
        self.channels
    }

    fn each(&self, x: TensorView<'_>, mut f: impl FnMut(usize, f32)) {
        let (shape, data) = (x.shape(), x.data());
        let at = shape.len().checked_sub(self.behind + 1).filter(|&at| shape[at] == self.channels);
        let (Some(values), Some(at)) = (data.to_f32(), at) else { return };
        let axis = Axis::new(shape, at);
        values.iter().enumerate().for_each(|(at, &value)| f(axis.of(at), value));
    }
}

impl Site {
    /// Finds the constants before the activation that take the factors.
    fn find(&self, network: &Network, plan: &Plan) -> Result<Found, Refusal> {
        let graph = &network.graph;
        let is_own = |edge: &Edge| self.edges().any(|own| own == *edge);
        if is_read_apart(graph, self.tensor) || !graph.tensor(self.tensor).consumers.iter().all(is_own) {
            return Err(read_elsewhere(graph, self.tensor));
        }
        let (channels, behind) = (self.channels, self.behind);
        Search { network, plan, channels, behind, keeps_rounding: true }.find(self.tensor)
    }

    /// Returns the bytes of the readers' weights.
    pub fn bytes(&self) -> usize {
        self.readers.iter().map(|reader| reader.shape.iter().product::<usize>() * size_of::<f32>()).sum()
    }

    /// Lists the inputs that read the scaled activation.
    pub fn edges(&self) -> impl Iterator<Item = Edge> + '_ {
        self.readers.iter().map(|reader| data_edge(&reader.layer))
    }

    /// Returns the scale of each channel, a power of two.
    ///
    /// It follows from the largest magnitude of the channel in `maxima`, and from the column of the channel
    /// that is the largest of all readers.
    ///
    /// # Errors
    /// Those of [`Model::constant`].
    pub fn scales(&self, model: &Model, maxima: &[f32], balance: f32) -> Result<Vec<f32>> {
        let mut largest = vec![0f32; self.channels];
        for Reader { weight, has_row_scales, .. } in &self.readers {
            let columns = columns(weight, *has_row_scales, self.channels, &value(model, &weight.name)?);
            largest.iter_mut().zip(columns).for_each(|(largest, column)| *largest = largest.max(column));
        }
        Ok(balanced(maxima, &largest, balance))
    }

    /// Returns the weights of the readers with their columns multiplied by `scales`.
    ///
    /// Returns `None` if one of the values would not come back exactly.
    ///
    /// # Errors
    /// Those of [`Model::constant`].
    pub fn weights(&self, model: &Model, scales: &[f32]) -> Result<Option<Vec<Scaled>>> {
        let constants: Vec<Constant> = (self.readers.iter())
            .map(|Reader { layer, weight, shape, .. }| Constant {
                edge: Edge { node: layer.node, input: layer.weight_input },
                name: weight.name.clone(),
                shape: shape.clone(),
                axis: weight.channel,
                is_weight: true,
            })
            .collect();
        scaled(&constants, model, scales)
    }

    /// Returns the constants before the activation, divided by `scales`.
    ///
    /// Returns `None` if nothing before takes the factors exactly.
    ///
    /// # Errors
    /// Those of [`Model::constant`].
    pub fn fold(&self, model: &Model, scales: &[f32]) -> Result<Option<Vec<Scaled>>> {
        self.before.as_ref().map_or(Ok(None), |found| scaled(&found.constants, model, scales))
    }

    /// Lists the nodes whose outputs are divided by [`Site::fold`], from the first to that of the activation.
    pub fn before(&self) -> &[NodeId] {
        self.before.as_ref().map_or(&[], |found| &found.nodes)
    }

    /// Returns the constant by which a Mul divides the channels of the activation.
    ///
    /// # Errors
    /// None that can occur: the scales are those of the channels.
    pub fn factors(&self, scales: &[f32]) -> Result<Tensor> {
        let batch = if self.behind > 0 { vec![1] } else { Vec::new() };
        let shape = [batch, vec![self.channels], vec![1; self.behind]].concat();
        Tensor::new(shape, scales.iter().map(|scale| scale.recip()).collect::<Vec<f32>>())
    }
}

/// Returns the input of a layer that is not its weight.
fn data_edge(layer: &Layer) -> Edge {
    Edge { node: layer.node, input: 1 - layer.weight_input.min(1) }
}

/// Returns the node that passes on quantized values as this tensor, maybe through nodes that only move them.
///
/// Its input is rounded with the scale of all channels, so scales behind it come too late.
fn rounded_by(graph: &Graph, plan: &Plan, tensor: TensorId) -> Option<NodeId> {
    let mut at = tensor;
    loop {
        let producer = graph.tensor(at).producer?;
        let node = graph.node(producer);
        let passes = (plan.decisions.get(producer.0))
            .is_some_and(|decision| decision.node == producer && decision.verdict == Verdict::PassesInt8);
        if passes && selects(node) {
            return Some(producer);
        }
        at = node.input(0).filter(|_| only_moves(node))?;
    }
}
