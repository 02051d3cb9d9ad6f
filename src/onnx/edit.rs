//! Changes to the main graph, made together in one pass.

use std::collections::{HashMap, HashSet};

use super::Model;
use super::node::{AttributeValue, NodeSpec, attribute, label, subgraphs, subgraphs_mut};
use super::proto::{GraphProto, NodeProto, OperatorSetIdProto, StringStringEntryProto};
use super::types::{Known, value_info};
use super::walk::free_names;
use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};

/// The position of a new node, relative to the nodes before the edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Position {
    /// Before every node.
    Start,
    /// Directly before a node.
    Before(usize),
    /// Directly after a node.
    After(usize),
    /// After every node.
    End,
}

/// Changes to the nodes of the main graph. Positions count the nodes as they are before the edit.
#[derive(Clone, Debug, Default)]
pub struct Edits {
    insertions: Vec<(Position, NodeSpec)>,
    inputs: Vec<(usize, usize, String)>,
    outputs: Vec<(usize, usize, String)>,
    captures: Vec<(usize, String, String)>,
    attributes: Vec<(usize, String, AttributeValue)>,
    removals: HashSet<usize>,
}

impl Edits {
    /// Creates an empty list of changes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there are no changes.
    pub fn is_empty(&self) -> bool {
        self.insertions.is_empty()
            && self.inputs.is_empty()
            && self.outputs.is_empty()
            && self.captures.is_empty()
            && self.attributes.is_empty()
            && self.removals.is_empty()
    }

    /// Adds a node. Nodes at one position keep the order in which they were added.
    pub fn insert(&mut self, position: Position, node: NodeSpec) -> &mut Self {
        self.insertions.push((position, node));
        self
    }

    /// Connects input `input` of node `node` to tensor `name`. An index one past the last adds an input. An
    /// empty name leaves out an optional input.
    pub fn replace_input(&mut self, node: usize, input: usize, name: impl Into<String>) -> &mut Self {
        self.inputs.push((node, input, name.into()));
        self
    }

    /// Renames output `output` of node `node` to `name`. Its readers keep reading the old name.
    pub fn replace_output(&mut self, node: usize, output: usize, name: impl Into<String>) -> &mut Self {
        self.outputs.push((node, output, name.into()));
        self
    }

    /// Connects the subgraphs of node `node` to `to` instead of the outer tensor `from`.
    pub fn replace_capture(
        &mut self,
        node: usize,
        from: impl Into<String>,
        to: impl Into<String>,
    ) -> &mut Self {
        self.captures.push((node, from.into(), to.into()));
        self
    }

    /// Sets attribute `name` of node `node`.
    pub fn set_attribute(&mut self, node: usize, name: &str, value: AttributeValue) -> &mut Self {
        self.attributes.push((node, name.to_owned(), value));
        self
    }

