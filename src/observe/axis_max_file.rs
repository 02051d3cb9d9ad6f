//! Files of maxima, in the safetensors format, which any language can read.
//!
//! The metadata entry `qdq.axis_max` holds the version of this layout, 1. Tensors, all little-endian:
//!
//! | name | type, shape | content |
//! |---|---|---|
//! | `axes` | I64 \[n\] | the kept axes as given; negative ones count from the last; empty for one number |
//! | `amax` | F32, \[\] or the rank of the data with 1 in every axis that is not kept | the maxima; missing before the first batch |
//! | `history` | F32 \[batches, shape of `amax`\], or \[0\] before the first batch | the maxima of every batch, if they are kept |
//! | `block` | I64 \[2\] | axis and size of the blocks, if the maxima belong to a quantizer with blocks |
//!
//! The same maxima always give the same bytes. Infinities are stored as infinities.

use std::collections::HashSet;
use std::path::Path;

use safetensors::SafeTensors;

use super::axis_max::{Amax, AxisMax};
use super::fields::{self, Field, Kind, damaged, f32s, i64s};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::quant::Block;

const MAXIMA: Kind = Kind { key: "qdq.axis_max", version: "1", name: "maxima" };

/// The largest number of axes, more than any framework has. It limits the memory that a damaged file can
/// take, because every batch of the history has a shape.
const MOST_AXES: usize = 64;

/// The content of a file of maxima.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Maxima {
    /// The kept axes; negative ones count from the last.
    pub axes: Vec<i64>,
    /// The blocks of the maxima, if the quantizer has blocks.
    pub block: Option<Block>,
    /// The maxima; none before the first batch.
    pub amax: Option<Amax>,
    /// The maxima of every batch, if they are kept.
    pub history: Option<Vec<Amax>>,
}

impl Maxima {
    /// Writes the maxima to `path`, completely or not at all.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        fields::write(path, &self.to_bytes()?)
    }

    /// Reads maxima written by [`save`](Self::save) or [`AxisMax::save`].
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is damaged or has other content.
    pub fn load(path: &Path) -> Result<Self> {
        Self::from_bytes(&fields::read(path)?)
            .context(ErrorKind::Format, || format!("{}: no usable maxima", path.display()))
    }

    /// Returns the content of the file. Equal maxima give equal bytes.
    ///
    /// # Errors
    ///
    /// `Unsupported` if the data has more than 64 axes.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let rank = self.amax.as_ref().map_or(0, |amax| amax.shape.len());
        if rank > MOST_AXES {
            let message = format!("maxima of data with {rank} axes cannot be written");
            return Err(Error::new(ErrorKind::Unsupported, message)
                .with_remedy(format!("join axes until there are at most {MOST_AXES}")));
        }
        let mut fields = vec![("axes".to_owned(), Field::i64s(None, self.axes.iter().copied()))];
        if let Some(Block { axis, size }) = self.block {
            fields.push(("block".to_owned(), Field::i64s(None, [axis as i64, size as i64])));
        }
        if let Some(Amax { shape, values }) = &self.amax {
            fields.push(("amax".to_owned(), Field::f32s(Some(shape.clone()), values.iter().copied())));
        }
        if let Some(history) = &self.history {
            let shape = self.amax.iter().flat_map(|amax| &amax.shape).copied();
            let shape = std::iter::once(history.len()).chain(shape).collect();
            let values = history.iter().flat_map(|batch| &batch.values).copied();
            fields.push(("history".to_owned(), Field::f32s(Some(shape), values)));
        }
        MAXIMA.serialize(fields)
    }

    /// Reads maxima from the content of a file.
    ///
    /// # Errors
    ///
    /// If the bytes are damaged or have other content.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let content = MAXIMA.deserialize(bytes)?;
        let has = |name: &str| content.names().contains(&name);
        let axes = i64s(&content, "axes")?;
        let block = if has("block") { Some(read_block(&content)?) } else { None };
        let shape = content.tensor("amax").map(|amax| amax.shape().to_vec()).ok();
        let amax = shape.map(|shape| read_amax(&content, shape, &axes, block)).transpose()?;
        let history = if has("history") { Some(read_history(&content, amax.as_ref())?) } else { None };
        let known = [true, block.is_some(), amax.is_some(), history.is_some()];
        if content.len() != known.into_iter().filter(|&is_there| is_there).count() {
            return Err(damaged("there are tensors that do not belong to any maxima"));
        }
        Ok(Self { axes, block, amax, history })
    }
}

fn read_block(content: &SafeTensors<'_>) -> Result<Block> {
    let wrong = || damaged("'block' is not an axis and a size from 1");
    let [axis, size] = i64s(content, "block")?[..] else { return Err(wrong()) };
    let (Ok(axis), Ok(size @ 1..)) = (isize::try_from(axis), usize::try_from(size)) else {
        return Err(wrong());
    };
    Ok(Block { axis, size })
}

