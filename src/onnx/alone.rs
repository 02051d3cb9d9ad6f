//! One node as a model of its own.

use super::Model;
use super::initializer::tensor_proto;
use super::proto::{GraphProto, ModelProto};
use super::types::{Known, value_info};
use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::Tensor;

impl Model {
    /// A model without inputs that computes what the node of the main graph that computes `output` does, from these `values` of
    /// what it reads. Its outputs are `outputs`, which are among the node's, with their types where they are known.
    ///
    /// # Errors
    /// `InvalidArgument` where no node computes `output`.
    pub fn node_alone(
        &self,
        output: &str,
        values: Vec<(String, Tensor)>,
        outputs: &[(&str, Option<DataType>)],
    ) -> Result<Self> {
        let computes = |node: &&super::proto::NodeProto| node.output.iter().any(|name| name == output);
        let node =
            self.proto.graph.node.iter().find(computes).ok_or_else(|| {
                Error::new(ErrorKind::InvalidArgument, format!("no node computes '{output}'"))
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
            name: Some(output.to_owned()),
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
