//! The places of nodes, and the names of their outputs there.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::Nest;
use super::stored::listed;
use crate::onnx::flat::{attribute_of, held, scope};
use crate::onnx::proto::NodeProto;
use crate::onnx::walk::free_names;

/// Returns the scope of each output of a flattened subgraph.
fn given(nodes: &[NodeProto]) -> HashMap<&str, &str> {
    let mut found = HashMap::new();
    for node in nodes {
        for scope in held(node) {
            let attributes = node.attribute.iter();
            let graphs = attributes.filter(|it| it.name.as_deref() == Some(attribute_of(scope)));
            let outputs = graphs.flat_map(|it| it.g.as_option()).flat_map(|graph| &graph.output);
            found.extend(outputs.filter_map(|info| Some((info.name.as_deref()?, scope))));
        }
    }
    found
}

fn is_dequantize(node: &NodeProto) -> bool {
    node.op_type.as_deref() == Some("DequantizeLinear")
}

impl<'a> Nest<'a> {
    /// Finds the scope of each node. Returns which nodes may move to their readers.
    pub fn find_homes(&mut self) -> Vec<bool> {
        let stored = self.source.initializer.iter().filter_map(|tensor| tensor.name.as_deref());
        let mut fixed: HashSet<&str> = stored.collect();
        let mut dequantized: HashSet<&str> = HashSet::new();
        let source = self.source;
        let given = given(&source.node);
        let mut movable = Vec::with_capacity(self.source.node.len());
        for node in &self.source.node {
            let inputs = || node.input.iter().map(String::as_str).filter(|name| !name.is_empty());
            let deepest =
                || inputs().map(|name| self.home_of(name)).max_by_key(|scope| self.around(scope).count());
            // An output of a subgraph is computed inside it, even by a node that was added later.
            let of_output = || node.output.iter().find_map(|name| given.get(name.as_str()).copied());
            let home = scope(node).or_else(of_output).or_else(deepest).unwrap_or_default();
            let is_fixed = scope(node).is_none() && inputs().all(|name| fixed.contains(name));
            // A Dequantize of the original model moves too: beyond a border, no layer would run in INT8.
            let is_cast = node.op_type.as_deref() == Some("Cast");
            let is_link = is_dequantize(node) || is_cast && inputs().any(|name| dequantized.contains(name));
            let is_given = scope(node).is_none() && of_output().is_some();
            movable.push(is_link || !is_given && is_fixed);
            self.homes.push(home);
            for output in &node.output {
                self.defined.insert(output, home);
                if is_fixed {
                    fixed.insert(output);
                }
                if is_link {
                    dequantized.insert(output);
                }
            }
        }
        movable
    }

    /// Finds the places of the nodes, from the last to the first, so that the readers of a node are known
    /// before the node.
    pub fn find_places(&mut self, movable: &[bool], exposed: &'a [String]) {
        let outputs = self.source.output.iter().filter_map(|info| info.name.as_deref());
        for name in outputs.chain(exposed.iter().map(String::as_str)) {
            let home = self.home_of(name);
            self.readers.entry(name).or_default().insert(home);
        }
        for (at, node) in self.source.node.iter().enumerate().rev() {
            let mut places = BTreeSet::from([self.homes[at]]);
            if movable[at] {
                let read = node.output.iter().filter_map(|name| self.readers.get(name.as_str())).flatten();
                let read: BTreeSet<&str> = read.copied().collect();
                places = if read.is_empty() { places } else { read };
            }
            for name in &node.input {
                self.readers.entry(name).or_default().extend(&places);
            }
            for attribute in &node.attribute {
                let name = attribute.name.as_deref().unwrap_or_default();
                let inner = held(node).find(|scope| attribute_of(scope) == name);
                let graphs = attribute.g.as_option().into_iter().chain(&attribute.graphs);
                // A flattened subgraph still names its outputs.
                for name in graphs.flat_map(free_names) {
                    let place = inner.unwrap_or(self.home_of(name));
                    self.readers.entry(name).or_default().insert(place);
                }
            }
            self.places[at] = places.into_iter().collect();
        }
    }

    /// Finds names for copies. One of the copies keeps the original names.
    pub fn name_copies(&mut self) {
        let listed = listed(self.source);
        let stored = self.source.initializer.iter().filter_map(|tensor| tensor.name.as_deref());
        let stored: HashSet<&str> = stored.filter(|name| !listed.contains(name)).collect();
        for (at, node) in self.source.node.iter().enumerate() {
            let keeps = self.keeps_names(at);
            for &place in self.places[at].iter().filter(|&&place| place != keeps) {
                for output in node.output.iter().filter(|name| !name.is_empty()) {
                    self.renamed.insert((place, output), self.names.fresh(output));
                }
            }
            let first = node.input.first().map(String::as_str).filter(|name| stored.contains(name));
            let has_moved = self.places[at].iter().any(|place| *place != self.homes[at]);
            let Some(name) = first.filter(|_| has_moved || is_dequantize(node)) else { continue };
            if self.shared.insert(name) {
                for &place in self.readers.get(name).into_iter().flatten().skip(1) {
                    self.renamed.insert((place, name), self.names.fresh(name));
                }
            }
        }
    }

    /// Returns the place at which a node keeps its own names.
    pub fn keeps_names(&self, at: usize) -> &'a str {
        let (home, places) = (self.homes[at], &self.places[at]);
        if places.contains(&home) { home } else { places.first().copied().unwrap_or(home) }
    }
}
