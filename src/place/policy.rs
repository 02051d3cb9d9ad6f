//! What the user wants quantized and what not.

use std::collections::BTreeSet;

use wildmatch::WildMatch;

use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Graph, Node};

/// Which nodes may be quantized, and how.
///
/// A node may be quantized when it matches `include` (or `include` is empty) and does not match `exclude`.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Only these nodes; empty means all.
    pub include: Selection,
    /// Never these nodes.
    pub exclude: Selection,
    /// One scale for a whole weight instead of one per output channel. Costs accuracy; for TensorRT versions
    /// that refuse a per-channel transposed convolution.
    pub per_tensor_weights: bool,
    /// The activations that have a range, by name; `None` where every planned tensor will be observed.
    /// A node that would need another range stays in float.
    pub ranged: Option<BTreeSet<String>>,
    /// The least share of the convolutions and products that must be quantized, from 0 to 1, among those that
    /// `include` and `exclude` allow. A plan with less is an error; 0 by default.
    pub min_quantized: f32,
}

/// Nodes chosen by name or by operator.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Patterns over node names: `*` stands for any text, `?` for one character, everything else for itself.
    pub names: Vec<String>,
    /// Operator types, such as `Conv`.
    pub ops: Vec<String>,
}

impl Selection {
    /// Whether nothing is named.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.ops.is_empty()
    }

    /// Whether `node` is named.
    pub fn matches(&self, node: &Node) -> bool {
        self.ops.contains(&node.op)
            || self.names.iter().any(|pattern| WildMatch::new(pattern).matches(&node.name))
    }

    /// A pattern that matches nothing is a spelling mistake that would otherwise pass unnoticed.
    fn check(&self, graph: &Graph, option: &str) -> Result<()> {
        let missing = |what: &str, value: &str| {
            Err(Error::new(ErrorKind::InvalidArgument, format!("{option} {what} '{value}' matches no node"))
                .with_remedy("look at the names and operators of the nodes: 'qdq inspect MODEL' lists them, and the plan in C"))
        };
        for pattern in &self.names {
            let wild = WildMatch::new(pattern);
            if !graph.nodes.iter().any(|node| wild.matches(&node.name)) {
                return missing("pattern", pattern);
            }
        }
        for op in &self.ops {
            if !graph.nodes.iter().any(|node| node.op == *op) {
                return missing("operator", op);
            }
        }
        Ok(())
    }
}

impl Policy {
    /// Refuses patterns and operators that match no node of `graph`, and a least share outside 0 to 1.
    pub fn check(&self, graph: &Graph) -> Result<()> {
        check_share(self.min_quantized)?;
        self.include.check(graph, "include")?;
        self.exclude.check(graph, "exclude")
    }

    /// Why an activation called `name` cannot be quantized; `None` where it can.
    pub fn unranged(&self, name: &str) -> Option<String> {
        let ranged = self.ranged.as_ref()?;
        (!ranged.contains(name)).then(|| format!("there is no range for '{name}'"))
    }

    /// Why `node` may not be quantized; `None` where it may.
    pub fn refusal(&self, node: &Node) -> Option<&'static str> {
        if self.exclude.matches(node) {
            Some("excluded by the user")
        } else if !self.include.is_empty() && !self.include.matches(node) {
            Some("not among the nodes that the user includes")
        } else {
            None
        }
    }
}

/// Refuses what is no share of the convolutions and products.
pub(crate) fn check_share(share: f32) -> Result<()> {
    if (0.0..=1.0).contains(&share) {
        return Ok(());
    }
    let message = format!("{share} is no share of the convolutions and products");
    Err(Error::new(ErrorKind::InvalidArgument, message).with_remedy("give a number from 0 to 1"))
}
