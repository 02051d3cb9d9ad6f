//! Weights that are rounded once for models that are written many times.

use crate::dtype::DataType;
use crate::emit::qdq_model::ReadyWeights;
use crate::emit::round_weights::round_to_nearest;
use crate::emit::weight_options::{WeightForm, Weights};
use crate::error::Result;
use crate::graph::TensorId;
use crate::onnx::Network;
use crate::place::{Plan, PlannedWeight};
use crate::runtime::map_constants;

/// Rounds the weights of a plan as [`quantize`](super::qdq_model::quantize) does.
///
/// Weights that are stored as floating-point numbers, or as e4m3, are left out: they are rounded when a
/// model is written.
///
/// # Errors
/// `Data` if a weight is not finite. The message names the tensor.
pub fn ready_weights(network: &Network, plan: &Plan, weights: &Weights) -> Result<ReadyWeights> {
    if weights.form == WeightForm::Float {
        return Ok(ReadyWeights::new());
    }
    let has_integers = |planned: &&PlannedWeight| planned.grid.format.rules().element != DataType::F8E4M3;
    let planned: Vec<&PlannedWeight> = plan.weights.iter().filter(has_integers).collect();
    let tensors: Vec<TensorId> = planned.iter().map(|weight| weight.tensor).collect();
    let rounded = map_constants(network, &tensors, |at, value| {
        round_to_nearest(network, planned[at], &value?, weights)
    });
    let named = planned
        .iter()
        .zip(rounded)
        .map(|(planned, rounded)| Ok(((network.name(planned.tensor).to_owned(), planned.grid), rounded?)));
    named.collect()
}
