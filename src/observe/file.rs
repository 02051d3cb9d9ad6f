//! Statistics in a file: safetensors, so that any language reads them.
//!
//! The metadata entry `qdq.stats` holds the version of this layout, 1. Tensors, all little-endian:
//!
//! | name | type, shape | content |
//! |---|---|---|
//! | `samples` | U64 [] | samples that the model ran on |
//! | `totals/NAME` | U64 [4] | zeros, NaN, infinities, values below the histogram's window |
//! | `limits/NAME` | F32 [2], or [0] without a finite value | smallest and largest finite value |
//! | `bins/NAME` | U32 [n] | lattice indices of the occupied bins, ascending |
//! | `counts/NAME` | U64 [n] | how many values each of them holds |
//!
//! Bin `i` reaches from the float with the bits `i << 14` up to that with the bits `(i + 1) << 14`.
//! The same statistics always give the same bytes.

use std::collections::HashMap;
use std::path::Path;

use safetensors::{Dtype, SafeTensors, View};

use super::histogram::{END, WINDOW};
use super::{Histogram, Limits, Stats, TensorStats};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::file::write_atomic;

const KEY: &str = "qdq.stats";
const VERSION: &str = "1";

impl Stats {
    /// Writes the statistics to `path`, whole or not at all.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let bytes = self.to_bytes()?;
        write_atomic(path, |out| out.write_all(&bytes).map_err(|error| Error::io("write", path, error)))
    }

    /// Reads statistics written by [`save`](Self::save).
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is damaged or is something else.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|error| Error::io("read", path, error))?;
        Self::from_bytes(&bytes)
            .context(ErrorKind::Format, || format!("{}: no usable calibration statistics", path.display()))
    }

    /// The content of the file; equal statistics give equal bytes.
    ///
    /// # Errors
    ///
    /// When the names of the tensors are too long for the format (100 MB together).
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut fields = vec![("samples".to_owned(), Field::u64s(vec![], [self.samples]))];
        for (name, tensor) in &self.tensors {
            let TensorStats { zeros, nans, infinities, limits, histogram } = tensor;
            let (bins, counts): (Vec<u32>, Vec<u64>) = histogram.indexed().unzip();
            let totals = [*zeros, *nans, *infinities, histogram.below()];
            fields.push((format!("totals/{name}"), Field::u64s(vec![4], totals)));
            fields.push((format!("limits/{name}"), Field::limits(*limits)));
            fields.push((format!("bins/{name}"), Field::u32s(bins)));
            fields.push((format!("counts/{name}"), Field::u64s(vec![counts.len()], counts)));
        }
        // One entry only: the crate writes metadata in an order that changes from run to run.
        let metadata = HashMap::from([(KEY.to_owned(), VERSION.to_owned())]);
        safetensors::serialize(fields, Some(metadata))
            .context(ErrorKind::Data, || "calibration statistics cannot be written".to_owned())
    }

    /// Statistics from the content of a file.
    ///
    /// # Errors
    ///
    /// When the bytes are damaged or are something else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let (_, header) = SafeTensors::read_metadata(bytes)
            .context(ErrorKind::Format, || "not a complete safetensors file".to_owned())?;
        match header.metadata().as_ref().and_then(|entries| entries.get(KEY)).map(String::as_str) {
            Some(VERSION) => {}
            Some(other) => {
                return Err(damaged(format!("version {other} of the statistics is not known"))
                    .with_remedy("use the version of qdq that wrote the file"));
            }
            None => return Err(damaged("a safetensors file, but not calibration statistics")),
        }
        let content = SafeTensors::deserialize(bytes)
            .context(ErrorKind::Format, || "not a complete safetensors file".to_owned())?;
        let [samples] = u64s(&content, "samples")?[..] else {
            return Err(damaged("'samples' is not one number"));
        };
        let mut stats = Self { samples, ..Self::default() };
        for name in content.names().into_iter().filter_map(|field| field.strip_prefix("totals/")) {
            stats.tensors.insert(name.to_owned(), read_tensor(&content, name)?);
        }
        if content.len() != 1 + 4 * stats.tensors.len() {
            return Err(damaged("there are tensors that do not belong to any statistics"));
        }
        Ok(stats)
    }
}

fn damaged(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Format, message)
}

