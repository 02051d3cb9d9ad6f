//! A neutral view of a network: what placement needs to know, and nothing about file formats.
//!
//! An ONNX model becomes a [`Graph`], and so does any other network representation that is described node by
//! node, so that placement exists once. Operators are named as in ONNX's default domain.

use std::collections::{BTreeMap, BTreeSet};

use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::Dim;

/// The domain of the node that stands for what the body of a Loop or Scan takes in from round to round, where
/// the body's nodes are nodes of the graph. No file has it.
pub const BODY_DOMAIN: &str = "qdq.flat";

/// Index of a tensor in [`Graph::tensors`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TensorId(pub usize);

/// Index of a node in [`Graph::nodes`]; nodes are in topological order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub usize);

/// One use of a tensor: input `input` of node `node`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Edge {
    /// The consumer.
    pub node: NodeId,
    /// Which of its inputs, from 0.
    pub input: usize,
}

/// An attribute that placement can ask for.
#[derive(Clone, Debug, PartialEq)]
pub enum Attribute {
    /// One integer.
    Int(i64),
    /// A list of integers.
    Ints(Vec<i64>),
    /// One number.
    Float(f32),
    /// A text.
    Text(String),
}

/// What a tensor is to the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TensorKind {
    /// Fed from outside, different in every batch.
    Input,
    /// Known when the network is built: a weight, a bias, a shape. One that is computed from others has a
    /// producer ([`Graph::fold`]).
    Constant,
    /// Computed by a node.
    Activation,
}

/// A tensor of the network.
#[derive(Clone, Debug)]
pub struct GraphTensor {
    /// The name, unique in the graph.
    pub name: String,
    /// What it is to the network.
    pub kind: TensorKind,
    /// The element type, where known.
    pub dtype: Option<DataType>,
    /// Whether it is known to hold nothing that qdq computes with: a sequence, a map, an optional value,
    /// texts, or elements of a type without a [`DataType`].
    pub is_opaque: bool,
    /// The shape, where known; always known and fixed for constants.
    pub shape: Option<Vec<Dim>>,
    /// The node that computes it.
    pub producer: Option<NodeId>,
    /// Every use by a node of this graph.
    pub consumers: Vec<Edge>,
    /// Whether it is an output of the network.
    pub is_output: bool,
}

impl GraphTensor {
    /// Whether its elements are floating-point numbers, or may be, where the type is not known.
    pub fn may_be_float(&self) -> bool {
        !self.is_opaque && self.dtype.is_none_or(DataType::is_float)
    }

    /// The rank, where known.
    pub fn rank(&self) -> Option<usize> {
        self.shape.as_ref().map(Vec::len)
    }

    /// The shape, where every dimension is fixed.
    pub fn fixed_shape(&self) -> Option<Vec<usize>> {
        self.shape.as_ref()?.iter().map(|dim| if let Dim::Fixed(n) = dim { Some(*n) } else { None }).collect()
    }
}

/// A node of the network.
#[derive(Clone, Debug)]
pub struct Node {
    /// The name; where the network gives none, one made of the operator and the position.
    pub name: String,
    /// The operator, as ONNX names it.
    pub op: String,
    /// The operator's domain; empty for ONNX's own.
    pub domain: String,
    /// Inputs in order; `None` for an optional one that is left out.
    pub inputs: Vec<Option<TensorId>>,
    /// Outputs in order; `None` for an optional one that is left out.
    pub outputs: Vec<Option<TensorId>>,
    /// Attributes by name.
    pub attributes: BTreeMap<String, Attribute>,
    /// Outer tensors that subgraphs of this node (the branches of an If, the body of a Loop) read by name.
    pub captures: Vec<TensorId>,
    /// The operators of ONNX's own domain inside subgraphs of this node, at any depth.
    pub nested: Vec<String>,
}

impl Node {
    /// Whether this is `op` of ONNX's own domain.
    pub fn is(&self, op: &str) -> bool {
        self.op == op && self.domain.is_empty()
    }

