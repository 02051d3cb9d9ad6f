//! Calibration data as a stream of batches.
//!
//! [`open`] reads files; [`from_fn`] takes batches from the caller's code. Files are read batch by batch.
//! Memory holds one batch, and one file per input is open, independent of the size and number of the files.
//! There is one exception: an array in Fortran order is loaded whole with its first sample and kept until its
//! last.
//!
//! The checksum of an array in an `.npz` file is compared when its last element is read. Damage is therefore
//! found at the latest with the file's last batch. Data that a limit or a random draw leaves unread is not
//! checked. A draw that skips parts of an uncompressed array leaves the whole array unchecked.
//!
//! | File | Samples |
//! |---|---|
//! | `.npz` | the array named like the input, along its first axis |
//! | `.npy` | along the first axis |
//! | `.bin`, `.raw`, `.dat` | one after the other, little-endian, no header: [`RawFormat`] |
//! | `.jpg`, `.jpeg`, `.jpe`, `.jfif`, `.png`, `.bmp`, `.dib`, `.gif`, `.webp`, `.tif`, `.tiff`, `.ppm`, `.pgm`, `.pbm`, `.pnm` | one: [`ImageOptions`] |
//! | folder | those of the files right in it, sorted by name |
//!
//! Other entries of a folder are left out and logged, except for hidden files, whose names begin with a dot.
//! An array with one axis fewer than the input is one sample without the batch axis. Integers are converted
//! only if they stay the same (`i32` to `i64`, `u8` to `f32`, ...). Floating-point numbers are rounded to the
//! nearest of the input's type, such as `f64`, NumPy's default, to `f32`, or `f32` to `f16`. A finite number
//! that would become infinite is an error. `.npz` and `.npy` files hold `bf16` as the package ml_dtypes
//! saves it. Raw files hold it as the upper halves of `f32`.
//!
//! # Whole feeds
//!
//! Some inputs do not have the samples along their first axis: scalars, recurrent states `[2, batch, 128]`,
//! sequences `[time, 1, features]`. Such models take whole feeds. A whole feed is the data of one run. Give a
//! folder of `.npz` files, one per run, with an array for every input in the shape that the input declares.
//! Or give arrays with one more axis in front, which counts the feeds. Inputs that do have their samples
//! first may also be given as samples then, as many as the feeds need. [`Feeds`] documents how qdq
//! distinguishes the two.

mod array;
mod axes;
mod bytes;
mod callback;
mod convert;
mod cut;
mod feeds;
mod find;
mod fit;
mod image;
mod npy;
mod npz;
mod once;
mod open;
mod parts;
mod raw;
mod samples;
mod select;
mod stream;

use std::path::Path;

pub use callback::from_fn;
pub(crate) use convert::to_float;
pub use image::{Channels, Exif, ImageOptions, Layout, Resize, ResizeFilter};
pub use open::open;
pub use raw::RawFormat;

use crate::error::Result;
use crate::file;
use crate::finding::Finding;
use crate::tensor::Tensor;

/// One batch: a tensor for every input of the model, for one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Input name and value, in the model's order.
    pub inputs: Vec<(String, Tensor)>,
    /// The number of samples in the batch.
    pub samples: usize,
    /// The number of repeated samples after them in every tensor. They fill up a fixed batch size.
    pub repeats: usize,
}

/// A source of batches.
pub trait BatchSource: Send {
    /// Returns the next batch, or `None` after the last. After an error there are no more batches.
    ///
    /// # Errors
    /// Fails if a batch cannot be read. A source from [`open`] or [`from_fn`] returns `InvalidArgument` if it
    /// is read again after its end, so that used-up data is not mistaken for data without samples.
    fn next_batch(&mut self) -> Result<Option<Batch>>;

    /// Returns the number of remaining batches, if known.
    fn remaining(&self) -> Option<usize>;

    /// Returns the findings about the data read so far, such as samples or files that are left out. They are
    /// logged when they are found.
    fn findings(&self) -> Vec<Finding> {
        Vec::new()
    }
}

/// The meaning of arrays: samples or whole feeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Feeds {
    /// Samples along the first axis, unless the inputs indicate whole feeds: an input is a scalar, its first
    /// axis has the name of a sequence (`time`, `seq_len`, `T`, ...), or a later axis has the batch's name.
    /// If the arrays do not fit as samples but fit as whole feeds, they are taken as whole feeds. A choice
    /// that is not obvious is logged.
    #[default]
    Auto,
    /// Samples along the first axis.
    Samples,
    /// Whole feeds: every axis that the input declares.
    Whole,
}

/// Options for making batches from files.
#[derive(Clone, Debug, Default)]
pub struct DataOptions {
    /// Samples per batch; `None` is the model's fixed batch size, or 1 if it has none.
    pub batch_size: Option<usize>,
    /// The meaning of arrays.
    pub feeds: Feeds,
    /// The largest number of samples, or of whole feeds.
    pub limit: Option<usize>,
    /// Draws the `limit` samples at random instead of taking the first ones. The same seed draws the same
    /// samples. They keep their order. Without a `limit` the seed has no effect.
    pub seed: Option<u64>,
    /// Type and shape of one sample in raw files, with or without a leading 1 for the batch axis. `None`
    /// takes the input's type and shape, if both are fixed.
    pub raw: Option<RawFormat>,
    /// The conversion of images to samples.
    pub image: ImageOptions,
}

/// Reads a whole `.npy` file, in row-major order.
///
/// # Errors
/// Fails if the file cannot be read, if its length does not match its header, or if its element type is not a
/// [`DataType`](crate::dtype::DataType).
pub fn read_npy(path: &Path) -> Result<Tensor> {
    array::Array::open_npy(path).map_err(|error| file::explained(path, error))?.read_all()
}
