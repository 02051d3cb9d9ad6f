//! Computes one node of a model separately, in the embedded runtime.

use std::sync::Arc;

use half::{bf16, f16};

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
            values.push((name, widened(value)?));
        }
    }
    let wanted: Vec<(&str, Option<DataType>)> = outputs
        .iter()
        .map(|&output| {
            let tensor = graph.tensor(output);
            let wide = |dtype| if is_half(dtype) { DataType::F32 } else { dtype };
            (tensor.name.as_str(), tensor.dtype.map(wide))
        })
        .collect();
    let alone = network.model.node_alone(position, values, &wanted)?;
    let embedded = RuntimeOptions { kind: RuntimeKind::Embedded, ..Default::default() };
    let results = open(&alone, &[], Arc::new(Unheard), &embedded)?.run(&Batch::default())?;
    outputs
        .iter()
        .zip(results)
        .map(|(&output, value)| match graph.tensor(output).dtype {
            Some(dtype) if is_half(dtype) => narrowed(value, dtype),
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

fn is_half(dtype: DataType) -> bool {
    matches!(dtype, DataType::F16 | DataType::Bf16)
}

/// Widens 16-bit floats to f32, because the runtime has none.
///
/// Each operator computes in f32 and its result is rounded, as in ONNX Runtime.
fn widened(value: Tensor) -> Result<Tensor> {
    if !is_half(value.dtype()) {
        return Ok(value);
    }
    let floats = value.view().data().to_f32().unwrap_or_default().into_owned();
    Tensor::new(value.shape().to_vec(), floats)
}

fn narrowed(value: Tensor, to: DataType) -> Result<Tensor> {
    let floats = value.view().data().to_f32().unwrap_or_default().into_owned();
    let shape = value.shape().to_vec();
    match to {
        DataType::F16 => Tensor::new(shape, floats.into_iter().map(f16::from_f32).collect::<Vec<_>>()),
        _ => Tensor::new(shape, floats.into_iter().map(bf16::from_f32).collect::<Vec<_>>()),
    }
}
