//! Search through a model at any depth of nesting.

use std::collections::{HashMap, HashSet};

use super::Model;
use super::node::subgraphs;
use super::proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, SparseTensorProto, TensorProto, TrainingInfoProto,
};

/// Lists every stored tensor. The flag is true for initializers of graphs, and false for the parts of sparse
/// tensors and the values of attributes.
pub(super) fn tensors(model: &ModelProto) -> Vec<(&TensorProto, bool)> {
    let mut found = Vec::new();
    graphs(model).for_each(|graph| in_graph(graph, &mut found));
    for function in &model.functions {
        in_attributes(&function.attribute_proto, &mut found);
        function.node.iter().for_each(|node| in_attributes(&node.attribute, &mut found));
    }
    found
}

/// Iterates over the main graph and the graphs of the training information.
pub(super) fn graphs(model: &ModelProto) -> impl Iterator<Item = &GraphProto> {
    model.graph.as_option().into_iter().chain(training_graphs(model))
}

fn training_graphs(model: &ModelProto) -> impl Iterator<Item = &GraphProto> {
    let training = model.training_info.iter();
    training.flat_map(|info| info.initialization.as_option().into_iter().chain(info.algorithm.as_option()))
}

fn in_graph<'a>(graph: &'a GraphProto, found: &mut Vec<(&'a TensorProto, bool)>) {
    found.extend(graph.initializer.iter().map(|tensor| (tensor, true)));
    graph.sparse_initializer.iter().for_each(|sparse| in_sparse(sparse, found));
    graph.node.iter().for_each(|node| in_attributes(&node.attribute, found));
}

fn in_sparse<'a>(sparse: &'a SparseTensorProto, found: &mut Vec<(&'a TensorProto, bool)>) {
    let parts = sparse.values.as_option().into_iter().chain(sparse.indices.as_option());
    found.extend(parts.map(|tensor| (tensor, false)));
}

fn in_attributes<'a>(attributes: &'a [AttributeProto], found: &mut Vec<(&'a TensorProto, bool)>) {
    for attribute in attributes {
        found.extend(attribute.t.as_option().into_iter().chain(&attribute.tensors).map(|t| (t, false)));
        let sparse = attribute.sparse_tensor.as_option().into_iter().chain(&attribute.sparse_tensors);
        sparse.for_each(|sparse| in_sparse(sparse, found));
        attribute.g.as_option().into_iter().chain(&attribute.graphs).for_each(|graph| in_graph(graph, found));
    }
}

/// Calls `visit` with every tensor that [`tensors`] finds, mutable.
pub(super) fn each_tensor_mut<E>(
    model: &mut ModelProto,
    visit: &mut impl FnMut(&mut TensorProto, bool) -> Result<(), E>,
) -> Result<(), E> {
    graphs_mut(model).try_for_each(|graph| in_graph_mut(graph, visit))?;
    for function in &mut model.functions {
        in_attributes_mut(&mut function.attribute_proto, visit)?;
        function.node.iter_mut().try_for_each(|node| in_attributes_mut(&mut node.attribute, visit))?;
    }
    Ok(())
}

/// Iterates over the same graphs, mutable.
pub(super) fn graphs_mut(model: &mut ModelProto) -> impl Iterator<Item = &mut GraphProto> {
    let training = model.training_info.iter_mut();
    let training = training.flat_map(|info| {
        info.initialization.as_option_mut().into_iter().chain(info.algorithm.as_option_mut())
    });
    model.graph.as_option_mut().into_iter().chain(training)
}

fn in_graph_mut<E>(
    graph: &mut GraphProto,
    visit: &mut impl FnMut(&mut TensorProto, bool) -> Result<(), E>,
) -> Result<(), E> {
    graph.initializer.iter_mut().try_for_each(|tensor| visit(tensor, true))?;
    graph.sparse_initializer.iter_mut().try_for_each(|sparse| in_sparse_mut(sparse, visit))?;
    graph.node.iter_mut().try_for_each(|node| in_attributes_mut(&mut node.attribute, visit))
}

fn in_sparse_mut<E>(
    sparse: &mut SparseTensorProto,
    visit: &mut impl FnMut(&mut TensorProto, bool) -> Result<(), E>,
) -> Result<(), E> {
    let mut parts = sparse.values.as_option_mut().into_iter().chain(sparse.indices.as_option_mut());
    parts.try_for_each(|tensor| visit(tensor, false))
}

fn in_attributes_mut<E>(
    attributes: &mut [AttributeProto],
    visit: &mut impl FnMut(&mut TensorProto, bool) -> Result<(), E>,
) -> Result<(), E> {
    for attribute in attributes {
        let tensors = attribute.t.as_option_mut().into_iter().chain(&mut attribute.tensors);
        tensors.into_iter().try_for_each(|tensor| visit(tensor, false))?;
        let sparse = attribute.sparse_tensor.as_option_mut().into_iter().chain(&mut attribute.sparse_tensors);
        sparse.into_iter().try_for_each(|sparse| in_sparse_mut(sparse, visit))?;
        let graphs = attribute.g.as_option_mut().into_iter().chain(&mut attribute.graphs);
        graphs.into_iter().try_for_each(|graph| in_graph_mut(graph, visit))?;
    }
    Ok(())
}

