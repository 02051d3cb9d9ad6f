//! Nesting: moves flattened subgraphs back into the nodes that hold them.
//!
//! A node that was added after flattening goes to the scope of its inputs, with two exceptions. First, a
//! Dequantize, and a Cast behind it, go to their readers, with a copy for each subgraph. TensorRT fuses none
//! across the border of a conditional or a loop; it would silently compute in floating point. Second, nodes
//! that only change initializers also go to their readers, together with these initializers. TensorRT refuses
//! stored integers that a Dequantize beyond such a border reads. Other initializers go to the innermost
//! subgraph that contains all readers.

mod exposed;
mod places;
mod stored;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::Model;
use super::flat::{attribute_of, held, holders, is_body_inputs, scope, unmark};
use super::proto::{GraphProto, NodeProto};
use super::walk::UniqueNames;
use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};
use exposed::{Exposed, is_steady};

impl Model {
    /// Returns the model with its subgraphs in their original places ([`Model::flatten`]).
    ///
    /// # Errors
    /// `Internal` if a node reads a tensor in a subgraph of an earlier node.
    pub fn nested(&self) -> Result<Self> {
        Ok(self.nested_with(&[])?.0)
    }

    /// Like [`Model::nested`], but also makes the tensors of `exposed` readable in the main graph, for
    /// running. Returns the names that they have there.
    ///
    /// A tensor of a branch becomes an output of its If. It has no elements if the other branch runs. A
    /// tensor of a Loop or Scan body gets one more axis in front, which counts the iterations. If its shape
    /// may differ between the iterations of a Loop, it becomes one axis with the elements of all iterations.
    ///
    /// # Errors
    /// Those of [`Model::nested`] and [`Model::graph`].
    pub fn nested_with(&self, exposed: &[String]) -> Result<(Self, Vec<String>)> {
        if !self.is_flat {
            return Ok((self.clone(), exposed.to_vec()));
        }
        self.nest(exposed).map_err(|error| self.located(error))
    }

    fn nest(&self, exposed: &[String]) -> Result<(Self, Vec<String>)> {
        let source = &*self.proto.graph;
        let mut nest = Nest::new(source, exposed, UniqueNames::of(&self.proto));
        let outputs = source.output.iter().filter_map(|info| info.name.clone());
        let inside: BTreeSet<String> =
            exposed.iter().cloned().chain(outputs).filter(|name| !nest.home_of(name).is_empty()).collect();
        let mut outside: HashMap<String, String> = HashMap::new();
        if !inside.is_empty() {
            let graph = self.graph()?;
            for name in inside {
                let tensor = graph.find(&name).map(|id| graph.tensor(id));
                let dtype = tensor.and_then(|tensor| tensor.dtype).unwrap_or(DataType::F32);
                let outer = nest.expose(&name, dtype, tensor.is_some_and(|tensor| is_steady(&graph, tensor)));
                outside.insert(name, outer);
            }
        }
        let seen = |name: &String| outside.get(name).unwrap_or(name).clone();
        let mut graph = nest.build()?;
        for info in &mut graph.output {
            info.name = info.name.as_ref().map(seen);
        }
        let names = exposed.iter().map(seen).collect();
        let mut model = self.clone();
        model.is_flat = false;
        *model.edited().graph.get_or_insert_default() = graph;
        Ok((model, names))
    }
}

/// A flattened main graph during nesting. Places are scopes.
struct Nest<'a> {
    source: &'a GraphProto,
    /// The node that holds the subgraph of each scope.
    holders: HashMap<&'a str, usize>,
    /// The scope that each node belongs to by itself, and all places that it goes to.
    homes: Vec<&'a str>,
    places: Vec<Vec<&'a str>>,
    /// The scope that defines each computed tensor, and the scopes that read each tensor.
    defined: HashMap<&'a str, &'a str>,
    readers: HashMap<&'a str, BTreeSet<&'a str>>,
    /// The outputs of copied nodes, by place and original name.
    renamed: HashMap<(&'a str, &'a str), String>,
    /// The initializers that are copied into each subgraph that reads them.
    shared: HashSet<&'a str>,
    exposed: BTreeMap<usize, Vec<Exposed>>,
    names: UniqueNames,
}

