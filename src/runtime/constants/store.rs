//! Stores computed constants in the model, for a runtime that would compute them again with every batch.

use std::collections::BTreeMap;

use super::{computed_constants, each_constant};
use crate::error::Result;
use crate::graph::TensorId;
use crate::onnx::{Edits, Model, Network};

/// Returns the model with its computed constants stored; `None` if there are none.
///
/// Tapped constants are not stored, because only a computed tensor reaches the tap.
///
/// # Errors
/// The errors of an edit of the model.
pub fn store(network: &Network, taps: &BTreeMap<TensorId, usize>) -> Result<Option<Model>> {
    let Network { model, graph, .. } = network;
    let mut stored = model.clone();
    let (mut names, mut edits) = (model.unique_names(), Edits::new());
    let mut wanted = computed_constants(graph);
    wanted.retain(|id| !graph.tensor(*id).is_output && !taps.contains_key(id));
    // The run computes the constants that cannot be computed ahead.
    let mut values = BTreeMap::new();
    each_constant(network, &wanted, |at, value| values.extend(value.ok().map(|value| (wanted[at], value))));
    for (id, value) in values {
        let tensor = graph.tensor(id);
        let Some(producer) = tensor.producer else { continue };
        let outputs = &graph.node(producer).outputs;
        let Some(output) = outputs.iter().position(|output| *output == Some(id)) else { continue };
        let shape = value.shape().to_vec();
        stored.add_initializer(&tensor.name, &shape, value.into_data())?;
        // Nothing reads the new name, so the node does not run.
        let position = network.position(producer);
        edits.replace_output(position, output, names.fresh(&format!("{}_computed", tensor.name)));
    }
    if edits.is_empty() {
        return Ok(None);
    }
    stored.edit(edits)?;
    Ok(Some(stored))
}
