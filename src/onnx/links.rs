//! Removal of symbolic links from external data.

use std::path::{Path, PathBuf};

use super::Model;
use super::external::{Reference, folder_of, is_external, label};
use super::save::set_location;
use super::walk::each_tensor_mut;
use crate::error::{Error, ErrorKind, Result};

impl Model {
    /// Returns the model for a runtime that reads external data itself but follows no link out of a folder,
    /// such as ONNX Runtime. Also returns the folder for the runtime.
    ///
    /// If no link leaves the model's own folder, it is that folder. Otherwise it is the common folder of the
    /// real files, and the model's locations refer to it.
    ///
    /// # Errors
    /// Those of reading external data; see [`Model::constant`].
    pub fn without_links(&self) -> Result<(Self, Option<PathBuf>)> {
        self.with_real_locations().map_err(|error| self.located(error))
    }

    fn with_real_locations(&self) -> Result<(Self, Option<PathBuf>)> {
        let files = self.external()?.files;
        let own = self.folder().and_then(|folder| folder.canonicalize().ok());
        let Some(own) = own.filter(|own| !files.iter().all(|file| file.starts_with(own))) else {
            return Ok((self.clone(), self.folder().map(Path::to_owned)));
        };
        let folders = files.iter().map(|file| folder_of(file).to_owned());
        let common = folders.reduce(|one, other| shared(&one, &other)).unwrap_or(own);
        let mut model = self.clone();
        each_tensor_mut(model.edited(), &mut |tensor, _| {
            if is_external(tensor) {
                let real = self.files.resolve(&Reference::of(tensor)?.location, tensor)?;
                let location = real.strip_prefix(&common).ok().and_then(Path::to_str).ok_or_else(|| {
                    let message = format!("{}: {} is not valid UTF-8", label(tensor), real.display());
                    Error::new(ErrorKind::Unsupported, message)
                        .with_remedy("copy the external data into the model's folder")
                })?;
                set_location(tensor, location);
            }
            Ok::<(), Error>(())
        })?;
        Ok((model, Some(common)))
    }
}

/// Returns the longest common beginning of both paths.
fn shared(one: &Path, other: &Path) -> PathBuf {
    let both = one.components().zip(other.components());
    both.take_while(|(one, other)| one == other).map(|(part, _)| part).collect()
}
