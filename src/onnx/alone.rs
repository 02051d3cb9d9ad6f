//! One node as a model of its own.

use super::Model;
use super::initializer::tensor_proto;
use super::node::label;
use super::proto::{GraphProto, ModelProto};
use super::types::{Known, value_info};
use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::Tensor;

impl Model {
    /// A model without inputs that computes what node `position` of the main graph does, from these `values`
    /// of what it reads. Its outputs are `outputs`, which are among the node's, with their types where they
    /// are known.
    ///
    /// # Errors
    /// `InvalidArgument` where there is no such node.
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
