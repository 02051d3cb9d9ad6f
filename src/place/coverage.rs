//! The part of a network that a plan quantizes, and the check of the least share.

use std::collections::BTreeMap;

use super::format::Format;
use super::forms::Forms;
use super::{Decision, Plan, Policy, Verdict, ops};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Graph, NodeId};

/// The number of a network's convolutions and products that are quantized, and of all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// The number of those that are quantized, in any format.
    pub quantized: usize,
    /// The number of all of them.
    pub total: usize,
}

impl Plan {
    /// Counts the convolutions and products of `graph` that are quantized by this plan.
    pub fn coverage(&self, graph: &Graph) -> Coverage {
        self.coverage_of(graph, |_| true)
    }

    /// Counts the convolutions and products of `graph` that have this format by this plan.
    pub fn count_in(&self, graph: &Graph, format: Format) -> usize {
        self.coverage_of(graph, |decision| decision.format == format).quantized
    }

    /// Counts only the decisions that `counts` accepts.
    fn coverage_of(&self, graph: &Graph, counts: impl Fn(&Decision) -> bool) -> Coverage {
        let forms = Forms::of(graph);
        let weighted = self.decisions.iter().filter(|decision| {
            let node = graph.node(decision.node);
            // A node whose inputs are all constant is computed when the engine is built.
            let folds_away = || node.inputs.iter().flatten().all(|&input| forms.constant(input).is_some());
            ops::is_weighted(node) && counts(decision) && !folds_away()
        });
        weighted.fold(Coverage::default(), |coverage, decision| Coverage {
            quantized: coverage.quantized + usize::from(decision.verdict == Verdict::Quantized),
            total: coverage.total + 1,
        })
    }
}

/// Refuses a plan that quantizes less than the policy requires. The policy also says that `float_products`,
/// the products of some attentions and the layers of front ends, stay in float.
pub(super) fn check(
    graph: &Graph,
    policy: &Policy,
    plan: &Plan,
    float_products: &BTreeMap<NodeId, String>,
) -> Result<()> {
    let forms = Forms::of(graph);
    let is_allowed = |id: NodeId| {
        let node = graph.node(id);
        let format = policy.format_of(node);
        let has_weight =
            || node.inputs.iter().take(2).flatten().any(|&input| forms.constant(input).is_some());
        policy.refusal(node).is_none()
            && !float_products.contains_key(&id)
            && format.refusal(node, policy.conv_weights).is_none()
            && (format.rules().activations || has_weight())
    };
    let Coverage { quantized, total } = plan.coverage_of(graph, |decision| is_allowed(decision.node));
    if quantized as f64 >= f64::from(policy.min_quantized) * total as f64 {
        return Ok(());
    }
    let left = plan.decisions.iter().find(|decision| {
        let node = graph.node(decision.node);
        decision.verdict == Verdict::Float && ops::is_weighted(node) && is_allowed(decision.node)
    });
    let example = left.map_or_else(String::new, |decision| {
        let name = &graph.node(decision.node).name;
        format!(" ('{name}' stays in float: {})", decision.reason)
    });
    let message = format!(
        "{quantized} of {total} convolutions and products can be quantized{example}, which is less than the least share, {}",
        policy.min_quantized
    );
    Err(Error::new(ErrorKind::Data, message).with_remedy(
        "give the ranges that are missing, exclude what shall stay in float, or ask for a smaller share",
    ))
}
