//! Bias correction: what a layer's output is off by in the mean goes into its bias.
//!
//! Rounding weights and inputs shifts the mean of each output channel by d = mean(y - y'), y the float layer's output and y'
//! the quantized one's for the same float input (Nagel et al., 2019, from data). Adding d to the bias takes d² off the
//! mean squared error of the channel.

use half::{bf16, f16};

use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Attribute, Graph, Node, NodeId};
use crate::onnx::{Edits, Model};
use crate::tensor::{Data, Tensor, TensorView};

use super::layer::Layer;

/// Sums of the error e = y - y' of a tensor, by channel. A pair of values that are not both finite takes no part.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ErrorSums {
    channels: Vec<Sums>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sums {
    count: u64,
    sum: f64,
    squares: f64,
}

impl ErrorSums {
    /// Adds the pairs of a float tensor and its quantized form, with channels along `axis`. Tensors of different shapes, or
    /// without that axis, change nothing.
    pub fn add(&mut self, expected: TensorView<'_>, found: TensorView<'_>, axis: usize) {
        let shape = expected.shape();
        let (y, other) = (expected.data(), found.data());
        let (Some(y), Some(other)) = (y.to_f32(), other.to_f32()) else { return };
        if shape != found.shape() || axis >= shape.len() || y.is_empty() {
            return;
        }
        let inner: usize = shape[axis + 1..].iter().product();
        if self.channels.is_empty() {
            self.channels = vec![Sums::default(); shape[axis]];
        }
        for (at, (y, other)) in y.chunks(inner).zip(other.chunks(inner)).enumerate() {
            let Some(sums) = self.channels.get_mut(at % shape[axis]) else { continue };
            for (&y, &other) in y.iter().zip(other).filter(|(y, other)| y.is_finite() && other.is_finite()) {
                let error = f64::from(y) - f64::from(other);
                sums.count += 1;
                sums.sum += error;
                sums.squares += error * error;
            }
        }
    }

    /// How many channels were seen.
    pub fn channels(&self) -> usize {
        self.channels.len()
    }

    /// The mean of e²; `None` where nothing was seen.
    pub fn mean_square(&self) -> Option<f64> {
        let count: u64 = self.channels.iter().map(|sums| sums.count).sum();
        (count > 0).then(|| self.channels.iter().map(|sums| sums.squares).sum::<f64>() / count as f64)
    }
}

/// Corrected biases and the mean square of the layer's error before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct Corrected {
    /// One bias per channel.
    pub values: Vec<f32>,
    /// How many of them changed.
    pub changed: usize,
    /// The mean of e² before.
    pub error_before: f64,
    /// The mean of e² afterwards; never larger.
    pub error_after: f64,
}

/// Moves each bias by the mean error of its channel, as far as `stored` (the rounding of the bias's type) lets it, where that
/// lowers the channel's squared error. The layer adds `factor` times the bias.
pub fn correct(bias: &[f32], sums: &ErrorSums, factor: f32, stored: impl Fn(f32) -> f32) -> Corrected {
    let error_before = sums.mean_square().unwrap_or(0.0);
    let mut values = bias.to_vec();
    let (mut changed, mut gained, mut count) = (0, 0.0, 0);
    for (bias, sums) in values.iter_mut().zip(&sums.channels) {
        count += sums.count;
        let mean = sums.sum / (sums.count.max(1) as f64);
        let moved = stored((f64::from(*bias) + mean / f64::from(factor)) as f32);
        let by = (f64::from(moved) - f64::from(*bias)) * f64::from(factor);
        // sum e^2 - sum (e - by)^2
        let gain = by * (2.0 * sums.sum - by * sums.count as f64);
        if moved.is_finite() && gain > 0.0 {
            *bias = moved;
            gained += gain;
            changed += 1;
        }
    }
    let error_after = (error_before - gained / count.max(1) as f64).max(0.0);
    Corrected { values, changed, error_before, error_after }
}

/// The bias of a layer: where it is read, and its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Bias {
    /// The node that reads it: the layer's own, or the Add behind a MatMul.
    node: NodeId,
    input: usize,
    /// What the layer adds is this times the bias.
    pub factor: f32,
    /// One value per channel.
    pub values: Vec<f32>,
    shape: Vec<usize>,
    dtype: DataType,
    /// Its name, where the model has one.
    tensor: Option<String>,
}

