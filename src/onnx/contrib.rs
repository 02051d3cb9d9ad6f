//! QuantizeLinear and DequantizeLinear of Microsoft's domain, an optional output of ONNX Runtime's quantizer.

use std::collections::HashMap;

use super::Model;
use super::node::{all_in, subgraphs_mut};
use super::proto::tensor_proto::DataType;
use super::proto::{GraphProto, NodeProto};
use super::value::{ConstantValue, constant_value, is_constant};
use super::walk::tensors;

const DOMAIN: &str = "com.microsoft";

/// The element types of tensors by name, if they are stored or quantized.
type Types = HashMap<String, i32>;

impl Model {
    /// Gives each QuantizeLinear and DequantizeLinear of Microsoft's domain ONNX's own domain, if its
    /// integers have 8 or 32 bits and its scale is in float32. Others stay.
    ///
    /// Both operators compute the same from opset 13 on, and qdq knows only ONNX's own.
    pub fn use_standard_pairs(&mut self) {
        let graph = || self.proto.graph.as_option().into_iter();
        if !all_in(graph()).any(is_contributed) {
            return;
        }
        let mut types = Types::new();
        for (tensor, _) in tensors(&self.proto) {
            learn(&mut types, tensor.name.as_ref(), tensor.data_type);
        }
        for node in all_in(graph()).filter(|node| is_constant(node)) {
            if let Ok(ConstantValue::Dense(tensor)) = constant_value(node) {
                learn(&mut types, node.output.first(), tensor.data_type);
            }
        }
        if let Some(graph) = self.edited().graph.as_option_mut() {
            standardize(graph, &mut types);
        }
    }
}

/// Notes the type of a tensor. A name that has two types, in two subgraphs, has none.
fn learn(types: &mut Types, name: Option<&String>, dtype: Option<i32>) {
    let (Some(name), Some(dtype)) = (name, dtype) else { return };
    let known = types.entry(name.clone()).or_insert(dtype);
    if *known != dtype {
        *known = DataType::UNDEFINED as i32;
    }
}

fn is_contributed(node: &NodeProto) -> bool {
    node.domain.as_deref() == Some(DOMAIN)
        && matches!(node.op_type.as_deref(), Some("QuantizeLinear" | "DequantizeLinear"))
}

fn standardize(graph: &mut GraphProto, types: &mut Types) {
    for node in &mut graph.node {
        if is_contributed(node) && has_standard_types(node, types) {
            node.domain = None;
        }
        subgraphs_mut(node).for_each(|graph| standardize(graph, types));
    }
}

/// Whether the node has types that ONNX's operator has had from opset 13 on.
fn has_standard_types(node: &NodeProto, types: &mut Types) -> bool {
    let type_of = |at: usize| types.get(node.input.get(at)?).copied();
    let is_quantize = node.op_type.as_deref() == Some("QuantizeLinear");
    let has_zero_point = node.input.get(2).is_some_and(|name| !name.is_empty());
    let integers = match (has_zero_point, is_quantize) {
        (true, _) => type_of(2),
        (false, true) => Some(DataType::UINT8 as i32),
        (false, false) => type_of(0),
    };
    let is_float = type_of(1) == Some(DataType::FLOAT as i32);
    if is_quantize {
        learn(types, node.output.first(), integers);
    }
    let allowed = [DataType::UINT8, DataType::INT8, DataType::INT32].map(|dtype| dtype as i32);
    is_float && integers.is_some_and(|integers| allowed.contains(&integers))
}
