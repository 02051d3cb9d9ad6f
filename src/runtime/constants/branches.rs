//! Branches of If nodes with a constant condition.

use super::{Dependence, dependences, each_constant};
use crate::error::Result;
use crate::graph::TensorId;
use crate::onnx::{Model, Network};
use crate::tensor::Data;

/// The largest number of rounds. It is the largest nesting depth in a file that qdq reads.
///
/// If more conditions depend on each other in a chain, the rest is decided when the model runs.
const MOST_ROUNDS: usize = 100;

/// Replaces every If of the main graph whose condition is constant by its branch, until none is left.
///
/// A condition is constant if it follows from constants or from fixed inputs ([`Model::fix_input`]). Returns
/// the resulting network.
///
/// # Errors
/// The errors of [`Model::graph`] and [`Model::take_branches`].
pub fn take_branches(model: Model) -> Result<Network> {
    let mut network = Network::of(model)?;
    for _ in 0..MOST_ROUNDS {
        let conditions = known_conditions(&network);
        if conditions.is_empty() {
            break;
        }
        network = network.edit(|model| model.take_branches(&conditions).map(|()| true))?;
    }
    Ok(network)
}

/// Returns the If nodes whose condition does not depend on data, with the value of the condition.
fn known_conditions(network: &Network) -> Vec<(usize, bool)> {
    let graph = &network.graph;
    let mut conditions = graph.node_ids().filter(|&id| graph.node(id).is("If")).peekable();
    if conditions.peek().is_none() {
        return Vec::new();
    }
    let depends = dependences(graph);
    let follows = |id: &TensorId| depends[id.0] == Dependence::Constants;
    let (positions, tensors): (Vec<usize>, Vec<TensorId>) = conditions
        .filter_map(|id| Some((network.position(id), graph.node(id).input(0).filter(follows)?)))
        .unzip();
    let mut known = Vec::new();
    each_constant(network, &tensors, |at, value| {
        // If the condition cannot be computed ahead, it is decided when the model runs.
        if let Ok(value) = value
            && let Data::Bool(values) = value.data()
            && let Some(&condition) = values.first()
        {
            known.push((positions[at], condition != 0));
        }
    });
    known
}
