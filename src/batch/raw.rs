//! Raw binary files: little-endian elements, row-major, without a header.

use std::path::Path;
use std::str::FromStr;

use super::array::Array;
use super::axes::First;
use super::fit::shape_text;
use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::{Dim, TensorSpec, element_count};

/// Element type and shape of one sample.
///
/// Written as `f32:3x224x224`. A batch axis in front, as in `f32:1x3x224x224`, is also allowed if the input's
/// rank identifies it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawFormat {
    dtype: DataType,
    shape: Vec<usize>,
}

impl RawFormat {
    /// Creates the format of samples of `dtype` and `shape`.
    ///
    /// # Errors
    /// Fails if a dimension is 0, a sample does not fit in memory, or elements do not take whole bytes.
    pub fn new(dtype: DataType, shape: Vec<usize>) -> Result<Self> {
        if dtype.is_packed() {
            let message =
                format!("raw samples of {dtype}: 4-bit integers have no place of their own in a file");
            return Err(Error::new(ErrorKind::Unsupported, message)
                .with_remedy("save bytes, with the type i8 or u8; 32-bit integers are called i32"));
        }
        let bytes = element_count(&shape).ok().and_then(|count| count.checked_mul(dtype.size()));
        if bytes.is_none_or(|bytes| bytes == 0) {
            let message = format!("raw samples of {dtype} {shape:?} are empty or too large");
            return Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_remedy("give the type and shape of one sample, such as f32:3x224x224"));
        }
        Ok(Self { dtype, shape })
    }

    /// Removes a leading 1 that represents the batch axis: the shape has as many axes as the input, but a
    /// sample has one fewer. If the first axis counts something else, it belongs to the sample.
    fn without_batch_axis(&self, spec: &TensorSpec, first: First) -> Self {
        let rank = spec.shape.as_ref().map(Vec::len);
        match &self.shape[..] {
            [1, sample @ ..] if first.may_be_samples() && rank == Some(self.shape.len()) => {
                Self { shape: sample.to_vec(), ..*self }
            }
            _ => self.clone(),
        }
    }

    /// Returns the format that the input declares, if its type and shape are fixed.
    fn of_input(spec: &TensorSpec, first: First) -> Option<Self> {
        let size = |dim: &Dim| match dim {
            Dim::Fixed(size) => Some(*size),
            _ => None,
        };
        let dims = spec.shape.as_deref()?;
        let sample = if first.may_be_samples() { dims.get(1..)? } else { dims };
        Self::new(spec.dtype?, sample.iter().map(size).collect::<Option<_>>()?).ok()
    }
}

impl FromStr for RawFormat {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let invalid = |what: String| {
            Error::new(ErrorKind::InvalidArgument, format!("'{text}' is no raw format: {what}"))
                .with_remedy("write the type and shape of one sample, such as f32:3x224x224")
        };
        let (dtype, shape) = text.split_once(':').ok_or_else(|| invalid("no colon".into()))?;
        let dtype = DataType::from_name(dtype).ok_or_else(|| {
            let names: Vec<_> =
                DataType::ALL.iter().filter(|dtype| !dtype.is_packed()).map(|dtype| dtype.name()).collect();
            invalid(format!("the type is not one of {}", names.join(", ")))
        })?;
        let dims = shape.split('x').map(|dim| dim.parse().map_err(|_| invalid(format!("dimension '{dim}'"))));
        Self::new(dtype, dims.collect::<Result<_>>()?)
    }
}

/// Opens a file of one or more samples. Without a declared format, it uses the input's.
pub(super) fn open(
    path: &Path,
    declared: Option<&RawFormat>,
    spec: &TensorSpec,
    first: First,
) -> Result<Array> {
    let label = path.display().to_string();
    let RawFormat { dtype, shape } = declared
        .map(|format| format.without_batch_axis(spec, first))
        .or_else(|| RawFormat::of_input(spec, first))
        .ok_or_else(|| {
            let message =
                format!("{label}: no type and shape, and input '{}' is {}", spec.name, shape_text(spec));
            Error::new(ErrorKind::InvalidArgument, message)
                .with_remedy("declare the type and shape of one sample, such as f32:3x224x224")
        })?;
    let length = std::fs::metadata(path).map_err(|source| Error::io("read", path, source))?.len();
    let sample = (element_count(&shape)? * dtype.size()) as u64;
    if length == 0 || length % sample != 0 {
        let message = format!("{label}: {length} bytes, but a sample of {dtype} {shape:?} has {sample}");
        return Err(Error::new(ErrorKind::Format, message)
            .with_remedy("give a file of whole samples, or declare another type and shape"));
    }
    let shape = [&[(length / sample) as usize], &shape[..]].concat();
    Ok(Array::raw(path, dtype, shape, length))
}
