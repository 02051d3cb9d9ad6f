//! From bytes to messages.

use buffa::{DecodeError, DecodeOptions};
use bytes::Bytes;

use super::proto::ModelProto;
use super::sort::sort;
use crate::error::{Error, ErrorKind, Result};

/// Decodes a model; `origin` names it in messages.
///
/// Repeated fields cost more memory than file: an empty node is two bytes there and some hundred here. The
/// limit grows with the file, far above what real models need, so that no small file can exhaust the memory.
///
/// Nodes are sorted here, so that nobody meets a graph that is not; the result tells whether a node moved. ONNX
/// Runtime and TensorRT take such files too.
pub(super) fn decode(bytes: &Bytes, origin: &str) -> Result<(ModelProto, bool)> {
    const MIB: usize = 1 << 20;
    let memory = bytes.len().saturating_mul(64).saturating_add(64 * MIB).min(8192 * MIB);
    let options = DecodeOptions::new().with_element_memory_limit(memory);
    let mut model: ModelProto =
        options.decode(&mut bytes.clone()).map_err(|error| failure(&error, origin))?;
    if model.graph.is_unset() {
        return Err(Error::new(
            ErrorKind::Format,
            format!("{origin}: holds no graph, so it is no ONNX model"),
        )
        .with_remedy("give an ONNX file (.onnx)"));
    }
    let moved = sort(&mut model);
    Ok((model, moved))
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
