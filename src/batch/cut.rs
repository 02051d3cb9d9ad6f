//! Arrays as samples along the first axis of every input.

use super::DataOptions;
use super::fit::REMEDY;
use super::parts::Part;
use super::samples::{Column, Items};
use super::select::Selection;
use super::stream::Stream;
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::{Dim, TensorSpec};

/// The division of each input's parts into samples.
pub(super) struct Samples {
    items: Vec<Vec<Items>>,
    pub count: usize,
    batch_size: usize,
    is_fixed: bool,
}

impl Samples {
    /// Divides the parts into samples. Every input must have the same number.
    pub fn of(parts: &[Vec<Part>], inputs: &[TensorSpec], options: &DataOptions) -> Result<Self> {
        let fixed = fixed_batch_size(inputs)?;
        let batch_size = batch_size(options.batch_size, fixed)?;
        let of_input =
            |(parts, spec): (&Vec<Part>, &TensorSpec)| parts.iter().map(|part| part.samples(spec)).collect();
        let items: Vec<Vec<Items>> = parts.iter().zip(inputs).map(of_input).collect::<Result<_>>()?;
        let count = common_count(inputs, &items)?;
        Ok(Self { items, count, batch_size, is_fixed: fixed.is_some() })
    }

    /// Makes the stream that reads the samples.
    pub fn stream(
        self,
        parts: Vec<Vec<Part>>,
        inputs: &[TensorSpec],
        options: &DataOptions,
    ) -> Result<Stream> {
        let mut columns = Vec::new();
        for ((spec, parts), items) in inputs.iter().zip(parts).zip(self.items) {
            let samples = parts.into_iter().zip(items).map(|(part, items)| part.into_samples(items, spec));
            columns.push(Column::new(&spec.name, samples.collect::<Result<_>>()?, self.batch_size > 1)?);
        }
        let selection = Selection::new(self.count, options.limit, options.seed);
        Ok(Stream { is_filled: self.is_fixed, ..Stream::new(columns, selection, self.batch_size) })
    }
}

/// Returns the size of the first axis, if the model fixes it.
pub(super) fn fixed_first(spec: &TensorSpec) -> Option<usize> {
    match spec.shape.as_ref()?.first()? {
        Dim::Fixed(size) => Some(*size),
        _ => None,
    }
}

/// Returns the batch size that the model requires, if any.
fn fixed_batch_size(inputs: &[TensorSpec]) -> Result<Option<usize>> {
    let mut fixed: Option<(usize, &str)> = None;
    for input in inputs {
        let Some(size) = fixed_first(input) else { continue };
        match fixed {
            Some((other, name)) if other != size => {
                let message =
                    format!("inputs '{name}' and '{}' have batch sizes {other} and {size}", input.name);
                return Err(Error::new(ErrorKind::Unsupported, message).with_remedy(REMEDY));
            }
            _ => fixed = Some((size, &input.name)),
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

/// Returns the number of samples, which must be the same for all inputs.
fn common_count(inputs: &[TensorSpec], items: &[Vec<Items>]) -> Result<usize> {
    let mut counts = Vec::new();
    for (input, items) in inputs.iter().zip(items) {
        let count = items.iter().try_fold(0usize, |sum, items| sum.checked_add(items.count));
        let too_many = || Error::new(ErrorKind::Data, format!("input '{}': too many samples", input.name));
        counts.push((input, count.ok_or_else(too_many)?));
    }
    let Some(&(first, count)) = counts.first() else { return Ok(0) };
    match counts.iter().find(|(_, other)| *other != count) {
        None => Ok(count),
        Some((other, found)) => {
            let message =
                format!("input '{}' has {count} samples, but input '{}' has {found}", first.name, other.name);
            Err(Error::new(ErrorKind::Data, message).with_remedy(format!(
                "give every input as many samples; if one has no axis for them, {REMEDY}"
            )))
        }
    }
}
