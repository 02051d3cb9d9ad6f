//! Nodes of a model: read access, and descriptions for insertion.

use super::proto::attribute_proto::AttributeType;
use super::proto::{AttributeProto, GraphProto, NodeProto, TensorProto};

/// A node of a model, read-only.
#[derive(Clone, Copy)]
pub struct NodeRef<'a> {
    proto: &'a NodeProto,
}

impl<'a> NodeRef<'a> {
    pub(super) fn new(proto: &'a NodeProto) -> Self {
        Self { proto }
    }

    /// Returns the name; may be empty.
    pub fn name(self) -> &'a str {
        self.proto.name.as_deref().unwrap_or_default()
    }

    /// Returns the operator.
    pub fn op(self) -> &'a str {
        self.proto.op_type.as_deref().unwrap_or_default()
    }

    /// Returns the operator's domain; empty for ONNX's own.
    pub fn domain(self) -> &'a str {
        let domain = self.proto.domain.as_deref();
        if super::is_default_domain(domain) { "" } else { domain.unwrap_or_default() }
    }

    /// Returns the names of the inputs in order; empty for an optional input that is absent.
    pub fn inputs(self) -> &'a [String] {
        &self.proto.input
    }

    /// Returns the names of the outputs in order; empty for an optional output that is absent.
    pub fn outputs(self) -> &'a [String] {
        &self.proto.output
    }

    /// Iterates over the names of the attributes.
    pub fn attribute_names(self) -> impl Iterator<Item = &'a str> {
        self.proto.attribute.iter().filter_map(|attribute| attribute.name.as_deref())
    }

    fn attribute(self, name: &str) -> Option<&'a AttributeProto> {
        self.proto.attribute.iter().find(|attribute| attribute.name.as_deref() == Some(name))
    }

    /// Returns an integer attribute.
    pub fn int(self, name: &str) -> Option<i64> {
        self.attribute(name)?.i
    }

    /// Returns a floating-point attribute.
    pub fn float(self, name: &str) -> Option<f32> {
        self.attribute(name)?.f
    }

    /// Returns a string attribute, if it is valid UTF-8.
    pub fn text(self, name: &str) -> Option<&'a str> {
        std::str::from_utf8(self.attribute(name)?.s.as_deref()?).ok()
    }

    /// Returns an attribute that is a list of integers.
    pub fn ints(self, name: &str) -> Option<&'a [i64]> {
        self.attribute(name).filter(|a| kind_of(a) == Some(AttributeType::INTS)).map(|a| a.ints.as_slice())
    }

    /// Returns an attribute that is a list of floating-point numbers.
    pub fn floats(self, name: &str) -> Option<&'a [f32]> {
        self.attribute(name)
            .filter(|a| kind_of(a) == Some(AttributeType::FLOATS))
            .map(|a| a.floats.as_slice())
    }

    /// Converts the node to a description for insertion. Returns `None` if an attribute is neither a number,
    /// nor a string, nor a list of numbers.
    pub fn to_spec(self) -> Option<NodeSpec> {
        let value = |attribute: &AttributeProto| {
            Some(match kind_of(attribute)? {
                AttributeType::INT => AttributeValue::Int(attribute.i?),
                AttributeType::INTS => AttributeValue::Ints(attribute.ints.clone()),
                AttributeType::FLOAT => AttributeValue::Float(attribute.f?),
                AttributeType::FLOATS => AttributeValue::Floats(attribute.floats.clone()),
                AttributeType::STRING => AttributeValue::Text(
                    std::str::from_utf8(attribute.s.as_deref().unwrap_or_default()).ok()?.to_owned(),
                ),
                _ => return None,
            })
        };
        let attributes = self.proto.attribute.iter();
        Some(NodeSpec {
            op: self.op().to_owned(),
            domain: self.domain().to_owned(),
            name: self.name().to_owned(),
            inputs: self.inputs().to_vec(),
            outputs: self.outputs().to_vec(),
            attributes: attributes
                .map(|attribute| Some((attribute.name.clone()?, value(attribute)?)))
                .collect::<Option<_>>()?,
        })
    }

    pub(super) fn tensor(self, name: &str) -> Option<&'a TensorProto> {
        self.attribute(name)?.t.as_option()
    }

    /// Returns the node's label for messages: its name and operator, or its operator and first output.
    pub fn label(self) -> String {
        label(self.proto)
    }
}

pub(super) fn label(node: &NodeProto) -> String {
    let op = node.op_type.as_deref().unwrap_or_default();
    match node.name.as_deref().unwrap_or_default() {
        "" => format!("{op} node that computes '{}'", node.output.first().map_or("", String::as_str)),
        name => format!("node '{name}' ({op})"),
    }
}

