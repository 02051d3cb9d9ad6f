//! Flattening of subgraphs: the nodes inside If, Loop and Scan become nodes of the main graph. Only this
//! module and [`nest`](super::nest) need to know that they belong to a subgraph.
//!
//! The nodes of a subgraph come directly before the node that holds it. That node keeps the subgraph without
//! its nodes, so it still captures the subgraph's results. Names inside become unique in the model. Every
//! node has a mark with its scope. A node without a mark was added later, and its scope follows from its
//! inputs. The values that enter a body in each iteration are the outputs of an extra node, which is no
//! operator.

use std::collections::{BTreeSet, HashMap};

use super::Model;
use super::node::{NodeRef, nested_in, subgraphs, subgraphs_mut};
use super::proto::{GraphProto, NodeProto, StringStringEntryProto, ValueInfoProto};
use super::rename::Renaming;
use super::walk::UniqueNames;
use crate::graph::BODY_DOMAIN;

/// The operator of [`BODY_DOMAIN`].
const BODY_INPUTS: &str = "BodyInputs";

/// The mark of a node: its scope. That is the number of the node that holds the subgraph, and the subgraph's
/// attribute, such as `0/then_branch`. It is empty in the main graph.
const SCOPE: &str = "qdq.scope";
/// The marks of a node whose subgraphs were flattened: the scope of each.
const HOLDS: &str = "qdq.holds";

