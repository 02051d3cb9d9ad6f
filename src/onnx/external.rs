//! External data: weights in files beside the model.
//!
//! A location comes from the model file, so it is not trusted. It must name a file inside the model's folder;
//! otherwise it is refused. `.` and `..` are resolved as they are written. A symbolic link may lead to
//! another place in the folder. It may also lead from a model hub's `snapshots` to the `blobs` beside it:
//! hubs keep all files there under other names. Any other link is refused, because an archive may contain
//! one.

use std::collections::{BTreeSet, HashMap};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::mapped::file_bytes;
use super::proto::tensor_proto::DataLocation;
use super::proto::{ModelProto, TensorProto};
use super::walk::tensors;
use crate::error::{Error, ErrorKind, Result};
use crate::file::check_is_no_pointer;

/// The location of a tensor's elements outside the model file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub location: String,
    pub offset: u64,
    pub length: Option<u64>,
}

/// Whether the elements of `tensor` are in another file.
pub(super) fn is_external(tensor: &TensorProto) -> bool {
    tensor.data_location == Some(DataLocation::EXTERNAL)
}

/// Returns the name of a tensor for messages.
pub(super) fn label(tensor: &TensorProto) -> String {
    format!("tensor '{}'", tensor.name.as_deref().unwrap_or_default())
}

impl Reference {
    /// Reads the entries `location`, `offset` and `length` of an external tensor.
    pub fn of(tensor: &TensorProto) -> Result<Self> {
        let entry = |key: &str| {
            let found = tensor.external_data.iter().find(|entry| entry.key.as_deref() == Some(key));
            found.and_then(|entry| entry.value.as_deref())
        };
        let number = |key: &str| {
            let parsed = entry(key).map(|text| text.parse::<u64>().map_err(|_| text));
            parsed.transpose().map_err(|text| {
                damaged(format!("{}: the {key} '{text}' of its external data is no number", label(tensor)))
            })
        };
        let location = entry("location")
            .ok_or_else(|| damaged(format!("{}: its external data has no location", label(tensor))))?;
        Ok(Self {
            location: location.to_owned(),
            offset: number("offset")?.unwrap_or(0),
            length: number("length")?,
        })
    }
}

fn damaged(message: String) -> Error {
    Error::new(ErrorKind::Format, message).with_remedy("export the model again")
}

/// The files beside a model. Each is opened when it is first needed and then kept.
#[derive(Clone, Debug, Default)]
pub(super) struct ExternalFiles {
    model: Option<PathBuf>,
    /// The locations of the model's data when it was read. Edits do not change them.
    locations: Arc<BTreeSet<String>>,
    opened: Arc<Mutex<HashMap<String, Bytes>>>,
}

impl ExternalFiles {
    /// Prepares the files beside the model file `model` with the content `proto`. A model from memory has
    /// none.
    pub fn new(model: Option<PathBuf>, proto: &ModelProto) -> Self {
        let external =
            tensors(proto).into_iter().map(|(tensor, _)| tensor).filter(|tensor| is_external(tensor));
        let locations = external.filter_map(|tensor| Some(Reference::of(tensor).ok()?.location)).collect();
        Self { model, locations: Arc::new(locations), opened: Arc::default() }
    }

    /// Lists the files with the model's data when it was read, even if nothing reads them any more.
    pub fn paths(&self) -> Vec<PathBuf> {
        let Some(folder) = self.folder() else { return Vec::new() };
        self.locations.iter().filter_map(|location| Some(folder.join(within(location)?))).collect()
    }

    /// Returns the model's own file.
    pub fn model(&self) -> Option<&Path> {
        self.model.as_deref()
    }

    /// Returns the folder of the model.
    pub fn folder(&self) -> Option<&Path> {
        self.model().map(folder_of)
    }

    /// Returns the bytes of an external tensor. `expected` is their number from shape and type, if known.
    pub fn bytes(&self, tensor: &TensorProto, expected: Option<usize>) -> Result<Bytes> {
        let reference = Reference::of(tensor)?;
        let file = self.file(&reference.location, tensor)?;
        let rest = (file.len() as u64).checked_sub(reference.offset);
        let length = reference.length.or(expected.map(|len| len as u64)).or(rest).unwrap_or(0);
        if expected.is_some_and(|len| len as u64 != length) {
            return Err(damaged(format!(
                "{}: {length} bytes of external data do not fit its shape and type",
                label(tensor)
            )));
        }
        if rest.is_none_or(|rest| rest < length) {
            return Err(Error::new(
                ErrorKind::Format,
                format!(
                    "{}: bytes {}..{} are past the end of its external data '{}', which has {}",
                    label(tensor),
                    reference.offset,
                    u128::from(reference.offset) + u128::from(length),
                    reference.location,
                    file.len()
                ),
            )
            .with_remedy("copy the external data again, together with the model"));
        }
        // Both fit the length of a file in memory, as checked above.
        let start = reference.offset as usize;
        Ok(file.slice(start..start + length as usize))
    }

    /// Returns the whole file at `location`.
    fn file(&self, location: &str, tensor: &TensorProto) -> Result<Bytes> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = opened.get(location) {
            return Ok(file.clone());
        }
        let path = self.resolve(location, tensor)?;
        let file = file_bytes(&path)?;
        check_is_no_pointer(path.display(), &file)?;
        opened.insert(location.to_owned(), file.clone());
        Ok(file)
    }

    /// Returns the path of an external file, after checking that it is inside the model's folder.
    pub fn resolve(&self, location: &str, tensor: &TensorProto) -> Result<PathBuf> {
        let folder = self.folder().ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "{}: its data lies in the file '{location}', and the model came from memory",
                    label(tensor)
                ),
            )
            .with_remedy("open the model from its file")
        })?;
        let outside = |real: Option<&Path>| {
            let link = real.map(|real| format!(" by a link to {}", real.display())).unwrap_or_default();
            Error::new(
                ErrorKind::Format,
                format!(
                    "{}: external data '{location}' lies outside the model's folder{link}",
                    label(tensor)
                ),
            )
            .with_remedy("put the data into the model's folder and refer to it by its name there")
        };
        let path = folder.join(within(location).ok_or_else(|| outside(None))?);
        let missing = |source: std::io::Error| {
            Error::new(
                ErrorKind::Io,
                format!("{}: cannot open its external data {}", label(tensor), path.display()),
            )
            .with_remedy("copy the external data into the model's folder")
            .with_source(source)
        };
        let real = path.canonicalize().map_err(missing)?;
        let real_folder = folder.canonicalize().map_err(missing)?;
        if !real.starts_with(&real_folder) && !is_in_hub(&real_folder, &real) {
            return Err(outside(Some(&real)));
        }
        if !real.is_file() {
            return Err(damaged(format!("{}: external data '{location}' is no regular file", label(tensor))));
        }
        Ok(real)
    }
}

/// Returns the folder of a path.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Converts a location to a path below the model's folder, without `.` and `..`. Returns `None` if it leaves
/// the folder or names nothing.
fn within(location: &str) -> Option<PathBuf> {
    let mut path = PathBuf::new();
    for part in Path::new(location).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            Component::ParentDir if path.pop() => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    (!path.as_os_str().is_empty()).then_some(path)
}

/// Whether `folder` is in the `snapshots` of a hub's cache and `file` in its `blobs`. Both must be real
/// paths, without links.
fn is_in_hub(folder: &Path, file: &Path) -> bool {
    let in_snapshots = |root: &&Path| folder.starts_with(root.join("snapshots"));
    folder.ancestors().skip(1).find(in_snapshots).is_some_and(|root| file.starts_with(root.join("blobs")))
}
