//! Operators that no runtime knows, mostly TensorRT plugins.
//!
//! This check runs only after a runtime refused the model. An operator that is newer than the list here
//! therefore still runs if the runtime knows it.

use std::collections::BTreeSet;

use crate::error::{Error, ErrorKind, Result};
use crate::graph::{BODY_DOMAIN, Graph, NodeId, TensorId};
use crate::onnx::{Model, Network};

/// The operators of ONNX's own domain.
const OPERATORS: &str = include_str!("operators.txt");

/// The domains of further operators that ONNX Runtime knows, besides ONNX's own domain.
const DOMAINS: [&str; 7] = [
    "ai.onnx.ml",
    "ai.onnx.preview.training",
    "ai.onnx.training",
    "com.microsoft",
    "com.microsoft.nchwc",
    "com.ms.internal.nhwc",
    "org.pytorch.aten",
];

/// The nodes of a model that no runtime can run, and the tensors that depend on them.
pub struct Unknown {
    /// Every tensor that these nodes compute or that is computed from their results.
    pub behind: BTreeSet<String>,
    /// The label of the nodes in messages.
    pub label: String,
    /// The tensors at which the model can be cut: those that the nodes read and that depend on none of them.
    pub cuts: Vec<String>,
}

impl Unknown {
    /// Finds such nodes in `model` with its functions inlined. Returns `None` if there are none.
    ///
    /// # Errors
    /// The errors of [`Model::graph`] and [`Model::inline_functions`].
    pub fn of(model: &Model) -> Result<Option<Self>> {
        let mut model = model.clone();
        model.inline_functions()?;
        let used = model.nodes_using(&|domain, op| !is_known(domain, op));
        if used.is_empty() {
            return Ok(None);
        }
        let network = Network::of(model)?;
        let graph = &network.graph;
        let found: Vec<(NodeId, String)> =
            used.into_iter().filter_map(|(position, op)| Some((network.node_at(position)?, op))).collect();
        let nodes: Vec<NodeId> = found.iter().map(|(node, _)| *node).collect();
        let behind = behind(graph, &nodes);
        let name = |(node, op): &(NodeId, String)| format!("node '{}' ({op})", graph.node(*node).name);
        let label = match &found[..] {
            [] => return Ok(None),
            [one] => name(one),
            [first, second] => format!("{} and {}", name(first), name(second)),
            [first, rest @ ..] => format!("{} and {} others", name(first), rest.len()),
        };
        let is_cut = |tensor: &TensorId| !behind.contains(tensor) && graph.tensor(*tensor).producer.is_some();
        let read: BTreeSet<TensorId> = nodes.iter().flat_map(|&node| graph.reads(node)).collect();
        let named = |tensor: &TensorId| graph.tensor(*tensor).name.clone();
        let cuts = read.iter().filter(|tensor| is_cut(tensor)).map(named).collect();
        Ok(Some(Self { behind: behind.iter().map(named).collect(), label, cuts }))
    }

    /// Returns the first part of every message about the nodes: their label and the problem.
    pub fn problem(&self) -> String {
        format!("{}: no runtime knows this operator", self.label)
    }
}

fn is_known(domain: &str, op: &str) -> bool {
    match domain {
        "" => OPERATORS.split_whitespace().any(|known| known == op),
        BODY_DOMAIN => true,
        other => DOMAINS.contains(&other),
    }
}

/// Returns the tensors that `nodes` compute and all tensors computed from them.
fn behind(graph: &Graph, nodes: &[NodeId]) -> BTreeSet<TensorId> {
    let nodes: BTreeSet<&NodeId> = nodes.iter().collect();
    let mut behind = BTreeSet::new();
    for node in graph.node_ids() {
        if nodes.contains(&node) || graph.reads(node).any(|tensor| behind.contains(&tensor)) {
            behind.extend(graph.node(node).outputs.iter().flatten());
        }
    }
    behind
}

/// Returns the error of a runtime that did not open the model in a form that names the cause.
///
/// If no runtime knows one of the operators, the result is an `Unsupported` error about it. Otherwise the
/// error is returned unchanged.
pub(super) fn explained(model: &Model, error: Error) -> Error {
    let Ok(Some(unknown)) = Unknown::of(model) else { return error };
    let remedy = match &unknown.cuts[..] {
        [] => "take it out of the model, and feed what it computes as an input".to_owned(),
        cuts => format!("cut the model before it, at '{}': everything up to there runs", cuts.join("', '")),
    };
    Error::new(ErrorKind::Unsupported, unknown.problem()).with_remedy(remedy).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn onnx_and_microsoft_are_known_and_plugins_are_not() {
        for (domain, op, expected) in [
            ("", "Conv", true),
            ("", "LRN", true),
            ("", "EfficientNMS_TRT", false),
            ("com.microsoft", "FusedConv", true),
            ("TRT", "Conv", false),
        ] {
            assert_eq!(is_known(domain, op), expected, "{domain} {op}");
        }
    }
}
