//! Bias correction: the mean error of a layer's output goes into its bias.
//!
//! Rounding weights and inputs shifts the mean of each output channel by d = mean(y - y'). Here y is the
//! output of the float layer and y' that of the quantized layer for the same float input (Nagel et al., 2019,
//! from data). Adding d to the bias reduces the mean squared error of the channel by d².

use std::collections::HashMap;

use half::{bf16, f16};

use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Attribute, Edge, Graph, Node, NodeId};
use crate::onnx::{Edits, Model, Network};
use crate::tensor::{Data, Tensor};

use super::errors::ErrorSums;
use super::layer::Layer;
use super::refusal::Refusal;

/// Moves each bias by the mean error of its channel, if that lowers the squared error of the channel.
///
/// The layer adds `factor` times the bias. `stored` rounds to the type of the bias.
pub fn correct(bias: &[f32], sums: &ErrorSums, factor: f32, stored: impl Fn(f32) -> f32) -> Vec<f32> {
    let corrected = bias.iter().zip(&sums.channels).map(|(&bias, sums)| {
        let mean = sums.sum / (sums.count.max(1) as f64);
        let moved = stored((f64::from(bias) + mean / f64::from(factor)) as f32);
        let by = (f64::from(moved) - f64::from(bias)) * f64::from(factor);
        // sum e^2 - sum (e - by)^2
        let gain = by * (2.0 * sums.sum - by * sums.count as f64);
        if moved.is_finite() && gain > 0.0 { moved } else { bias }
    });
    corrected.collect()
}

/// The place that adds a bias to the result of a layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BiasInput {
    /// The node that reads the bias: the layer itself, or the Add behind a MatMul.
    pub node: NodeId,
    input: usize,
    factor: f32,
}

/// Finds the place that adds the bias of a layer.
///
/// # Errors
/// A text with the reason why there is no such place.
pub fn bias_input(graph: &Graph, layer: &Layer) -> std::result::Result<BiasInput, String> {
    let node = graph.node(layer.node);
    if layer.weight_input == 0 {
        return Err("its weight is the left side of the product".into());
    }
    let found = match node.op.as_str() {
        "Gemm" => BiasInput { node: layer.node, input: 2, factor: number(node, "beta") },
        "MatMul" | "Einsum" => {
            let (node, input) = add_behind(graph, layer).ok_or("no bias is added to its product")?;
            BiasInput { node, input, factor: 1.0 }
        }
        _ => BiasInput { node: layer.node, input: 2, factor: 1.0 },
    };
    if found.factor == 0.0 || !found.factor.is_finite() {
        return Err(format!("its bias counts {} times", found.factor));
    }
    Ok(found)
}

/// The bias of a layer: its place and its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Bias {
    node: NodeId,
    input: usize,
    /// The layer adds this number times the bias.
    pub factor: f32,
    /// One value per channel.
    pub values: Vec<f32>,
    shape: Vec<usize>,
    dtype: DataType,
    /// The name of the bias, if the model has one.
    tensor: Option<String>,
}

/// Reads the bias of a layer with this number of channels and a weight of this type.
///
/// If there is no bias yet, the values are zeros.
///
/// # Errors
/// The reason why the bias cannot be corrected; those of [`Model::constant`].
pub fn find(
    network: &Network,
    place: BiasInput,
    channels: usize,
    weight: DataType,
) -> std::result::Result<Bias, Refusal> {
    let BiasInput { node, input, factor } = place;
    let Some(tensor) = network.graph.node(node).input(input) else {
        let (values, shape) = (vec![0.0; channels], vec![channels]);
        return Ok(Bias { node, input, factor, values, shape, dtype: weight, tensor: None });
    };
    let name = network.name(tensor).to_owned();
    let value = network.model.constant(&name)?.ok_or_else(|| format!("its bias '{name}' is computed"))?;
    let fits = value.shape().iter().rev().skip(1).all(|&size| size == 1)
        && value.shape().last().is_some_and(|&last| last == channels);
    let view = value.view().data();
    match view.to_f32() {
        Some(values) if fits && value.dtype() != DataType::F64 => Ok(Bias {
            node,
            input,
            factor,
            values: values.into_owned(),
            shape: value.shape().to_vec(),
            dtype: value.dtype(),
            tensor: Some(name),
        }),
        _ => Err(format!(
            "its bias '{name}' is {} of shape {:?}, not one float per channel",
            value.dtype(),
            value.shape()
        )
        .into()),
    }
}

/// Reads alpha or beta of a Gemm, which is 1 if absent.
fn number(node: &Node, attribute: &str) -> f32 {
    match node.attributes.get(attribute) {
        Some(Attribute::Float(value)) => *value,
        _ => 1.0,
    }
}

