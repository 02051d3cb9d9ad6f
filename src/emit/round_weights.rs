//! The integers of a weight: the nearest ones.

use crate::emit::scale::{self, Channels};
use crate::emit::weight_options::Weights;
use crate::emit::weights::unusable;
use crate::error::Result;
use crate::onnx::Network;
use crate::place::PlannedWeight;
use crate::precision::Half;
use crate::quant::weights::{QuantizedWeights, quantize_weights_to, rescale};
use crate::range::{self, Target};
use crate::tensor::Tensor;

/// Returns the axis of several scales; `None` if there would be only one scale along it.
pub(crate) fn used_axis(planned: &PlannedWeight, shape: &[usize]) -> Option<usize> {
    planned.axis.filter(|&axis| shape.get(axis).is_some_and(|&n| n > 1))
}

/// Rounds the value of a planned weight to the nearest integers. The type of its scales holds the steps.
///
/// # Errors
/// `Data` if the weight is not finite. The message names the tensor.
pub(crate) fn round_to_nearest(
    network: &Network,
    planned: &PlannedWeight,
    value: &Tensor,
    weights: &Weights,
) -> Result<QuantizedWeights> {
    let (shape, axis) = (value.shape(), used_axis(planned, value.shape()));
    let graph = &network.graph;
    let own = scale::type_for(Some(value.dtype()), network.model.opset());
    let dtype = weights.held_in.map_or(own, Half::dtype);
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
        .and_then(|amax| quantize_weights_to(&floats, shape, axis, &amax, weights.bits))
        .and_then(|found| {
            let channels = Channels::along(axis.unwrap_or(0), shape, channels);
            match scale::of_weights(&found.scale, &floats, &channels, dtype) {
                Some(steps) => rescale(found, &floats, (shape, axis), weights.bits, &steps),
                None => Ok(found),
            }
        });
    quantized.map_err(|error| unusable(graph, planned.tensor, error))
}
