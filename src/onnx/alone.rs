//! Extraction of one node as a separate model.

use super::Model;
use super::initializer::tensor_proto;
use super::node::label;
use super::proto::{GraphProto, ModelProto};
use super::types::{Known, value_info};
use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::Tensor;

impl Model {
    /// Makes a model without inputs that computes node `position` of the main graph.
    ///
    /// `values` are the tensors that the node reads. `outputs` are the outputs of the new model, with their
    /// types if known; they must be outputs of the node.
    ///
    /// # Errors
    /// `InvalidArgument` if there is no such node.
    pub fn node_alone(
        &self,
        position: usize,
        values: Vec<(String, Tensor)>,
        outputs: &[(&str, Option<DataType>)],
    ) -> Result<Self> {
        let node = self.proto.graph.node.get(position).ok_or_else(|| {
            Error::new(ErrorKind::InvalidArgument, format!("there is no node {position} to compute"))
        })?;
        let stored = values.into_iter().map(|(name, value)| {
            let shape = value.shape().to_vec();
            tensor_proto(&name, &shape, value.into_data().into())
        });
        let infos = outputs.iter().map(|(name, dtype)| {
            value_info(name, &Known { element: dtype.map(Into::into), ..Known::default() })
        });
        let graph = GraphProto {
            node: vec![node.clone()],
            name: Some(label(node)),
            initializer: stored.collect::<Result<_>>()?,
            output: infos.collect(),
            ..Default::default()
        };
        let proto = ModelProto {
            ir_version: self.proto.ir_version,
            opset_import: self.proto.opset_import.clone(),
            graph: graph.into(),
            ..Default::default()
        };
        Ok(Self::new(proto, self.origin.clone()))
    }
}
