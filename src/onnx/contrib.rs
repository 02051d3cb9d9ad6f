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
    /// Moves QuantizeLinear and DequantizeLinear nodes from Microsoft's domain to ONNX's own domain, if their
    /// integers have 8 or 32 bits. Other nodes stay.
    ///
    /// Both operators compute the same from opset 13 on, and qdq knows only ONNX's own.
    pub fn use_standard_pairs(&mut self) {
        let graph = || self.proto.graph.as_option().into_iter();
        if !all_in(graph()).any(is_contributed) {
            return;
        }
        let mut types = Types::new();
        for (tensor, _) in tensors(&self.proto) {
            types.extend(tensor.name.clone().zip(tensor.data_type));
        }
        for node in all_in(graph()).filter(|node| is_constant(node)) {
            if let Ok(ConstantValue::Dense(tensor)) = constant_value(node) {
                types.extend(node.output.first().cloned().zip(tensor.data_type));
            }
        }
        if let Some(graph) = self.edited().graph.as_option_mut() {
            standardize(graph, &mut types);
        }
    }
}

fn is_contributed(node: &NodeProto) -> bool {
    node.domain.as_deref() == Some(DOMAIN)
        && matches!(node.op_type.as_deref(), Some("QuantizeLinear" | "DequantizeLinear"))
}

fn standardize(graph: &mut GraphProto, types: &mut Types) {
    for node in &mut graph.node {
        if is_contributed(node) && has_standard_integers(node, types) {
            node.domain = None;
        }
        subgraphs_mut(node).for_each(|graph| standardize(graph, types));
    }
}

/// Whether the node's integer type is one that ONNX's operator supports since opset 13.
fn has_standard_integers(node: &NodeProto, types: &mut Types) -> bool {
    let is_quantize = node.op_type.as_deref() == Some("QuantizeLinear");
    let zero_point = node.input.get(2).filter(|name| !name.is_empty());
    let found = match (zero_point, node.input.first()) {
        (Some(name), _) => types.get(name).copied(),
        (None, _) if is_quantize => Some(DataType::UINT8 as i32),
        (None, integers) => integers.and_then(|name| types.get(name)).copied(),
    };
    let Some(found) = found else { return false };
    if is_quantize {
        types.extend(node.output.first().map(|name| (name.clone(), found)));
    }
    [DataType::UINT8, DataType::INT8, DataType::INT32].map(|dtype| dtype as i32).contains(&found)
}
