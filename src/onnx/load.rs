//! From bytes to messages.

use std::collections::HashSet;

use bytes::Bytes;

use super::proto::oneof::tensor_shape_proto::dimension::Value as DimValue;
use super::proto::oneof::type_proto::Value as TypeValue;
use super::proto::{DecodeError, ModelProto};
use super::sort::sort;
use crate::error::{Error, ErrorKind, Result};
use crate::file;
use crate::finding::Finding;

/// Decodes a model; `origin` names it in messages.
///
/// Repeated fields cost more memory than file: an empty node is two bytes there and some hundred here. The
/// limit grows with the file, far above what real models need, so that no small file can exhaust the memory.
///
/// Nodes are sorted here, so that nobody meets a graph that is not, and input sizes of 0 are freed; the
/// result tells whether that changed anything. ONNX Runtime and TensorRT take unsorted files too.
pub(super) fn decode(bytes: &Bytes, origin: &str) -> Result<(ModelProto, bool)> {
    file::check_is_not_empty(origin, bytes)?;
    file::check_is_no_pointer(origin, bytes)?;
    const MIB: usize = 1 << 20;
    let memory = bytes.len().saturating_mul(64).saturating_add(64 * MIB).min(8192 * MIB);
    let mut model = ModelProto::from_bytes(bytes, memory).map_err(|error| failure(&error, origin))?;
    if model.graph.is_unset() {
        return Err(Error::new(
            ErrorKind::Format,
            format!("{origin}: holds no graph, so it is no ONNX model"),
        )
        .with_remedy("give an ONNX file (.onnx)"));
    }
    let moved = sort(&mut model);
    let freed = free_empty_batches(&mut model, origin);
    Ok((model, moved || freed))
}

/// Makes a first dimension of 0 of an input one that is decided at run time, and says so. Exporters write 0
/// for a batch size that they do not know; a real batch of nothing leaves nothing to compute, and runtimes
/// refuse any other.
fn free_empty_batches(model: &mut ModelProto, origin: &str) -> bool {
    let mut freed = false;
    let graph = model.graph.get_or_insert_default();
    let sparse = graph.sparse_initializer.iter().map(|sparse| &sparse.values.name);
    // Models before IR version 4 list their weights among the inputs; one of no element is what it says.
    let stored: HashSet<Option<String>> =
        graph.initializer.iter().map(|tensor| &tensor.name).chain(sparse).cloned().collect();
    for input in graph.input.iter_mut().filter(|input| !stored.contains(&input.name)) {
        let Some(stated) = input.r#type.as_option_mut() else { continue };
        let Some(TypeValue::TensorType(tensor)) = &mut stated.value else { continue };
        let Some(first) = tensor.shape.as_option_mut().and_then(|shape| shape.dim.first_mut()) else {
            continue;
        };
        if first.value == Some(DimValue::DimValue(0)) {
            (first.value, freed) = (None, true);
            let name = input.name.as_deref().unwrap_or_default();
            let message = format!(
                "{origin}: input '{name}' declares a batch size of 0, which was taken for one that is not known"
            );
            Finding::note(message).log();
        }
    }
    freed
}

fn failure(error: &DecodeError, origin: &str) -> Error {
    let (what, remedy) = match error {
        DecodeError::MessageTooLarge => (
            "is above the 2 GiB that one ONNX file can hold",
            "export the model with its weights as external data",
        ),
        DecodeError::RecursionLimitExceeded => {
            ("nests subgraphs too deeply", "export the model with fewer nested If, Loop and Scan")
        }
        DecodeError::ElementMemoryLimitExceeded | DecodeError::UnknownFieldLimitExceeded => {
            ("would take far more memory than its size justifies", "check where the file comes from")
        }
        _ => ("is no ONNX model, or a damaged one", "export or copy the model again"),
    };
    Error::new(ErrorKind::Format, format!("{origin}: {what} ({error})")).with_remedy(remedy)
}
