//! Subgraphs that were laid flat, back in the nodes that hold them.
//!
//! What was put in since goes where its inputs are, with two exceptions. Dequantize, and a Cast behind it, go
//! to who reads them, a copy for each subgraph: TensorRT fuses none across the border of a conditional or a
//! loop, and would compute in float without a word. So does what only changes stored tensors, and it takes
//! along what it changes, since TensorRT refuses stored integers that a Dequantize beyond such a border
//! reads. Other stored tensors go to the innermost subgraph that holds all who read them.

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
    /// The model with its subgraphs where they were ([`Model::flatten`]).
    ///
    /// # Errors
    /// `Internal` where something reads a tensor that lies in a subgraph of a node before it.
    pub fn nested(&self) -> Result<Self> {
        Ok(self.nested_with(&[])?.0)
    }

    /// The same with the tensors of `exposed` readable in the main graph, for running: with the names that
    /// they have there.
    ///
    /// What a branch computes becomes an output of its If, and has no elements where the other branch is
    /// taken. What the body of a Loop or Scan computes has one axis more, the first: the rounds. Where its
    /// shape may differ from round to round of a Loop, it is the elements of all rounds in one axis.
    ///
    /// # Errors
    /// As [`Model::nested`] and [`Model::graph`].
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

/// The main graph of a model that is laid flat, on its way to subgraphs. Places are scopes.
struct Nest<'a> {
    source: &'a GraphProto,
    /// Which node holds the subgraph of each scope.
    holders: HashMap<&'a str, usize>,
    /// Where each node belongs by itself, and all places that it goes to.
    homes: Vec<&'a str>,
    places: Vec<Vec<&'a str>>,
    /// Where what nodes compute is defined, and where each tensor is read.
    defined: HashMap<&'a str, &'a str>,
    readers: HashMap<&'a str, BTreeSet<&'a str>>,
    /// What copies compute, by their place and the name of the original.
    renamed: HashMap<(&'a str, &'a str), String>,
    /// The stored tensors that each subgraph has a copy of.
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

    /// The scope that a tensor is defined in.
    fn home_of(&self, name: &str) -> &'a str {
        self.defined.get(name).copied().unwrap_or_default()
    }

    /// The scope of the node that holds this one's subgraph.
    fn parent(&self, scope: &str) -> &'a str {
        let holder = self.holders.get(scope).map(|&at| &self.source.node[at]);
        holder.and_then(self::scope).unwrap_or_default()
    }

    /// A scope and those around it, the main graph last.
    fn around<'s>(&self, scope: &'s str) -> impl Iterator<Item = &'s str> + use<'_, 's, 'a>
    where
        'a: 's,
    {
        std::iter::successors(Some(scope), |scope| Some(self.parent(scope)).filter(|_| !scope.is_empty()))
    }

    /// The innermost scope around both.
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

    /// Node `at` as it is at `place`.
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

/// Gives a subgraph of a node back what it held.
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
