//! A model's own functions, put in where they are called.

use std::collections::{HashMap, HashSet};

use super::Model;
use super::node::{NodeSpec, label, subgraphs, subgraphs_mut};
use super::proto::{AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, ValueInfoProto};
use super::rename::Renaming;
use super::walk::{UniqueNames, graphs, graphs_mut};
use crate::error::{Error, ErrorKind, Result};

/// How deep functions may call each other, and how many nodes and bytes may come of them: a small file could ask for any number.
const MOST_CALLS: usize = 64;
const MOST_NODES: usize = 1 << 20;
const MOST_BYTES: usize = 1 << 30;

/// What a call names a function by: domain, name and overload.
type Key = (String, String, String);

impl Model {
    /// Puts the nodes of the model's own functions in where they are called, in the main graph, in subgraphs and in other
    /// functions. Returns the names of the functions that were called, which the model has no more.
    ///
    /// The outputs of a call keep their names; what lies inside gets the name of the calling node before its own, as in
    /// `block_0/hidden`. Where functions use other versions of ONNX's operators than the model, everything is raised to the
    /// highest first.
    ///
    /// # Errors
    /// `Format` where functions call themselves or a call does not fit; `Unsupported` where versions cannot be brought together
    /// ([`Model::raise_opset`]). The model is unchanged then.
    pub fn inline_functions(&mut self) -> Result<Vec<String>> {
        let called = called(&self.proto);
        if called.is_empty() {
            return Ok(Vec::new());
        }
        let mut model = self.clone();
        model.agree_on_opsets(&called)?;
        let proto = (*model.proto).clone();
        let functions = proto.functions.iter().map(|function| (key_of(function), function));
        let mut inline = Inline {
            functions: functions.filter(|(key, _)| called.contains(key)).collect(),
            names: model.unique_names(),
            active: Vec::new(),
            depth: 0,
            nodes: 0,
            bytes: 0,
        };
        for graph in graphs_mut(model.edited()) {
            inline.graph(graph).map_err(|error| self.located(error))?;
        }
        model.edited().functions.retain(|function| !called.contains(&key_of(function)));
        *self = model;
        Ok(proto.functions.iter().map(key_of).filter(|key| called.contains(key)).map(|key| key.1).collect())
    }

    /// Brings the model and those of its functions that are called to one version of ONNX's operators, and lets the model import
    /// what the functions import.
    fn agree_on_opsets(&mut self, called: &HashSet<Key>) -> Result<()> {
        self.edited().functions.retain(|function| called.contains(&key_of(function)));
        let imports: Vec<(String, i64)> = self
            .proto
            .functions
            .iter()
            .flat_map(|function| &function.opset_import)
            .map(|import| (import.domain.clone().unwrap_or_default(), import.version.unwrap_or_default()))
            .collect();
        let own = imports.iter().filter(|(domain, _)| super::is_default_domain(Some(domain)));
        let highest = own.map(|(_, version)| *version).max().unwrap_or_default();
        match self.opset() {
            // The main graph has no operators of ONNX's own then.
            0 => self.import("", highest),
            opset if opset < highest => {
                self.raise_opset(highest)?;
            }
            _ => {}
        }
        self.raise_functions(self.opset())?;
        for (domain, version) in imports.iter().filter(|(domain, _)| !super::is_default_domain(Some(domain)))
        {
            self.import(domain, *version);
        }
        Ok(())
    }
}

fn key_of(function: &FunctionProto) -> Key {
    key(&function.domain, &function.name, &function.overload)
}

fn key_of_call(node: &NodeProto) -> Key {
    key(&node.domain, &node.op_type, &node.overload)
}

fn key(domain: &Option<String>, name: &Option<String>, overload: &Option<String>) -> Key {
    let domain = domain.as_deref().filter(|domain| !super::is_default_domain(Some(domain)));
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    (domain.unwrap_or_default().to_owned(), text(name), text(overload))
}