    /// Removes node `node`.
    pub fn remove(&mut self, node: usize) -> &mut Self {
        self.removals.insert(node);
        self
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

impl Model {
    /// Applies all changes in one pass over the nodes and checks the result: every tensor must be computed
    /// once, and before it is read.
    ///
    /// # Errors
    /// `InvalidArgument` if a position does not exist or the result is inconsistent. The model is unchanged
    /// then.
    pub fn edit(&mut self, edits: Edits) -> Result<()> {
        if edits.is_empty() {
            return Ok(());
        }
        let old = &self.proto.graph.node;
        let mut nodes: Vec<Option<NodeProto>> = old.iter().cloned().map(Some).collect();
        rewire(&mut nodes, &edits).map_err(|error| self.located(error))?;
        for &removed in &edits.removals {
            *nodes.get_mut(removed).ok_or_else(|| self.located(no_node(removed)))? = None;
        }
        let nodes = merge(nodes, edits.insertions).map_err(|error| self.located(error))?;
        check(&self.proto.graph, &nodes).map_err(|error| self.located(error))?;
        let graph = self.edited().graph.get_or_insert_default();
        let gone = outputs_gone(&graph.node, &nodes);
        graph.value_info.retain(|info| !info.name.as_ref().is_some_and(|name| gone.contains(name)));
        graph.node = nodes;
        Ok(())
    }

    /// Makes a tensor of the main graph an output of the model, if it is not one already.
    ///
    /// `dtype` is the output's type; `None` takes the type that the model states.
    ///
    /// # Errors
    /// `InvalidArgument` if the main graph has no such tensor.
    pub fn add_output(&mut self, name: &str, dtype: Option<DataType>) -> Result<()> {
        let graph = &self.proto.graph;
        if graph.output.iter().any(|output| output.name.as_deref() == Some(name)) {
            return Ok(());
        }
        let named = |info: &&super::proto::ValueInfoProto| info.name.as_deref() == Some(name);
        let stated = graph.value_info.iter().chain(&graph.input).find(named);
        let computed = graph.node.iter().any(|node| node.output.iter().any(|output| output == name));
        if stated.is_none() && !computed && !self.constants().contains_key(name) {
            return Err(self.located(invalid(format!("no tensor is called '{name}'"))));
        }
        let known = stated.map(Known::from_info).unwrap_or_default();
        let known = Known { element: dtype.map(Into::into).or(known.element), ..known };
        self.edited().graph.get_or_insert_default().output.push(value_info(name, &known));
        Ok(())
    }

    /// Declares that the model uses version `version` of the operators of `domain`. A higher version that is
    /// already declared stays.
    pub fn import(&mut self, domain: &str, version: i64) {
        let imports = &mut self.edited().opset_import;
        let is_default = super::is_default_domain(Some(domain));
        let same = |other: &str| other == domain || (is_default && super::is_default_domain(Some(other)));
        match imports.iter_mut().find(|import| same(import.domain.as_deref().unwrap_or_default())) {
            Some(import) => import.version = import.version.max(Some(version)),
            None => imports.push(OperatorSetIdProto {
                domain: Some(domain.to_owned()),
                version: Some(version),
                ..Default::default()
            }),
        }
    }

    /// Sets an entry of the model's metadata.
    pub fn set_metadata(&mut self, key: &str, value: &str) {
        let entries = &mut self.edited().metadata_props;
        match entries.iter_mut().find(|entry| entry.key.as_deref() == Some(key)) {
            Some(entry) => entry.value = Some(value.to_owned()),
            None => entries.push(StringStringEntryProto {
                key: Some(key.to_owned()),
                value: Some(value.to_owned()),
                ..Default::default()
            }),
        }
    }

    /// Returns an entry of the model's metadata.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        let found = self.proto.metadata_props.iter().find(|entry| entry.key.as_deref() == Some(key));
        found?.value.as_deref()
    }
}

/// Lists the tensors that only nodes of `old` compute.
fn outputs_gone(old: &[NodeProto], new: &[NodeProto]) -> HashSet<String> {
    let mut gone: HashSet<String> = old.iter().flat_map(|node| &node.output).cloned().collect();
    new.iter().flat_map(|node| &node.output).for_each(|name| {
        gone.remove(name);
    });
    gone
}

fn no_node(index: usize) -> Error {
    invalid(format!("there is no node {index} to edit"))
}

fn node_at(nodes: &mut [Option<NodeProto>], index: usize) -> Result<&mut NodeProto> {
    nodes.get_mut(index).and_then(Option::as_mut).ok_or_else(|| no_node(index))
}

/// Gives inputs, outputs and captures their new names.
fn rewire(nodes: &mut [Option<NodeProto>], edits: &Edits) -> Result<()> {
    for (index, input, name) in &edits.inputs {
        let node = node_at(nodes, *index)?;
        let missing = invalid(format!("{} has no input {input}", label(node)));
        match node.input.len() {
            count if count == *input => node.input.push(name.clone()),
            _ => *node.input.get_mut(*input).ok_or(missing)? = name.clone(),
        }
        while name.is_empty() && node.input.last().is_some_and(String::is_empty) {
            node.input.pop();
        }
    }
    for (index, output, name) in &edits.outputs {
        let node = node_at(nodes, *index)?;
        let missing = invalid(format!("{} has no output {output}", label(node)));
        *node.output.get_mut(*output).ok_or(missing)? = name.clone();
    }
    for (index, name, value) in &edits.attributes {
        let node = node_at(nodes, *index)?;
        node.attribute.retain(|attribute| attribute.name.as_deref() != Some(name));
        node.attribute.push(attribute(name, value.clone()));
    }
    let mut renamed: HashMap<usize, HashMap<&str, &str>> = HashMap::new();
    for (index, from, to) in &edits.captures {
        renamed.entry(*index).or_default().insert(from, to);
    }
    for (index, names) in renamed {
        subgraphs_mut(node_at(nodes, index)?).for_each(|graph| rename_captures(graph, &names));
    }
    Ok(())
}

/// Renames the tensors that `graph` reads from the graphs around it.
fn rename_captures(graph: &mut GraphProto, names: &HashMap<&str, &str>) {
    let free: HashSet<String> = free_names(graph).into_iter().map(str::to_owned).collect();
    let names: HashMap<&str, &str> =
        names.iter().filter(|(from, _)| free.contains(**from)).map(|(from, to)| (*from, *to)).collect();
    if names.is_empty() {
        return;
    }
    for node in &mut graph.node {
        for input in &mut node.input {
            if let Some(to) = names.get(input.as_str()) {
                *input = (*to).to_owned();
            }
        }
        subgraphs_mut(node).for_each(|inner| rename_captures(inner, &names));
    }
    for output in &mut graph.output {
        if let Some(to) = output.name.as_deref().and_then(|name| names.get(name)) {
            output.name = Some((*to).to_owned());
        }
    }
}

/// Inserts the new nodes between the old ones.
fn merge(old: Vec<Option<NodeProto>>, insertions: Vec<(Position, NodeSpec)>) -> Result<Vec<NodeProto>> {
    let count = old.len();
    // A gap is the place before an old node, or after the last. `After(i)` and `Before(i + 1)` share a gap;
    // `After(i)` comes first there.
    let gap = |position: Position| match position {
        Position::Start => Ok((0, 0)),
        Position::Before(node) if node < count => Ok((node, 2)),
        Position::After(node) if node < count => Ok((node + 1, 1)),
        Position::End => Ok((count, 2)),
        Position::Before(node) | Position::After(node) => Err(no_node(node)),
    };
    let mut placed = Vec::with_capacity(insertions.len());
    for (position, node) in insertions {
        placed.push((gap(position)?, node.into_proto()));
    }
    placed.sort_by_key(|(gap, _)| *gap);
    let mut new = placed.into_iter().peekable();
    let mut old = old.into_iter();
    let mut nodes = Vec::with_capacity(count + new.len());
    for index in 0..=count {
        while let Some((_, node)) = new.next_if(|((gap, _), _)| *gap == index) {
            nodes.push(node);
        }
        nodes.extend(old.next().flatten());
    }
    Ok(nodes)
}

/// Checks that every tensor has one name and is known before it is read.
fn check(graph: &GraphProto, nodes: &[NodeProto]) -> Result<()> {
    let mut known: HashSet<&str> = HashSet::new();
    known.extend(graph.input.iter().filter_map(|info| info.name.as_deref()));
    known.extend(graph.initializer.iter().filter_map(|tensor| tensor.name.as_deref()));
    known.extend(graph.sparse_initializer.iter().filter_map(|sparse| sparse.values.name.as_deref()));
    for node in nodes {
        let captured = subgraphs(node).flat_map(free_names);
        let read = node.input.iter().map(String::as_str).filter(|name| !name.is_empty()).chain(captured);
        for name in read {
            if !known.contains(name) {
                return Err(invalid(format!(
                    "{} reads '{name}', which no node before computes",
                    label(node)
                )));
            }
        }
        for name in node.output.iter().filter(|name| !name.is_empty()) {
            if !known.insert(name) {
                return Err(invalid(format!("{} computes '{name}', a name that is taken", label(node))));
            }
        }
    }
    let lost = graph.output.iter().filter_map(|info| info.name.as_deref()).find(|name| !known.contains(name));
    match lost {
        Some(name) => Err(invalid(format!("no node computes the model's output '{name}'"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::proto::{ModelProto, ValueInfoProto};
    use super::*;

    #[test]
    fn what_is_stated_of_tensors_goes_with_them() {
        let named = |name: &str| ValueInfoProto { name: Some(name.to_owned()), ..Default::default() };
        let node =
            |input: &str, output: &str| NodeSpec::new("Relu", output, &[input], &[output]).into_proto();
        let graph = GraphProto {
            node: vec![node("x", "a"), node("a", "b"), node("x", "c")],
            input: vec![named("x")],
            output: vec![named("b")],
            value_info: vec![named("a"), named("c")],
            ..Default::default()
        };
        let source = ModelProto { graph: Some(graph).into(), ..Default::default() };
        let mut model = Model::from_bytes(source.to_chunks().unwrap().concat().into()).unwrap();
        let mut edits = Edits::new();
        edits.remove(2).replace_output(0, 0, "a_new").replace_input(1, 0, "a_new");
        model.edit(edits).unwrap();
        assert!(model.proto.graph.value_info.is_empty(), "{:?}", model.proto.graph.value_info);
        let mut edits = Edits::new();
        edits.insert(Position::End, NodeSpec::new("Relu", "r", &["b"], &["d"]));
        model.edit(edits).unwrap();
        assert_eq!(model.proto.graph.node.len(), 3);
    }
}
