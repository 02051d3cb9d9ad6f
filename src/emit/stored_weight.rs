//! Weights in the form in which a model stores them: quantized numbers of their format, and scales.

use crate::dtype::DataType;
use crate::e4m3;
use crate::emit::round_weights::{round_to_nearest, steps_for, used_axis};
use crate::emit::scale::Channels;
use crate::emit::weight_options::Weights;
use crate::emit::weights::unusable;
use crate::error::Result;
use crate::onnx::Network;
use crate::place::PlannedWeight;
use crate::quant::weights::{QuantizedWeights, check_finite};
use crate::range;
use crate::tensor::{Data, Tensor};

/// A quantized weight.
pub(super) struct StoredWeight {
    pub shape: Vec<usize>,
    /// The type of the weight in the original model.
    pub dtype: DataType,
    pub values: Data,
    pub steps: Vec<f32>,
    /// The shape of the scales.
    pub steps_shape: Vec<usize>,
    /// The axis of several scales.
    pub axis: Option<usize>,
    /// The number of weights in a row along the axis that share a scale.
    pub block: Option<usize>,
}

/// Quantizes the value of a planned weight, or takes `ready`, integers that it already has.
///
/// # Errors
/// `Data` if the weight is not finite. The message names the tensor.
pub(super) fn store(
    network: &Network,
    planned: &PlannedWeight,
    value: &Tensor,
    weights: &Weights,
    ready: Option<&QuantizedWeights>,
) -> Result<StoredWeight> {
    let shape = value.shape().to_vec();
    let (axis, block) = (used_axis(planned, &shape), planned.grid.block);
    let (values, steps) = match planned.grid.format.rules().element {
        DataType::F8E4M3 => as_e4m3(network, planned, value, weights)?,
        element => {
            let rounded = match ready {
                Some(ready) => ready.clone(),
                None => round_to_nearest(network, planned, value, weights)?,
            };
            let values = rounded.values;
            (if element == DataType::I4 { Data::I4(values) } else { Data::I8(values) }, rounded.scale)
        }
    };
    let steps_shape = match (axis, block) {
        (None, _) => Vec::new(),
        (Some(_), None) => vec![steps.len()],
        (Some(axis), Some(block)) => {
            let mut shape = shape.clone();
            shape[axis] /= block;
            shape
        }
    };
    Ok(StoredWeight { shape, dtype: value.dtype(), values, steps, steps_shape, axis, block })
}

/// Rounds a weight to the nearest e4m3 numbers.
fn as_e4m3(
    network: &Network,
    planned: &PlannedWeight,
    value: &Tensor,
    weights: &Weights,
) -> Result<(Data, Vec<f32>)> {
    let (shape, axis) = (value.shape(), used_axis(planned, value.shape()));
    let view = value.view().data();
    let floats = view.to_f32().unwrap_or_default();
    let count = axis.map_or(1, |axis| shape[axis]);
    let amax = check_finite(&floats, shape)
        .and_then(|()| weights.known(&network.graph, planned, count))
        .and_then(|known| match known {
            Some(amax) => Ok(amax),
            None => range::weights_e4m3(&floats, shape, axis, weights.method),
        })
        .map_err(|error| unusable(&network.graph, planned.tensor, error))?;
    let steps: Vec<f32> = amax.iter().map(|&amax| planned.grid.format.step(amax)).collect();
    let channels = Channels::along(axis.unwrap_or(0), shape, count);
    let dtype = weights.steps_type(value.dtype(), network.model.opset());
    let steps = steps_for(planned.grid.format, steps, &floats, (&channels, dtype));
    let code = |(at, &value): (usize, &f32)| match channels.at(at) {
        channel if amax[channel] == 0.0 => 0,
        channel => e4m3::encode(value / steps[channel]),
    };
    Ok((Data::F8E4M3(floats.iter().enumerate().map(code).collect()), steps))
}
