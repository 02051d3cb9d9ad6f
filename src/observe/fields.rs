//! The common part of the statistics files: safetensors with one metadata entry that names the content.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use safetensors::{Dtype, SafeTensors, View};

use crate::error::{Context, Error, ErrorKind, Result};
use crate::file::{check_is_not_empty, write_atomic};

/// The kind of content of a file.
pub(super) struct Kind {
    /// The metadata entry that marks these files.
    pub key: &'static str,
    /// The value of the entry: the version of the layout.
    pub version: &'static str,
    /// The name of the content in messages.
    pub name: &'static str,
}

impl Kind {
    /// Returns the bytes of a file with these tensors. They depend only on names and content.
    ///
    /// # Errors
    ///
    /// If the names are too long for the format (100 MB together).
    pub fn serialize(&self, fields: Vec<(String, Field)>) -> Result<Vec<u8>> {
        // There is only one entry, because the crate writes metadata in an order that changes from run to
        // run.
        let metadata = HashMap::from([(self.key.to_owned(), self.version.to_owned())]);
        safetensors::serialize(fields, Some(metadata))
            .context(ErrorKind::Data, || format!("{} cannot be written", self.name))
    }

    /// Returns the tensors of a file.
    ///
    /// # Errors
    ///
    /// If the bytes are damaged, have other content or come from a newer qdq.
    pub fn deserialize<'a>(&self, bytes: &'a [u8]) -> Result<SafeTensors<'a>> {
        let incomplete = || "not a complete safetensors file".to_owned();
        let (_, header) = SafeTensors::read_metadata(bytes).context(ErrorKind::Format, incomplete)?;
        match header.metadata().as_ref().and_then(|entries| entries.get(self.key)).map(String::as_str) {
            Some(version) if version == self.version => {}
            Some(other) => {
                return Err(damaged(format!("version {other} of the {} is not known", self.name))
                    .with_remedy("use the version of qdq that wrote the file"));
            }
            None => return Err(damaged(format!("a safetensors file, but not {}", self.name))),
        }
        SafeTensors::deserialize(bytes).context(ErrorKind::Format, incomplete)
    }
}

/// Writes a file, completely or not at all.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_atomic(path, |out| out.write_all(bytes).map_err(|error| Error::io("write", path, error)))
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    let bytes = std::fs::read(path).map_err(|error| Error::io("read", path, error))?;
    check_is_not_empty(path.display(), &bytes)?;
    Ok(bytes)
}

pub(super) fn damaged(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Format, message)
}

fn field<'a>(content: &SafeTensors<'a>, name: &str, dtype: Dtype) -> Result<&'a [u8]> {
    let tensor = content.tensor(name).context(ErrorKind::Format, || format!("field '{name}' is missing"))?;
    if tensor.dtype() != dtype {
        return Err(damaged(format!("field '{name}' is {:?}, not {dtype:?}", tensor.dtype())));
    }
    Ok(tensor.data())
}

macro_rules! little_endian {
    ($($number:ident, $numbers:ident, $dtype:ident);*) => {
        $(pub(super) fn $numbers(content: &SafeTensors<'_>, name: &str) -> Result<Vec<$number>> {
            let (words, _) = field(content, name, Dtype::$dtype)?.as_chunks();
            Ok(words.iter().map(|&word| $number::from_le_bytes(word)).collect())
        })*

        impl Field {
            $(/// Numbers of a shape; in a row without one.
            pub fn $numbers(shape: Option<Vec<usize>>, values: impl IntoIterator<Item = $number>) -> Self {
                let bytes: Vec<u8> = values.into_iter().flat_map($number::to_le_bytes).collect();
                let shape = shape.unwrap_or_else(|| vec![bytes.len() / size_of::<$number>()]);
                Self { dtype: Dtype::$dtype, shape, bytes }
            })*
        }
    };
}

little_endian!(u64, u64s, U64; i64, i64s, I64; u32, u32s, U32; f32, f32s, F32);

/// A tensor that is to be written to the file.
pub(super) struct Field {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl View for Field {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        (&self.bytes).into()
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}
