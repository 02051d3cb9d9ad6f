//! Placement of Quantize and Dequantize: a pure function of a graph and a policy.
//!
//! The rules follow TensorRT's fusions:
//!
//! - Every input of Conv, ConvTranspose, Gemm and MatMul is quantized. Weights have a scale per output
//!   channel ([`ops`]).
//! - The two products of an attention are quantized up to 512 keys ([`attention`]).
//! - Fixed bases whose results are squared, as in a spectrogram, stay in float with their first reader
//!   ([`front_end`]).
//! - Of a residual Add, the branch that does not fuse into a convolution is quantized ([`fusion`]).
//! - Operators that only move or select values (max pooling, Concat) run in INT8 if all their readers do, on
//!   one shared scale ([`sharing`]).
//! - Nothing else is quantized, so that chains such as Conv, BatchNormalization, activation stay whole.
//!
//! A tensor is quantized once for each format, even if many nodes read it. A node that must read it in float
//! reads the original tensor.
//!
//! These are the rules of INT8. The table of a [`Format`] says what another one quantizes ([`mod@format`]).

pub mod attention;
pub mod coverage;
pub mod einsum;
pub mod existing;
pub mod format;
mod forms;
pub mod front_end;
pub mod fusion;
mod grid;
mod moved;
pub mod ops;
pub mod policy;
pub mod reasons;
pub mod sharing;
pub mod target;
mod walk_back;
mod without;

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Result;
use crate::finding::Finding;
use crate::graph::{Edge, Graph, NodeId, TensorId};

pub use attention::PlannedAttention;
pub use coverage::Coverage;
pub use format::{AttentionRule, Format, FormatRules};
pub use forms::Forms;
pub use policy::{Attention, FrontEnd, Policy, Selection};
pub use target::{Target, TargetRules};

/// An activation that is quantized and dequantized, and the uses that read the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedActivation {
    /// The tensor.
    pub tensor: TensorId,
    /// The uses that read the dequantized values. All other uses keep the float tensor.
    pub edges: Vec<Edge>,
    /// The index into [`Plan::groups`]. The tensors of one group share one scale.
    pub group: usize,
    /// The format of the quantized numbers. All activations of a group have the same.
    pub format: Format,
}

/// A constant that is quantized.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedWeight {
    /// The tensor that the nodes read.
    pub tensor: TensorId,
    /// The constant of which the tensor is a form, as placement found it.
    pub constant: TensorId,
    /// The uses that read the dequantized values.
    pub edges: Vec<Edge>,
    /// The scales.
    pub grid: WeightGrid,
}

/// The format and the scales of a weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct WeightGrid {
    /// The format of the quantized numbers.
    pub format: Format,
    /// The axis with one scale per index, or per block; `None` if the whole weight has one scale.
    pub axis: Option<usize>,
    /// The number of weights in a row along the axis that share a scale, for formats with blocks.
    pub block: Option<usize>,
}

impl PlannedWeight {
    /// Creates the plan of a weight for these uses of `tensor`.
    ///
    /// A tensor that is computed from constants may be no form of a constant for the graph. Then it counts as
    /// its own constant.
    pub fn new(forms: &Forms, tensor: TensorId, grid: WeightGrid, edges: Vec<Edge>) -> Self {
        Self { tensor, constant: forms.constant(tensor).unwrap_or(tensor), edges, grid }
    }
}

/// The kind of computation that a node gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The node computes on quantized inputs, or with a quantized weight if the format is of weights alone.
    Quantized,
    /// The node only moves or selects quantized values.
    PassesInt8,
    /// The node is unchanged.
    Float,
}

/// The verdict on a node and its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The node.
    pub node: NodeId,
    /// The verdict.
    pub verdict: Verdict,
    /// The format of what is quantized; without meaning if the node stays in float.
    pub format: Format,
    /// The reason.
    pub reason: String,
}

/// The edges that get Quantize/Dequantize, and thereby the tensors that must be observed.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The quantized activations, in the order of the tensors.
    pub activations: Vec<PlannedActivation>,
    /// The quantized constants, in the order of the tensors.
    pub weights: Vec<PlannedWeight>,
    /// The groups of activations that share a scale. The range of a group covers all its members.
    pub groups: Vec<Vec<TensorId>>,
    /// One entry per node, in order.
    pub decisions: Vec<Decision>,
    /// The findings about the plan for the user.
    pub findings: Vec<Finding>,
    /// The attentions of the network, in the order of their products of probabilities.
    pub attentions: Vec<PlannedAttention>,
    /// The policy that the plan follows.
    pub policy: Policy,
}

impl Plan {
    /// Whether nothing is quantized.
    pub fn is_empty(&self) -> bool {
        self.activations.is_empty() && self.weights.is_empty()
    }