/// Finds the Add that is the only reader of a layer's output, and its other input.
fn add_behind(graph: &Graph, layer: &Layer) -> Option<(NodeId, usize)> {
    let output = graph.tensor(layer.output);
    let &[edge] = output.consumers.as_slice() else { return None };
    let is_captured = graph.nodes.iter().any(|node| node.captures.contains(&layer.output));
    let is_add = graph.node(edge.node).is("Add") && !output.is_output && !is_captured;
    is_add.then_some((edge.node, 1 - edge.input.min(1)))
}

impl Bias {
    /// Rounds a number to the type of the bias.
    pub fn stored(&self, value: f32) -> f32 {
        match self.dtype {
            DataType::F16 => f16::from_f32(value).to_f32(),
            DataType::Bf16 => bf16::from_f32(value).to_f32(),
            _ => value,
        }
    }

    /// Returns the input that reads the bias.
    pub fn edge(&self) -> Edge {
        Edge { node: self.node, input: self.input }
    }

    /// Returns other values as a tensor that replaces the bias.
    ///
    /// # Errors
    /// `Shape` if the number of values is different.
    pub fn tensor(&self, values: &[f32]) -> Result<Tensor> {
        Tensor::new(self.shape.clone(), Data::from_f32(values.to_vec(), self.dtype))
    }
}

/// Sets new biases for layers of `quantized`, a form of the model that `graph` describes.
///
/// # Errors
/// Those of editing the model.
pub fn apply(quantized: &mut Model, graph: &Graph, biases: &[(Bias, Vec<f32>)]) -> Result<()> {
    let mut names = quantized.unique_names();
    let mut edits = Edits::new();
    let firsts =
        quantized.nodes().enumerate().filter_map(|(at, node)| Some((node.outputs().first()?.clone(), at)));
    let computing: HashMap<String, usize> = firsts.collect();
    for (bias, values) in biases {
        let node = graph.node(bias.node);
        let output = node.output(0).map(|output| graph.tensor(output).name.as_str()).unwrap_or_default();
        let Some(&at) = computing.get(output) else {
            let message = format!("the node that computes '{output}' is not in the quantized model");
            return Err(Error::new(ErrorKind::Internal, message));
        };
        let base = bias.tensor.clone().unwrap_or_else(|| format!("{}_bias", node.name));
        let name = names.fresh(&format!("{base}_corrected"));
        let tensor = bias.tensor(values)?;
        quantized.add_initializer(&name, tensor.shape(), tensor.data().clone())?;
        edits.replace_input(at, bias.input, name);
    }
    quantized.edit(edits)?;
    let old: Vec<&str> = biases.iter().filter_map(|(bias, _)| bias.tensor.as_deref()).collect();
    quantized.remove_unused_constants(old);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sums(expected: &[f32], found: &[f32], channels: usize) -> ErrorSums {
        let shape = [expected.len() / channels, channels];
        let tensor = |values: &[f32]| Tensor::new(shape.to_vec(), values.to_vec()).unwrap();
        let mut sums = ErrorSums::default();
        sums.add(tensor(expected).view(), tensor(found).view(), 1, &[]);
        sums
    }

    #[test]
    fn the_mean_error_of_a_channel_goes_into_its_bias() {
        let found = correct(&[1.0, 5.0], &sums(&[2.0, 0.0, 4.0, 0.0], &[1.0, 0.0, 1.0, 0.0], 2), 0.5, |x| x);
        assert_eq!(found, [5.0, 5.0]);
    }

    #[test]
    fn what_is_not_finite_takes_no_part() {
        let inf = f32::INFINITY;
        let found = sums(&[f32::NAN, 1.0, inf, 1.0, 3.0, 1.0], &[1.0, inf, inf, f32::NAN, 1.0, 1.0], 2);
        assert_eq!(correct(&[0.0, 0.0], &found, 1.0, |x| x), [2.0, 0.0]);
        assert_eq!(correct(&[7.0, 1.0], &sums(&[0.0; 2], &[f32::NAN; 2], 2), 1.0, |x| x), [7.0, 1.0]);
    }

    proptest! {
        #[test]
        fn the_error_never_grows(
            pairs in proptest::collection::vec((-1e3f32..1e3, -1e3f32..1e3), 3..40),
            bias in proptest::collection::vec(-1e3f32..1e3, 3),
            factor in prop_oneof![-4f32..-0.1, 0.1f32..4.0],
        ) {
            let (y, other): (Vec<f32>, Vec<f32>) = pairs[..pairs.len() / 3 * 3].iter().copied().unzip();
            let half = |value: f32| f16::from_f32(value).to_f32();
            let sums = sums(&y, &other, 3);
            let found = correct(&bias, &sums, factor, half);
            let moved = |at: usize| other[at] + factor * (found[at % 3] - bias[at % 3]);
            let after: f64 = (0..y.len()).map(|at| f64::from(y[at] - moved(at)).powi(2)).sum::<f64>() / y.len() as f64;
            let before = sums.mean_square().unwrap();
            prop_assert!(after <= before * (1.0 + 1e-4) + 1e-6, "{before} {after}");
        }
    }
}
