//! The user's choice of the nodes to quantize.

use std::collections::{BTreeMap, BTreeSet};

use wildmatch::WildMatch;

use super::target::Target;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Graph, Node};

/// The nodes that may be quantized, and the form of their weights.
///
/// A node may be quantized if it matches `include` (or `include` is empty) and does not match `exclude`.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// The only nodes that may be quantized; empty for all nodes.
    pub include: Selection,
    /// The nodes that are never quantized.
    pub exclude: Selection,
    /// Whether a whole weight has one scale instead of one scale per output channel.
    ///
    /// This costs accuracy. It is for TensorRT versions that refuse a per-channel transposed convolution.
    pub per_tensor_weights: bool,
    /// The names of the activations that have a range; `None` if every planned tensor will be observed.
    ///
    /// A node that would need another range stays in float.
    pub ranged: Option<BTreeSet<String>>,
    /// The treatment of the two products of an attention.
    pub attention: Attention,
    /// The TensorRT product for which the network is quantized.
    pub target: Target,
    /// The largest numbers of keys that data has shown, by the name of the probabilities.
    ///
    /// They count for attentions whose number of keys the network leaves open.
    pub keys: BTreeMap<String, u64>,
    /// The least share of the convolutions and products that must be quantized, from 0 to 1; 0 by default.
    ///
    /// Only nodes that `include` and `exclude` allow count. A plan with a smaller share is an error.
    pub min_quantized: f32,
}

/// The treatment of the two products of an attention.
///
/// The projections of an attention are products with constant weights. They do not depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attention {
    /// Quantizes the products of attentions over at most [`MOST_KEYS`](super::attention::MOST_KEYS) keys.
    ///
    /// If the network leaves the number of keys open, the largest number in the data decides.
    #[default]
    Auto,
    /// Quantizes the products of every attention.
    Int8,
    /// Leaves the products of every attention in float.
    Float,
}

/// Nodes that are selected by name or by operator.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Patterns for node names. `*` matches any text, `?` one character, and every other character itself.
    pub names: Vec<String>,
    /// Operator types, such as `Conv`.
    pub ops: Vec<String>,
}

impl Selection {
    /// Whether the selection has no pattern and no operator.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.ops.is_empty()
    }

    /// Whether `node` is selected.
    pub fn matches(&self, node: &Node) -> bool {
        self.ops.contains(&node.op)
            || self.names.iter().any(|pattern| WildMatch::new(pattern).matches(&node.name))
    }

    /// Refuses a pattern or operator that matches no node: it is a spelling mistake that nobody would notice.
    pub(crate) fn check(&self, graph: &Graph, option: &str) -> Result<()> {
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

    /// Returns the reason why an activation called `name` cannot be quantized; `None` if it can.
    pub fn unranged(&self, name: &str) -> Option<String> {
        let ranged = self.ranged.as_ref()?;
        (!ranged.contains(name)).then(|| format!("there is no range for '{name}'"))
    }

    /// Returns the reason why `node` may not be quantized; `None` if it may.
    pub fn refusal(&self, node: &Node) -> Option<&'static str> {
        if self.exclude.matches(node) {
            Some("excluded by the user")
        } else if !self.include.is_empty() && !self.include.matches(node) {
            Some("not among the nodes that the user includes")
        } else {
            self.target.refusal(node)
        }
    }
}

/// Refuses a number that is no share, which is one outside 0 to 1.
pub(crate) fn check_share(share: f32) -> Result<()> {
    if (0.0..=1.0).contains(&share) {
        return Ok(());
    }
    let message = format!("{share} is no share of the convolutions and products");
    Err(Error::new(ErrorKind::InvalidArgument, message).with_remedy("give a number from 0 to 1"))
}