/// Reads the maxima and checks that observing can produce them.
fn read_amax(
    content: &SafeTensors<'_>,
    shape: Vec<usize>,
    axes: &[i64],
    block: Option<Block>,
) -> Result<Amax> {
    if shape.len() > MOST_AXES {
        return Err(damaged(format!("the maxima have {} axes, more than {MOST_AXES}", shape.len())));
    }
    let given: HashSet<i64> = axes.iter().copied().collect();
    let rank = shape.len() as i64;
    let is_kept = |axis: usize| given.contains(&(axis as i64)) || given.contains(&(axis as i64 - rank));
    let fits = match block {
        // Every axis is kept. The axis of the blocks has the size of the number of blocks.
        Some(Block { axis, .. }) => (-rank..rank).contains(&(axis as i64)),
        None => shape.iter().enumerate().all(|(axis, &size)| size == 1 || is_kept(axis)),
    };
    if !fits || shape.contains(&0) {
        return Err(damaged(format!("maxima of shape {shape:?} do not fit the axes that are kept")));
    }
    let values = f32s(content, "amax")?;
    Ok(Amax { shape, values: magnitudes(values)? })
}

fn read_history(content: &SafeTensors<'_>, amax: Option<&Amax>) -> Result<Vec<Amax>> {
    let values = magnitudes(f32s(content, "history")?)?;
    let shape = content.tensor("history").map(|history| history.shape().to_vec()).unwrap_or_default();
    let Some((&batches, shape)) = shape.split_first() else {
        return Err(damaged("'history' has no axis of batches"));
    };
    let expected: &[usize] = amax.map_or(&[], |amax| &amax.shape);
    if shape != expected || (amax.is_none() && batches != 0) {
        return Err(damaged("'history' is of other maxima than 'amax'"));
    }
    let count = amax.map_or(1, |amax| amax.values.len());
    let batches: Vec<Amax> = values
        .chunks_exact(count)
        .map(|values| Amax { shape: shape.to_vec(), values: values.to_vec() })
        .collect();
    let together = amax.map_or(&[][..], |amax| &amax.values);
    let fits = |batch: &Amax| batch.values.iter().zip(together).all(|(value, all)| value <= all);
    if !batches.iter().all(fits) {
        return Err(damaged("a batch of 'history' exceeds 'amax'"));
    }
    Ok(batches)
}

/// Checks that the values can be maxima of magnitudes. Minus zero counts as zero.
fn magnitudes(values: Vec<f32>) -> Result<Vec<f32>> {
    match values.iter().find(|value| value.is_nan() || **value < 0.0) {
        Some(wrong) => Err(damaged(format!("{wrong} is no largest magnitude"))),
        None => Ok(values.into_iter().map(|value| value + 0.0).collect()),
    }
}

impl AxisMax {
    /// Writes the maxima to `path`, completely or not at all, with those of every batch if they are kept.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        fields::write(path, &self.to_bytes()?)
    }

    /// Reads maxima written by [`save`](Self::save) into a collector that can continue with them.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is damaged or has other content.
    pub fn load(path: &Path) -> Result<Self> {
        Self::from_bytes(&fields::read(path)?)
            .context(ErrorKind::Format, || format!("{}: no usable maxima", path.display()))
    }

    /// Returns the content of the file. Equal maxima give equal bytes.
    ///
    /// # Errors
    ///
    /// `Unsupported` if the data has more than 64 axes.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        self.clone().into_maxima().to_bytes()
    }

    /// Reads maxima from the content of a file.
    ///
    /// # Errors
    ///
    /// If the bytes are damaged or have other content, or if the maxima belong to a quantizer with blocks.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let maxima = Maxima::from_bytes(bytes)?;
        if maxima.block.is_some() {
            return Err(damaged("the maxima are those of blocks, not of axes")
                .with_remedy("load them into a quantizer with these blocks"));
        }
        Ok(Self::from_maxima(maxima))
    }

    /// Converts the collector to the content of a file.
    fn into_maxima(self) -> Maxima {
        Maxima { axes: self.axes, block: None, amax: self.current, history: self.history }
    }

    /// Creates a collector that continues with the maxima of a file.
    fn from_maxima(maxima: Maxima) -> Self {
        let mut collector = Self { axes: maxima.axes, history: maxima.history, current: maxima.amax };
        let rank = collector.current.as_ref().map_or(0, |amax| amax.shape.len());
        if collector.keeps(rank).is_empty() {
            // A quantizer may have written the one number with the rank of its data.
            for amax in collector.current.iter_mut().chain(collector.history.iter_mut().flatten()) {
                amax.shape.clear();
            }
        }
        collector
    }
}