    /// Input `index`, where it exists and is not left out.
    pub fn input(&self, index: usize) -> Option<TensorId> {
        self.inputs.get(index).copied().flatten()
    }

    /// Output `index`, where it exists and is not left out.
    pub fn output(&self, index: usize) -> Option<TensorId> {
        self.outputs.get(index).copied().flatten()
    }

    /// An integer attribute, or `default` where it is absent.
    pub fn int(&self, name: &str, default: i64) -> i64 {
        match self.attributes.get(name) {
            Some(Attribute::Int(value)) => *value,
            _ => default,
        }
    }

    /// An attribute that is one number, or `default` where it is absent.
    pub fn float(&self, name: &str, default: f32) -> f32 {
        match self.attributes.get(name) {
            Some(Attribute::Float(value)) => *value,
            _ => default,
        }
    }

    /// A list of integers, where present.
    pub fn ints(&self, name: &str) -> Option<&[i64]> {
        match self.attributes.get(name) {
            Some(Attribute::Ints(values)) => Some(values),
            _ => None,
        }
    }
}

/// A network as nodes and tensors that refer to each other by index.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Nodes in topological order.
    pub nodes: Vec<Node>,
    /// Tensors, each name once.
    pub tensors: Vec<GraphTensor>,
    by_name: BTreeMap<String, TensorId>,
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// The node at `id`.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// The tensor at `id`.
    pub fn tensor(&self, id: TensorId) -> &GraphTensor {
        &self.tensors[id.0]
    }

    /// The tensor called `name`.
    pub fn find(&self, name: &str) -> Option<TensorId> {
        self.by_name.get(name).copied()
    }

    /// The first node called `name`; unlike tensors, nodes may share one.
    pub fn find_node(&self, name: &str) -> Option<NodeId> {
        self.nodes.iter().position(|node| node.name == name).map(NodeId)
    }

    /// The node that computes `id`.
    pub fn producer(&self, id: TensorId) -> Option<&Node> {
        self.tensor(id).producer.map(|node| self.node(node))
    }

    /// Every tensor with its id.
    pub fn tensor_ids(&self) -> impl Iterator<Item = TensorId> + use<> {
        (0..self.tensors.len()).map(TensorId)
    }

    /// Every node with its id.
    pub fn node_ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len()).map(NodeId)
    }

    /// Every tensor that `node` reads, those of its subgraphs included.
    pub fn reads(&self, node: NodeId) -> impl Iterator<Item = TensorId> + '_ {
        let node = self.node(node);
        node.inputs.iter().flatten().chain(&node.captures).copied()
    }

    /// Adds a tensor that no node computes: an input or a constant.
    ///
    /// # Errors
    /// `InvalidArgument` where the name is taken, or for an activation (its node makes it). The graph is as
    /// it was then.
    pub fn add_tensor(
        &mut self,
        name: &str,
        kind: TensorKind,
        dtype: Option<DataType>,
        shape: Option<Vec<Dim>>,
    ) -> Result<TensorId> {
        if kind == TensorKind::Activation {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("tensor '{name}': an activation needs a node"),
            )
            .with_remedy("add the node that computes it"));
        }
        self.insert_tensor(name, kind, dtype, shape)
    }

    fn insert_tensor(
        &mut self,
        name: &str,
        kind: TensorKind,
        dtype: Option<DataType>,
        shape: Option<Vec<Dim>>,
    ) -> Result<TensorId> {
        if self.by_name.contains_key(name) {
            return Err(defined_twice(name));
        }
        let id = TensorId(self.tensors.len());
        self.by_name.insert(name.to_owned(), id);
        self.tensors.push(GraphTensor {
            name: name.to_owned(),
            kind,
            dtype,
            is_opaque: false,
            shape,
            producer: None,
            consumers: Vec::new(),
            is_output: false,
        });
        Ok(id)
    }

    /// Adds a node whose inputs exist already; its outputs become new activations (constants for a node
    /// without data inputs, such as `Constant`, are added with [`Graph::add_tensor`] instead).
    ///
    /// # Errors
    /// `InvalidArgument` where an output's name is taken or an input does not exist. The graph is as it was
    /// then.
    pub fn add_node(&mut self, node: NewNode<'_>) -> Result<NodeId> {
        let id = NodeId(self.nodes.len());
        let known =
            node.inputs.iter().flatten().chain(node.captures).all(|input| input.0 < self.tensors.len());
        if !known {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("node '{}': an input does not exist", node.name),
            )
            .with_remedy("add tensors before the nodes that read them"));
        }
        // Before anything is added, so that an error leaves the graph as it was.
        let mut new = BTreeSet::new();
        for name in node.outputs.iter().flatten() {
            if self.by_name.contains_key(*name) || !new.insert(name) {
                return Err(defined_twice(name));
            }
        }
        let mut outputs = Vec::with_capacity(node.outputs.len());
        for name in node.outputs {
            outputs.push(match name {
                Some(name) => {
                    let output = self.insert_tensor(name, TensorKind::Activation, None, None)?;
                    self.tensors[output.0].producer = Some(id);
                    Some(output)
                }
                None => None,
            });
        }
        for (input, tensor) in node.inputs.iter().enumerate() {
            if let Some(tensor) = tensor {
                self.tensors[tensor.0].consumers.push(Edge { node: id, input });
            }
        }
        let name = if node.name.is_empty() { format!("{}_{}", node.op, id.0) } else { node.name.to_owned() };
        self.nodes.push(Node {
            name,
            op: node.op.to_owned(),
            domain: node.domain.to_owned(),
            inputs: node.inputs.to_vec(),
            outputs,
            attributes: node.attributes,
            captures: node.captures.to_vec(),
            nested: node.nested,
        });
        Ok(id)
    }

    /// Marks `id` as an output of the network.
    pub fn mark_output(&mut self, id: TensorId) {
        self.tensors[id.0].is_output = true;
    }

    /// States that qdq does not compute with what `id` holds.
    pub fn mark_opaque(&mut self, id: TensorId) {
        self.tensors[id.0].is_opaque = true;
    }

    /// States what is known about a tensor that a node computes.
    pub fn describe(&mut self, id: TensorId, dtype: Option<DataType>, shape: Option<Vec<Dim>>) {
        let tensor = &mut self.tensors[id.0];
        tensor.dtype = dtype.or(tensor.dtype);
        tensor.shape = shape.or(tensor.shape.take());
    }
}

