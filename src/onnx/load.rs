//! Decoding of models.

use std::collections::HashSet;

use bytes::Bytes;

use super::proto::oneof::tensor_shape_proto::dimension::Value as DimValue;
use super::proto::oneof::type_proto::Value as TypeValue;
use super::proto::{DecodeError, ModelProto};
use super::sort::sort;
use crate::error::{Error, ErrorKind, Result};
use crate::file;
use crate::finding::Finding;

/// Decodes a model; `origin` is its name in messages. Returns the model, and whether decoding changed it.
///
/// Two changes are made. Nodes are sorted, so that all other code can rely on the order; ONNX Runtime and
/// TensorRT accept unsorted files too. Input sizes of 0 become dynamic.
///
/// Repeated fields need more bytes in memory than in the file: an empty node has two bytes in the file and
/// some hundred in memory. The memory limit grows with the file. It is far above the needs of real models,
/// and small files cannot exhaust the memory.
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

/// Makes the first dimension of an input dynamic if it is 0, and logs this.
///
/// Exporters write 0 for an unknown batch size. A real batch of size 0 leaves nothing to compute, and
/// runtimes refuse any other batch then.
fn free_empty_batches(model: &mut ModelProto, origin: &str) -> bool {
    let mut freed = false;
    let graph = model.graph.get_or_insert_default();
    let sparse = graph.sparse_initializer.iter().map(|sparse| &sparse.values.name);
    // Models before IR version 4 list their weights among the inputs. A weight without elements keeps its
    // shape.
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
