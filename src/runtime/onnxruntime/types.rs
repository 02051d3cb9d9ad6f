//! The types that ONNX Runtime derives for tensors whose type the model does not give.
//!
//! An observer takes only tensors of numbers. An operator of another domain may also give a sequence, and
//! ONNX Runtime refuses a model that passes a sequence to an observer. So a first session reports the types
//! of such tensors: it has them as outputs of the model.

use std::collections::HashSet;

use ort::session::Session;
use ort::value::{TensorElementType, ValueType};

use crate::error::Result;
use crate::graph::{Graph, GraphTensor, TensorId};
use crate::onnx::Model;

/// Returns the encoded model that reports the types of those `observed` tensors that have none. Returns
/// `None` if all have a type.
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

/// Returns the names of those outputs of this model that an observer takes.
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

/// Returns whether an observer takes `tensor`: it has a type, or it is in `tensors`, the result of
/// [`tensors()`].
pub(super) fn is_observable(tensor: &GraphTensor, tensors: &HashSet<String>) -> bool {
    tensor.dtype.is_some() || tensors.contains(&tensor.name)
}