impl<'a> Nest<'a> {
    fn new(source: &'a GraphProto, exposed: &'a [String], names: UniqueNames) -> Self {
        let mut nest = Self {
            source,
            holders: holders(&source.node),
            homes: Vec::with_capacity(source.node.len()),
            places: vec![Vec::new(); source.node.len()],
            defined: HashMap::new(),
            readers: HashMap::new(),
            renamed: HashMap::new(),
            shared: HashSet::new(),
            exposed: BTreeMap::new(),
            names,
        };
        let movable = nest.find_homes();
        nest.find_places(&movable, exposed);
        nest.name_copies();
        nest
    }

    /// Returns the scope that defines a tensor.
    fn home_of(&self, name: &str) -> &'a str {
        self.defined.get(name).copied().unwrap_or_default()
    }

    /// Returns the scope of the node that holds this scope's subgraph.
    fn parent(&self, scope: &str) -> &'a str {
        let holder = self.holders.get(scope).map(|&at| &self.source.node[at]);
        holder.and_then(self::scope).unwrap_or_default()
    }

    /// Lists a scope and those around it, the main graph last.
    fn around<'s>(&self, scope: &'s str) -> impl Iterator<Item = &'s str> + use<'_, 's, 'a>
    where
        'a: 's,
    {
        std::iter::successors(Some(scope), |scope| Some(self.parent(scope)).filter(|_| !scope.is_empty()))
    }

    /// Returns the innermost scope around both.
    fn common(&self, one: &'a str, other: &'a str) -> &'a str {
        let around: Vec<&str> = self.around(one).collect();
        self.around(other).find(|scope| around.contains(scope)).unwrap_or_default()
    }

    fn build(mut self) -> Result<GraphProto> {
        let mut graphs = self.stored();
        for at in 0..self.source.node.len() {
            let home = self.homes[at];
            for place in self.places[at].clone().into_iter().filter(|&place| place != home) {
                let node = self.node(at, place);
                graphs.entry(place).or_default().node.push(node);
            }
        }
        for (at, source) in self.source.node.iter().enumerate() {
            if is_body_inputs(source) || !self.places[at].contains(&self.homes[at]) {
                continue;
            }
            let mut node = self.node(at, self.homes[at]);
            for scope in held(source) {
                if let Some(inner) = graphs.remove(scope) {
                    fill(&mut node, attribute_of(scope), inner);
                }
            }
            for output in self.exposed.remove(&at).unwrap_or_default() {
                let before = self.add_output(&mut node, &output)?;
                graphs.entry(self.homes[at]).or_default().node.extend(before);
            }
            graphs.entry(self.homes[at]).or_default().node.push(node);
        }
        let main = graphs.remove("").unwrap_or_default();
        if let Some(lost) = graphs.into_values().flat_map(|graph| graph.node).next() {
            let message = format!("{} is read outside its subgraph", super::node::label(&lost));
            return Err(Error::new(ErrorKind::Internal, message));
        }
        Ok(main)
    }

    /// Returns node `at` in its form for `place`.
    fn node(&mut self, at: usize, place: &'a str) -> NodeProto {
        let source = &self.source.node[at];
        let mut node = source.clone();
        unmark(&mut node);
        for (name, old) in node.input.iter_mut().zip(&source.input) {
            if let Some(new) = self.renamed.get(&(place, old.as_str())) {
                name.clone_from(new);
            }
        }
        if place != self.keeps_names(at) {
            for (name, old) in node.output.iter_mut().zip(&source.output) {
                if let Some(new) = self.renamed.get(&(place, old.as_str())) {
                    name.clone_from(new);
                }
            }
            node.name = node.name.map(|name| self.names.fresh(&name));
        }
        node
    }
}

/// Moves the content of a subgraph back into its node.
fn fill(node: &mut NodeProto, attribute: &str, inner: GraphProto) {
    let found = node.attribute.iter_mut().find(|found| found.name.as_deref() == Some(attribute));
    let Some(graph) = found.and_then(|attribute| attribute.g.as_option_mut()) else { return };
    let ends = graph.input.iter().chain(&graph.output);
    let stated: HashSet<Option<String>> = ends.map(|info| info.name.clone()).collect();
    graph.value_info = inner.value_info;
    graph.value_info.retain(|info| !stated.contains(&info.name));
    graph.node = inner.node;
    graph.initializer = inner.initializer;
    graph.sparse_initializer = inner.sparse_initializer;
    graph.quantization_annotation = inner.quantization_annotation;
}
