//! Facts about a float model and its quantized form.

use std::collections::BTreeMap;

use super::channels::weight_axes;
use crate::dtype::DataType;
use crate::graph::{Graph, NodeId, TensorId, TensorKind};
use crate::observe::TensorStats;
use crate::observe::axis_max::AxisMax;
use crate::onnx::Network;
use crate::place::Format;
use crate::place::existing::is_pair;
use crate::place::ops::is_weighted;
use crate::report::numbers::NumbersOf;
use crate::report::trouble::{Facts, QuantizedRange, WeightFacts};
use crate::runtime::map_constants;
use crate::tensor::Tensor;

/// Gathers the facts. `float` knows its constants.
pub(super) fn gather(float: &Network, quantized: &Network) -> Facts {
    let numbers_of = NumbersOf::new(&quantized.graph);
    let graph = &*float.graph;
    let numbers = graph
        .nodes
        .iter()
        .filter_map(|node| Some((node.name.clone(), numbers_of.of(numbers_of.counterpart(graph, node)?))));
    Facts {
        ranges: ranges(graph, quantized),
        weights: weights(float, &numbers_of, quantized),
        numbers: numbers.collect(),
    }
}

/// Reads the ranges of activations from the scales of a quantized model.
fn ranges(float: &Graph, quantized: &Network) -> BTreeMap<String, QuantizedRange> {
    let graph = &*quantized.graph;
    let mut found = BTreeMap::new();
    for node in graph.nodes.iter().filter(|node| node.is("QuantizeLinear")) {
        let Some(mut id) = node.input(0) else { continue };
        // A cast stands before the pair if the tensor has another type than the scale.
        while float.find(&graph.tensor(id).name).is_none() {
            match graph.producer(id).filter(|node| node.is("Cast")).and_then(|node| node.input(0)) {
                Some(before) => id = before,
                None => break,
            }
        }
        let name = &graph.tensor(id).name;
        let is_activation = float.find(name).is_some_and(|id| float.tensor(id).kind != TensorKind::Constant);
        let types = [node.output(0), node.input(2)].into_iter().flatten().map(|id| graph.tensor(id).dtype);
        let (format, largest) = match types.flatten().next() {
            Some(DataType::I8) => (Format::Int8, 127.0),
            Some(DataType::F8E4M3) => (Format::Fp8, 448.0),
            _ => continue,
        };
        let scale = node.input(1).and_then(|id| quantized.model.constant(quantized.name(id)).ok().flatten());
        let scale = scale.and_then(|scale| scale.view().data().to_f32().map(|values| values.to_vec()));
        if let (true, Some([scale])) = (is_activation, scale.as_deref()) {
            found.insert(name.clone(), QuantizedRange { amax: scale * largest, format });
        }
    }
    found
}

/// A constant operand of a convolution or product.
struct Operand {
    tensor: TensorId,
    node: NodeId,
    input: usize,
    layers: Vec<String>,
}

fn weights(float: &Network, numbers: &NumbersOf<'_>, quantized: &Network) -> Vec<WeightFacts> {
    let graph = &*float.graph;
    let mut operands: Vec<Operand> = Vec::new();
    for id in graph.node_ids().filter(|&id| is_weighted(graph.node(id)) && !is_pair(graph.node(id))) {
        let node = graph.node(id);
        for (input, tensor) in node.inputs.iter().take(2).enumerate() {
            let Some(tensor) = tensor.filter(|&it| graph.tensor(it).kind == TensorKind::Constant) else {
                continue;
            };
            match operands.iter_mut().find(|operand| operand.tensor == tensor) {
                Some(known) => known.layers.push(node.name.clone()),
                None => operands.push(Operand { tensor, node: id, input, layers: vec![node.name.clone()] }),
            }
        }
    }
    let wanted: Vec<TensorId> = operands.iter().map(|operand| operand.tensor).collect();
    let scales = |operand: &Operand| -> Option<usize> {
        let node = numbers.counterpart(graph, graph.node(operand.node))?;
        let dequantize = numbers.dequantize(node.input(operand.input)?)?;
        let scale = quantized.graph.tensor(dequantize.input(1)?).fixed_shape()?;
        (dequantize.int("block_size", 0) == 0).then(|| scale.iter().product())
    };
    let counts: Vec<usize> = operands.iter().map(|operand| scales(operand).unwrap_or(0)).collect();
    let known = map_constants(float, &wanted, |at, value| {
        let operand = &operands[at];
        let value = value.ok()?;
        let values = value.view().data().to_f32()?.into_owned();
        let mut stats = TensorStats::new();
        stats.observe(&values);
        let axes = weight_axes(graph.node(operand.node), operand.input, value.shape().len());
        let maxima =
            |axis: Option<i64>| axis.and_then(|axis| maxima(&value, &values, axis)).unwrap_or_default();
        Some(WeightFacts {
            tensor: graph.tensor(operand.tensor).name.clone(),
            layers: operand.layers.clone(),
            shape: value.shape().to_vec(),
            outputs: maxima(axes.map(|axes| axes.0)),
            inputs: maxima(axes.map(|axes| axes.1)),
            scales: counts[at],
            stats,
        })
    });
    known.into_iter().flatten().collect()
}

fn maxima(value: &Tensor, values: &[f32], axis: i64) -> Option<Vec<f32>> {
    let mut max = AxisMax::keeping(&[axis]);
    max.observe(value.shape(), values).ok()?;
    max.amax().map(|amax| amax.values.clone())
}