impl Graph {
    /// States that a tensor follows from constants alone, so that it is one itself, of this type and shape.
    /// The nodes that compute it stay.
    pub fn fold(&mut self, id: TensorId, dtype: DataType, shape: &[usize]) {
        let tensor = &mut self.tensors[id.0];
        tensor.kind = TensorKind::Constant;
        tensor.dtype = Some(dtype);
        tensor.shape = Some(shape.iter().map(|&size| Dim::Fixed(size)).collect());
    }
}

fn defined_twice(name: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, format!("tensor '{name}' is defined twice"))
        .with_remedy("give every tensor a name of its own")
}

/// What [`Graph::add_node`] needs to know.
#[derive(Clone, Debug, Default)]
pub struct NewNode<'a> {
    /// The node's name; may be empty.
    pub name: &'a str,
    /// The operator, as ONNX names it.
    pub op: &'a str,
    /// The operator's domain; empty for ONNX's own.
    pub domain: &'a str,
    /// Inputs in order.
    pub inputs: &'a [Option<TensorId>],
    /// Names of the outputs in order.
    pub outputs: &'a [Option<&'a str>],
    /// Attributes by name.
    pub attributes: BTreeMap<String, Attribute>,
    /// Outer tensors that subgraphs of the node read.
    pub captures: &'a [TensorId],
    /// The operators of ONNX's own domain inside subgraphs of the node.
    pub nested: Vec<String>,
}
