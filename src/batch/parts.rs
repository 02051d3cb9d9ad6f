//! The files of one input, opened but not yet divided into samples.

use std::sync::Arc;

use super::array::Array;
use super::axes::First;
use super::find::{Format, Source};
use super::image::{ImageSamples, Turned};
use super::samples::{ArraySamples, Items, Samples};
use super::{DataOptions, convert, fit, npz, raw};
use crate::error::Result;
use crate::file;
use crate::tensor::TensorSpec;

/// An array, or a series of images. Images of one series are decoded together.
pub(super) enum Part {
    Array(Array),
    Images(ImageSamples),
}

impl Part {
    /// Returns the file and array, for messages.
    pub fn label(&self) -> &str {
        match self {
            Self::Array(array) => &array.label,
            Self::Images(images) => images.label(),
        }
    }

    /// Returns the samples for the input `spec`, without a batch axis.
    pub fn samples(&self, spec: &TensorSpec) -> Result<Items> {
        match self {
            Self::Array(array) => fit::split_samples(&array.label, &array.shape, spec),
            Self::Images(images) => Ok(Items { count: images.count(), shape: images.shape().to_vec() }),
        }
    }

    /// Returns the whole feeds for the input `spec`, each with all axes; `None` if there are none.
    pub fn feeds(&self, spec: &TensorSpec, first: First) -> Option<Items> {
        match self {
            Self::Array(array) => fit::whole_feeds(&array.shape, spec, first),
            Self::Images(_) => None,
        }
    }

    /// Makes the reader of these items.
    pub fn into_samples(self, items: Items, spec: &TensorSpec) -> Result<Box<dyn Samples>> {
        Ok(match self {
            Self::Array(array) => Box::new(ArraySamples::new(array, items, spec)?),
            Self::Images(images) => Box::new(images),
        })
    }
}

/// Opens the files of one input, whose first axis counts `first`.
pub(super) fn open(
    sources: &[Source],
    (spec, first): (&TensorSpec, First),
    inputs: &[TensorSpec],
    options: &DataOptions,
    turned: &Arc<Turned>,
) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    let images = |a: &Source, b: &Source| a.format == Format::Image && b.format == Format::Image;
    for run in sources.chunk_by(images) {
        let Some(Source { path, format, named }) = run.first() else { continue };
        let array = match format {
            Format::Npz => npz::open(path, &spec.name, *named, inputs),
            Format::Npy => Array::open_npy(path),
            Format::Raw => raw::open(path, options.raw.as_ref(), spec, first),
            Format::Image => {
                let files = run.iter().map(|source| source.path.clone()).collect();
                parts.push(Part::Images(ImageSamples::new(files, spec, &options.image, turned.clone())?));
                continue;
            }
        };
        let array = array.map_err(|error| file::explained(path, error))?;
        convert::check(&array.label, array.dtype, spec.dtype.unwrap_or(array.dtype), &spec.name)?;
        parts.push(Part::Array(array));
    }
    Ok(parts)
}
