//! Writing of models to files.
//!
//! One protobuf message holds at most 2 GiB, so larger models keep their weights in a second file. Weights
//! are written directly from the mapped files and never collected in memory.

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::Model;
use super::element::element_type;
use super::external::{Reference, folder_of, is_external, label};
use super::proto::tensor_proto::DataLocation;
use super::proto::{MAX_MESSAGE_BYTES, ModelProto, StringStringEntryProto, TensorProto};
use super::value::shape_of;
use super::walk::{each_tensor_mut, tensors};
use crate::error::{Error, ErrorKind, Result};
use crate::file::write_atomic;

/// Options for dividing a model into files.
#[derive(Clone, Debug)]
pub struct SaveOptions {
    /// The largest size of the model file in bytes. If it would be larger, weights go into a data file beside
    /// it. The default is also the maximum: 2 GiB less one byte, the limit of a protobuf message.
    pub max_file: u32,
    /// The smallest weight in bytes that can leave the model file (default 1024).
    pub min_external: usize,
}

impl Default for SaveOptions {
    fn default() -> Self {
        Self { max_file: MAX_MESSAGE_BYTES, min_external: 1024 }
    }
}

/// The alignment of tensors in data files: page borders, so that readers can map them one by one.
const ALIGNMENT: u64 = 4096;

/// The largest total size of external data that is moved into the model file. One file is easier to handle.
const MOST_INSIDE: usize = 16 << 20;

impl Model {
    /// Writes the model to `path`. Returns the written files, the model first.
    ///
    /// An unedited model is written byte for byte as it was read, unless its nodes were not in topological
    /// order or a batch size of 0 was made dynamic. In its own folder it keeps using its data files. An
    /// edited model that is saved over its own file keeps using them too.
    ///
    /// Every other model takes its external data along, so that it depends on no files of other models. The
    /// data goes into the model file, or into the file `<name>.data` beside `path`. That file also takes the
    /// weights of a model that would be too large for one file. Each file replaces an older one atomically.
    /// Files that the model reads from are never written.
    ///
    /// # Errors
    /// `Io` if a file cannot be written or external data is missing; `Format` if external data does not match
    /// its tensor; `InvalidArgument` if the model takes its weights from the file `path`; `Unsupported` if
    /// the model exceeds 2 GiB without its weights.
    pub fn save(&self, path: &Path, options: &SaveOptions) -> Result<Vec<PathBuf>> {
        self.nested()?.save_files(path, options).map_err(|error| match error.kind() {
            ErrorKind::Io => error,
            _ => self.located(error),
        })
    }

