//! Attentions: a product that computes scores, a Softmax over the keys, and a product of the probabilities.
//!
//! TensorRT computes an attention in one kernel. With quantized products it does so for up to [`MOST_KEYS`]
//! keys. Above them it takes the attention apart, writes the probabilities to memory, and is slower than with
//! float products. With FP8 products it computes an attention over any number of keys in one kernel, if it
//! has one for the size of the heads.

use std::collections::BTreeMap;

pub use super::format::MOST_KEYS;
use super::format::{AttentionRule, Format};
use super::forms::Forms;
use super::policy::Attention;
use super::{Draft, Plan, Policy, Verdict, einsum, ops, walk_back};
use crate::graph::{Graph, Node, NodeId, TensorId};
use crate::tensor::Dim;

/// An attention of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedAttention {
    /// The products that compute the scores: one, and a second one for relative positions.
    pub scores: Vec<NodeId>,
    /// The product that reads the probabilities.
    pub context: NodeId,
    /// The probabilities, as `context` reads them.
    pub probabilities: TensorId,
    /// The axis of the probabilities with one index per key, counted from the last one, which is 0.
    pub axis: usize,
    /// The number of keys, if known.
    pub keys: Option<u64>,
    /// The number of elements of a query, over which the scores sum, if known.
    pub head_size: Option<u64>,
    /// The format of the product that reads the probabilities.
    pub format: Format,
}

impl PlannedAttention {
    fn of(graph: &Graph, forms: &Forms, policy: &Policy, place: (NodeId, usize)) -> Option<Self> {
        let (context, input) = place;
        let node = graph.node(context);
        let probabilities = node.input(input)?;
        let axis = summed_axis(graph, node, input)?;
        let softmax = walk_back::softmax(graph, probabilities, axis)?;
        let is_of_activations = |id: NodeId| is_of_activations(graph, forms, graph.node(id));
        let scores: Vec<NodeId> =
            walk_back::products(graph, softmax).into_iter().filter(|&id| is_of_activations(id)).collect();
        let keys = size_from_end(graph, probabilities, axis);
        let head_size = scores.iter().find_map(|&id| {
            let node = graph.node(id);
            (0..2)
                .find_map(|input| size_from_end(graph, node.input(input)?, summed_axis(graph, node, input)?))
        });
        let format = policy.format_of(node);
        let found = Self { scores, context, probabilities, axis, keys, head_size, format };
        (!found.scores.is_empty()).then_some(found)
    }

    /// Lists the products.
    pub fn products(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.scores.iter().copied().chain([self.context])
    }

    /// Returns the reason why `product`, one of this attention's, stays in float; `None` if it is quantized.
    fn refusal(&self, graph: &Graph, product: NodeId, policy: &Policy) -> Option<String> {
        let part = self.part(product);
        let rule = policy.format_of(graph.node(product)).rules().attention;
        match (policy.attention, rule) {
            (Attention::Float, _) => {
                Some(format!("{part} stays in float, as the option attention=float says"))
            }
            (Attention::Auto, AttentionRule::Keys(most)) if self.keys.is_some_and(|keys| keys > most) => {
                Some(format!(
                    "{part} stays in float: above {most} keys, INT8 would take the attention apart \
                     (attention=int8 quantizes it)"
                ))
            }
            (Attention::Auto, AttentionRule::HeadSize(above, most)) => {
                let size = self.head_size.filter(|&size| size <= above || size > most)?;
                Some(format!(
                    "{part} stays in float: its heads have {size} elements, and FP8 kernels are for more than {above} and at most {most}"
                ))
            }
            _ => None,
        }
    }

    /// Returns the reason why `product` is quantized, as far as the attention is concerned.
    fn approval(&self, graph: &Graph, product: NodeId, policy: &Policy) -> String {
        let part = self.part(product);
        let rule = policy.format_of(graph.node(product)).rules().attention;
        match (policy.attention, rule, self.keys) {
            (Attention::Int8, ..) => format!("{part} is quantized, as the option attention=int8 says"),
            (_, AttentionRule::Keys(most), Some(_)) => {
                format!("{part} is quantized: at most {most} (attention=float leaves it)")
            }
            (_, AttentionRule::Keys(most), None) => {
                format!("{part} is quantized if the data has at most {most} keys")
            }
            _ => match self.head_size {
                Some(size) => {
                    format!("{part}, with heads of {size} elements, is quantized (attention=float leaves it)")
                }
                None => {
                    format!("{part}, with heads of unknown size, is quantized (attention=float leaves it)")
                }
            },
        }
    }

    /// Describes the part of the attention that `product` computes.
    fn part(&self, product: NodeId) -> String {
        let part = if product == self.context { "result" } else { "score" };
        match self.keys {
            Some(1) => format!("the {part} of an attention over 1 key"),
            Some(keys) => format!("the {part} of an attention over {keys} keys"),
            None => format!("the {part} of an attention over an open number of keys"),
        }
    }
}

/// Finds the attentions of `graph`, with the numbers of keys that the graph or the policy knows.
pub(super) fn find(graph: &Graph, forms: &Forms, policy: &Policy) -> Vec<PlannedAttention> {
    let products = graph.node_ids().filter(|&id| is_of_activations(graph, forms, graph.node(id)));
    let found = products
        .filter_map(|id| (0..2).find_map(|input| PlannedAttention::of(graph, forms, policy, (id, input))));
    let known = |attention: PlannedAttention| {
        let shown = || policy.keys.get(&graph.tensor(attention.probabilities).name).copied();
        PlannedAttention { keys: attention.keys.or_else(shown), ..attention }
    };
    found.map(known).collect()
}

