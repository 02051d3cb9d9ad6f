//! Branches of If that always run.

use super::{Dependence, dependences, each_constant};
use crate::error::Result;
use crate::graph::{Graph, TensorId};
use crate::onnx::Model;
use crate::tensor::Data;

/// How often branches are put in: as deep as they can lie in each other in a file that is read. Where one
/// decides about the next, and so on more often than that, the rest is decided when the model runs.
const MOST_ROUNDS: usize = 100;

/// Puts a branch in the place of every If of the main graph whose condition follows from constants or from
/// inputs that are fixed ([`Model::fix_input`]), until none is left. Returns the graph that is left
/// ([`Model::graph_with_index`]).
///
/// # Errors
/// As [`Model::graph`] and [`Model::take_branches`].
pub fn take_branches(model: &mut Model) -> Result<(Graph, Vec<usize>)> {
    for _ in 0..MOST_ROUNDS {
        let (graph, index) = model.graph_with_index()?;
        let conditions = known_conditions(model, &graph, &index);
        if conditions.is_empty() {
            return Ok((graph, index));
        }
        model.take_branches(&conditions)?;
    }
    model.graph_with_index()
}

/// The If nodes of the model whose condition does not depend on data, and what it is.
fn known_conditions(model: &Model, graph: &Graph, index: &[usize]) -> Vec<(usize, bool)> {
    let mut conditions = graph.nodes.iter().zip(index).filter(|(node, _)| node.is("If")).peekable();
    if conditions.peek().is_none() {
        return Vec::new();
    }
    let depends = dependences(graph);
    let follows = |id: &TensorId| depends[id.0] == Dependence::Constants;
    let (positions, tensors): (Vec<usize>, Vec<TensorId>) =
        conditions.filter_map(|(node, &position)| Some((position, node.input(0).filter(follows)?))).unzip();
    let mut known = Vec::new();
    each_constant(model, graph, &tensors, |at, value| {
        // What cannot be computed ahead is decided when the model runs.
        if let Ok(value) = value
            && let Data::Bool(values) = value.data()
            && let Some(&condition) = values.first()
        {
            known.push((positions[at], condition != 0));
        }
    });
    known
}