    fn save_files(&self, path: &Path, options: &SaveOptions) -> Result<Vec<PathBuf>> {
        let External { mut files, size } = self.external()?;
        let external_moves = !files.is_empty() && !self.keeps_files_at(path);
        // Also files that nothing reads any more: the model on disk still needs them.
        files.extend(self.data_files().iter().filter_map(|file| file.canonicalize().ok()));
        if path.canonicalize().is_ok_and(|target| files.contains(&target)) {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("{}: the model takes its weights from this file", path.display()),
            )
            .with_remedy("save the model under another name"));
        }
        let (most, own) = (options.max_file.min(MAX_MESSAGE_BYTES), self.encoded_len());
        let fits = |size: usize| u64::from(own) + size as u64 <= u64::from(most);
        if external_moves && size <= MOST_INSIDE && fits(size) {
            return self.inlined()?.save_files(path, options);
        }
        let too_large = !fits(0);
        let moves = |tensor: &TensorProto, is_initializer: bool| {
            let size = tensor.raw_data.as_ref().map_or(0, Bytes::len);
            (is_external(tensor) && external_moves)
                || (too_large && is_initializer && size > 0 && size >= options.min_external)
        };
        if !tensors(&self.proto).into_iter().any(|(tensor, is_initializer)| moves(tensor, is_initializer)) {
            write_atomic(path, |out| write_chunks(path, out, &self.encode_chunks()?))?;
            return Ok(vec![path.to_owned()]);
        }
        let data_path = free_data_path(path, &files)?;
        let location = data_path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let mut model = self.clone();
        let mut data = DataFile::default();
        each_tensor_mut(model.edited(), &mut |tensor, is_initializer| {
            if moves(tensor, is_initializer) {
                let bytes = match is_external(tensor) {
                    true => self.external_bytes(tensor)?,
                    false => tensor.raw_data.take().unwrap_or_default(),
                };
                let offset = data.push(bytes.clone());
                refer(tensor, &location, offset, bytes.len());
            }
            Ok::<(), Error>(())
        })?;
        let chunks = model.encode_chunks()?;
        // The data file is put in place after the model is written and directly before the model is put in
        // place.
        write_atomic(path, |out| {
            write_chunks(path, out, &chunks)?;
            write_atomic(&data_path, |out| data.write(&data_path, out))
        })?;
        Ok(vec![path.to_owned(), data_path])
    }

    /// Whether the model keeps using its data files when it is saved at `path`: they are in that folder and
    /// belong to it.
    fn keeps_files_at(&self, path: &Path) -> bool {
        let same = |one: Option<&Path>, other: &Path| {
            let one = one.and_then(|one| one.canonicalize().ok());
            one.is_some() && one == other.canonicalize().ok()
        };
        same(self.folder(), folder_of(path)) && (self.source.is_some() || same(self.files.model(), path))
    }

    /// Finds and checks all external data, so that missing and damaged data is reported now and not later.
    pub(super) fn external(&self) -> Result<External> {
        let mut found = External::default();
        for (tensor, _) in tensors(&self.proto).into_iter().filter(|(tensor, _)| is_external(tensor)) {
            found.size = found.size.saturating_add(self.external_bytes(tensor)?.len());
            found.files.insert(self.files.resolve(&Reference::of(tensor)?.location, tensor)?);
        }
        Ok(found)
    }

    fn external_bytes(&self, tensor: &TensorProto) -> Result<Bytes> {
        let element = element_type(tensor.data_type, || label(tensor))?;
        self.files.bytes(tensor, element.byte_len(&shape_of(tensor)?))
    }

    /// Returns the bytes of the model as one message. Saturates far above the limit of a message.
    fn encoded_len(&self) -> u32 {
        match &self.source {
            Some(source) => u32::try_from(source.len()).unwrap_or(u32::MAX),
            None => self.proto.size(),
        }
    }

    /// Encodes the model as the pieces of a file. The pieces share the weights' memory.
    ///
    /// # Errors
    /// `Unsupported` above 2 GiB.
    pub fn encode_chunks(&self) -> Result<Vec<Bytes>> {
        if self.is_flat {
            return self.nested()?.encode_chunks();
        }
        if let Some(source) = &self.source {
            return Ok(vec![source.clone()]);
        }
        self.proto.to_chunks().map_err(|error| {
            Error::new(ErrorKind::Unsupported, "the model is above the 2 GiB that one ONNX file can hold")
                .with_remedy("save it with external data (Model::save does so by itself)")
                .with_source(error)
        })
    }

    /// Encodes the model as one piece. External data stays outside; [`Model::inlined`] includes it.
    ///
    /// # Errors
    /// `Unsupported` above 2 GiB.
    pub fn encode(&self) -> Result<Vec<u8>> {
        Ok(self.encode_chunks().map_err(|error| self.located(error))?.concat())
    }

    /// Moves the external data into the model, for runtimes that read a model from memory. The weights stay
    /// in the mapped files until the result is encoded.
    ///
    /// # Errors
    /// Those of reading external data; see [`Model::constant`].
    pub fn inlined(&self) -> Result<Self> {
        let mut model = self.clone();
        if tensors(&self.proto).into_iter().any(|(tensor, _)| is_external(tensor)) {
            each_tensor_mut(model.edited(), &mut |tensor, _| {
                if is_external(tensor) {
                    tensor.raw_data = Some(self.external_bytes(tensor)?);
                    tensor.data_location = None;
                    tensor.external_data.clear();
                }
                Ok(())
            })
            .map_err(|error: Error| self.located(error))?;
        }
        Ok(model)
    }

    /// Returns the message for editing and drops everything that was derived from it.
    pub(super) fn edited(&mut self) -> &mut ModelProto {
        self.source = None;
        self.constants.take();
        Arc::make_mut(&mut self.proto)
    }
}

