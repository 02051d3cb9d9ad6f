//! Inlining of a model's own functions.

mod arguments;

use std::collections::{HashMap, HashSet};

use super::Model;
use super::called::{Key, called, key_of, key_of_call};
use super::node::{NodeSpec, label, subgraphs_mut};
use super::proto::{FunctionProto, GraphProto, NodeProto, ValueInfoProto};
use super::rename::Renaming;
use super::walk::{UniqueNames, graphs_mut};
use crate::error::{Error, ErrorKind, Result};
use arguments::{Arguments, refers};

/// Limits for nested calls, and for the nodes and bytes that inlining creates. A small file could otherwise
/// request any number.
const MOST_CALLS: usize = 64;
const MOST_NODES: usize = 1 << 20;
const MOST_BYTES: usize = 1 << 30;

impl Model {
    /// Inlines the model's own functions at every call, in the main graph, in subgraphs and in other
    /// functions. Returns the names of the inlined functions. The model no longer contains them.
    ///
    /// The outputs of a call keep their names. Tensors and nodes inside get the name of the calling node as a
    /// prefix, as in `block_0/hidden`. If functions use other versions of ONNX's operators than the model,
    /// all are first raised to the highest version.
    ///
    /// # Errors
    /// `Format` if a function calls itself or a call does not fit; `Unsupported` if the versions cannot be
    /// unified ([`Model::raise_opset`]). The model is unchanged then.
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

    /// Raises the model and its called functions to the same version of ONNX's operators. Adds the imports of
    /// the functions to the model.
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
            // The main graph has no operators of ONNX's own domain in this case.
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

struct Inline<'a> {
    functions: HashMap<Key, &'a FunctionProto>,
    names: UniqueNames,
    /// The calls being inlined, the outermost first.
    active: Vec<Key>,
    /// The number of subgraphs around the current place.
    depth: usize,
    /// The number of inlined nodes, and their bytes in a file.
    nodes: usize,
    bytes: usize,
}

impl Inline<'_> {
    fn graph(&mut self, graph: &mut GraphProto) -> Result<()> {
        self.depth += 1;
        if self.depth > MOST_CALLS {
            return Err(malformed("functions and subgraphs nest too deeply", "export the model with fewer"));
        }
        let mut infos = Infos::of(&mut graph.value_info);
        graph.node = self.nodes(std::mem::take(&mut graph.node), &mut infos)?;
        self.depth -= 1;
        Ok(())
    }

    fn nodes(&mut self, nodes: Vec<NodeProto>, infos: &mut Infos<'_>) -> Result<Vec<NodeProto>> {
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
        infos: &mut Infos<'_>,
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

    /// Counts an inlined node and its attributes, so that a small file cannot exhaust the memory.
    fn count(&mut self, node: &NodeProto) -> Result<()> {
        self.nodes += 1;
        self.bytes += node.size() as usize;
        if self.nodes > MOST_NODES || self.bytes > MOST_BYTES {
            let message = format!("{}: the functions that are called come to too much", label(node));
            return Err(malformed(&message, "check where the file comes from"));
        }
        Ok(())
    }

    /// Returns the nodes of the function, with the tensors and attributes of the call.
    fn body(
        &mut self,
        call: &NodeProto,
        function: &FunctionProto,
        infos: &mut Infos<'_>,
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
            // Subgraphs of the function are renamed with it. A subgraph that the call passes in does not
            // belong to the function.
            node.attribute = own;
            renaming.node(&mut node, &mut self.names);
            let context = Arguments { call, function };
            // A subgraph that the call passes in refers to nothing of the function, so only the function's
            // own graphs are searched.
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
        infos.add(stated);
        Ok(nodes)
    }
}

/// The statements of a graph about its tensors, each tensor once.
struct Infos<'a> {
    list: &'a mut Vec<ValueInfoProto>,
    names: HashSet<String>,
}

impl<'a> Infos<'a> {
    fn of(list: &'a mut Vec<ValueInfoProto>) -> Self {
        let names = list.iter().filter_map(|info| info.name.clone()).collect();
        Self { list, names }
    }

    fn add(&mut self, infos: Vec<ValueInfoProto>) {
        let names = &mut self.names;
        let mut is_new = |name: &str| !name.is_empty() && names.insert(name.to_owned());
        self.list.extend(infos.into_iter().filter(|info| info.name.as_deref().is_some_and(&mut is_new)));
    }
}

fn malformed(message: &str, remedy: &str) -> Error {
    Error::new(ErrorKind::Format, message).with_remedy(remedy)
}
