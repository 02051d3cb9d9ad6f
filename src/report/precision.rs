//! The precision of the nodes of a network and the reasons.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::dtype::DataType;
use crate::finding::{counted, listed};
use crate::graph::{Graph, NodeId, TensorId};
use crate::place::existing::is_pair;
use crate::place::ops::is_weighted;
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

/// The number of nodes that compute in each type. Quantize and Dequantize do not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Nodes that read dequantized integers: TensorRT computes them in INT8.
    pub int8: usize,
    /// Nodes that read dequantized 8-bit floats: TensorRT computes them in FP8.
    pub fp8: usize,
    /// Nodes in the 16-bit type.
    pub half: usize,
    /// Nodes in float32.
    pub float32: usize,
}

/// Counts the nodes that compute in each type.
pub fn counts(graph: &Graph, plan: &PrecisionPlan) -> Counts {
    let mut counts = Counts::default();
    let is_dequantized = |id: TensorId| graph.producer(id).is_some_and(|node| node.is("DequantizeLinear"));
    let is_fp8 = |id: TensorId| {
        let stored = graph.producer(id).and_then(|node| node.input(0));
        stored.is_some_and(|id| graph.tensor(id).dtype == Some(DataType::F8E4M3))
    };
    let is_half = |id: TensorId| graph.tensor(id).dtype.is_some_and(DataType::is_half);
    for decision in &plan.nodes {
        let node = graph.node(decision.node);
        let mut operands = node.inputs.iter().take(2).flatten().map(|&id| is_dequantized(id));
        let is_quantized = if is_weighted(node) { operands.all(|it| it) } else { operands.any(|it| it) };
        let reads_fp8 = node.inputs.iter().take(2).flatten().any(|&id| is_fp8(id));
        match decision.precision {
            _ if is_pair(node) => {}
            _ if is_quantized && reads_fp8 => counts.fp8 += 1,
            _ if is_quantized => counts.int8 += 1,
            Precision::Half => counts.half += 1,
            Precision::Float32 => counts.float32 += 1,
            Precision::Neither if node.is("Cast") => {}
            Precision::Neither => {
                counts.half += usize::from(node.outputs.iter().flatten().any(|&id| is_half(id)))
            }
        }
    }
    counts
}

/// Describes how many nodes compute in which type, and which stay in float32 and why.
///
/// `every` lists all nodes that stay, not only the first.
pub fn totals(graph: &Graph, plan: &PrecisionPlan, every: bool) -> String {
    let Counts { int8, fp8, half, float32 } = counts(graph, plan);
    let half_name = plan.half.dtype().name();
    let some = |count: usize, name: &str| match count {
        0 => String::new(),
        _ => format!("{} in {name}, ", counted(count, "node")),
    };
    let (int8, fp8) = (some(int8, "INT8"), some(fp8, "FP8"));
    let mut text = format!("{int8}{fp8}{} in {half_name}, {float32} in f32\n", counted(half, "node"));
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
    let counts = counts(graph, plan);
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
        "int8_nodes": counts.int8,
        "fp8_nodes": counts.fp8,
        "half_nodes": counts.half,
        "float32_nodes": counts.float32,
    })
}
