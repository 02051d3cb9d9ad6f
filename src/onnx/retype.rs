//! Other element types for tensors: stored values, and what the model states of the others.

use std::collections::HashMap;

use super::element::ElementType;
use super::initializer::tensor_proto;
use super::node::{AttributeValue, NodeSpec};
use super::proto::attribute_proto::AttributeType;
use super::proto::{AttributeProto, TensorProto, ValueInfoProto};
use super::types::{Known, value_info};
use super::{Model, Stored};
use crate::error::Result;
use crate::tensor::Tensor;

impl Model {
    /// Whether `name` is a dense initializer or a `Constant` node of the main graph.
    pub fn is_stored(&self, name: &str) -> bool {
        matches!(self.constants().get(name), Some(Stored::Initializer(_) | Stored::Node(_)))
    }

    /// Replaces the value of an initializer or a `Constant` node of the main graph, with a value of any type.
    /// Returns whether there is one: the value of a fixed input is not stored. A type that the model states
    /// of it elsewhere stays ([`Model::state_types`]).
    ///
    /// # Errors
    /// `Shape` if the data does not fit the shape of the value.
    pub fn replace_constant(&mut self, name: &str, value: Tensor) -> Result<bool> {
        let Some(&place) = self.constants().get(name) else { return Ok(false) };
        let shape = value.shape().to_vec();
        let tensor = tensor_proto(name, &shape, value.into_data().into())?;
        // The places of constants stay, so their index does.
        let places = self.constants.clone();
        let graph = self.edited().graph.get_or_insert_default();
        match place {
            Stored::Initializer(index) => {
                let doc_string = graph.initializer[index].doc_string.clone();
                graph.initializer[index] = TensorProto { doc_string, ..tensor };
            }
            Stored::Sparse(_) => return Ok(false),
            Stored::Node(index) => {
                let attribute = AttributeProto {
                    name: Some("value".to_owned()),
                    r#type: Some(AttributeType::TENSOR),
                    t: Some(TensorProto { name: None, ..tensor }).into(),
                    ..Default::default()
                };
                graph.node[index].attribute = vec![attribute];
            }
        }
        self.constants = places;
        Ok(true)
    }

    /// Changes the element types that the main graph states of its inputs, outputs and other tensors.
    pub fn state_types(&mut self, types: &HashMap<String, ElementType>) {
        let graph = self.edited().graph.get_or_insert_default();
        let stated = graph.input.iter_mut().chain(&mut graph.output).chain(&mut graph.value_info);
        for info in stated {
            let element = info.name.as_ref().and_then(|name| types.get(name));
            if let Some(&element) = element {
                state(info, element);
            }
        }
    }
}

/// Changes the stated element type, and keeps the shape and the documentation.
pub(super) fn state(info: &mut ValueInfoProto, element: ElementType) {
    let known = Known::from_info(info);
    if known.element.is_some_and(|stated| stated != element) {
        let name = info.name.clone().unwrap_or_default();
        let stated = value_info(&name, &Known { element: Some(element), ..known });
        info.r#type = stated.r#type;
    }
}

impl NodeSpec {
    /// Makes a Cast of `input` to a type.
    pub fn cast(name: &str, input: &str, output: &str, to: impl Into<ElementType>) -> Self {
        let code = i64::from(to.into().code());
        Self::new("Cast", name, &[input], &[output]).with("to", AttributeValue::Int(code))
    }
}
