//! The plan of precision: the rules for nodes, for pairs and for borders.

use super::context::Context;
use super::draft::Draft;
use super::findings::{against_the_rules, findings, unfit_borders};
use super::masks::{bounds, masks};
use super::positions::positions;
use super::{Evidence, PrecisionPlan, PrecisionPolicy, guards};
use crate::error::Result;
use crate::graph::Graph;

/// Plans the precision of every node of a graph.
///
/// `opset` is the version of ONNX's operators that the graph uses, and `samples` the number of samples that
/// the evidence comes from.
///
/// # Errors
/// `InvalidArgument` if a pattern or operator of the policy matches no node.
pub fn plan(
    graph: &Graph,
    opset: i64,
    evidence: &Evidence,
    samples: u64,
    policy: &PrecisionPolicy,
) -> Result<PrecisionPlan> {
    policy.check(graph)?;
    let (mut limited, on_mask) = masks(graph, evidence, policy.half);
    let masked = limited.len();
    limited.extend(bounds(graph, evidence, policy.half));
    let context = Context {
        graph,
        opset,
        half: policy.half,
        evidence,
        samples: samples.max(1),
        guarded: guards::guarded(graph),
        positions: positions(graph),
        on_mask,
        limited: limited.iter().map(|constant| constant.tensor).collect(),
    };
    let mut draft =
        Draft { context: &context, policy, decided: vec![None; graph.nodes.len()], forced: Vec::new() };
    graph.node_ids().for_each(|id| draft.judge(id));
    draft.join_pairs();
    draft.remove_islands();
    let forced = std::mem::take(&mut draft.forced);
    let nodes = draft.finish();
    let mut findings = findings(&context, &nodes, &limited[..masked]);
    findings.extend(against_the_rules(graph, &forced));
    if policy.half_io {
        findings.extend(unfit_borders(&context));
    }
    Ok(PrecisionPlan { half: policy.half, half_io: policy.half_io, nodes, limited, findings })
}