/// The content of a new data file.
#[derive(Default)]
struct DataFile {
    parts: Vec<(u64, Bytes)>,
    end: u64,
}

impl DataFile {
    /// Adds a tensor and returns its offset.
    fn push(&mut self, bytes: Bytes) -> u64 {
        let offset = self.end.next_multiple_of(ALIGNMENT);
        self.end = offset + bytes.len() as u64;
        self.parts.push((offset, bytes));
        offset
    }

    fn write(&self, path: &Path, out: &mut dyn Write) -> Result<()> {
        let mut position = 0;
        for (offset, bytes) in &self.parts {
            let padding = [0; ALIGNMENT as usize];
            let gap = &padding[..(offset - position) as usize];
            write_chunks(path, out, &[Bytes::copy_from_slice(gap), bytes.clone()])?;
            position = offset + bytes.len() as u64;
        }
        Ok(())
    }
}

fn write_chunks(path: &Path, out: &mut dyn Write, chunks: &[Bytes]) -> Result<()> {
    chunks
        .iter()
        .try_for_each(|chunk| out.write_all(chunk))
        .map_err(|source| Error::io("write", path, source))
}

/// The external data of a model.
#[derive(Default)]
pub(super) struct External {
    /// The real paths of the files.
    pub files: HashSet<PathBuf>,
    /// The bytes of all tensors together.
    pub size: usize,
}

/// Returns the path `<name>.data` beside `path`. It gets a number if the model reads from that file.
fn free_data_path(path: &Path, in_use: &HashSet<PathBuf>) -> Result<PathBuf> {
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
        Error::new(ErrorKind::InvalidArgument, format!("{}: the name is not valid UTF-8", path.display()))
            .with_remedy("external data refers to files by name; give the model a UTF-8 name")
    })?;
    let numbered = (1u32..).map(|number| format!("{name}.{number}.data"));
    let mut candidates =
        std::iter::once(format!("{name}.data")).chain(numbered).map(|name| path.with_file_name(name));
    let free = |path: &PathBuf| path.canonicalize().map_or(true, |real| !in_use.contains(&real));
    // The candidates are endless, but the number of files in use is finite.
    Ok(candidates.find(free).unwrap_or_default())
}

/// Makes an external tensor refer to the same bytes of a file at another location.
pub(super) fn set_location(tensor: &mut TensorProto, location: &str) {
    for entry in tensor.external_data.iter_mut().filter(|entry| entry.key.as_deref() == Some("location")) {
        entry.value = Some(location.to_owned());
    }
}

/// Makes a tensor refer to its bytes in a data file.
pub(super) fn refer(tensor: &mut TensorProto, location: &str, offset: u64, length: usize) {
    let entry = |key: &str, value: String| StringStringEntryProto {
        key: Some(key.to_owned()),
        value: Some(value),
        ..Default::default()
    };
    // A checksum belongs to the whole old file.
    let replaced = ["location", "offset", "length", "checksum"];
    tensor.external_data.retain(|entry| !replaced.contains(&entry.key.as_deref().unwrap_or_default()));
    tensor.external_data.extend([
        entry("location", location.to_owned()),
        entry("offset", offset.to_string()),
        entry("length", length.to_string()),
    ]);
    tensor.data_location = Some(DataLocation::EXTERNAL);
}
