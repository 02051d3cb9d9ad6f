//! A part of a model, and which operators its nodes use.

use std::collections::{HashMap, HashSet};

use super::node::subgraphs;
use super::proto::{GraphProto, ModelProto, NodeProto, ValueInfoProto};
use super::walk::free_names;
use super::{Model, is_default_domain};
use crate::error::{Error, ErrorKind, Result};

impl Model {
    /// The part of the model that computes `tensors` of the main graph, which may be inputs and constants too.
    ///
    /// Nodes, weights and functions that it does not need are gone, and so is the training information. It keeps every
    /// input that is fed, so that it takes the same batches, and of the outputs those that are among `tensors`, each once. Where
    /// there are
    /// none it has no output at all; [`Model::add_output`] gives it some.
    ///
    /// # Errors
    /// `InvalidArgument` where one of `tensors` does not exist.
    pub fn reduced_to<'n>(&self, tensors: impl IntoIterator<Item = &'n str>) -> Result<Self> {
        let wanted: HashSet<&str> = tensors.into_iter().collect();
        let known = names(&self.proto.graph);
        // The first by name, because the order of a set is another one in every run.
        if let Some(name) = wanted.iter().filter(|name| !known.contains(*name)).min() {
            let message = format!("no tensor of the model's main graph is called '{name}'");
            return Err(self.located(Error::new(ErrorKind::InvalidArgument, message)));
        }
        let (nodes, read) = needed(&self.proto.graph, &wanted);
        let mut called = HashSet::new();
        let functions = functions(&self.proto);
        for node in nodes.iter().filter_map(|&position| self.proto.graph.node.get(position)) {
            each_operator(&self.proto, &functions, node, &mut called, &mut |_, _| ());
        }
        let fed: HashSet<String> = self.inputs().into_iter().map(|input| input.name).collect();
        let mut part = self.clone();
        let proto = part.edited();
        proto.training_info.clear();
        proto.functions = keep(&self.proto.functions, |position, _| called.contains(&position));
        let graph = proto.graph.get_or_insert_default();
        graph.node = keep(&self.proto.graph.node, |position, _| nodes.contains(&position));
        let is_read = |name: &Option<String>| name.as_deref().is_some_and(|name| read.contains(name));
        graph.initializer.retain(|tensor| is_read(&tensor.name));
        graph.sparse_initializer.retain(|sparse| is_read(&sparse.values.name));
        // Models before IR version 4 list their weights among the inputs: without its value one would have to be fed.
        retain_named(&mut graph.input, |name| fed.contains(name) || read.contains(name.as_str()));
        graph.quantization_annotation.clear();
        let mut listed = HashSet::new();
        let is_listed = |name: &String| wanted.contains(name.as_str()) && listed.insert(name.clone());
        retain_named(&mut graph.output, is_listed);
        let kept: HashSet<String> = names(graph).into_iter().map(str::to_owned).collect();
        retain_named(&mut graph.value_info, |name| kept.contains(name));
        Ok(part)
    }

    /// The nodes of the main graph with an operator for which `is` holds, be it their own, in one of their subgraphs or
    /// in a function of the model that they call: the node's position, and the operator as messages name it. `is` gets
    /// the operator's domain, empty for ONNX's own, and the operator.
    pub fn nodes_using(&self, is: &dyn Fn(&str, &str) -> bool) -> Vec<(usize, String)> {
        let functions = functions(&self.proto);
        let used = self.proto.graph.node.iter().enumerate().filter_map(|(position, node)| {
            let mut found = None;
            each_operator(&self.proto, &functions, node, &mut HashSet::new(), &mut |domain, op| {
                if found.is_none() && is(domain, op) {
                    let place =
                        if domain.is_empty() { String::new() } else { format!(" of domain {domain}") };
                    found = Some(format!("{op}{place}"));
                }
            });
            Some((position, found?))
        });
        used.collect()
    }
}

fn retain_named(infos: &mut Vec<ValueInfoProto>, mut is_kept: impl FnMut(&String) -> bool) {
    infos.retain(|info| info.name.as_ref().is_some_and(&mut is_kept));
}

fn keep<T: Clone>(all: &[T], is_kept: impl Fn(usize, &T) -> bool) -> Vec<T> {
    let kept = all.iter().enumerate().filter(|(position, item)| is_kept(*position, item));
    kept.map(|(_, item)| item.clone()).collect()
}

/// The positions of the nodes that compute `wanted`, and every name that they read or that is wanted.
fn needed<'a>(graph: &'a GraphProto, wanted: &HashSet<&'a str>) -> (HashSet<usize>, HashSet<&'a str>) {
    let mut producers: HashMap<&str, usize> = HashMap::new();
    for (position, node) in graph.node.iter().enumerate() {
        producers.extend(node.output.iter().map(|name| (name.as_str(), position)));
    }
    let mut nodes = HashSet::new();
    let mut read = wanted.clone();
    let mut pending: Vec<&str> = wanted.iter().copied().collect();
    while let Some(name) = pending.pop() {
        let Some(&position) = producers.get(name) else { continue };
        if !nodes.insert(position) {
            continue;
        }
        let node = &graph.node[position];
        let inputs = node.input.iter().map(String::as_str).filter(|name| !name.is_empty());
        let found = inputs.chain(subgraphs(node).flat_map(free_names)).filter(|name| read.insert(name));
        pending.extend(found);
    }
    (nodes, read)
}

/// The names of all tensors of a graph, those of its subgraphs left out.
fn names(graph: &GraphProto) -> HashSet<&str> {
    let stored = graph.initializer.iter().map(|tensor| &tensor.name);
    let sparse = graph.sparse_initializer.iter().map(|sparse| &sparse.values.name);
    let fed = graph.input.iter().map(|input| &input.name);
    let mut names: HashSet<&str> =
        stored.chain(sparse).chain(fed).filter_map(|name| name.as_deref()).collect();
    names.extend(graph.node.iter().flat_map(|node| &node.output).map(String::as_str));
    names.remove("");
    names
}

/// The positions of the model's functions by domain and name.
fn functions(model: &ModelProto) -> HashMap<(&str, &str), usize> {
    let functions = model.functions.iter().enumerate().map(|(position, function)| {
        ((domain(&function.domain), function.name.as_deref().unwrap_or_default()), position)
    });
    functions.collect()
}

fn domain(stated: &Option<String>) -> &str {
    stated.as_deref().filter(|stated| !is_default_domain(Some(stated))).unwrap_or_default()
}

/// Calls `visit` with domain and name of every operator that `node` uses. Calls of functions lead into them, each once,
/// and leave its position in `called`.
fn each_operator<'a>(
    model: &'a ModelProto,
    functions: &HashMap<(&str, &str), usize>,
    node: &'a NodeProto,
    called: &mut HashSet<usize>,
    visit: &mut dyn FnMut(&'a str, &'a str),
) {
    let key = (domain(&node.domain), node.op_type.as_deref().unwrap_or_default());
    match functions.get(&key) {
        Some(&position) if called.insert(position) => {
            for inner in &model.functions[position].node {
                each_operator(model, functions, inner, called, visit);
            }
        }
        Some(_) => {}
        None => visit(key.0, key.1),
    }
    for inner in subgraphs(node).flat_map(|graph| &graph.node) {
        each_operator(model, functions, inner, called, visit);
    }
}
