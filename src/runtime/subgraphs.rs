//! Tensors inside subgraphs.
//!
//! A runtime passes only tensors of the main graph to a tap, so deeper tensors move to the main graph first.

use super::{EMBEDDED_OPSET, Model};
use crate::error::Result;
use crate::graph::{Attribute, Node};
use crate::onnx::NodeRef;
use crate::place::existing::is_pair;
use crate::place::ops::is_weighted;

/// Flattens the subgraphs that contain convolutions, matrix products or Q/DQ pairs of another tool
/// ([`Model::flatten`]), so that these nodes become nodes of the main graph.
///
/// Returns whether there were any. Raises the model to the opset from which the branches of an If may have
/// different shapes: in the flattened model, the branch that is not taken gives no elements.
///
/// # Errors
/// The errors of [`Model::raise_opset`].
pub fn flatten_subgraphs(model: &mut Model) -> Result<bool> {
    let is_wanted = |node: NodeRef<'_>| {
        let node = alone(node);
        is_weighted(&node) || is_pair(&node)
    };
    if !model.can_flatten(&is_wanted) {
        return Ok(false);
    }
    if model.opset() < EMBEDDED_OPSET {
        model.raise_opset(EMBEDDED_OPSET)?;
    }
    Ok(model.flatten(&is_wanted))
}

/// Returns a node with only the properties that identify an operator with weights.
fn alone(node: NodeRef<'_>) -> Node {
    let equation =
        node.text("equation").map(|text| ("equation".to_owned(), Attribute::Text(text.to_owned())));
    Node {
        name: String::new(),
        op: node.op().to_owned(),
        domain: node.domain().to_owned(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        attributes: equation.into_iter().collect(),
        captures: Vec::new(),
        nested: Vec::new(),
    }
}

/// Changes `model` so that its main graph has the tensors of `taps`.
///
/// Returns the position of each of them in `taps` and its name in the main graph. Leaves out tensors inside
/// subgraphs whose type is unknown or not floating-point, because an output needs a type.
pub(super) fn brought_up(model: &mut Model, taps: &[String]) -> Result<Vec<(usize, String)>> {
    let mut wanted: Vec<(usize, String)> = taps.iter().cloned().enumerate().collect();
    if !model.is_flat() {
        let graph = model.graph()?;
        if taps.iter().all(|tap| graph.find(tap).is_some()) || !flatten_subgraphs(model)? {
            return Ok(wanted);
        }
    }
    let graph = model.graph()?;
    wanted.retain(|(_, tap)| match graph.find(tap) {
        Some(id) if model.is_in_subgraph(tap) => graph.tensor(id).dtype.is_some_and(|dtype| dtype.is_float()),
        _ => true,
    });
    let names: Vec<String> = wanted.iter().map(|(_, tap)| tap.clone()).collect();
    let (nested, names) = model.nested_with(&names)?;
    *model = nested;
    Ok(wanted.into_iter().map(|(index, _)| index).zip(names).collect())
}
