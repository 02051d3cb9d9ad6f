//! The check of weights before any data is read: the model alone shows which of them cannot be quantized.

use crate::error::{Error, Result};
use crate::graph::{Graph, TensorId};
use crate::onnx::Network;
use crate::place::Plan;
use crate::quant::weights::check_finite;
use crate::runtime::map_constants;

/// Checks every weight that `plan` quantizes.
///
/// # Errors
/// `Data` if a weight holds NaN or an infinity; the errors of reading it. The message names the weight.
pub fn check_weights(network: &Network, plan: &Plan) -> Result<()> {
    let tensors: Vec<TensorId> = plan.weights.iter().map(|weight| weight.tensor).collect();
    let checked = map_constants(network, &tensors, |at, value| {
        let (tensor, value) = (tensors[at], value?);
        let view = value.view().data();
        let floats = view.to_f32().unwrap_or_default();
        check_finite(&floats, value.shape()).map_err(|error| unusable(&network.graph, tensor, error))
    });
    checked.into_iter().collect()
}

/// Returns the error of a weight that cannot be quantized.
pub(super) fn unusable(graph: &Graph, weight: TensorId, error: Error) -> Error {
    Error::new(error.kind(), format!("weight '{}' cannot be quantized", graph.tensor(weight).name))
        .with_remedy("check how the model was exported, or exclude the nodes that read it")
        .with_source(error)
}