/// Returns the products that stay in float because of their attention, with their reasons.
pub(super) fn left_in_float(
    graph: &Graph,
    attentions: &[PlannedAttention],
    policy: &Policy,
) -> BTreeMap<NodeId, String> {
    let products = attentions.iter().flat_map(|attention| {
        attention.products().filter_map(|product| Some((product, attention.refusal(graph, product, policy)?)))
    });
    products.collect()
}

/// Adds the attention to the reasons of its quantized products.
pub(super) fn explain(graph: &Graph, attentions: &[PlannedAttention], policy: &Policy, draft: &mut Draft) {
    for attention in attentions {
        for product in attention.products() {
            if let Some((Verdict::Quantized, _, reason)) = draft.decisions.get_mut(&product) {
                *reason = format!("{reason}; {}", attention.approval(graph, product, policy));
            }
        }
    }
}

impl Plan {
    /// Lists the attentions whose products are quantized only because their number of keys is not known.
    pub fn open_attentions(&self) -> impl Iterator<Item = &PlannedAttention> {
        let is_open = |attention: &&PlannedAttention| {
            self.policy.attention == Attention::Auto
                && attention.keys.is_none()
                && matches!(attention.format.rules().attention, AttentionRule::Keys(_))
                && self.is_tap(attention.probabilities)
        };
        self.attentions.iter().filter(is_open)
    }

    /// Returns the numbers of keys for inputs of these shapes, such as the largest ones of an optimization
    /// profile, by the name of the probabilities.
    ///
    /// They follow from the names of dimensions. An attention is left out if the network does not state that
    /// its number of keys is a named dimension of an input.
    pub fn keys_for<'a>(
        &self,
        graph: &Graph,
        shapes: impl IntoIterator<Item = (&'a str, &'a [i64])>,
    ) -> BTreeMap<String, u64> {
        let mut sizes: BTreeMap<&str, u64> = BTreeMap::new();
        for (input, shape) in shapes {
            let dims = graph.find(input).and_then(|id| graph.tensor(id).shape.as_ref());
            for (dim, &size) in dims.into_iter().flatten().zip(shape) {
                if let (Dim::Named(name), Ok(size)) = (dim, u64::try_from(size)) {
                    let largest = sizes.entry(name).or_default();
                    *largest = size.max(*largest);
                }
            }
        }
        let keys = self.open_attentions().filter_map(|attention| {
            let tensor = graph.tensor(attention.probabilities);
            match tensor.shape.as_ref()?.iter().rev().nth(attention.axis)? {
                Dim::Named(name) => Some((tensor.name.clone(), *sizes.get(name.as_str())?)),
                _ => None,
            }
        });
        keys.collect()
    }

    fn is_tap(&self, tensor: TensorId) -> bool {
        self.activations.binary_search_by_key(&tensor, |activation| activation.tensor).is_ok()
    }

    /// Returns the plan for numbers of keys that data has shown, by the name of the probabilities.
    ///
    /// The tensors that it quantizes are some of those of this plan, and the findings are the same.
    #[must_use]
    pub fn with_keys(&self, graph: &Graph, keys: &BTreeMap<String, u64>) -> Self {
        let is_shown =
            |attention: &PlannedAttention| keys.contains_key(&graph.tensor(attention.probabilities).name);
        if !self.open_attentions().any(is_shown) {
            return self.clone();
        }
        let policy = Policy { keys: keys.clone(), min_quantized: 0.0, ..self.policy.clone() };
        // Nothing of the policy that a graph could refuse has changed.
        super::plan(graph, &policy)
            .map_or_else(|_| self.clone(), |plan| Self { findings: self.findings.clone(), ..plan })
    }
}

/// Whether the node is a product of two tensors that are computed, and not dequantized, before it.
fn is_of_activations(graph: &Graph, forms: &Forms, node: &Node) -> bool {
    let is_activation = |input| {
        node.input(input).is_some_and(|tensor| {
            forms.constant(tensor).is_none()
                && forms.dequantized(tensor).is_none()
                && graph.tensor(tensor).may_be_float()
        })
    };
    ops::is_weighted(node) && !node.op.starts_with("Conv") && is_activation(0) && is_activation(1)
}

/// Returns the axis of operand `input` over which a product sums, counted from the last axis, which is 0.
fn summed_axis(graph: &Graph, node: &Node, input: usize) -> Option<usize> {
    let transposed = |attribute| usize::from(node.int(attribute, 0) != 0);
    match input {
        _ if node.is("Einsum") => einsum::summed_axis(node, input, graph.tensor(node.input(input)?).rank()),
        0 => Some(transposed("transA")),
        _ => Some(1 - transposed("transB")),
    }
}

fn size_from_end(graph: &Graph, tensor: TensorId, axis: usize) -> Option<u64> {
    match graph.tensor(tensor).shape.as_ref()?.iter().rev().nth(axis)? {
        Dim::Fixed(size) => Some(*size as u64),
        _ => None,
    }
}
