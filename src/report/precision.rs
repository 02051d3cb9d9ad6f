//! The precision of the nodes of a network and the reasons.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::finding::{counted, listed};
use crate::graph::{Graph, NodeId};
use crate::place::{Plan, Verdict};
use crate::precision::{Precision, PrecisionPlan};

use super::table::{Align, Table};

/// The float32 nodes that a summary names with their reason.
const SHOWN: usize = 5;
/// The names that a summary gives for one reason.
const NAMES: usize = 2;

/// Returns the word for a precision in text and JSON.
pub fn name(plan: &PrecisionPlan, precision: Precision) -> &'static str {
    match precision {
        Precision::Half => plan.half.dtype().name(),
        Precision::Float32 => "f32",
        Precision::Neither => "other",
    }
}

/// Describes how many nodes compute in which type, and which stay in float32 and why.
///
/// `quantized` is the plan of the network's Q/DQ, if it has one of qdq. `every` lists all nodes that stay, not
/// only the first.
pub fn totals(graph: &Graph, plan: &PrecisionPlan, quantized: Option<usize>, every: bool) -> String {
    let (half, float32) = (plan.count(Precision::Half), plan.count(Precision::Float32));
    let half_name = plan.half.dtype().name();
    let int8 = quantized.map_or_else(String::new, |count| format!("{count} in INT8, "));
    let mut text =
        format!("{}: {int8}{half} in {half_name}, {float32} in f32\n", counted(graph.nodes.len(), "node"));
    let stays = reasons(plan);
    let shown = if every { stays.len() } else { SHOWN };
    for (reason, nodes) in stays.iter().take(shown) {
        let names: Vec<&str> = nodes.iter().map(|id| graph.node(*id).name.as_str()).collect();
        let names = if every { names.join(", ") } else { listed(&names, NAMES) };
        text += &format!("  f32: {names}: {reason}\n");
    }
    if stays.len() > shown {
        text += &format!("  and {} more reasons: -v lists all\n", stays.len() - shown);
    }
    text
}

/// Lists the reasons of float32 nodes in the order of their first nodes, with the nodes.
fn reasons(plan: &PrecisionPlan) -> Vec<(&str, Vec<NodeId>)> {
    let mut reasons: Vec<(&str, Vec<NodeId>)> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for node in plan.nodes.iter().filter(|node| node.precision == Precision::Float32) {
        let place = *places.entry(&node.reason).or_insert_with(|| {
            reasons.push((&node.reason, Vec::new()));
            reasons.len() - 1
        });
        reasons[place].1.push(node.node);
    }
    reasons
}

/// Counts the nodes that a plan of Q/DQ lets compute in INT8.
pub fn int8_nodes(plan: &Plan) -> usize {
    plan.decisions.iter().filter(|decision| decision.verdict != Verdict::Float).count()
}

/// Returns one line per node.
pub fn text(graph: &Graph, plan: &PrecisionPlan) -> String {
    let mut table = Table::new(&["node", "op", "type", "why"].map(|title| (title, Align::Left)));
    for decision in plan.nodes.iter().filter(|node| node.precision != Precision::Neither) {
        let node = graph.node(decision.node);
        table.row([node.name.as_str(), &node.op, name(plan, decision.precision), &decision.reason]);
    }
    table.to_string()
}

/// Returns the plan as JSON: the 16-bit type, the counts, and for each node `name`, `op`, `type` and
/// `reason`.
pub fn to_json(graph: &Graph, plan: &PrecisionPlan) -> Value {
    let nodes = plan.nodes.iter().map(|decision| {
        let node = graph.node(decision.node);
        json!({
            "name": node.name,
            "op": node.op,
            "type": name(plan, decision.precision),
            "reason": decision.reason,
        })
    });
    json!({
        "half": plan.half.dtype().name(),
        "nodes": nodes.collect::<Vec<_>>(),
        "half_nodes": plan.count(Precision::Half),
        "float32_nodes": plan.count(Precision::Float32),
    })
}