/// The functions that the model's graphs call, directly or through each other.
fn called(model: &ModelProto) -> HashSet<Key> {
    let functions: HashMap<Key, &FunctionProto> =
        model.functions.iter().map(|function| (key_of(function), function)).collect();
    let mut called = HashSet::new();
    if functions.is_empty() {
        return called;
    }
    let mut pending: Vec<&[NodeProto]> = graphs(model).map(|graph| graph.node.as_slice()).collect();
    while let Some(nodes) = pending.pop() {
        for node in nodes {
            pending.extend(subgraphs(node).map(|graph| graph.node.as_slice()));
            if let Some((key, function)) = functions.get_key_value(&key_of_call(node))
                && called.insert(key.clone())
            {
                pending.push(&function.node);
            }
        }
    }
    called
}

struct Inline<'a> {
    functions: HashMap<Key, &'a FunctionProto>,
    names: UniqueNames,
    /// The calls that are being put in, the outermost first.
    active: Vec<Key>,
    /// How many subgraphs lie around the place.
    depth: usize,
    /// How many nodes were put in, and how many bytes they take in a file.
    nodes: usize,
    bytes: usize,
}

impl Inline<'_> {
    fn graph(&mut self, graph: &mut GraphProto) -> Result<()> {
        self.depth += 1;
        if self.depth > MOST_CALLS {
            return Err(malformed("functions and subgraphs nest too deeply", "export the model with fewer"));
        }
        graph.node = self.nodes(std::mem::take(&mut graph.node), &mut graph.value_info)?;
        self.depth -= 1;
        Ok(())
    }

    fn nodes(&mut self, nodes: Vec<NodeProto>, infos: &mut Vec<ValueInfoProto>) -> Result<Vec<NodeProto>> {
        let mut result = Vec::with_capacity(nodes.len());
        for mut node in nodes {
            subgraphs_mut(&mut node).try_for_each(|graph| self.graph(graph))?;
            let key = key_of_call(&node);
            match self.functions.get(&key).copied() {
                Some(function) => result.extend(self.call(&node, key, function, infos)?),
                None => result.push(node),
            }
        }
        Ok(result)
    }

    fn call(
        &mut self,
        call: &NodeProto,
        key: Key,
        function: &FunctionProto,
        infos: &mut Vec<ValueInfoProto>,
    ) -> Result<Vec<NodeProto>> {
        let name = key.1.clone();
        if self.active.contains(&key) {
            return Err(malformed(
                &format!("function '{name}' calls itself"),
                "export the model again; functions of ONNX cannot recur",
            ));
        }
        if self.active.len() >= MOST_CALLS {
            return Err(malformed(
                &format!("function '{name}': its calls nest too deeply"),
                "check where the file comes from",
            ));
        }
        self.active.push(key);
        let body = self.body(call, function, infos)?;
        let nodes = self.nodes(body, infos)?;
        self.active.pop();
        Ok(nodes)
    }

    /// Counts a node that was put in, with what its attributes hold: a small file must not fill the memory.
    fn count(&mut self, node: &NodeProto) -> Result<()> {
        self.nodes += 1;
        self.bytes += node.size() as usize;
        if self.nodes > MOST_NODES || self.bytes > MOST_BYTES {
            let message = format!("{}: the functions that are called come to too much", label(node));
            return Err(malformed(&message, "check where the file comes from"));
        }
        Ok(())
    }

    /// The nodes of the function with the call's tensors and attributes for its own.
    fn body(
        &mut self,
        call: &NodeProto,
        function: &FunctionProto,
        infos: &mut Vec<ValueInfoProto>,
    ) -> Result<Vec<NodeProto>> {
        if call.input.len() > function.input.len() || call.output.len() > function.output.len() {
            let name = function.name.as_deref().unwrap_or_default();
            let message = format!(
                "{}: calls function '{name}', which has {} inputs and {} outputs, with {} and {}",
                label(call),
                function.input.len(),
                function.output.len(),
                call.input.len(),
                call.output.len()
            );
            return Err(malformed(&message, "export the model again"));
        }
        let first = || call.output.iter().find(|name| !name.is_empty()).cloned().unwrap_or_default();
        let prefix = call.name.clone().filter(|name| !name.is_empty()).unwrap_or_else(first);
        let mut renaming = Renaming::of_function(&prefix);
        for (at, formal) in function.input.iter().enumerate() {
            renaming.set(formal, call.input.get(at).map_or("", String::as_str));
        }
        let mut passed_on = Vec::new();
        for (formal, actual) in function.output.iter().zip(&call.output).filter(|(_, name)| !name.is_empty())
        {
            if renaming.knows(formal) {
                passed_on.push((formal, actual));
            } else {
                renaming.set(formal, actual);
            }
        }
        let mut nodes = Vec::with_capacity(function.node.len());
        for node in &function.node {
            let mut node = node.clone();
            let (referring, own): (Vec<_>, Vec<_>) =
                std::mem::take(&mut node.attribute).into_iter().partition(refers);
            // Subgraphs of the function are renamed with it, one that the call hands over is not the function's.
            node.attribute = own;
            renaming.node(&mut node, &mut self.names);
            let context = Arguments { call, function };
            // What the call hands over refers to nothing of the function, so that only the function's own graphs are looked
            // through.
            subgraphs_mut(&mut node).for_each(|graph| context.resolve_in(graph));
            node.attribute.extend(referring.iter().filter_map(|attribute| context.resolve(attribute)));
            self.count(&node)?;
            nodes.push(node);
        }
        for (formal, actual) in passed_on {
            let source = renaming.read(formal, &mut self.names);
            let name = self.names.fresh(&format!("{prefix}/Identity"));
            nodes.push(NodeSpec::new("Identity", &name, &[&source], &[actual]).into_proto());
        }
        let known = |info: &&ValueInfoProto| info.name.as_deref().is_some_and(|name| renaming.knows(name));
        let mut stated: Vec<ValueInfoProto> = function.value_info.iter().filter(known).cloned().collect();
        renaming.infos(stated.iter_mut());
        let is_new = |info: &ValueInfoProto| {
            info.name.as_deref().is_some_and(|name| !name.is_empty())
                && infos.iter().all(|known| known.name != info.name)
        };
        stated.retain(is_new);
        infos.extend(stated);
        Ok(nodes)
    }
}

