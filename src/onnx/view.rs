//! Conversion of a model's main graph to the neutral graph for placement.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::Model;
use super::element::ElementType;
use super::infer::{Scope, agree_on_types};
use super::node::{kind_of, label, nested_in, subgraphs};
use super::proto::attribute_proto::AttributeType;
use super::proto::{AttributeProto, GraphProto, NodeProto};
use super::sort::cycle;
use super::stated::Stated;
use super::types::Known;
use super::value::{constant_value, describe_sparse, is_constant, shape_of};
use super::walk::free_names;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Attribute, Graph, NewNode, TensorId, TensorKind};

/// Converts the main graph of `model`. Also returns each node's position in the model's list of nodes.
pub(super) fn graph_of(model: &Model) -> Result<(Graph, Vec<usize>)> {
    let source = &*model.proto.graph;
    let mut scope = Scope::of_graph(source, None);
    let mut graph = Graph::new();
    add_constants(source, &mut graph)?;
    add_inputs(model, &mut graph)?;
    let mut index = Vec::with_capacity(source.node.len());
    for (position, node) in source.node.iter().enumerate() {
        scope.learn(node);
        if is_constant(node) {
            let (element, shape) = constant_value(node)?.describe()?;
            let name = node.output.first().map_or("", String::as_str);
            add_constant(&mut graph, name, element, &shape)?;
            continue;
        }
        add_node(source, node, &mut graph)?;
        index.push(position);
        for name in node.output.iter().filter(|name| !name.is_empty()) {
            if let (Some(id), Some(known)) = (graph.find(name), scope.get(name)) {
                graph.describe(id, known.element.and_then(ElementType::dtype), known.shape.clone());
                if known.is_opaque() {
                    graph.mark_opaque(id);
                }
            }
        }
    }
    for output in &source.output {
        let name = output.name.as_deref().unwrap_or_default();
        let id = graph.find(name).ok_or_else(|| {
            malformed(format!("the model's output '{name}' is computed by no node"), "export the model again")
        })?;
        graph.mark_output(id);
    }
    agree_on_types(&mut graph);
    Ok((graph, index))
}

fn malformed(message: String, remedy: &str) -> Error {
    Error::new(ErrorKind::Format, message).with_remedy(remedy)
}

fn add_constants(source: &GraphProto, graph: &mut Graph) -> Result<()> {
    for tensor in &source.initializer {
        let name = tensor.name.as_deref().unwrap_or_default();
        let element = super::element::element_type(tensor.data_type, || format!("tensor '{name}'"))?;
        add_constant(graph, name, element, &shape_of(tensor)?)?;
    }
    for sparse in &source.sparse_initializer {
        let (element, shape) = describe_sparse(sparse)?;
        add_constant(graph, sparse.values.name.as_deref().unwrap_or_default(), element, &shape)?;
    }
    Ok(())
}

fn add_constant(graph: &mut Graph, name: &str, element: ElementType, shape: &[usize]) -> Result<()> {
    let known = Known::fixed(element, shape);
    graph.add_tensor(name, TensorKind::Constant, element.dtype(), known.shape)?;
    Ok(())
}

fn add_inputs(model: &Model, graph: &mut Graph) -> Result<()> {
    let Stated { fixed, shapes } = &*model.stated;
    let mut seen = HashSet::new();
    for input in &model.proto.graph.input {
        let name = input.name.as_deref().unwrap_or_default();
        // Models before IR version 4 list their weights among the inputs.
        let is_weight = graph.find(name).is_some_and(|id| graph.tensor(id).kind == TensorKind::Constant);
        if is_weight && seen.insert(name) {
            continue;
        }
        if let Some(value) = fixed.get(name) {
            add_constant(graph, name, value.dtype().into(), value.shape())?;
            continue;
        }
        let mut known = Known::from_info(input);
        known.shape = shapes.get(name).cloned().or(known.shape);
        let (dtype, is_opaque) = (known.element.and_then(ElementType::dtype), known.is_opaque());
        let id = graph.add_tensor(name, TensorKind::Input, dtype, known.shape)?;
        if is_opaque {
            graph.mark_opaque(id);
        }
    }
    Ok(())
}

fn add_node(source: &GraphProto, node: &NodeProto, graph: &mut Graph) -> Result<()> {
    let resolve = |name: &str, graph: &Graph| graph.find(name).ok_or_else(|| unresolved(source, node, name));
    let mut inputs: Vec<Option<TensorId>> = Vec::with_capacity(node.input.len());
    for name in &node.input {
        inputs.push(if name.is_empty() { None } else { Some(resolve(name, graph)?) });
    }
    let mut captures = BTreeSet::new();
    for name in subgraphs(node).flat_map(free_names) {
        captures.insert(resolve(name, graph)?);
    }
    let captures = Vec::from_iter(captures);
    let outputs: Vec<Option<&str>> =
        node.output.iter().map(|name| Some(name.as_str()).filter(|name| !name.is_empty())).collect();
    let domain = node.domain.as_deref();
    graph.add_node(NewNode {
        name: node.name.as_deref().unwrap_or_default(),
        op: node.op_type.as_deref().unwrap_or_default(),
        domain: if super::is_default_domain(domain) { "" } else { domain.unwrap_or_default() },
        inputs: &inputs,
        outputs: &outputs,
        attributes: attributes_of(node),
        captures: &captures,
        nested: nested_in(subgraphs(node)).map(|node| node.op_type.clone().unwrap_or_default()).collect(),
    })?;
    Ok(())
}

/// The number of nodes of a cycle that a message names.
const SHOWN: usize = 8;

fn unresolved(source: &GraphProto, node: &NodeProto, name: &str) -> Error {
    let cycle = cycle(&source.node);
    // Nodes without a cycle were sorted when the model was read.
    let later = source.node.iter().any(|other| other.output.iter().any(|output| output == name));
    if later && !cycle.is_empty() {
        let names: Vec<String> = cycle.iter().take(SHOWN).map(|node| label(node)).collect();
        let more = if cycle.len() > SHOWN { ", ..." } else { "" };
        let message = format!(
            "{} reads '{name}' before it is computed, in a cycle of nodes that wait for each other: {}{more}",
            label(node),
            names.join(", ")
        );
        malformed(message, "export the model again; a graph must have no cycle")
    } else {
        let message = format!("{} reads '{name}', which nothing computes", label(node));
        malformed(message, "export the model again")
    }
}

fn attributes_of(node: &NodeProto) -> BTreeMap<String, Attribute> {
    let value = |attribute: &AttributeProto| {
        Some(match kind_of(attribute)? {
            AttributeType::INT => Attribute::Int(attribute.i?),
            AttributeType::INTS => Attribute::Ints(attribute.ints.clone()),
            AttributeType::FLOAT => Attribute::Float(attribute.f?),
            AttributeType::STRING => {
                Attribute::Text(String::from_utf8_lossy(attribute.s.as_ref()?).into_owned())
            }
            _ => return None,
        })
    };
    let named = node.attribute.iter().filter_map(|it| Some((it.name.clone()?, value(it)?)));
    named.collect()
}
