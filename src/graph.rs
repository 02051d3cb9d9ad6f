//! A neutral view of a network: everything that placement needs, independent of file formats.
//!
//! Every network format converts to a [`Graph`]. ONNX models do, and so does any other format that describes
//! a network node by node. The placement rules therefore exist once. Operators have the names of ONNX's
//! default domain.

use std::collections::{BTreeMap, BTreeSet};

use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::Dim;

/// The domain of the node that represents the inputs of a flattened Loop or Scan body in each iteration. The
/// nodes of the body are nodes of the graph then. No file contains this domain.
pub const BODY_DOMAIN: &str = "qdq.flat";

/// Index of a tensor in [`Graph::tensors`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TensorId(pub usize);

/// Index of a node in [`Graph::nodes`]. Nodes are in topological order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub usize);

/// One use of a tensor: input `input` of node `node`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Edge {
    /// The consumer.
    pub node: NodeId,
    /// The index of the input, from 0.
    pub input: usize,
}

/// An attribute that placement can read.
#[derive(Clone, Debug, PartialEq)]
pub enum Attribute {
    /// One integer.
    Int(i64),
    /// A list of integers.
    Ints(Vec<i64>),
    /// One floating-point number.
    Float(f32),
    /// A string.
    Text(String),
}

/// The role of a tensor in the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TensorKind {
    /// Fed by the caller, different in every batch.
    Input,
    /// Known when the network is built: a weight, a bias, a shape. A constant that is computed from others
    /// has a producer ([`Graph::fold`]).
    Constant,
    /// Computed by a node.
    Activation,
}

/// A tensor of the network.
#[derive(Clone, Debug)]
pub struct GraphTensor {
    /// The name, unique in the graph.
    pub name: String,
    /// The role in the network.
    pub kind: TensorKind,
    /// The element type, if known.
    pub dtype: Option<DataType>,
    /// Whether the content is known to be unusable for qdq: a sequence, a map, an optional value, strings, or
    /// elements of a type without a [`DataType`].
    pub is_opaque: bool,
    /// The shape, if known. Constants always have a fixed shape.
    pub shape: Option<Vec<Dim>>,
    /// The node that computes the tensor.
    pub producer: Option<NodeId>,
    /// Every use by a node of this graph.
    pub consumers: Vec<Edge>,
    /// Whether the tensor is an output of the network.
    pub is_output: bool,
}

impl GraphTensor {
    /// Whether the elements are floating-point numbers. An unknown type counts as floating-point.
    pub fn may_be_float(&self) -> bool {
        !self.is_opaque && self.dtype.is_none_or(DataType::is_float)
    }

    /// Whether the tensor is a constant that no node computes.
    pub fn is_given(&self) -> bool {
        self.kind == TensorKind::Constant && self.producer.is_none()
    }

    /// Returns the rank, if known.
    pub fn rank(&self) -> Option<usize> {
        self.shape.as_ref().map(Vec::len)
    }

    /// Returns the shape, if every dimension is fixed.
    pub fn fixed_shape(&self) -> Option<Vec<usize>> {
        self.shape.as_ref()?.iter().map(|dim| if let Dim::Fixed(n) = dim { Some(*n) } else { None }).collect()
    }
}

/// A node of the network.
#[derive(Clone, Debug, Default)]
pub struct Node {
    /// The name. A node without a name gets one from its operator and position.
    pub name: String,
    /// The operator, as ONNX names it.
    pub op: String,
    /// The operator's domain; empty for ONNX's own.
    pub domain: String,
    /// Inputs in order; `None` for an optional input that is absent.
    pub inputs: Vec<Option<TensorId>>,
    /// Outputs in order; `None` for an optional output that is absent.
    pub outputs: Vec<Option<TensorId>>,
    /// Attributes by name.
    pub attributes: BTreeMap<String, Attribute>,
    /// Outer tensors that the node's subgraphs (the branches of an If, the body of a Loop) read by name.
    pub captures: Vec<TensorId>,
    /// The operators of ONNX's own domain in the node's subgraphs, at any depth.
    pub nested: Vec<String>,
}

impl Node {
    /// Whether the node is operator `op` of ONNX's own domain.
    pub fn is(&self, op: &str) -> bool {
        self.op == op && self.domain.is_empty()
    }

