//! A plan without some of its nodes.

use std::collections::BTreeSet;

use super::{Decision, Plan, Verdict};
use crate::graph::{Edge, NodeId, TensorId};

impl Plan {
    /// Lists the nodes that read the quantized values of one of these tensors.
    pub fn readers(&self, tensors: &BTreeSet<TensorId>) -> BTreeSet<NodeId> {
        let read = self.activations.iter().filter(|planned| tensors.contains(&planned.tensor));
        read.flat_map(|planned| &planned.edges).map(|edge| edge.node).collect()
    }

    /// Returns the plan in which these nodes read nothing quantized, for this reason.
    ///
    /// The groups stay as they are.
    #[must_use]
    pub fn without(&self, nodes: &BTreeSet<NodeId>, reason: &str) -> Self {
        let mut plan = self.clone();
        let keep = |edges: &mut Vec<Edge>| {
            edges.retain(|edge| !nodes.contains(&edge.node));
            !edges.is_empty()
        };
        plan.activations.retain_mut(|planned| keep(&mut planned.edges));
        plan.weights.retain_mut(|planned| keep(&mut planned.edges));
        for Decision { verdict, reason: why, .. } in
            plan.decisions.iter_mut().filter(|decision| nodes.contains(&decision.node))
        {
            *verdict = Verdict::Float;
            reason.clone_into(why);
        }
        plan
    }
}
