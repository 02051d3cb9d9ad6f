//! Files of statistics, in the safetensors format, which any language can read.
//!
//! The metadata entry `qdq.stats` holds the version of this layout, 1. Tensors, all little-endian:
//!
//! | name | type, shape | content |
//! |---|---|---|
//! | `samples` | U64 [] | samples that the model ran on |
//! | `totals/NAME` | U64 [5] | zeros, NaN, infinities, values below the histogram's window, values between edges |
//! | `limits/NAME` | F32 [2], or [0] without a finite value | smallest and largest finite value |
//! | `bins/NAME` | U32 [n] | lattice indices of the occupied bins, ascending |
//! | `counts/NAME` | U64 [n] | number of values in each of them |
//! | `keys/NAME` | U64 [] | largest number of keys of an attention, for a tensor of probabilities |
//!
//! Bin `i` covers the floats whose bits are at least `i << 14` and below `(i + 1) << 14`.
//! The same statistics always give the same bytes.

use std::path::Path;

use safetensors::SafeTensors;

use super::fields::{self, Field, Kind, damaged, f32s, u32s, u64s};
use super::histogram::{END, WINDOW};
use super::{Histogram, Limits, Stats, TensorStats};
use crate::error::{Context, ErrorKind, Result};

const STATS: Kind = Kind { key: "qdq.stats", version: "1", name: "calibration statistics" };

impl Stats {
    /// Writes the statistics to `path`, completely or not at all.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        fields::write(path, &self.to_bytes()?)
    }

    /// Reads statistics written by [`save`](Self::save).
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is damaged or has other content.
    pub fn load(path: &Path) -> Result<Self> {
        Self::from_bytes(&fields::read(path)?)
            .context(ErrorKind::Format, || format!("{}: no usable calibration statistics", path.display()))
            .map_err(|error| {
                error.with_remedy("give a file that qdq has written as statistics, or calibrate again")
            })
    }

    /// Returns the content of the file. Equal statistics give equal bytes.
    ///
    /// # Errors
    ///
    /// If the names of the tensors are too long for the format (100 MB together).
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut fields = vec![("samples".to_owned(), Field::u64s(Some(vec![]), [self.samples]))];
        for (name, tensor) in &self.tensors {
            let TensorStats { zeros, nans, infinities, limits, histogram } = tensor;
            let (bins, counts): (Vec<u32>, Vec<u64>) = histogram.indexed().unzip();
            let totals = [*zeros, *nans, *infinities, histogram.below(), histogram.between()];
            fields.push((format!("totals/{name}"), Field::u64s(None, totals)));
            fields.push((
                format!("limits/{name}"),
                Field::f32s(None, limits.map(|limits| [limits.min, limits.max]).into_iter().flatten()),
            ));
            fields.push((format!("bins/{name}"), Field::u32s(None, bins)));
            fields.push((format!("counts/{name}"), Field::u64s(None, counts)));
        }
        let keys =
            |(name, &keys): (&String, &u64)| (format!("keys/{name}"), Field::u64s(Some(vec![]), [keys]));
        fields.extend(self.keys.iter().map(keys));
        STATS.serialize(fields)
    }

    /// Reads statistics from the content of a file.
    ///
    /// # Errors
    ///
    /// If the bytes are damaged or have other content.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let content = STATS.deserialize(bytes)?;
        let [samples] = u64s(&content, "samples")?[..] else {
            return Err(damaged("'samples' is not one number"));
        };
        let mut stats = Self { samples, ..Self::default() };
        for name in content.names().into_iter().filter_map(|field| field.strip_prefix("totals/")) {
            stats.tensors.insert(name.to_owned(), read_tensor(&content, name)?);
        }
        for name in content.names().into_iter().filter_map(|field| field.strip_prefix("keys/")) {
            let [keys] = u64s(&content, &format!("keys/{name}"))?[..] else {
                return Err(damaged(format!("tensor '{name}': the number of keys is not one number")));
            };
            stats.keys.insert(name.to_owned(), keys);
        }
        if content.len() != 1 + 4 * stats.tensors.len() + stats.keys.len() {
            return Err(damaged("there are tensors that do not belong to any statistics"));
        }
        Ok(stats)
    }
}

/// Reads the statistics of one tensor and checks that observing values can produce them.
fn read_tensor(content: &SafeTensors<'_>, name: &str) -> Result<TensorStats> {
    let wrong = |what: &str| damaged(format!("tensor '{name}': {what}"));
    let [zeros, nans, infinities, below, between] = u64s(content, &format!("totals/{name}"))?[..] else {
        return Err(wrong("there are not five totals"));
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
    // The largest bin comes first, so that a bin under the window is detected as a value below it.
    let mut histogram = Histogram::default();
    for (&index, &count) in bins.iter().zip(&counts).rev() {
        histogram.add_bin(index, count);
    }
    if histogram.below() != 0 {
        return Err(wrong("the bins span more octaves than a histogram keeps"));
    }
    histogram.add_below(below);
    if between > histogram.total() {
        return Err(wrong("more values lie between edges than there are"));
    }
    histogram.add_between(between);
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
