//! The tools for converting a single node.

use std::collections::HashSet;

use crate::error::{Error, ErrorKind, Result};
use crate::onnx::Model;
use crate::onnx::element::ElementType;
use crate::onnx::infer::Scope;
use crate::onnx::initializer::{InitializerData, tensor_proto};
use crate::onnx::node::{AttributeValue, NodeSpec, attribute, label};
use crate::onnx::proto::attribute_proto::AttributeType;
use crate::onnx::proto::{AttributeProto, NodeProto, TensorProto};
use crate::onnx::types::Known;
use crate::onnx::walk::UniqueNames;
use half::{bf16, f16};

/// A function that converts a node to its form at the next version. It returns whether anything changed.
pub(super) type Convert = fn(&mut Conversion<'_, '_>) -> Result<bool>;

/// A node during the conversion to the next version of its operator.
pub(super) struct Conversion<'a, 's> {
    /// The whole model before any conversion.
    pub model: &'a Model,
    pub node: NodeProto,
    /// The version that the node is raised to in this step.
    pub version: i64,
    /// The version that the model is raised to.
    pub target: i64,
    pub scope: &'a Scope<'s>,
    pub read: &'a HashSet<String>,
    pub names: &'a mut UniqueNames,
    pub constants: &'a mut Vec<TensorProto>,
    /// New nodes that must come before the node.
    pub before: Vec<NodeProto>,
    /// New nodes that complete the node's computation.
    pub after: Vec<NodeProto>,
}

impl Conversion<'_, '_> {
    /// Makes an error about the node.
    pub fn refuse(&self, why: impl AsRef<str>, remedy: &str) -> Error {
        let version = self.version;
        Error::new(
            ErrorKind::Unsupported,
            format!("{}: cannot be raised to opset {version}: {}", label(&self.node), why.as_ref()),
        )
        .with_remedy(remedy)
    }

    /// Removes an attribute from the node.
    fn take(&mut self, name: &str) -> Result<Option<AttributeProto>> {
        let named = |attribute: &AttributeProto| attribute.name.as_deref() == Some(name);
        let Some(position) = self.node.attribute.iter().position(named) else { return Ok(None) };
        let attribute = self.node.attribute.remove(position);
        match attribute.ref_attr_name.as_deref().unwrap_or_default() {
            "" => Ok(Some(attribute)),
            argument => Err(self.refuse(
                format!("its attribute '{name}' is the argument '{argument}' of a function"),
                "inline the model's functions before",
            )),
        }
    }

    /// Removes an integer attribute.
    pub fn take_int(&mut self, name: &str) -> Result<Option<i64>> {
        Ok(self.take(name)?.map(|attribute| attribute.i.unwrap_or_default()))
    }

    /// Removes a list of integers.
    pub fn take_ints(&mut self, name: &str) -> Result<Option<Vec<i64>>> {
        Ok(self.take(name)?.map(|attribute| attribute.ints))
    }

    /// Removes a floating-point attribute.
    pub fn take_float(&mut self, name: &str) -> Result<Option<f32>> {
        Ok(self.take(name)?.map(|attribute| attribute.f.unwrap_or_default()))
    }

    /// Removes a list of floating-point numbers.
    pub fn take_floats(&mut self, name: &str) -> Result<Option<Vec<f32>>> {
        Ok(self.take(name)?.map(|attribute| attribute.floats))
    }

    /// Removes a string.
    pub fn take_text(&mut self, name: &str) -> Result<Option<String>> {
        let text = self.take(name)?.map(|attribute| attribute.s.unwrap_or_default());
        Ok(text.map(|text| String::from_utf8_lossy(&text).into_owned()))
    }

    /// Sets an attribute of the node. It replaces one with the same name.
    pub fn set(&mut self, name: &str, value: AttributeValue) {
        self.node.attribute.retain(|attribute| attribute.name.as_deref() != Some(name));
        self.node.attribute.push(attribute(name, value));
    }