    /// Returns input `index`, or `None` if it is absent.
    pub fn input(&self, index: usize) -> Option<TensorId> {
        self.inputs.get(index).copied().flatten()
    }

    /// Returns output `index`, or `None` if it is absent.
    pub fn output(&self, index: usize) -> Option<TensorId> {
        self.outputs.get(index).copied().flatten()
    }

    /// Returns an integer attribute, or `default` if it is absent.
    pub fn int(&self, name: &str, default: i64) -> i64 {
        match self.attributes.get(name) {
            Some(Attribute::Int(value)) => *value,
            _ => default,
        }
    }

    /// Returns a floating-point attribute, or `default` if it is absent.
    pub fn float(&self, name: &str, default: f32) -> f32 {
        match self.attributes.get(name) {
            Some(Attribute::Float(value)) => *value,
            _ => default,
        }
    }

    /// Returns a list of integers, or `None` if it is absent.
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
    /// Tensors with unique names.
    pub tensors: Vec<GraphTensor>,
    by_name: BTreeMap<String, TensorId>,
}

impl Graph {
    /// Creates an empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the node with this id.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// Returns the tensor with this id.
    pub fn tensor(&self, id: TensorId) -> &GraphTensor {
        &self.tensors[id.0]
    }

    /// Returns the tensor called `name`.
    pub fn find(&self, name: &str) -> Option<TensorId> {
        self.by_name.get(name).copied()
    }

    /// Returns the first node called `name`. Unlike tensors, several nodes may have the same name.
    pub fn find_node(&self, name: &str) -> Option<NodeId> {
        self.nodes.iter().position(|node| node.name == name).map(NodeId)
    }

    /// Returns the node that computes tensor `id`.
    pub fn producer(&self, id: TensorId) -> Option<&Node> {
        self.tensor(id).producer.map(|node| self.node(node))
    }

    /// Iterates over the ids of all tensors.
    pub fn tensor_ids(&self) -> impl Iterator<Item = TensorId> + use<> {
        (0..self.tensors.len()).map(TensorId)
    }

    /// Iterates over the ids of all nodes.
    pub fn node_ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len()).map(NodeId)
    }

    /// Returns the tensors that subgraphs of nodes read.
    pub fn captured(&self) -> BTreeSet<TensorId> {
        self.nodes.iter().flat_map(|node| node.captures.iter().copied()).collect()
    }

    /// Iterates over the tensors that `node` reads, including those that its subgraphs read.
    pub fn reads(&self, node: NodeId) -> impl Iterator<Item = TensorId> + '_ {
        let node = self.node(node);
        node.inputs.iter().flatten().chain(&node.captures).copied()
    }

    /// Adds a tensor that no node computes: an input or a constant.
    ///
    /// # Errors
    /// `InvalidArgument` if the name is taken, or if `kind` is an activation: only its node can add one. The
    /// graph is unchanged then.
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

    /// Adds a node. Its inputs must exist already; its outputs become new activations.
    ///
    /// Do not use this for nodes without data inputs, such as `Constant`: add their outputs with
    /// [`Graph::add_tensor`] as constants.
    ///
    /// # Errors
    /// `InvalidArgument` if the name of an output is taken or an input does not exist. The graph is unchanged
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
        // Checked before anything is added: an error leaves the graph unchanged.
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

    /// Marks a tensor as opaque: qdq cannot compute with its content ([`GraphTensor::is_opaque`]).
    pub fn mark_opaque(&mut self, id: TensorId) {
        self.tensors[id.0].is_opaque = true;
    }

    /// Sets the type and shape of a tensor that a node computes. `None` keeps the value that is known.
    pub fn describe(&mut self, id: TensorId, dtype: Option<DataType>, shape: Option<Vec<Dim>>) {
        let tensor = &mut self.tensors[id.0];
        tensor.dtype = dtype.or(tensor.dtype);
        tensor.shape = shape.or(tensor.shape.take());
    }
}

impl Graph {
    /// Marks a tensor as a constant of this type and shape, because it depends on constants only. The nodes
    /// that compute it stay.
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

/// The description of a node for [`Graph::add_node`].
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
    /// Outer tensors that the node's subgraphs read.
    pub captures: &'a [TensorId],
    /// The operators of ONNX's own domain in the node's subgraphs.
    pub nested: Vec<String>,
}