/// Names that a model does not use yet.
#[derive(Clone, Debug, Default)]
pub struct UniqueNames {
    taken: HashSet<String>,
    /// The last number tried for a name.
    numbers: HashMap<String, u64>,
}

impl UniqueNames {
    pub(super) fn of(model: &ModelProto) -> Self {
        let mut names = Self::default();
        graphs(model).for_each(|graph| names.take_graph(graph));
        for function in &model.functions {
            names.taken.extend(function.input.iter().chain(&function.output).cloned());
            function.node.iter().for_each(|node| names.take_node(node));
        }
        names
    }

    fn take_graph(&mut self, graph: &GraphProto) {
        let infos = graph.input.iter().chain(&graph.output).chain(&graph.value_info);
        let sparse = graph.sparse_initializer.iter().map(|sparse| &sparse.values.name);
        let stored = graph.initializer.iter().map(|tensor| &tensor.name);
        self.taken.extend(infos.map(|info| &info.name).chain(sparse).chain(stored).flatten().cloned());
        graph.node.iter().for_each(|node| self.take_node(node));
    }

    fn take_node(&mut self, node: &NodeProto) {
        self.taken.extend(node.input.iter().chain(&node.output).chain(&node.name).cloned());
        subgraphs(node).for_each(|graph| self.take_graph(graph));
    }

    /// Returns `wanted`, with a number if it is taken. The result is taken from now on.
    pub fn fresh(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        while name.is_empty() || !self.taken.insert(name.clone()) {
            let number = self.numbers.entry(wanted.to_owned()).or_default();
            *number += 1;
            name = format!("{wanted}_{number}");
        }
        name
    }
}

impl Model {
    /// Collects the names of all tensors and nodes in the model, for finding new ones.
    pub fn unique_names(&self) -> UniqueNames {
        UniqueNames::of(&self.proto)
    }
}

/// Lists the names that a subgraph reads from the graphs around it, each once, in order.
pub(super) fn free_names(graph: &GraphProto) -> Vec<&str> {
    let mut own: HashSet<&str> = HashSet::new();
    own.extend(graph.input.iter().filter_map(|info| info.name.as_deref()));
    own.extend(graph.initializer.iter().filter_map(|tensor| tensor.name.as_deref()));
    own.extend(graph.sparse_initializer.iter().filter_map(|sparse| sparse.values.name.as_deref()));
    own.extend(graph.node.iter().flat_map(|node| &node.output).map(String::as_str));
    let mut free = Vec::new();
    let mut note = |name| {
        if own.insert(name) {
            free.push(name);
        }
    };
    note("");
    for node in &graph.node {
        node.input.iter().for_each(|name| note(name));
        subgraphs(node).flat_map(free_names).for_each(&mut note);
    }
    graph.output.iter().filter_map(|info| info.name.as_deref()).for_each(&mut note);
    free.retain(|name| !name.is_empty());
    free
}

/// Lists every name that is read in the model: by a node, an output, the training information, an annotation.
pub(super) fn names_read(model: &ModelProto) -> HashSet<String> {
    let mut read = names_read_elsewhere(model);
    model.graph.node.iter().for_each(|node| note_read_by(node, &mut read));
    read
}

/// Lists every name that is read by anything other than the nodes of the main graph.
pub(super) fn names_read_elsewhere(model: &ModelProto) -> HashSet<String> {
    let mut read = HashSet::new();
    training_graphs(model).for_each(|graph| note_read(graph, &mut read));
    note_read_at_last(&model.graph, &mut read);
    let bindings = |info: &TrainingInfoProto| {
        [info.initialization_binding.clone(), info.update_binding.clone()].concat()
    };
    let bound = model.training_info.iter().flat_map(bindings).flat_map(|entry| [entry.key, entry.value]);
    read.extend(bound.flatten());
    for function in &model.functions {
        read.extend(function.output.iter().cloned());
        function.node.iter().for_each(|node| note_read_by(node, &mut read));
    }
    read
}

fn note_read(graph: &GraphProto, read: &mut HashSet<String>) {
    note_read_at_last(graph, read);
    graph.node.iter().for_each(|node| note_read_by(node, read));
}

/// Adds the names of the graph's outputs and annotations.
fn note_read_at_last(graph: &GraphProto, read: &mut HashSet<String>) {
    read.extend(graph.output.iter().filter_map(|info| info.name.clone()));
    let annotated = graph.quantization_annotation.iter().flat_map(|it| &it.quant_parameter_tensor_names);
    read.extend(annotated.filter_map(|entry| entry.value.clone()));
}

fn note_read_by(node: &NodeProto, read: &mut HashSet<String>) {
    read.extend(node.input.iter().cloned());
    subgraphs(node).for_each(|graph| note_read(graph, read));
}