/// Returns the type of an attribute: the stated one or, for files of the first IR versions, that of the
/// filled field.
pub(super) fn kind_of(attribute: &AttributeProto) -> Option<AttributeType> {
    let stated = attribute.r#type.filter(|&kind| kind != AttributeType::UNDEFINED);
    stated.or_else(|| {
        let filled = [
            (attribute.f.is_some(), AttributeType::FLOAT),
            (attribute.i.is_some(), AttributeType::INT),
            (attribute.s.is_some(), AttributeType::STRING),
            (attribute.t.is_set(), AttributeType::TENSOR),
            (attribute.g.is_set(), AttributeType::GRAPH),
            (!attribute.floats.is_empty(), AttributeType::FLOATS),
            (!attribute.ints.is_empty(), AttributeType::INTS),
            (!attribute.strings.is_empty(), AttributeType::STRINGS),
        ];
        filled.into_iter().find(|(is_filled, _)| *is_filled).map(|(_, kind)| kind)
    })
}

/// Iterates over the subgraphs of a node.
pub(super) fn subgraphs(node: &NodeProto) -> impl Iterator<Item = &GraphProto> {
    node.attribute.iter().flat_map(|attribute| attribute.g.as_option().into_iter().chain(&attribute.graphs))
}

/// Lists the nodes in these graphs and their subgraphs.
pub(super) fn all_in<'a>(
    graphs: impl Iterator<Item = &'a GraphProto>,
) -> impl Iterator<Item = &'a NodeProto> {
    let mut pending: Vec<&GraphProto> = graphs.collect();
    let mut found = Vec::new();
    while let Some(graph) = pending.pop() {
        pending.extend(graph.node.iter().flat_map(subgraphs));
        found.extend(&graph.node);
    }
    found.into_iter()
}

/// Lists the nodes of ONNX's own domain in these graphs and their subgraphs.
pub(super) fn nested_in<'a>(
    graphs: impl Iterator<Item = &'a GraphProto>,
) -> impl Iterator<Item = &'a NodeProto> {
    all_in(graphs).filter(|node| super::is_default_domain(node.domain.as_deref()))
}

/// Iterates over the subgraphs of a node, mutable.
pub(super) fn subgraphs_mut(node: &mut NodeProto) -> impl Iterator<Item = &mut GraphProto> {
    node.attribute
        .iter_mut()
        .flat_map(|attribute| attribute.g.as_option_mut().into_iter().chain(&mut attribute.graphs))
}

/// The value of an attribute of a [`NodeSpec`].
#[derive(Clone, Debug, PartialEq)]
pub enum AttributeValue {
    /// One integer.
    Int(i64),
    /// A list of integers.
    Ints(Vec<i64>),
    /// One floating-point number.
    Float(f32),
    /// A list of floating-point numbers.
    Floats(Vec<f32>),
    /// A string.
    Text(String),
}

/// A node to be added to a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeSpec {
    /// The operator.
    pub op: String,
    /// The operator's domain; empty for ONNX's own. The model must import it
    /// ([`Model::import`](super::Model::import)).
    pub domain: String,
    /// The name; may be empty.
    pub name: String,
    /// Names of the inputs in order; empty for an optional input that is absent.
    pub inputs: Vec<String>,
    /// Names of the outputs in order, which must be new in the model.
    pub outputs: Vec<String>,
    /// Attributes by name.
    pub attributes: Vec<(String, AttributeValue)>,
}

impl NodeSpec {
    /// Creates a node of ONNX's own domain without attributes.
    pub fn new(op: &str, name: &str, inputs: &[&str], outputs: &[&str]) -> Self {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Self {
            op: op.to_owned(),
            domain: String::new(),
            name: name.to_owned(),
            inputs: owned(inputs),
            outputs: owned(outputs),
            attributes: Vec::new(),
        }
    }

    /// Adds an attribute.
    #[must_use]
    pub fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.attributes.push((name.to_owned(), value));
        self
    }

    pub(super) fn into_proto(self) -> NodeProto {
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        NodeProto {
            input: self.inputs,
            output: self.outputs,
            name: some(self.name),
            op_type: Some(self.op),
            domain: some(self.domain),
            attribute: self.attributes.into_iter().map(|(name, value)| attribute(&name, value)).collect(),
            ..Default::default()
        }
    }
}

/// Makes the protobuf message of an attribute.
pub(super) fn attribute(name: &str, value: AttributeValue) -> AttributeProto {
    let mut proto = AttributeProto { name: Some(name.to_owned()), ..Default::default() };
    proto.r#type = Some(match value {
        AttributeValue::Int(value) => {
            proto.i = Some(value);
            AttributeType::INT
        }
        AttributeValue::Ints(values) => {
            proto.ints = values;
            AttributeType::INTS
        }
        AttributeValue::Float(value) => {
            proto.f = Some(value);
            AttributeType::FLOAT
        }
        AttributeValue::Floats(values) => {
            proto.floats = values;
            AttributeType::FLOATS
        }
        AttributeValue::Text(value) => {
            proto.s = Some(value.into_bytes().into());
            AttributeType::STRING
        }
    });
    proto
}