    /// Lists the tensors whose range is needed.
    pub fn taps(&self) -> impl Iterator<Item = TensorId> + '_ {
        self.activations.iter().map(|activation| activation.tensor)
    }
}

/// The results of the rules so far.
#[derive(Debug, Default)]
struct Draft {
    forms: Forms,
    activations: BTreeMap<(TensorId, Format), BTreeSet<Edge>>,
    weights: BTreeMap<(TensorId, WeightGrid), Vec<Edge>>,
    decisions: BTreeMap<NodeId, (Verdict, Format, String)>,
    /// The convolutions and products that stay in float because of their attention or front end, with their
    /// reasons.
    float_products: BTreeMap<NodeId, String>,
}

impl Draft {
    fn leave(&mut self, node: NodeId, reason: impl Into<String>) {
        self.decisions.insert(node, (Verdict::Float, Format::default(), reason.into()));
    }

    fn decide(&mut self, node: NodeId, verdict: Verdict, format: Format, reason: impl Into<String>) {
        self.decisions.insert(node, (verdict, format, reason.into()));
    }

    fn quantize_activation(&mut self, tensor: TensorId, format: Format, edge: Edge) {
        self.activations.entry((tensor, format)).or_default().insert(edge);
    }

    fn quantize_weight(&mut self, tensor: TensorId, grid: WeightGrid, edge: Edge) {
        self.weights.entry((tensor, grid)).or_default().push(edge);
    }

    /// Returns the format in which `edge` reads the tensor; `None` if it reads it in float.
    fn read_format(&self, tensor: TensorId, edge: Edge) -> Option<Format> {
        let reads = |format: &Format| {
            self.activations.get(&(tensor, *format)).is_some_and(|edges| edges.contains(&edge))
        };
        Format::ALL.into_iter().find(reads)
    }

    /// Whether the verdict on the node is this one, in this format.
    fn is_decided(&self, node: NodeId, verdict: Verdict, format: Format) -> bool {
        self.decisions.get(&node).is_some_and(|decided| (decided.0, decided.1) == (verdict, format))
    }
}

/// Decides on every node of `graph`.
///
/// # Errors
/// `InvalidArgument` if a pattern of the policy matches no node, or if its least share is not between 0 and
/// 1; `Data` if the plan quantizes less than that share.
pub fn plan(graph: &Graph, policy: &Policy) -> Result<Plan> {
    policy.check(graph)?;
    let mut draft = Draft { forms: Forms::of(graph), ..Draft::default() };
    existing::keep(graph, &mut draft);
    let attentions = attention::find(graph, &draft.forms, policy);
    draft.float_products = attention::left_in_float(graph, &attentions, policy);
    draft.float_products.extend(front_end::left_in_float(graph, &draft.forms, policy));
    ops::place_weighted(graph, policy, &mut draft);
    attention::explain(graph, &attentions, policy, &mut draft);
    fusion::place_residuals(graph, policy, &mut draft);
    sharing::place_passing(graph, policy, &mut draft);
    let groups = sharing::groups(graph, &draft);
    let float_products = std::mem::take(&mut draft.float_products);
    let mut plan = Plan { attentions, policy: policy.clone(), ..finish(graph, draft, groups) };
    plan.findings.extend(ops::float_convolutions(graph, &plan));
    plan.findings.extend(ops::without_blocks(graph, &Forms::of(graph), &plan));
    coverage::check(graph, policy, &plan, &float_products)?;
    Ok(plan)
}

fn finish(graph: &Graph, draft: Draft, groups: Vec<(Format, Vec<TensorId>)>) -> Plan {
    let group_of: BTreeMap<(TensorId, Format), usize> = groups
        .iter()
        .enumerate()
        .flat_map(|(group, (format, members))| members.iter().map(move |&member| ((member, *format), group)))
        .collect();
    let activations = draft
        .activations
        .into_iter()
        .map(|((tensor, format), edges)| PlannedActivation {
            tensor,
            edges: Vec::from_iter(edges),
            group: group_of[&(tensor, format)],
            format,
        })
        .collect();
    let weights = draft
        .weights
        .into_iter()
        .map(|((tensor, grid), edges)| PlannedWeight::new(&draft.forms, tensor, grid, edges))
        .collect();
    let mut decided = draft.decisions;
    let decisions = graph
        .node_ids()
        .map(|node| {
            let (verdict, format, reason) = decided.remove(&node).unwrap_or_else(|| {
                let reason = reasons::of(graph, &draft.forms, graph.node(node));
                (Verdict::Float, Format::default(), reason)
            });
            Decision { node, verdict, format, reason }
        })
        .collect();
    let groups = groups.into_iter().map(|(_, members)| members).collect();
    Plan { activations, weights, groups, decisions, findings: existing::findings(graph), ..Plan::default() }
}

#[cfg(test)]
mod tests;
