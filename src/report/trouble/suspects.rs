//! The layers that add most of the error.

use std::collections::{BTreeSet, HashMap};

use crate::graph::{Graph, NodeId, TensorKind};
use crate::place::existing::is_pair;
use crate::place::ops::is_weighted;

use super::super::compare::{Comparison, Metrics};
use super::{BAD_OUTPUT, BAD_TENSOR, Facts, is_bad};

/// The layers that are examined if an output is bad although no tensor inside is.
const MOST_LAYERS: usize = 3;

/// A layer is examined then only if it adds this share of the most that a layer adds.
const LEAST_SHARE: f64 = 0.1;

/// The noise, as a share of the signal, that inputs without any count with: 40 dB.
const SMALL: f64 = 1e-4;

/// A node to examine.
pub(super) struct Suspect<'a> {
    pub name: &'a str,
    pub op: &'a str,
    /// The name of its first output.
    pub output: &'a str,
    pub node: NodeId,
    /// Whether the error of its output was measured.
    pub is_measured: bool,
    /// The SQNR of its output, if there is one.
    pub sqnr_db: Option<f64>,
    /// Whether its output has values that are infinite or NaN in one model only.
    pub is_non_finite: bool,
    /// For a node in float, the SQNR of its inputs and of its output.
    pub amplifies: Option<(f64, f64)>,
}

/// The measured errors by tensor.
struct Noise<'a>(HashMap<&'a str, &'a Metrics>);

impl Noise<'_> {
    /// Returns the noise of a tensor as a share of its signal; `None` if it was not measured.
    fn of(&self, name: &str) -> Option<f64> {
        let metrics = self.0.get(name)?;
        match metrics.sqnr_db() {
            _ if metrics.non_finite() > 0 => Some(f64::INFINITY),
            decibels => decibels.map(|decibels| 10f64.powf(-decibels / 10.0)),
        }
    }

    /// Returns the largest noise among the activations that a node reads.
    fn before(&self, graph: &Graph, node: NodeId) -> f64 {
        let names = graph.reads(node).map(|id| graph.tensor(id).name.as_str());
        names.filter_map(|name| self.of(name)).fold(0.0, f64::max)
    }
}

/// Returns the layers to examine, the most suspicious first.
pub(super) fn suspects<'a>(graph: &'a Graph, comparison: &Comparison, facts: &Facts) -> Vec<Suspect<'a>> {
    let measured = comparison.outputs.iter().chain(&comparison.tensors);
    let noise = Noise(measured.map(|named| (named.name.as_str(), &named.metrics)).collect());
    let bad_outputs: Vec<&str> = comparison
        .gated()
        .filter(|output| is_bad(&output.metrics, BAD_OUTPUT))
        .map(|output| output.name.as_str())
        .collect();
    let behind_bad = ancestors(graph, &bad_outputs);
    // The error of an output is that of all layers before it, if nothing is known of the tensors inside.
    let knows_inside = !comparison.tensors.is_empty();
    let limit = 10f64.powf(-BAD_TENSOR / 10.0);
    let (mut bad, mut others) = (Vec::new(), Vec::new());
    for id in graph.node_ids() {
        let node = graph.node(id);
        let Some(output) = node.output(0).map(|id| graph.tensor(id).name.as_str()) else { continue };
        let is_layer = facts.is_quantized(&node.name);
        if is_pair(node) || !(is_layer || noise.of(output).is_some()) {
            continue;
        }
        let (before, after) = (noise.before(graph, id), noise.of(output));
        let added = match after {
            Some(after) if after.is_infinite() && before.is_infinite() => 0.0,
            Some(after) => (after - before).max(0.0),
            None => 0.0,
        };
        let decibels = |noise: f64| -10.0 * noise.log10();
        let suspect = Suspect {
            name: &node.name,
            op: &node.op,
            output,
            node: id,
            is_measured: after.is_some() && knows_inside,
            sqnr_db: noise.0.get(output).and_then(|metrics| metrics.sqnr_db()),
            is_non_finite: noise.0.get(output).is_some_and(|metrics| metrics.non_finite() > 0),
            amplifies: (!is_layer && before > 0.0 && after.is_some_and(f64::is_finite))
                .then_some((decibels(before), decibels(after.unwrap_or(before)))),
        };
        let is_below = knows_inside && after.is_some_and(|after| after > limit);
        // A node in float is to blame only if it makes a small error large.
        let is_small = before > 0.0 && before <= 10f64.powf(-BAD_OUTPUT / 10.0);
        let adds_most = after.is_some_and(|after| added > after / 2.0 || added.is_infinite());
        if is_below && adds_most && (is_layer || is_small || suspect.is_non_finite) {
            bad.push((after.unwrap_or(0.0) / before.max(SMALL), suspect));
        } else if is_layer && is_weighted(node) && behind_bad.contains(&id) {
            others.push((added, suspect));
        }
    }
    if bad.is_empty() && !bad_outputs.is_empty() {
        others.sort_by(|a, b| b.0.total_cmp(&a.0));
        // Without figures of the tensors inside, each layer is examined for a reason of its own.
        if knows_inside {
            let most = others.first().map_or(0.0, |(added, _)| *added);
            others.retain(|(added, _)| *added >= LEAST_SHARE * most);
            others.truncate(MOST_LAYERS);
        }
        return others.into_iter().map(|(_, suspect)| suspect).collect();
    }
    // The layer where the error grows most is the cause, and not the one where it is largest.
    bad.sort_by(|a, b| b.0.total_cmp(&a.0));
    bad.into_iter().map(|(_, suspect)| suspect).collect()
}

/// Returns the nodes from which tensors are computed.
fn ancestors(graph: &Graph, names: &[&str]) -> BTreeSet<NodeId> {
    let mut found = BTreeSet::new();
    let mut open: Vec<_> = names.iter().filter_map(|name| graph.find(name)).collect();
    while let Some(id) = open.pop() {
        let tensor = graph.tensor(id);
        let Some(node) = tensor.producer.filter(|_| tensor.kind != TensorKind::Constant) else { continue };
        if found.insert(node) {
            open.extend(graph.reads(node));
        }
    }
    found
}