/// Finds the bias of a layer with so many channels, zeros where there is room for one, or says why there is none to correct.
///
/// # Errors
/// Outside, those of [`Model::constant`].
pub fn find(
    model: &Model,
    graph: &Graph,
    layer: &Layer,
    channels: usize,
    weight: DataType,
) -> Result<std::result::Result<Bias, String>> {
    let node = graph.node(layer.node);
    if layer.weight_input == 0 {
        return Ok(Err("its weight is the left side of the product".into()));
    }
    let (place, input, factor) = match node.op.as_str() {
        "Gemm" => (layer.node, 2, number(node, "beta")),
        "MatMul" => match add_behind(graph, layer) {
            Some((add, input)) => (add, input, 1.0),
            None => return Ok(Err("no bias is added to its product".into())),
        },
        _ => (layer.node, 2, 1.0),
    };
    if factor == 0.0 || !factor.is_finite() {
        return Ok(Err(format!("its bias counts {factor} times")));
    }
    let Some(tensor) = graph.node(place).input(input) else {
        let (values, shape) = (vec![0.0; channels], vec![channels]);
        return Ok(Ok(Bias { node: place, input, factor, values, shape, dtype: weight, tensor: None }));
    };
    let name = graph.tensor(tensor).name.clone();
    let Some(value) = model.constant(&name)? else {
        return Ok(Err(format!("its bias '{name}' is computed")));
    };
    let fits = value.shape().iter().rev().skip(1).all(|&size| size == 1)
        && value.shape().last().is_some_and(|&last| last == channels);
    let view = value.view().data();
    match view.to_f32() {
        Some(values) if fits && value.dtype() != DataType::F64 => Ok(Ok(Bias {
            node: place,
            input,
            factor,
            values: values.into_owned(),
            shape: value.shape().to_vec(),
            dtype: value.dtype(),
            tensor: Some(name),
        })),
        _ => Ok(Err(format!(
            "its bias '{name}' is {} of shape {:?}, not one float per channel",
            value.dtype(),
            value.shape()
        ))),
    }
}

/// A number that is 1 where it is not given: alpha and beta of a Gemm.
pub(crate) fn number(node: &Node, attribute: &str) -> f32 {
    match node.attributes.get(attribute) {
        Some(Attribute::Float(value)) => *value,
        _ => 1.0,
    }
}

/// The Add that alone reads a layer's output, and its other input.
fn add_behind(graph: &Graph, layer: &Layer) -> Option<(NodeId, usize)> {
    let output = graph.tensor(layer.output);
    let &[edge] = output.consumers.as_slice() else { return None };
    let is_captured = graph.nodes.iter().any(|node| node.captures.contains(&layer.output));
    let is_add = graph.node(edge.node).is("Add") && !output.is_output && !is_captured;
    is_add.then_some((edge.node, 1 - edge.input.min(1)))
}

impl Bias {
    /// A number as the bias's type holds it.
    pub fn stored(&self, value: f32) -> f32 {
        match self.dtype {
            DataType::F16 => f16::from_f32(value).to_f32(),
            DataType::Bf16 => bf16::from_f32(value).to_f32(),
            _ => value,
        }
    }

    fn tensor(&self, values: &[f32]) -> Result<Tensor> {
        let data: Data = match self.dtype {
            DataType::F16 => values.iter().map(|&value| f16::from_f32(value)).collect::<Vec<_>>().into(),
            DataType::Bf16 => values.iter().map(|&value| bf16::from_f32(value)).collect::<Vec<_>>().into(),
            _ => values.to_vec().into(),
        };
        Tensor::new(self.shape.clone(), data)
    }
}

/// Gives layers of `quantized`, a form of the model that `graph` describes, new biases.
///
/// # Errors
/// Those of editing the model.
pub fn apply(quantized: &mut Model, graph: &Graph, biases: &[(Bias, Vec<f32>)]) -> Result<()> {
    let mut names = quantized.unique_names();
    let mut edits = Edits::new();
    for (bias, values) in biases {
        let node = graph.node(bias.node);
        let output = node.output(0).map(|output| graph.tensor(output).name.as_str()).unwrap_or_default();
        let Some(at) = quantized.nodes().position(|node| node.outputs().first().is_some_and(|o| o == output))
        else {
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
        sums.add(tensor(expected).view(), tensor(found).view(), 1);
        sums
    }

    #[test]
    fn the_mean_error_of_a_channel_goes_into_its_bias() {
        let found = correct(&[1.0, 5.0], &sums(&[2.0, 0.0, 4.0, 0.0], &[1.0, 0.0, 1.0, 0.0], 2), 0.5, |x| x);
        assert_eq!((found.values, found.changed), (vec![5.0, 5.0], 1));
        assert_eq!((found.error_before, found.error_after), (2.5, 0.5));
    }

    #[test]
    fn what_is_not_finite_takes_no_part() {
        let inf = f32::INFINITY;
        let found = sums(&[f32::NAN, 1.0, inf, 1.0, 3.0, 1.0], &[1.0, inf, inf, f32::NAN, 1.0, 1.0], 2);
        assert_eq!(correct(&[0.0, 0.0], &found, 1.0, |x| x).values, [2.0, 0.0]);
        let nothing = correct(&[7.0], &ErrorSums::default(), 1.0, |x| x);
        assert_eq!((nothing.values, nothing.changed), (vec![7.0], 0));
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
            let found = correct(&bias, &sums(&y, &other, 3), factor, half);
            let moved = |at: usize| other[at] + factor * (found.values[at % 3] - bias[at % 3]);
            let after: f64 = (0..y.len()).map(|at| f64::from(y[at] - moved(at)).powi(2)).sum::<f64>() / y.len() as f64;
            prop_assert!(found.error_after <= found.error_before);
            prop_assert!((after - found.error_after).abs() <= 1e-4 * found.error_before + 1e-6);
        }
    }
}
