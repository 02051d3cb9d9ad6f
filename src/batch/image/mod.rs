//! JPEG and PNG images as samples.

mod decode;
mod options;
mod resize;
mod target;
mod values;

use std::ops::Range;
use std::path::PathBuf;

use rayon::prelude::*;

pub use options::{Channels, ImageOptions, Layout, Resize};

use super::samples::Samples;
use crate::dtype::DataType;
use crate::error::Result;
use crate::tensor::{Data, TensorSpec};
use target::Target;

/// Image files, one sample each. The images of a batch are decoded in parallel.
pub(super) struct ImageSamples {
    files: Vec<PathBuf>,
    label: String,
    target: Target,
    shape: Vec<usize>,
}

impl ImageSamples {
    /// The files as samples of the input `spec`. They are opened when they are read.
    pub fn new(files: Vec<PathBuf>, spec: &TensorSpec, options: &ImageOptions) -> Result<Self> {
        let target = Target::new(spec, options)?;
        let label = files.first().map(|file| file.display().to_string()).unwrap_or_default();
        Ok(Self { shape: target.shape(), files, label, target })
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
        let load = |file: &PathBuf| decode::load(file, &self.target);
        let images: Vec<Vec<u8>> = self.files[range].par_iter().map(load).collect::<Result<_>>()?;
        Ok(self.target.samples(&images))
    }
}