    /// Whether the node has an attribute.
    pub fn has(&self, name: &str) -> bool {
        self.node.attribute.iter().any(|attribute| attribute.name.as_deref() == Some(name))
    }

    /// Returns the known type and shape of input `index`.
    pub fn input(&self, index: usize) -> Known {
        self.node.input.get(index).and_then(|name| self.scope.get(name)).cloned().unwrap_or_default()
    }

    /// Returns the known type and shape of output `index`.
    pub fn output(&self, index: usize) -> Known {
        self.node.output.get(index).and_then(|name| self.scope.get(name)).cloned().unwrap_or_default()
    }

    /// Connects input `index` to `name`. Missing inputs before it become absent optional inputs.
    pub fn set_input(&mut self, index: usize, name: String) {
        if self.node.input.len() <= index {
            self.node.input.resize(index + 1, String::new());
        }
        self.node.input[index] = name;
    }

    /// Makes a new name that is based on the node's first output.
    pub fn fresh(&mut self, purpose: &str) -> String {
        let output = self.node.output.first().map_or("", String::as_str);
        self.names.fresh(&format!("{output}_{purpose}"))
    }

    /// Stores a constant and returns its name.
    pub fn constant(
        &mut self,
        purpose: &str,
        shape: &[usize],
        data: impl Into<InitializerData>,
    ) -> Result<String> {
        let name = self.fresh(purpose);
        self.constants.push(tensor_proto(&name, shape, data.into())?);
        Ok(name)
    }

    /// Stores a list of integers as a constant and returns its name.
    pub fn ints(&mut self, purpose: &str, values: &[i64]) -> Result<String> {
        self.constant(purpose, &[values.len()], values.to_vec())
    }

    /// Stores one number of the first input's element type as a constant and returns its name.
    pub fn scalar_like_input(&mut self, purpose: &str, value: f32) -> Result<String> {
        let bytes = match self.input(0).element {
            Some(ElementType::F32) => value.to_le_bytes().to_vec(),
            Some(ElementType::F64) => f64::from(value).to_le_bytes().to_vec(),
            Some(ElementType::F16) => f16::from_f32(value).to_le_bytes().to_vec(),
            Some(ElementType::Bf16) => bf16::from_f32(value).to_le_bytes().to_vec(),
            _ => {
                return Err(self.refuse(
                    "the element type of its input is not known",
                    "run ONNX shape inference on the model before",
                ));
            }
        };
        let element = self.input(0).element.unwrap_or(ElementType::F32);
        self.constant(purpose, &[], InitializerData::new(element, bytes))
    }

    /// Makes a new node that is named after this one. Returns the node and the name of its only output.
    pub fn node_for(&mut self, purpose: &str, op: &str, inputs: &[&str]) -> (NodeSpec, String) {
        let output = self.fresh(purpose);
        (NodeSpec::new(op, &output, inputs, &[&output]), output)
    }

    /// Puts a new node before this one and returns the name of its output.
    pub fn put_before(
        &mut self,
        purpose: &str,
        op: &str,
        inputs: &[&str],
        attributes: &[(&str, i64)],
    ) -> String {
        let (spec, output) = self.node_for(purpose, op, inputs);
        let with = |spec: NodeSpec, &(name, value): &(&str, i64)| spec.with(name, AttributeValue::Int(value));
        self.before.push(attributes.iter().fold(spec, with).into_proto());
        output
    }
}

/// Converts a tensor to a `Constant` node.
pub(super) fn constant_node(mut tensor: TensorProto) -> NodeProto {
    let name = tensor.name.take().unwrap_or_default();
    let mut node = NodeSpec::new("Constant", &name, &[], &[&name]).into_proto();
    node.attribute.push(AttributeProto {
        name: Some("value".to_owned()),
        r#type: Some(AttributeType::TENSOR),
        t: tensor.into(),
        ..Default::default()
    });
    node
}
