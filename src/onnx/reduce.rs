//! Extraction of a part of a model, and search for nodes by operator.

use std::collections::{HashMap, HashSet};

use super::Model;
use super::called::{called, key_of};
use super::flat::{holders, scope};
use super::node::{NodeRef, all_in, subgraphs};
use super::proto::{GraphProto, ValueInfoProto};
use super::walk::free_names;
use crate::error::{Error, ErrorKind, Result};

impl Model {
    /// Returns the part of the model that computes `tensors` of the main graph, which may include inputs and
    /// constants.
    ///
    /// It has no nodes, weights and functions that it does not need, and no training information. It keeps
    /// every input that is fed, so it takes the same batches. It keeps the outputs that are among `tensors`,
    /// each once. If there are none, it has no output; [`Model::add_output`] adds some.
    ///
    /// # Errors
    /// `InvalidArgument` if one of `tensors` does not exist.
    pub fn reduced_to<'n>(&self, tensors: impl IntoIterator<Item = &'n str>) -> Result<Self> {
        let wanted: HashSet<&str> = tensors.into_iter().collect();
        let known = names(&self.proto.graph);
        // Reports the first one by name, because the order of a set differs in every run.
        if let Some(name) = wanted.iter().filter(|name| !known.contains(*name)).min() {
            let message = format!("no tensor of the model's main graph is called '{name}'");
            return Err(self.located(Error::new(ErrorKind::InvalidArgument, message)));
        }
        let (nodes, read) = needed(&self.proto.graph, &wanted);
        let fed: HashSet<String> = self.inputs().into_iter().map(|input| input.name).collect();
        let mut part = self.clone();
        let proto = part.edited();
        proto.training_info.clear();
        let graph = proto.graph.get_or_insert_default();
        graph.node = keep(&self.proto.graph.node, |position, _| nodes.contains(&position));
        let is_read = |name: &Option<String>| name.as_deref().is_some_and(|name| read.contains(name));
        graph.initializer.retain(|tensor| is_read(&tensor.name));
        graph.sparse_initializer.retain(|sparse| is_read(&sparse.values.name));
        // Models before IR version 4 list their weights among the inputs. A weight without its value would
        // have to be fed.
        retain_named(&mut graph.input, |name| fed.contains(name) || read.contains(name.as_str()));
        graph.quantization_annotation.clear();
        let mut listed = HashSet::new();
        let is_listed = |name: &String| wanted.contains(name.as_str()) && listed.insert(name.clone());
        retain_named(&mut graph.output, is_listed);
        let kept: HashSet<String> = names(graph).into_iter().map(str::to_owned).collect();
        retain_named(&mut graph.value_info, |name| kept.contains(name));
        let called = called(proto);
        proto.functions.retain(|function| called.contains(&key_of(function)));
        Ok(part)
    }

    /// Finds the nodes of the main graph that use an operator for which `is` returns true, themselves or in
    /// their subgraphs. Returns the position of each node, and the operator's name for messages.
    ///
    /// `is` receives the operator's domain, empty for ONNX's own, and the operator. A call of a model
    /// function counts as an operator; see [`Model::inline_functions`].
    pub fn nodes_using(&self, is: &dyn Fn(&str, &str) -> bool) -> Vec<(usize, String)> {
        let used = self.proto.graph.node.iter().enumerate().filter_map(|(position, node)| {
            let nested = all_in(subgraphs(node)).map(NodeRef::new);
            let mut all = std::iter::once(NodeRef::new(node)).chain(nested);
            let found = all.find(|node| is(node.domain(), node.op()))?;
            let place = match found.domain() {
                "" => String::new(),
                domain => format!(" of domain {domain}"),
            };
            Some((position, format!("{}{place}", found.op())))
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

/// Returns the positions of the nodes that compute `wanted`, and every name that is wanted or that they read.
fn needed<'a>(graph: &'a GraphProto, wanted: &HashSet<&'a str>) -> (HashSet<usize>, HashSet<&'a str>) {
    let holders = holders(&graph.node);
    let mut producers: HashMap<&str, usize> = HashMap::new();
    for (position, node) in graph.node.iter().enumerate() {
        producers.extend(node.output.iter().map(|name| (name.as_str(), position)));
    }
    let mut nodes = HashSet::new();
    let mut read = wanted.clone();
    let mut pending: Vec<&str> = wanted.iter().copied().collect();
    while let Some(name) = pending.pop() {
        // A tensor in a subgraph also needs the node that holds the subgraph.
        let mut needed = producers.get(name).copied();
        while let Some(position) = needed.filter(|&position| nodes.insert(position)) {
            let node = &graph.node[position];
            let inputs = node.input.iter().map(String::as_str).filter(|name| !name.is_empty());
            let found = inputs.chain(subgraphs(node).flat_map(free_names)).filter(|name| read.insert(name));
            pending.extend(found);
            needed = scope(node).and_then(|scope| holders.get(scope).copied());
        }
    }
    (nodes, read)
}

/// Lists the names of all tensors of a graph, without those of its subgraphs.
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

#[cfg(test)]
mod tests {
    use super::super::node::NodeSpec;
    use super::super::proto::{FunctionProto, ModelProto, NodeProto};
    use super::*;

    fn call(function: &str, overload: &str, input: &str, output: &str) -> NodeProto {
        let spec = NodeSpec { domain: "own".into(), ..NodeSpec::new(function, "", &[input], &[output]) };
        NodeProto { overload: Some(overload.to_owned()), ..spec.into_proto() }
    }

    fn function(name: &str, overload: &str, node: NodeProto) -> FunctionProto {
        FunctionProto {
            name: Some(name.to_owned()),
            domain: Some("own".to_owned()),
            overload: Some(overload.to_owned()),
            node: vec![node],
            ..Default::default()
        }
    }

    #[test]
    fn a_part_has_the_functions_that_it_calls() {
        let named = |name: &str| ValueInfoProto { name: Some(name.to_owned()), ..Default::default() };
        let relu = || NodeSpec::new("Relu", "", &["t"], &["u"]).into_proto();
        // Deep enough for a recursion to overflow the stack. The end is the one of two overloads that is
        // called.
        let mut functions: Vec<FunctionProto> = (0..50_000)
            .map(|at| function(&format!("f{at}"), "", call(&format!("f{}", at + 1), "", "t", "u")))
            .collect();
        functions.push(function("f50000", "", call("last", "fast", "t", "u")));
        functions.extend(["", "fast", "slow"].map(|overload| function("last", overload, relu())));
        let graph = GraphProto {
            node: vec![call("f0", "", "x", "a"), call("last", "slow", "x", "b")],
            input: vec![named("x")],
            output: vec![named("a"), named("b")],
            ..Default::default()
        };
        let model = Model::new(
            ModelProto { graph: Some(graph).into(), functions, ..Default::default() },
            "made".into(),
        );
        let kept = |tensor: &str| {
            let part = model.reduced_to([tensor]).unwrap();
            let last = part.proto.functions.last().unwrap();
            (part.proto.functions.len(), last.overload.clone().unwrap_or_default())
        };
        assert_eq!(kept("a"), (50_002, "fast".to_owned()));
        assert_eq!(kept("b"), (1, "slow".to_owned()));
    }
}
