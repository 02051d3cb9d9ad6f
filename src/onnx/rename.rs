//! New names for nodes that move into another graph.

use std::collections::{HashMap, HashSet};

use super::node::subgraphs_mut;
use super::proto::{GraphProto, NodeProto, ValueInfoProto};
use super::walk::UniqueNames;

/// What the tensors of a moved graph are called from now on. A name that nothing gave one yet gets one when
/// it is first met.
#[derive(Default)]
pub(super) struct Renaming {
    names: HashMap<String, String>,
    /// What stands before the names of a function's tensors and nodes: the node that called it.
    prefix: String,
    /// Whether names that are not known belong to the graph around and stay as they are.
    is_open: bool,
}

impl Renaming {
    /// For the body of a function, which sees nothing but its arguments.
    pub fn of_function(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), ..Self::default() }
    }

    /// For a branch of an If, which sees the graph around it.
    pub fn of_branch() -> Self {
        Self { is_open: true, ..Self::default() }
    }

    /// Lets `old` be called `new`.
    pub fn set(&mut self, old: &str, new: &str) {
        self.names.insert(old.to_owned(), new.to_owned());
    }

    /// Whether `old` has its new name already.
    pub fn knows(&self, old: &str) -> bool {
        self.names.contains_key(old)
    }

    /// Gives a tensor that the moved graph defines its new name: its own where that is free.
    pub fn define(&mut self, old: &str, names: &mut UniqueNames) -> String {
        if let Some(new) = self.names.get(old) {
            return new.clone();
        }
        let new = names.fresh(&self.prefixed(old));
        self.set(old, &new);
        new
    }

    /// The new name of a tensor that is read.
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

    /// Renames what a node reads, computes and is called, and all of that in its subgraphs.
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

    /// Renames everything in a subgraph of what moves. What the subgraph defines is not seen outside.
    pub fn graph(&mut self, graph: &mut GraphProto, names: &mut UniqueNames) {
        let infos = graph.input.iter().filter_map(|info| info.name.as_deref());
        let stored = graph.initializer.iter().filter_map(|tensor| tensor.name.as_deref());
        let sparse = graph.sparse_initializer.iter().filter_map(|sparse| sparse.values.name.as_deref());
        let computed = graph.node.iter().flat_map(|node| &node.output).map(String::as_str);
        let all = infos.chain(stored).chain(sparse).chain(computed).filter(|name| !name.is_empty());
        // Not a copy of all names for each subgraph: what its own names hide comes back when it is done.
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

    /// Renames what statements about types are about.
    pub fn infos<'a>(&self, infos: impl Iterator<Item = &'a mut ValueInfoProto>) {
        infos.for_each(|info| self.known(&mut info.name));
    }

    /// Renames what has a new name.
    pub fn known(&self, name: &mut Option<String>) {
        if let Some(new) = name.as_ref().and_then(|old| self.names.get(old)) {
            *name = Some(new.clone());
        }
    }
}
