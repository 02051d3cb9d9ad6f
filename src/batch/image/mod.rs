//! Images as samples.

#[cfg_attr(not(feature = "images"), path = "absent.rs")]
mod decode;
#[cfg(feature = "images")]
mod opencv;
mod options;
#[cfg(feature = "images")]
mod resize;
mod target;
mod values;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

pub use options::{Channels, Exif, ImageOptions, Layout, Resize, ResizeFilter};

use super::samples::Samples;
use crate::dtype::DataType;
use crate::error::Result;
use crate::tensor::{Data, TensorSpec};
use decode::Loaded;
use target::Target;

/// The images read so far whose stored orientation was not applied.
#[derive(Debug, Default)]
pub(super) struct Turned {
    seen: Mutex<Option<(PathBuf, usize)>>,
}

impl Turned {
    fn add(&self, file: &Path) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get_or_insert_with(|| (file.to_owned(), 0)).1 += 1;
    }

    /// Returns the first such image and the number of them.
    pub fn seen(&self) -> Option<(PathBuf, usize)> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Image files, one sample each. The images of a batch are decoded in parallel.
pub(super) struct ImageSamples {
    files: Vec<PathBuf>,
    label: String,
    target: Target,
    shape: Vec<usize>,
    turned: Arc<Turned>,
}

impl ImageSamples {
    /// Makes samples for the input `spec` from the files. A file is opened when it is read. `turned` collects
    /// the files whose orientation is not applied.
    pub fn new(
        files: Vec<PathBuf>,
        spec: &TensorSpec,
        options: &ImageOptions,
        turned: Arc<Turned>,
    ) -> Result<Self> {
        let target = Target::new(spec, options)?;
        let label = files.first().map(|file| file.display().to_string()).unwrap_or_default();
        Ok(Self { shape: target.shape(), files, label, target, turned })
    }
}

impl Samples for ImageSamples {
    fn label(&self) -> &str {
        &self.label
    }

    fn dtype(&self) -> DataType {
        self.target.dtype()
    }

    fn count(&self) -> usize {
        self.files.len()
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn read(&mut self, range: Range<usize>) -> Result<Data> {
        let files = &self.files[range];
        let load = |file: &PathBuf| decode::load(file, &self.target);
        let images: Vec<Loaded> = files.par_iter().map(load).collect::<Result<_>>()?;
        files
            .iter()
            .zip(&images)
            .filter(|(_, image)| image.is_turned)
            .for_each(|(file, _)| self.turned.add(file));
        let images: Vec<Vec<u8>> = images.into_iter().map(|image| image.pixels).collect();
        Ok(self.target.samples(&images))
    }
}
