//! Tensors inside subgraphs: runtimes hand over those of the main graph alone, so that what lies deeper is
//! brought up.

use super::{EMBEDDED_OPSET, Model};
use crate::error::Result;
use crate::graph::{Attribute, Node};
use crate::onnx::NodeRef;
use crate::place::existing::is_pair;
use crate::place::ops::is_weighted;

/// Lays the subgraphs that hold convolutions and products, or what another tool has quantized, flat
/// ([`Model::flatten`]), so that these are nodes like all others. Returns whether there were any. The model
/// is raised to the opset from which the branches of an If may differ in shape, as those do that give nothing
/// where another is looked at.
///
/// # Errors
/// As [`Model::raise_opset`].
pub fn lay_flat(model: &mut Model) -> Result<bool> {
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

/// What tells an operator with weights from others.
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

/// Makes `model` one whose main graph has all of `taps`, and returns which of them it is and what they are
/// called there. Those inside subgraphs that are not known to be floating-point numbers are left out: an
/// output needs a type.
pub(super) fn brought_up(model: &mut Model, taps: &[String]) -> Result<Vec<(usize, String)>> {
    let mut wanted: Vec<(usize, String)> = taps.iter().cloned().enumerate().collect();
    if !model.is_flat() {
        let graph = model.graph()?;
        if taps.iter().all(|tap| graph.find(tap).is_some()) || !lay_flat(model)? {
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
