//! Separation of a model from its weights, for runtimes that take both from memory.

use std::collections::HashSet;

use bytes::Bytes;

use super::Model;
use super::element::element_type;
use super::external::{is_external, label};
use super::infer::Scope;
use super::node::{
    AttributeValue, NodeRef, attribute, label as node_label, nested_in, subgraphs, subgraphs_mut,
};
use super::proto::{GraphProto, NodeProto, TensorProto};
use super::save::refer;
use super::value::shape_of;
use super::walk::each_tensor_mut;
use crate::error::{Error, Result};

/// The result of [`Model::detached`].
#[derive(Clone, Debug)]
pub struct Detached {
    /// The model as one small protobuf message.
    pub message: Vec<u8>,
    /// The weights, each under the location that the message refers to. They share the memory of the mapped
    /// files.
    pub weights: Vec<(String, Bytes)>,
}

/// Weights with fewer bytes than this stay in the message.
const MIN_DETACHED: usize = 1024;

impl Model {
    /// Separates every larger weight from the model, as external data at offset 0 of a location that ends in
    /// `.data`.
    ///
    /// The message is for running only. It states types only for the inputs, because files often have wrong
    /// types for other tensors. It lists every output once. Nodes of the main graph without a name get the
    /// one from [`Model::graph`]. Convolution and pooling nodes state the strides, dilations and padding that
    /// they may leave out.
    ///
    /// # Errors
    /// Those of [`Model::graph`] and of reading external data ([`Model::constant`]).
    pub fn detached(&self) -> Result<Detached> {
        self.detach().map_err(|error| self.located(error))
    }

    /// Lists the nodes of ONNX's own domain in subgraphs at any depth: their label in messages and their
    /// operator.
    pub fn nested_operators(&self) -> Vec<(String, &str)> {
        let found = nested_in(self.proto.graph.node.iter().flat_map(subgraphs));
        found.map(|node| (node_label(node), node.op_type.as_deref().unwrap_or_default())).collect()
    }

    fn detach(&self) -> Result<Detached> {
        let (graph, positions) = self.graph_with_index()?;
        let mut model = self.clone();
        let own = model.edited().graph.get_or_insert_default();
        spell_out(own, None);
        own.value_info.clear();
        own.output.iter_mut().for_each(|output| output.r#type = None.into());
        let mut listed = HashSet::new();
        own.output.retain(|output| listed.insert(output.name.clone()));
        for (node, position) in graph.nodes.iter().zip(positions) {
            if let Some(proto) = own.node.get_mut(position) {
                proto.name = Some(node.name.clone());
            }
        }
        let mut weights = Vec::new();
        each_tensor_mut(model.edited(), &mut |tensor, _| {
            if let Some(bytes) = self.weight(tensor)? {
                let location = format!("{}.data", weights.len());
                tensor.external_data.clear();
                refer(tensor, &location, 0, bytes.len());
                tensor.raw_data = None;
                weights.push((location, bytes));
            }
            Ok::<(), Error>(())
        })?;
        Ok(Detached { message: model.encode()?, weights })
    }

    /// Returns the bytes of a tensor, if it is to be detached.
    fn weight(&self, tensor: &TensorProto) -> Result<Option<Bytes>> {
        if is_external(tensor) {
            let element = element_type(tensor.data_type, || label(tensor))?;
            return self.files.bytes(tensor, element.byte_len(&shape_of(tensor)?)).map(Some);
        }
        Ok(tensor.raw_data.clone().filter(|bytes| bytes.len() >= MIN_DETACHED))
    }
}

/// Adds the strides, dilations and padding that a node leaves out.
///
/// rten takes the number of axes from these attributes and from `kernel_shape`, which a convolution may also
/// leave out.
fn spell_out(graph: &mut GraphProto, outer: Option<&Scope<'_>>) {
    let mut scope = Scope::of_graph(graph, outer);
    for node in &mut graph.node {
        scope.learn(node);
        spell_out_node(node, &scope);
        subgraphs_mut(node).for_each(|graph| spell_out(graph, Some(&scope)));
    }
}

fn spell_out_node(proto: &mut NodeProto, scope: &Scope<'_>) {
    let node = NodeRef::new(proto);
    let rank = |input: usize| scope.get(node.inputs().get(input)?)?.rank();
    let from_operand = || rank(1).or(rank(0))?.checked_sub(2);
    let (axes, attributes): (_, &[(&str, i64, usize)]) = match node.op() {
        _ if !node.domain().is_empty() => return,
        "Conv" | "ConvTranspose" if node.ints("kernel_shape").is_none() => {
            (from_operand(), &[("strides", 1, 1), ("dilations", 1, 1), ("pads", 0, 2)])
        }
        "MaxPool" | "AveragePool" => (node.ints("kernel_shape").map(<[i64]>::len), &[("strides", 1, 1)]),
        _ => return,
    };
    let Some(axes) = axes else { return };
    let is_missing = |&&(name, ..): &&(&str, i64, usize)| {
        let is_automatic = name == "pads" && node.text("auto_pad").is_some();
        !is_automatic && node.ints(name).is_none()
    };
    let missing: Vec<_> = attributes.iter().filter(is_missing).collect();
    for &&(name, value, sides) in &missing {
        proto.attribute.push(attribute(name, AttributeValue::Ints(vec![value; sides * axes])));
    }
}
