//! Calibration data as a stream of batches.
//!
//! [`open`] reads files, [`from_fn`] takes what the caller's code hands out. Files are read batch by batch:
//! memory holds one batch, and one file per input is open, whatever the size and number of the files. The
//! exception is an array in Fortran order, which is loaded whole when its first sample is read and kept until
//! its last.
//!
//! The checksum of an array in an `.npz` file is compared when its last element is read, so damage is found at
//! the latest with the file's last batch. What a limit or a random draw leaves unread is not checked; a draw
//! that leaves gaps in an uncompressed array leaves the whole of it unchecked.
//!
//! | File | Samples |
//! |---|---|
//! | `.npz` | the array named like the input, along its first axis |
//! | `.npy` | along the first axis |
//! | `.bin`, `.raw`, `.dat` | one after the other, little-endian, no header: [`RawFormat`] |
//! | `.jpg`, `.jpeg`, `.png` | one: [`ImageOptions`] |
//! | folder | those of the files in it, sorted by name |
//!
//! An array with one axis fewer than the input is one sample without the batch axis. Values are converted
//! only where they stay the same (`i32` to `i64`, `u8` to `f32`, ...), with one exception: `f64`, NumPy's
//! default, is rounded to the nearest `f32`.

mod array;
mod callback;
mod convert;
mod find;
mod fit;
mod image;
mod npy;
mod npz;
mod place;
mod raw;
mod samples;
mod select;
mod stream;

use std::path::{Path, PathBuf};

pub use callback::from_fn;
pub use image::{Channels, ImageOptions, Layout, Resize};
pub use raw::RawFormat;

use array::Array;
use find::{Format, Source};
use image::ImageSamples;
use samples::{ArraySamples, Column, Samples};
use select::Selection;
use stream::Stream;

use crate::error::{Error, ErrorKind, Result};
use crate::finding::Finding;
use crate::tensor::{Dim, Tensor, TensorSpec};

/// One batch: a tensor for every input of the model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Input name and value, in the model's order.
    pub inputs: Vec<(String, Tensor)>,
    /// How many samples the batch holds.
    pub samples: usize,
}

/// Where batches come from.
pub trait BatchSource: Send {
    /// The next batch, or `None` after the last. After an error there are no more batches.
    fn next_batch(&mut self) -> Result<Option<Batch>>;

    /// How many batches are still to come, where that is known.
    fn remaining(&self) -> Option<usize>;

    /// What the user must know of the data, such as samples or files that are left out. They are logged when they are found.
    fn findings(&self) -> Vec<Finding> {
        Vec::new()
    }
}

/// How files become batches.
#[derive(Clone, Debug, Default)]
pub struct DataOptions {
    /// Samples per batch; `None` is the model's fixed batch size, or 1 where it has none.
    pub batch_size: Option<usize>,
    /// At most this many samples.
    pub limit: Option<usize>,
    /// Draws the `limit` samples at random instead of taking the first: the same samples for the same
    /// number. They keep their order. Without a `limit` it changes nothing.
    pub seed: Option<u64>,
    /// Type and shape of one sample in raw files, with or without a leading 1 for the batch axis; `None` takes
    /// the input's, where that is fixed.
    pub raw: Option<RawFormat>,
    /// How images become samples.
    pub image: ImageOptions,
}

/// Opens calibration data for a model with these `inputs`.
///
/// A path is a file or a folder, or `NAME=PATH` to say which input it feeds. Without the name, an `.npz` feeds
/// every input by the names of its arrays; any other file feeds the only input, or the one that it is named
/// after (`mask.npy`). A file in a folder that is named after none of several inputs is left out with a
/// warning, so that labels may lie beside the data.
///
/// The last batch is shorter where the samples do not fill it and the model's batch dimension is dynamic.
/// With a fixed batch size above 1 such remaining samples are left out with a warning.
///
/// # Errors
/// Where a path cannot be read or has no known format, data is missing for an input or does not fit it in
/// type or shape, inputs have different numbers of samples, or there is not one whole batch. Types, shapes
/// and lengths are checked here; damage inside compressed data, values that the input's type cannot hold and
/// broken images show up in [`BatchSource::next_batch`].
pub fn open(paths: &[PathBuf], inputs: &[TensorSpec], options: &DataOptions) -> Result<Box<dyn BatchSource>> {
    if inputs.is_empty() {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "the model has no inputs, so there is nothing to feed",
        ));
    }
    if options.limit == Some(0) {
        return Err(Error::new(ErrorKind::InvalidArgument, "a limit of 0 leaves no samples")
            .with_remedy("use at least 1"));
    }
    let fixed = fixed_batch_size(inputs)?;
    let batch_size = batch_size(options.batch_size, fixed)?;
    let mut columns = Vec::new();
    for (sources, spec) in find::find(paths, inputs)?.into_iter().zip(inputs) {
        let parts = open_parts(&sources, spec, inputs, options)?;
        columns.push(Column::new(&spec.name, parts, batch_size)?);
    }
    let count = common_count(&columns)?;
    let mut selection = Selection::new(count, options.limit, options.seed);
    if fixed.is_some() {
        drop_remainder(&mut selection, batch_size)?;
    }
    Ok(Box::new(Stream::new(columns, selection, batch_size)))
}

