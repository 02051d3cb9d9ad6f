//! Computes one node of a model separately, in the embedded runtime.

use std::sync::Arc;

use super::super::{RuntimeKind, RuntimeOptions, Tap, open};
use super::forms;
use crate::batch::Batch;
use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{NodeId, TensorId};
use crate::onnx::Network;
use crate::place::ops::changes_form;
use crate::tensor::{Tensor, TensorView};

/// Computes the values of `outputs` of `node`.
pub(super) fn compute(
    network: &Network,
    node: NodeId,
    mut inputs: Vec<Option<Tensor>>,
    outputs: &[TensorId],
) -> Result<Vec<Tensor>> {
    let (graph, position) = (&network.graph, network.position(node));
    let node = graph.node(node);
    if changes_form(node) && outputs.len() == 1 {
        let parameter = inputs.get_mut(1).and_then(Option::take);
        if let Some(value) = inputs.get_mut(0).and_then(Option::take) {
            return Ok(vec![forms::apply(node, value, parameter.as_ref())?]);
        }
    }
    let names = node.inputs.iter().flatten().map(|&input| graph.tensor(input).name.clone());
    let mut values: Vec<(String, Tensor)> = Vec::with_capacity(inputs.len());
    for (name, value) in names.zip(inputs.into_iter().flatten()) {
        if !values.iter().any(|(known, _)| *known == name) {
            values.push((name, value));
        }
    }
    let wanted: Vec<(&str, Option<DataType>)> = outputs
        .iter()
        .map(|&output| {
            let tensor = graph.tensor(output);
            (tensor.name.as_str(), tensor.dtype)
        })
        .collect();
    let alone = network.model.node_alone(position, values, &wanted)?;
    let embedded = RuntimeOptions { kind: RuntimeKind::Embedded, ..Default::default() };
    let results = open(&alone, &[], Arc::new(Unheard), &embedded)?.run(&Batch::default())?;
    outputs
        .iter()
        .zip(results)
        .map(|(&output, value)| match graph.tensor(output).dtype {
            // The runtime has one type for several ONNX types, and only the graph knows which one this is.
            None if value.dtype() != DataType::F32 => {
                let message = format!("the type of '{}' is not known", graph.tensor(output).name);
                Err(Error::new(ErrorKind::Unsupported, message))
            }
            _ => Ok(value),
        })
        .collect()
}

struct Unheard;

impl Tap for Unheard {
    fn observe(&self, _: usize, _: TensorView<'_>) -> Result<()> {
        Ok(())
    }
}