/// The statistics of one tensor, checked to be such as observing values leaves behind.
fn read_tensor(content: &SafeTensors<'_>, name: &str) -> Result<TensorStats> {
    let wrong = |what: &str| damaged(format!("tensor '{name}': {what}"));
    let [zeros, nans, infinities, below] = u64s(content, &format!("totals/{name}"))?[..] else {
        return Err(wrong("there are not four totals"));
    };
    let limits = match f32s(content, &format!("limits/{name}"))?[..] {
        [] => None,
        [min, max] if min <= max && min.is_finite() && max.is_finite() => {
            Some(Limits { min: min + 0.0, max: max + 0.0 })
        }
        _ => return Err(wrong("the limits are not two ascending finite numbers")),
    };
    let bins = u32s(content, &format!("bins/{name}"))?;
    let counts = u64s(content, &format!("counts/{name}"))?;
    if bins.len() != counts.len() || bins.len() > WINDOW {
        return Err(wrong("bins and counts do not fit each other"));
    }
    if !bins.is_sorted_by(|a, b| a < b) || bins.last().is_some_and(|&last| last >= END) {
        return Err(wrong("the bins are not ascending"));
    }
    if counts.contains(&0) {
        return Err(wrong("an empty bin is listed"));
    }
    // Largest first, so that a bin under the window shows itself as a value below it.
    let mut histogram = Histogram::default();
    for (&index, &count) in bins.iter().zip(&counts).rev() {
        histogram.add_bin(index, count);
    }
    if histogram.below() != 0 {
        return Err(wrong("the bins span more octaves than a histogram keeps"));
    }
    histogram.add_below(below);
    let largest = limits.map_or(0.0, |limits| limits.min.abs().max(limits.max.abs()));
    let last = histogram.bins().last();
    let fits = match last {
        Some(bin) => !bins.is_empty() && bin.lower <= largest && largest < bin.upper,
        None => largest == 0.0 && limits.is_some() == (zeros > 0),
    };
    if !fits {
        return Err(wrong("the histogram does not end at the largest magnitude"));
    }
    Ok(TensorStats { zeros, nans, infinities, limits, histogram })
}

fn field<'a>(content: &SafeTensors<'a>, name: &str, dtype: Dtype) -> Result<&'a [u8]> {
    let tensor = content.tensor(name).context(ErrorKind::Format, || format!("field '{name}' is missing"))?;
    if tensor.dtype() != dtype {
        return Err(damaged(format!("field '{name}' is {:?}, not {dtype:?}", tensor.dtype())));
    }
    Ok(tensor.data())
}

fn u64s(content: &SafeTensors<'_>, name: &str) -> Result<Vec<u64>> {
    let (words, _) = field(content, name, Dtype::U64)?.as_chunks();
    Ok(words.iter().map(|&word| u64::from_le_bytes(word)).collect())
}

fn u32s(content: &SafeTensors<'_>, name: &str) -> Result<Vec<u32>> {
    let (words, _) = field(content, name, Dtype::U32)?.as_chunks();
    Ok(words.iter().map(|&word| u32::from_le_bytes(word)).collect())
}

fn f32s(content: &SafeTensors<'_>, name: &str) -> Result<Vec<f32>> {
    let (words, _) = field(content, name, Dtype::F32)?.as_chunks();
    Ok(words.iter().map(|&word| f32::from_le_bytes(word)).collect())
}

/// A tensor of the file while it is written.
struct Field {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Field {
    fn u64s(shape: Vec<usize>, values: impl IntoIterator<Item = u64>) -> Self {
        Self { dtype: Dtype::U64, shape, bytes: values.into_iter().flat_map(u64::to_le_bytes).collect() }
    }

    fn u32s(values: Vec<u32>) -> Self {
        let shape = vec![values.len()];
        Self { dtype: Dtype::U32, shape, bytes: values.into_iter().flat_map(u32::to_le_bytes).collect() }
    }

    fn limits(limits: Option<Limits>) -> Self {
        let values: Vec<f32> = limits.map(|limits| [limits.min, limits.max]).into_iter().flatten().collect();
        let shape = vec![values.len()];
        Self { dtype: Dtype::F32, shape, bytes: values.into_iter().flat_map(f32::to_le_bytes).collect() }
    }
}

impl View for Field {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> std::borrow::Cow<'_, [u8]> {
        (&self.bytes).into()
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}
