//! Branches of If that always run.

use super::{constant_value, follows_from_constants};
use crate::error::Result;
use crate::graph::Graph;
use crate::onnx::Model;
use crate::tensor::Data;

/// Puts a branch in the place of every If of the main graph whose condition follows from constants or from inputs that are fixed
/// ([`Model::fix_input`]), until none is left. Returns the graph that is left ([`Model::graph_with_index`]).
///
/// # Errors
/// As [`Model::graph`] and [`Model::take_branches`].
pub fn take_branches(model: &mut Model) -> Result<(Graph, Vec<usize>)> {
    loop {
        let (graph, index) = model.graph_with_index()?;
        let conditions = known_conditions(model, &graph, &index);
        if conditions.is_empty() {
            return Ok((graph, index));
        }
        model.take_branches(&conditions)?;
    }
}

/// The If nodes of the model whose condition does not depend on data, and what it is.
fn known_conditions(model: &Model, graph: &Graph, index: &[usize]) -> Vec<(usize, bool)> {
    let mut conditions = graph.nodes.iter().zip(index).filter(|(node, _)| node.is("If")).peekable();
    if conditions.peek().is_none() {
        return Vec::new();
    }
    let follows = follows_from_constants(graph);
    let known = conditions.filter_map(|(node, &position)| {
        let condition = node.input(0).filter(|condition| follows[condition.0])?;
        // What cannot be computed ahead is decided when the model runs.
        match constant_value(model, graph, condition).ok()?.data() {
            Data::Bool(values) => Some((position, *values.first()? != 0)),
            _ => None,
        }
    });
    known.collect()
}