impl Model {
    /// Flattens the subgraphs of each If, Loop and Scan that holds a wanted node, at any depth. Returns
    /// whether anything changed.
    ///
    /// `is_wanted` receives the nodes of ONNX's own domain. Subgraphs inside the body of a Scan are not
    /// flattened: the size of their tensors may differ between iterations, but the outputs of a Scan cannot.
    pub fn flatten(&mut self, is_wanted: &dyn Fn(NodeRef<'_>) -> bool) -> bool {
        if !self.can_flatten(is_wanted) {
            return false;
        }
        let holds = |node: &NodeProto| holds(node, is_wanted);
        self.make_unique(&holds);
        let graph = self.edited().graph.get_or_insert_default();
        let mut flat = Flat { holds: &holds, graph: std::mem::take(graph), count: 0 };
        for node in std::mem::take(&mut flat.graph.node) {
            flat.add(node, "", false);
        }
        let flat = flat.graph;
        let proto = self.edited();
        // Before version 4, all initializers are inputs of the model, and none can be in a subgraph.
        proto.ir_version = proto.ir_version.max(Some(4));
        *proto.graph.get_or_insert_default() = flat;
        self.is_flat = true;
        true
    }

    /// Whether [`Model::flatten`] would change anything.
    pub fn can_flatten(&self, is_wanted: &dyn Fn(NodeRef<'_>) -> bool) -> bool {
        !self.is_flat && self.proto.graph.node.iter().any(|node| holds(node, is_wanted))
    }

    /// Whether the subgraphs are flattened.
    pub fn is_flat(&self) -> bool {
        self.is_flat
    }

    /// Whether `name` is computed in a flattened subgraph.
    pub fn is_in_subgraph(&self, name: &str) -> bool {
        let computes = |node: &&NodeProto| node.output.iter().any(|output| output == name);
        let node = self.proto.graph.node.iter().find(computes);
        node.and_then(scope).is_some_and(|scope| !scope.is_empty())
    }

    /// Lists the nodes in flattened bodies of Loop and Scan, at any depth.
    pub fn nodes_in_bodies(&self) -> BTreeSet<usize> {
        let nodes = &self.proto.graph.node;
        let holders = holders(nodes);
        let around = |place: &str| holders.get(place).and_then(|&at| scope(&nodes[at]));
        let is_inside = |node: &NodeProto| {
            std::iter::successors(scope(node), |place| around(place))
                .any(|place| attribute_of(place) == "body")
        };
        (0..nodes.len()).filter(|&at| self.is_flat && is_inside(&nodes[at])).collect()
    }

    /// Gives every tensor in the subgraphs of these nodes a unique name. A name that is free stays.
    fn make_unique(&mut self, holds: &dyn Fn(&NodeProto) -> bool) {
        let mut rest = (*self.proto).clone();
        let nodes = &mut rest.graph.get_or_insert_default().node;
        for node in nodes.iter_mut().filter(|node| holds(node)) {
            node.attribute.clear();
        }
        let mut names = UniqueNames::of(&rest);
        let nodes = &mut self.edited().graph.get_or_insert_default().node;
        for graph in nodes.iter_mut().filter(|node| holds(node)).flat_map(subgraphs_mut) {
            Renaming::of_branch().graph(graph, &mut names);
        }
    }
}

fn holds(node: &NodeProto, is_wanted: &dyn Fn(NodeRef<'_>) -> bool) -> bool {
    let op = node.op_type.as_deref().unwrap_or_default();
    super::is_default_domain(node.domain.as_deref())
        && matches!(op, "If" | "Loop" | "Scan")
        && nested_in(subgraphs(node)).any(|node| is_wanted(NodeRef::new(node)))
}

/// The main graph during flattening.
struct Flat<'a> {
    holds: &'a dyn Fn(&NodeProto) -> bool,
    graph: GraphProto,
    count: usize,
}

/// A node whose subgraphs are laid flat.
struct Holder {
    name: Option<String>,
    inputs: Vec<String>,
    is_scan: bool,
}

impl Flat<'_> {
    /// Adds a node of the graph `scope`, after the nodes of its subgraphs.
    fn add(&mut self, mut node: NodeProto, scope: &str, is_in_scan: bool) {
        // A file may contain metadata that looks like marks.
        unmark(&mut node);
        if !is_in_scan && (self.holds)(&node) {
            let holder = Holder {
                name: node.name.clone().filter(|name| !name.is_empty()),
                inputs: node.input.clone(),
                is_scan: node.op_type.as_deref() == Some("Scan"),
            };
            let number = self.count;
            self.count += 1;
            let mut scopes = Vec::new();
            for attribute in &mut node.attribute {
                if let Some(graph) = attribute.g.as_option_mut() {
                    let scope = format!("{number}/{}", attribute.name.as_deref().unwrap_or_default());
                    self.open(graph, &scope, &holder);
                    scopes.push(scope);
                }
            }
            scopes.iter().for_each(|scope| mark(&mut node, HOLDS, scope));
        }
        mark(&mut node, SCOPE, scope);
        self.graph.node.push(node);
    }

    /// Moves the content of a subgraph to the main graph.
    fn open(&mut self, graph: &mut GraphProto, scope: &str, holder: &Holder) {
        if !graph.input.is_empty() {
            let outputs = graph.input.iter().map(|info| info.name.clone().unwrap_or_default());
            let mut node = NodeProto {
                op_type: Some(BODY_INPUTS.to_owned()),
                domain: Some(BODY_DOMAIN.to_owned()),
                name: holder.name.as_ref().map(|name| format!("{name}/inputs")),
                input: holder.inputs.clone(),
                output: outputs.collect(),
                ..Default::default()
            };
            mark(&mut node, SCOPE, scope);
            self.graph.node.push(node);
        }
        self.graph.initializer.append(&mut graph.initializer);
        self.graph.sparse_initializer.append(&mut graph.sparse_initializer);
        self.graph.quantization_annotation.append(&mut graph.quantization_annotation);
        let stated: Vec<ValueInfoProto> = graph.input.iter().chain(&graph.output).cloned().collect();
        self.graph.value_info.append(&mut graph.value_info);
        self.graph.value_info.extend(stated.into_iter().filter(|info| info.r#type.is_set()));
        for node in std::mem::take(&mut graph.node) {
            self.add(node, scope, holder.is_scan);
        }
    }
}

fn mark(node: &mut NodeProto, key: &str, value: &str) {
    node.metadata_props.push(StringStringEntryProto {
        key: Some(key.to_owned()),
        value: Some(value.to_owned()),
        ..Default::default()
    });
}

fn marks<'a>(node: &'a NodeProto, key: &'static str) -> impl Iterator<Item = &'a str> {
    let found = node.metadata_props.iter().filter(move |entry| entry.key.as_deref() == Some(key));
    found.filter_map(|entry| entry.value.as_deref())
}

/// Returns the original scope of a node; `None` for a node that was added later.
pub(super) fn scope(node: &NodeProto) -> Option<&str> {
    marks(node, SCOPE).next()
}

/// Lists the scopes of a node's flattened subgraphs.
pub(super) fn held(node: &NodeProto) -> impl Iterator<Item = &str> {
    marks(node, HOLDS)
}

/// Returns the attribute of a scope's subgraph; empty for the main graph.
pub(super) fn attribute_of(scope: &str) -> &str {
    scope.split_once('/').map_or("", |(_, attribute)| attribute)
}

/// Whether a node represents the inputs of a body.
pub(super) fn is_body_inputs(node: &NodeProto) -> bool {
    node.domain.as_deref() == Some(BODY_DOMAIN)
}

/// Removes the marks of a node.
pub(super) fn unmark(node: &mut NodeProto) {
    node.metadata_props.retain(|entry| !matches!(entry.key.as_deref(), Some(SCOPE | HOLDS)));
}

/// Returns the position of the node that holds the subgraph, for each scope.
pub(super) fn holders(nodes: &[NodeProto]) -> HashMap<&str, usize> {
    let scopes = nodes.iter().enumerate().flat_map(|(at, node)| held(node).map(move |scope| (scope, at)));
    scopes.collect()
}
