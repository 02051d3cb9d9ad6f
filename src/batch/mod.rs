//! Calibration data as a stream of batches.
//!
//! [`open`] reads files, [`from_fn`] takes what the caller's code hands out. Files are read batch by batch:
//! memory holds one batch, and one file per input is open, whatever the size and number of the files. The
//! exception is an array in Fortran order, which is loaded whole when its first sample is read and kept until
//! its last.
//!
//! The checksum of an array in an `.npz` file is compared when its last element is read, so damage is found
//! at the latest with the file's last batch. What a limit or a random draw leaves unread is not checked; a
//! draw that leaves gaps in an uncompressed array leaves the whole of it unchecked.
//!
//! | File | Samples |
//! |---|---|
//! | `.npz` | the array named like the input, along its first axis |
//! | `.npy` | along the first axis |
//! | `.bin`, `.raw`, `.dat` | one after the other, little-endian, no header: [`RawFormat`] |
//! | `.jpg`, `.jpeg`, `.jpe`, `.jfif`, `.png`, `.bmp`, `.dib`, `.gif`, `.webp`, `.tif`, `.tiff`, `.ppm`, `.pgm`, `.pbm`, `.pnm` | one: [`ImageOptions`] |
//! | folder | those of the files right in it, sorted by name |
//!
//! What a folder holds besides is left out and said; only hidden files, whose names begin with a dot, are
//! passed over in silence. An array with one axis fewer than the input is one sample without the batch axis.
//! Values are converted only where they stay the same (`i32` to `i64`, `u8` to `f32`, ...), with one
//! exception: `f64`, NumPy's default, is rounded to the nearest `f32`. `.npz` and `.npy` hold `bf16` as the
//! package ml_dtypes has it saved; raw files as the upper halves of `f32`.
//!
//! # Whole feeds
//!
//! Not every input has the samples along its first axis: there are scalars, recurrent states `[2, batch,
//! 128]`, sequences `[time, 1, features]`. Such models are given whole feeds, what one run gets: a folder of
//! `.npz` files, one each, with an array for every input in the shape that it declares; or arrays with one
//! more axis in front, along which the feeds lie. Inputs that do have their samples first may also be given
//! as samples then, as many as the feeds take. [`Feeds`] says how the two are told apart.

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
pub use image::{Channels, Exif, ImageOptions, Layout, Resize, ResizeFilter};
pub use open::open;
pub use raw::RawFormat;

use crate::error::Result;
use crate::file;
use crate::finding::Finding;
use crate::tensor::Tensor;

/// One batch: a tensor for every input of the model, what one run gets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Input name and value, in the model's order.
    pub inputs: Vec<(String, Tensor)>,
    /// How many samples the batch holds.
    pub samples: usize,
    /// How many repeats of them follow in every tensor, to fill up the batch size that the model is fixed at.
    pub repeats: usize,
}

/// Where batches come from.
pub trait BatchSource: Send {
    /// The next batch, or `None` after the last. After an error there are no more batches.
    ///
    /// # Errors
    /// What keeps a batch from being read. A source of [`open`] or [`from_fn`] that is asked again after it
    /// has said its end answers `InvalidArgument`: it was read already, which is something else than data
    /// without samples.
    fn next_batch(&mut self) -> Result<Option<Batch>>;

    /// How many batches are still to come, where that is known.
    fn remaining(&self) -> Option<usize>;

    /// What the user must know of the data as far as it was read, such as samples or files that are left out.
    /// They are logged when they are found.
    fn findings(&self) -> Vec<Finding> {
        Vec::new()
    }
}

/// What arrays hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Feeds {
    /// Samples along the first axis, unless the inputs say otherwise: one is a scalar, is named like a
    /// sequence there (`time`, `seq_len`, `T`, ...), or has the batch's name on a later axis. Where arrays do
    /// not fit as samples but do as whole feeds, they are those. What was taken is said where it is not
    /// plain.
    #[default]
    Auto,
    /// Samples along the first axis.
    Samples,
    /// Whole feeds: every axis that the input declares.
    Whole,
}

/// How files become batches.
#[derive(Clone, Debug, Default)]
pub struct DataOptions {
    /// Samples per batch; `None` is the model's fixed batch size, or 1 where it has none.
    pub batch_size: Option<usize>,
    /// What arrays hold.
    pub feeds: Feeds,
    /// At most this many samples, or whole feeds.
    pub limit: Option<usize>,
    /// Draws the `limit` samples at random instead of taking the first: the same samples for the same
    /// number. They keep their order. Without a `limit` it changes nothing.
    pub seed: Option<u64>,
    /// Type and shape of one sample in raw files, with or without a leading 1 for the batch axis; `None`
    /// takes the input's, where that is fixed.
    pub raw: Option<RawFormat>,
    /// How images become samples.
    pub image: ImageOptions,
}

/// Reads a whole `.npy` file, in row-major order.
///
/// # Errors
/// Where the file cannot be read, its length does not fit its header, or its element type is not one of
/// [`DataType`](crate::dtype::DataType).
pub fn read_npy(path: &Path) -> Result<Tensor> {
    array::Array::open_npy(path).map_err(|error| file::explained(path, error))?.read_all()
}
