//! Front ends: fixed bases whose results are squared or lose their sign, as in a spectrogram.
//!
//! A transform by a fixed basis (Fourier, mel, wavelets) gives results of very different sizes, and squares
//! double the orders of magnitude between them. The steps of a quantized tensor are equal, so that weak
//! components vanish beside strong ones. A Log behind them evens them out. The basis and the first layer that
//! reads squares or magnitudes before a Log therefore stay in float ([`FrontEnd`]).

mod operators;

use std::collections::{BTreeMap, BTreeSet};

use super::forms::Forms;
use super::policy::FrontEnd;
use super::{Policy, ops};
use crate::graph::{Graph, Node, NodeId, TensorId, TensorKind};
use operators::{KEEPS_SIZES, MOVES, READS_SHAPE, SCALES, SQUARES, TRANSFORMS};

/// Returns the nodes that stay in float because of a front end, with their reasons.
pub(super) fn left_in_float(graph: &Graph, forms: &Forms, policy: &Policy) -> BTreeMap<NodeId, String> {
    let mut left = BTreeMap::new();
    if policy.front_end == FrontEnd::Int8 {
        return left;
    }
    let walk = Walk { graph, forms };
    // The reason is one about activations: weights alone have scales of their own.
    let applies = |id: NodeId| policy.format_of(graph.node(id)).rules().activations;
    for id in graph.node_ids() {
        let node = graph.node(id);
        let is_basis = walk.is_basis(node);
        if !is_basis && !is_one_of(node, &TRANSFORMS) {
            continue;
        }
        let Some(squares) = walk.squares(node) else { continue };
        if is_basis && applies(id) {
            left.insert(
                id,
                "is the fixed basis of a front end, whose result is squared or loses its sign: quantized, its weak \
                 components would vanish beside the strong ones (front-end=int8 quantizes it)"
                    .to_owned(),
            );
        }
        for reader in walk.readers(squares).into_iter().filter(|&reader| applies(reader)) {
            left.entry(reader).or_insert_with(|| {
                format!(
                    "reads squares or magnitudes of the front end '{}' before any Log: quantized, the weak ones would \
                     vanish beside the strong ones (front-end=int8 quantizes it)",
                    node.name
                )
            });
        }
    }
    left
}

struct Walk<'g> {
    graph: &'g Graph,
    forms: &'g Forms,
}

impl Walk<'_> {
    /// Whether the node transforms one channel, or the network's input, by constant weights.
    fn is_basis(&self, node: &Node) -> bool {
        let (Some(left), Some(right)) = (node.input(0), node.input(1)) else { return false };
        let data = match (self.is_constant(left), self.is_constant(right)) {
            (false, true) => left,
            (true, false) => right,
            _ => return false,
        };
        if self.forms.dequantized(left).is_some() || self.forms.dequantized(right).is_some() {
            return false;
        }
        if node.is("Conv") {
            let weight = self.graph.tensor(right).fixed_shape();
            let has_one_channel = weight.is_some_and(|shape| shape.get(1) == Some(&1));
            return data == left && node.int("group", 1) == 1 && has_one_channel;
        }
        ops::is_weighted(node) && !node.is("ConvTranspose") && self.is_raw(data)
    }

    /// Whether the tensor is an input of the network, or frames of one.
    fn is_raw(&self, mut tensor: TensorId) -> bool {
        while let Some(node) = self.graph.producer(tensor) {
            let data = node.inputs.iter().flatten().find(|&&input| !self.is_constant(input));
            match data {
                Some(&data) if self.moves(node, data) => tensor = data,
                _ => return false,
            }
        }
        self.graph.tensor(tensor).kind == TensorKind::Input
    }

    /// Returns the squares and magnitudes of a node's results; `None` if anything else reads the results.
    fn squares(&self, node: &Node) -> Option<Vec<TensorId>> {
        let mut squares = Vec::new();
        let mut open: Vec<TensorId> = node.outputs.iter().flatten().copied().collect();
        let mut seen = BTreeSet::new();
        while let Some(tensor) = open.pop() {
            if !seen.insert(tensor) {
                continue;
            }
            for reader in self.readers_of(tensor) {
                let results = reader.outputs.iter().flatten();
                if self.squares_values(reader, tensor) {
                    squares.extend(results);
                } else if self.moves(reader, tensor) {
                    open.extend(results);
                } else if !is_one_of(reader, &READS_SHAPE) {
                    return None;
                }
            }
        }
        (!squares.is_empty()).then_some(squares)
    }

    /// Returns the first layers that read these squares, or what follows from them without a Log.
    fn readers(&self, squares: Vec<TensorId>) -> BTreeSet<NodeId> {
        let mut open = squares;
        let (mut seen, mut found) = (BTreeSet::new(), BTreeSet::new());
        while let Some(tensor) = open.pop() {
            if !seen.insert(tensor) {
                continue;
            }
            for edge in &self.graph.tensor(tensor).consumers {
                let node = self.graph.node(edge.node);
                if ops::is_weighted(node) && edge.input < 2 && self.has_weight(node) {
                    found.insert(edge.node);
                }
            }
            let onward = |node: &&Node| self.moves(node, tensor) || is_one_of(node, &KEEPS_SIZES);
            let nodes = self.readers_of(tensor).into_iter().filter(onward);
            open.extend(nodes.flat_map(|node| node.outputs.iter().flatten()));
        }
        found
    }

    /// Returns the nodes that read a tensor, and the Ifs whose branches it is a result of.
    fn readers_of(&self, tensor: TensorId) -> Vec<&Node> {
        let consumers = self.graph.tensor(tensor).consumers.iter().map(|edge| self.graph.node(edge.node));
        consumers.chain(self.graph.nodes.iter().filter(|node| node.captures.contains(&tensor))).collect()
    }

    fn squares_values(&self, node: &Node, tensor: TensorId) -> bool {
        let is_data = node.input(0) == Some(tensor);
        match node.is("Mul") {
            true => is_data && node.input(1) == Some(tensor),
            false => is_data && is_one_of(node, &SQUARES),
        }
    }

    /// Whether the node hands on the values of `tensor`, at most scaled and shifted.
    fn moves(&self, node: &Node, tensor: TensorId) -> bool {
        let of_others = || node.inputs.iter().flatten().filter(|&&input| input != tensor);
        if is_one_of(node, &SCALES) {
            // One tensor on both sides is a square, a double or nothing.
            return of_others().count() == 1 && of_others().all(|&input| self.is_constant(input));
        }
        // The results of a flattened If are those of its branches.
        let is_branch = || node.is("If") && node.captures.contains(&tensor);
        node.is("Concat") || is_branch() || (is_one_of(node, &MOVES) && node.input(0) == Some(tensor))
    }

    fn has_weight(&self, node: &Node) -> bool {
        node.inputs.iter().take(2).flatten().any(|&input| self.is_constant(input))
    }

    fn is_constant(&self, tensor: TensorId) -> bool {
        self.forms.constant(tensor).is_some()
    }
}

fn is_one_of(node: &Node, list: &[&str]) -> bool {
    list.iter().any(|op| node.is(op))
}
