//! The user's choice of the nodes to quantize.

use std::collections::{BTreeMap, BTreeSet};

use wildmatch::WildMatch;

use super::format::{self, Format};
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
    /// The format of the quantized nodes.
    pub format: Format,
    /// Other formats for nodes whose name matches a pattern. The first pattern that matches a node decides.
    pub formats: Vec<(String, Format)>,
    /// The number of weights in a row that share a scale, for formats with blocks.
    ///
    /// `None` stands for the first number of the format that divides the axis.
    pub block_size: Option<usize>,
    /// Other numbers of weights that share a scale, for nodes whose name matches a pattern. The first pattern
    /// that matches a node decides.
    pub block_sizes: Vec<(String, usize)>,
    /// Whether formats of weights alone also take the weights of convolutions.
    ///
    /// TensorRT dequantizes them and computes the convolution in float, so that only the model is smaller.
    pub conv_weights: bool,
    /// The treatment of the two products of an attention.
    pub attention: Attention,
    /// The treatment of front ends.
    pub front_end: FrontEnd,
    /// The TensorRT product for which the network is quantized.
    pub target: Target,
    /// The largest numbers of keys that data has shown, by the name of the probabilities.
    ///
    /// They count for attentions whose number of keys the network leaves open.
    pub keys: BTreeMap<String, u64>,
    /// The nodes that a search leaves in float because of their cost in accuracy, by name, with the reason.
    pub left: BTreeMap<String, String>,
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

/// The treatment of front ends ([`front_end`](super::front_end)).
///
/// A front end is a fixed basis of one channel whose results are squared or lose their sign, as in a
/// spectrogram, and the first layer that reads these squares or magnitudes before a Log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FrontEnd {
    /// Leaves the layers of front ends in float if their format quantizes activations.
    #[default]
    Float,
    /// Treats them like all other layers.
    Int8,
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
        for pattern in &self.names {
            check_pattern(graph, &format!("{option} pattern"), pattern)?;
        }
        match self.ops.iter().find(|op| !graph.nodes.iter().any(|node| node.op == **op)) {
            Some(op) => Err(matches_nothing(&format!("{option} operator"), op)),
            None => Ok(()),
        }
    }
}

/// Refuses a pattern that matches no name of a node. `what` says what it is for.
fn check_pattern(graph: &Graph, what: &str, pattern: &str) -> Result<()> {
    let wild = WildMatch::new(pattern);
    match graph.nodes.iter().any(|node| wild.matches(&node.name)) {
        true => Ok(()),
        false => Err(matches_nothing(what, pattern)),
    }
}

fn matches_nothing(what: &str, value: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, format!("{what} '{value}' matches no node")).with_remedy(
        "look at the names and operators of the nodes: 'qdq inspect MODEL' lists them, and the plan in C",
    )
}

impl Policy {
    /// Refuses patterns and operators that match no node of `graph`, and a least share outside 0 to 1.
    pub fn check(&self, graph: &Graph) -> Result<()> {
        check_share(self.min_quantized)?;
        self.include.check(graph, "include")?;
        self.exclude.check(graph, "exclude")?;
        for (pattern, format) in &self.formats {
            check_pattern(graph, &format!("{format} pattern"), pattern)?;
        }
        for (pattern, _) in &self.block_sizes {
            check_pattern(graph, "block size pattern", pattern)?;
        }
        self.check_formats()
    }

    /// Refuses options that no format of the policy has.
    ///
    /// # Errors
    /// `InvalidArgument` for a block size that a format does not have, or that no format has.
    pub fn check_formats(&self) -> Result<()> {
        let blocks: Vec<usize> =
            self.used_formats().flat_map(|format| format.rules().blocks).copied().collect();
        let mut sizes = self.block_size.into_iter().chain(self.block_sizes.iter().map(|(_, size)| *size));
        let Some(size) = sizes.find(|size| !blocks.contains(size)) else { return Ok(()) };
        let sizes: Vec<String> = blocks.iter().map(ToString::to_string).collect();
        let (message, remedy) = match blocks.as_slice() {
            [] => {
                let formats: Vec<&str> = self.used_formats().map(Format::name).collect();
                let with_blocks = Format::ALL.into_iter().filter(|format| !format.rules().blocks.is_empty());
                let remedy = with_blocks.map(Format::name).collect::<Vec<_>>();
                (
                    format!("{} has no blocks, so there is no block size", format::all_of(&formats)),
                    format!("leave the block size out, or choose {}", format::either(&remedy)),
                )
            }
            _ => (format!("{size} is no block size"), format!("choose {}", format::either(&sizes))),
        };
        Err(Error::new(ErrorKind::InvalidArgument, message).with_remedy(remedy))
    }

    /// Lists the formats that the policy names, each once.
    pub fn used_formats(&self) -> impl Iterator<Item = Format> + '_ {
        let is_used =
            |format: &Format| self.format == *format || self.formats.iter().any(|(_, other)| other == format);
        Format::ALL.into_iter().filter(is_used)
    }

    /// Returns the format of a node.
    pub fn format_of(&self, node: &Node) -> Format {
        let named = self.formats.iter().find(|(pattern, _)| WildMatch::new(pattern).matches(&node.name));
        named.map_or(self.format, |(_, format)| *format)
    }

    /// Returns the block size that is chosen for a node, if its format has blocks.
    pub fn block_size_of(&self, node: &Node) -> Option<usize> {
        let named = self.block_sizes.iter().find(|(pattern, _)| WildMatch::new(pattern).matches(&node.name));
        named.map(|(_, size)| *size).or(self.block_size)
    }

    /// Returns the least opset that the formats need.
    pub fn least_opset(&self) -> i64 {
        self.used_formats().map(|format| format.rules().opset).max().unwrap_or_default()
    }

    /// Returns the reason why an activation called `name` cannot be quantized; `None` if it can.
    pub fn unranged(&self, name: &str) -> Option<String> {
        let ranged = self.ranged.as_ref()?;
        (!ranged.contains(name)).then(|| format!("there is no range for '{name}'"))
    }

    /// Returns the reason why `node` may not be quantized; `None` if it may.
    pub fn refusal(&self, node: &Node) -> Option<&str> {
        if let Some(reason) = self.left.get(&node.name) {
            Some(reason)
        } else if self.exclude.matches(node) {
            Some("excluded by the user")
        } else if !self.include.is_empty() && !self.include.matches(node) {
            Some("not among the nodes that the user includes")
        } else {
            self.target.refusal(node, self.format_of(node))
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