/// Reads a whole `.npy` file, in row-major order.
///
/// # Errors
/// Where the file cannot be read, its length does not fit its header, or its element type is not one of
/// [`DataType`](crate::dtype::DataType).
pub fn read_npy(path: &Path) -> Result<Tensor> {
    Array::open_npy(path)?.read_all()
}

/// Opens the files of one input. Images in a row are one part, so that those of a batch are decoded together.
fn open_parts(
    sources: &[Source],
    spec: &TensorSpec,
    inputs: &[TensorSpec],
    options: &DataOptions,
) -> Result<Vec<Box<dyn Samples>>> {
    let mut parts: Vec<Box<dyn Samples>> = Vec::new();
    let images = |a: &Source, b: &Source| a.format == Format::Image && b.format == Format::Image;
    for run in sources.chunk_by(images) {
        let Some(Source { path, format, named }) = run.first() else { continue };
        let array = match format {
            Format::Npz => npz::open(path, &spec.name, *named, inputs)?,
            Format::Npy => Array::open_npy(path)?,
            Format::Raw => raw::open(path, options.raw.as_ref(), spec)?,
            Format::Image => {
                let files = run.iter().map(|source| source.path.clone()).collect();
                parts.push(Box::new(ImageSamples::new(files, spec, &options.image)?));
                continue;
            }
        };
        parts.push(Box::new(ArraySamples::new(array, spec)?));
    }
    Ok(parts)
}

/// The batch size that the model insists on.
fn fixed_batch_size(inputs: &[TensorSpec]) -> Result<Option<usize>> {
    let mut fixed: Option<(usize, &str)> = None;
    for input in inputs {
        let Some(Dim::Fixed(size)) = input.shape.as_ref().and_then(|shape| shape.first()) else { continue };
        match fixed {
            Some((other, name)) if other != *size => {
                let message =
                    format!("inputs '{name}' and '{}' have batch sizes {other} and {size}", input.name);
                return Err(Error::new(ErrorKind::Unsupported, message)
                    .with_remedy("feed such a model from code, with batch::from_fn"));
            }
            _ => fixed = Some((*size, &input.name)),
        }
    }
    Ok(fixed.map(|(size, _)| size))
}

fn batch_size(asked: Option<usize>, fixed: Option<usize>) -> Result<usize> {
    match (asked, fixed) {
        (Some(asked), Some(fixed)) if asked != fixed => {
            let message = format!("batch size {asked}, but the model's batch size is fixed at {fixed}");
            Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_remedy("leave the batch size out, or export the model with a dynamic batch dimension"))
        }
        (Some(0), _) | (_, Some(0)) => {
            Err(Error::new(ErrorKind::InvalidArgument, "a batch size of 0").with_remedy("use at least 1"))
        }
        (asked, fixed) => Ok(asked.or(fixed).unwrap_or(1)),
    }
}

/// The number of samples, which all inputs must share.
fn common_count(columns: &[Column]) -> Result<usize> {
    let Some(first) = columns.first() else { return Ok(0) };
    match columns.iter().find(|column| column.count != first.count) {
        None => Ok(first.count),
        Some(other) => {
            let message = format!(
                "input '{}' has {} samples, but input '{}' has {}",
                first.name, first.count, other.name, other.count
            );
            Err(Error::new(ErrorKind::Data, message).with_remedy("give every input as many samples"))
        }
    }
}

/// Leaves out samples that do not fill a batch of fixed size.
fn drop_remainder(selection: &mut Selection, batch_size: usize) -> Result<()> {
    let (samples, remainder) = (selection.len(), selection.len() % batch_size);
    if remainder == samples {
        let message = format!("{samples} samples, but the model's batch size is fixed at {batch_size}");
        return Err(Error::new(ErrorKind::Data, message)
            .with_remedy("give more samples, or export the model with a dynamic batch dimension"));
    }
    if remainder > 0 {
        tracing::warn!(
            "left out the last {remainder} of {samples} samples: the model takes {batch_size} at a time"
        );
        selection.truncate(samples - remainder);
    }
    Ok(())
}
