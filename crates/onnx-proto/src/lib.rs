//! The messages of ONNX files, and their way from and to bytes.
//!
//! They change with ONNX and not with qdq, so they are a crate: compiled once, however often qdq is. Decoding
//! and encoding are generic over what is read and written; the functions here fix both, so that this crate
//! compiles them and not each one that calls them.

use buffa::encode_sink::Rope;
pub use buffa::{DecodeError, EncodeError, MAX_MESSAGE_BYTES};
use buffa::{DecodeOptions, Message};
use bytes::Bytes;

#[rustfmt::skip]
#[allow(clippy::all, dead_code, missing_docs, non_camel_case_types, unused_imports, reason = "generated")]
mod messages;

pub use messages::__buffa::oneof;
pub use messages::*;

impl ModelProto {
    /// Decodes a model, whose payloads share the memory of `bytes`; the elements of repeated fields may take
    /// `memory` bytes.
    ///
    /// # Errors
    /// If `bytes` are no such message, or one that needs more memory.
    pub fn from_bytes(bytes: &Bytes, memory: usize) -> Result<Self, DecodeError> {
        DecodeOptions::new().with_element_memory_limit(memory).decode(&mut bytes.clone())
    }

    /// The bytes of the message in pieces, which share the payloads' memory.
    ///
    /// # Errors
    /// Above [`MAX_MESSAGE_BYTES`].
    pub fn to_chunks(&self) -> Result<Vec<Bytes>, EncodeError> {
        let mut rope = Rope::new();
        self.try_encode(&mut rope)?;
        Ok(rope.into_segments())
    }

    /// How many bytes the message takes; `u32::MAX` above [`MAX_MESSAGE_BYTES`].
    pub fn size(&self) -> u32 {
        self.try_encoded_len().unwrap_or(u32::MAX)
    }
}

impl NodeProto {
    /// How many bytes the message takes; `u32::MAX` above [`MAX_MESSAGE_BYTES`].
    pub fn size(&self) -> u32 {
        self.try_encoded_len().unwrap_or(u32::MAX)
    }
}
