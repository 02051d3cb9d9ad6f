//! The plan of precision: the rules for nodes, for pairs and for borders.

use super::context::Context;
use super::draft::Draft;
use super::findings::{against_the_rules, findings, unfit_borders, unheld_steps, without_half};
use super::masks::{bounds, masks};
use super::positions::positions;
use super::{Evidence, PrecisionPlan, PrecisionPolicy, guards};
use crate::graph::Graph;

/// Plans the precision of every node of a graph.
///
/// `opset` is the version of ONNX's operators that the graph uses, and `samples` the number of samples that
/// the evidence comes from.
///
/// Patterns of the policy that match no node have no effect: [`PrecisionPolicy::check`] refuses them.
pub fn plan(
    graph: &Graph,
    opset: i64,
    evidence: &Evidence,
    samples: u64,
    policy: &PrecisionPolicy,
) -> PrecisionPlan {
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
    let mut draft = Draft::new(&context, policy);
    graph.node_ids().for_each(|id| draft.judge(id));
    draft.join_pairs();
    draft.remove_islands();
    let [forced, refused, unheld] =
        [&mut draft.forced, &mut draft.refused, &mut draft.unheld].map(std::mem::take);
    let nodes = draft.finish();
    let mut findings = findings(&context, &nodes, &limited[..masked]);
    findings.extend(against_the_rules(graph, &forced));
    findings.extend(without_half(graph, policy.half, &refused));
    findings.extend(unheld_steps(graph, policy.half, &unheld));
    if policy.half_io {
        findings.extend(unfit_borders(&context));
    }
    PrecisionPlan { half: policy.half, half_io: policy.half_io, nodes, limited, findings }
}