fn refers(attribute: &AttributeProto) -> bool {
    attribute.ref_attr_name.as_deref().is_some_and(|name| !name.is_empty())
}

/// What a call gives for the attributes of its function.
#[derive(Clone, Copy)]
struct Arguments<'a> {
    call: &'a NodeProto,
    function: &'a FunctionProto,
}

impl Arguments<'_> {
    /// The attribute with the value that the call gives, or the function's default; `None` where there is neither, which leaves
    /// the operator its own default.
    fn resolve(self, attribute: &AttributeProto) -> Option<AttributeProto> {
        let given = self.call.attribute.iter().chain(&self.function.attribute_proto);
        let value = given.clone().find(|given| given.name == attribute.ref_attr_name)?;
        Some(AttributeProto { name: attribute.name.clone(), ref_attr_name: None, ..value.clone() })
    }

    fn resolve_in(self, graph: &mut GraphProto) {
        for node in &mut graph.node {
            subgraphs_mut(node).for_each(|graph| self.resolve_in(graph));
            let attributes = std::mem::take(&mut node.attribute).into_iter();
            node.attribute =
                attributes.filter_map(|it| if refers(&it) { self.resolve(&it) } else { Some(it) }).collect();
        }
    }
}

fn malformed(message: &str, remedy: &str) -> Error {
    Error::new(ErrorKind::Format, message).with_remedy(remedy)
}
