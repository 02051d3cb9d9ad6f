//! Renaming of nodes and tensors that move into another graph.

use std::collections::{HashMap, HashSet};

use super::node::subgraphs_mut;
use super::proto::{GraphProto, NodeProto, ValueInfoProto};
use super::walk::UniqueNames;

/// The new names of the tensors of a moved graph. A name without a new one gets it at its first use.
#[derive(Default)]
pub(super) struct Renaming {
    names: HashMap<String, String>,
    /// The prefix for the names of a function's tensors and nodes: the name of the calling node.
    prefix: String,
    /// Whether unknown names belong to the surrounding graph and stay unchanged.
    is_open: bool,
}

impl Renaming {
    /// Creates a renaming for the body of a function, which sees nothing but its arguments.
    pub fn of_function(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), ..Self::default() }
    }

    /// Creates a renaming for a branch of an If, which sees the graph around it.
    pub fn of_branch() -> Self {
        Self { is_open: true, ..Self::default() }
    }

    /// Renames `old` to `new`.
    pub fn set(&mut self, old: &str, new: &str) {
        self.names.insert(old.to_owned(), new.to_owned());
    }

    /// Whether `old` already has a new name.
    pub fn knows(&self, old: &str) -> bool {
        self.names.contains_key(old)
    }

    /// Returns the new name of a tensor that the moved graph defines. A name that is free stays.
    pub fn define(&mut self, old: &str, names: &mut UniqueNames) -> String {
        if let Some(new) = self.names.get(old) {
            return new.clone();
        }
        let new = names.fresh(&self.prefixed(old));
        self.set(old, &new);
        new
    }

    /// Returns the new name of a tensor that is read.
    pub fn read(&mut self, old: &str, names: &mut UniqueNames) -> String {
        match self.names.get(old) {
            Some(new) => new.clone(),
            None if self.is_open => old.to_owned(),
            None => self.define(old, names),
        }
    }

    fn prefixed(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_owned() } else { format!("{}/{name}", self.prefix) }
    }

    /// Renames the inputs, the outputs and the node itself, and everything in its subgraphs.
    pub fn node(&mut self, node: &mut NodeProto, names: &mut UniqueNames) {
        for input in node.input.iter_mut().filter(|input| !input.is_empty()) {
            *input = self.read(input, names);
        }
        for output in node.output.iter_mut().filter(|output| !output.is_empty()) {
            *output = self.define(output, names);
        }
        if let Some(name) = node.name.as_mut().filter(|name| !name.is_empty()) {
            *name = self.prefixed(name);
        }
        subgraphs_mut(node).for_each(|graph| self.graph(graph, names));
    }

    /// Renames everything in a subgraph of the moved graph. The tensors of the subgraph are not visible
    /// outside.
    pub fn graph(&mut self, graph: &mut GraphProto, names: &mut UniqueNames) {
        let infos = graph.input.iter().filter_map(|info| info.name.as_deref());
        let stored = graph.initializer.iter().filter_map(|tensor| tensor.name.as_deref());
        let sparse = graph.sparse_initializer.iter().filter_map(|sparse| sparse.values.name.as_deref());
        let computed = graph.node.iter().flat_map(|node| &node.output).map(String::as_str);
        let all = infos.chain(stored).chain(sparse).chain(computed).filter(|name| !name.is_empty());
        // Instead of copying all names for each subgraph, restores the hidden names afterwards.
        let mut seen = HashSet::new();
        let hidden: Vec<(String, Option<String>)> = all
            .filter(|name| seen.insert(*name))
            .map(|name| (name.to_owned(), self.names.remove(name)))
            .collect();
        for (name, _) in &hidden {
            self.define(name, names);
        }
        for node in &mut graph.node {
            self.node(node, names);
        }
        self.infos(graph.input.iter_mut().chain(&mut graph.output).chain(&mut graph.value_info));
        for tensor in &mut graph.initializer {
            self.known(&mut tensor.name);
        }
        for sparse in &mut graph.sparse_initializer {
            self.known(&mut sparse.values.get_or_insert_default().name);
        }
        for note in &mut graph.quantization_annotation {
            self.known(&mut note.tensor_name);
            note.quant_parameter_tensor_names.iter_mut().for_each(|entry| self.known(&mut entry.value));
        }
        for (name, outer) in hidden {
            match outer {
                Some(outer) => self.names.insert(name, outer),
                None => self.names.remove(&name),
            };
        }
    }

    /// Renames the tensors in statements about types.
    pub fn infos<'a>(&self, infos: impl Iterator<Item = &'a mut ValueInfoProto>) {
        infos.for_each(|info| self.known(&mut info.name));
    }

    /// Replaces a name that has a new name.
    pub fn known(&self, name: &mut Option<String>) {
        if let Some(new) = name.as_ref().and_then(|old| self.names.get(old)) {
            *name = Some(new.clone());
        }
    }
}
