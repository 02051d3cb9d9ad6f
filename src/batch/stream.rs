//! Batches from columns of samples.

use std::sync::Arc;

use super::axes::{First, sample_count};
use super::image::Turned;
use super::samples::Column;
use super::select::Selection;
use super::{Batch, BatchSource};
use crate::error::{Error, ErrorKind, Result};
use crate::finding::{Finding, counted};
use crate::tensor::{Tensor, TensorSpec};

/// A stream that reads one batch after the other.
pub(super) struct Stream {
    pub columns: Vec<Column>,
    /// The selected samples or whole feeds.
    pub selection: Selection,
    /// The number of samples or feeds in a batch.
    pub batch_size: usize,
    /// Whether the last batch is filled up with repeats.
    pub is_filled: bool,
    /// For whole feeds: the inputs and their first axes, which give the number of samples in a feed.
    pub feeds: Option<(Vec<TensorSpec>, Vec<First>)>,
    /// The findings from opening the data.
    pub findings: Vec<Finding>,
    pub turned: Arc<Turned>,
    /// Whether the findings from reading have been logged.
    pub has_ended: bool,
}

impl Stream {
    /// Creates a stream of the selected samples or feeds. All columns must have the same number of them.
    pub fn new(columns: Vec<Column>, selection: Selection, batch_size: usize) -> Self {
        let (findings, turned) = (Vec::new(), Arc::default());
        Self {
            columns,
            selection,
            batch_size,
            is_filled: false,
            feeds: None,
            findings,
            turned,
            has_ended: false,
        }
    }

    fn read(&mut self) -> Result<Option<Batch>> {
        let steps = self.selection.take(self.batch_size);
        if steps.is_empty() {
            return Ok(None);
        }
        let read = self.columns.iter_mut().map(|column| Ok((column.name.clone(), column.read(&steps)?)));
        let inputs: Vec<_> = read.collect::<Result<_>>()?;
        let samples = match &self.feeds {
            Some((specs, first)) => sample_count(specs, first, &inputs)?,
            None => steps.iter().map(ExactSizeIterator::len).sum(),
        };
        let repeats = if self.is_filled { self.batch_size.saturating_sub(samples) } else { 0 };
        let inputs = if repeats > 0 { filled(inputs, samples, self.batch_size)? } else { inputs };
        Ok(Some(Batch { inputs, samples, repeats }))
    }

    /// Returns the finding from reading, if any.
    fn found(&self) -> Option<Finding> {
        let (first, count) = self.turned.seen()?;
        let (images, more) = (counted(count, "image"), if count > 1 { ", ..." } else { "" });
        let message =
            format!("the orientation stored in {images} was not applied: {}{more}", first.display());
        let remedy =
            "set exif to apply if the model was trained on images as they are shown, as OpenCV reads them";
        Some(Finding::warning(message).with_remedy(remedy))
    }
}

/// The largest size of a filled-up batch in bytes: a model of a few bytes can declare any batch size.
const MOST_BYTES: usize = 1 << 32;

/// Repeats the samples of each input until there are `size`.
fn filled(inputs: Vec<(String, Tensor)>, samples: usize, size: usize) -> Result<Vec<(String, Tensor)>> {
    let bytes = inputs.iter().map(|(_, tensor)| tensor.view().data().as_bytes().len()).max().unwrap_or(0);
    if bytes.div_ceil(samples.max(1)).max(8).checked_mul(size).is_none_or(|all| all > MOST_BYTES) {
        let message = format!(
            "{samples} samples are given and the model takes {size} at a time, which is too much to fill up"
        );
        return Err(Error::new(ErrorKind::Data, message)
            .with_remedy("give whole batches, or export the model with a dynamic batch dimension"));
    }
    let order: Vec<usize> = (0..size).map(|at| at % samples).collect();
    inputs.into_iter().map(|(name, tensor)| Ok((name, tensor.gathered(&order)?))).collect()
}

impl BatchSource for Stream {
    fn next_batch(&mut self) -> Result<Option<Batch>> {
        let batch = self.read();
        if !matches!(batch, Ok(Some(_))) {
            self.selection.truncate(0);
            if !std::mem::replace(&mut self.has_ended, true) {
                self.found().iter().for_each(Finding::log);
            }
        }
        batch
    }

    fn remaining(&self) -> Option<usize> {
        Some(self.selection.len().div_ceil(self.batch_size))
    }

    fn findings(&self) -> Vec<Finding> {
        self.findings.iter().cloned().chain(self.found()).collect()
    }
}
