//! What ONNX Runtime knows of tensors whose type the model does not tell.
//!
//! An observer takes tensors of numbers. Behind an operator of another domain may come a sequence just as
//! well, which ONNX Runtime would refuse to give to an observer; so it is asked first, with such tensors as
//! outputs of the model.

use std::collections::HashSet;

use ort::session::Session;
use ort::value::{TensorElementType, ValueType};

use crate::error::Result;
use crate::graph::{Graph, GraphTensor, TensorId};
use crate::onnx::Model;

/// The model to ask about the types of those of `observed` that have none; `None` where all have one.
pub(super) fn probe(model: &Model, graph: &Graph, observed: &[(TensorId, usize)]) -> Result<Option<Vec<u8>>> {
    let tensors = observed.iter().map(|(tensor, _)| graph.tensor(*tensor));
    let unknown: Vec<&GraphTensor> = tensors.filter(|tensor| tensor.dtype.is_none()).collect();
    if unknown.is_empty() {
        return Ok(None);
    }
    let mut model = model.clone();
    for tensor in unknown {
        model.add_output(&tensor.name, None)?;
    }
    model.encode().map(Some)
}

/// The outputs of such a model that an observer takes.
pub(super) fn tensors(session: &Session) -> HashSet<String> {
    let outputs = session.outputs().iter().filter(|output| match output.dtype() {
        ValueType::Tensor { ty, .. } => matches!(
            ty,
            TensorElementType::Float32
                | TensorElementType::Float16
                | TensorElementType::Bfloat16
                | TensorElementType::Float64
        ),
        _ => false,
    });
    outputs.map(|output| output.name().to_owned()).collect()
}

/// Whether an observer takes `tensor`: by its type, or as one of the `tensors` that were asked about.
pub(super) fn is_observable(tensor: &GraphTensor, tensors: &HashSet<String>) -> bool {
    tensor.dtype.is_some() || tensors.contains(&tensor.name)
}
