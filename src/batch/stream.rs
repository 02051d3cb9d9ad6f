//! Batches from columns of samples.

use super::samples::Column;
use super::select::Selection;
use super::{Batch, BatchSource};
use crate::error::Result;

/// Reads one batch after the other.
pub(super) struct Stream {
    columns: Vec<Column>,
    selection: Selection,
    batch_size: usize,
}

impl Stream {
    /// Batches of the selected samples; all columns have as many.
    pub fn new(columns: Vec<Column>, selection: Selection, batch_size: usize) -> Self {
        Self { columns, selection, batch_size }
    }
}

impl BatchSource for Stream {
    fn next_batch(&mut self) -> Result<Option<Batch>> {
        let ranges = self.selection.take(self.batch_size);
        let samples = ranges.iter().map(ExactSizeIterator::len).sum();
        if samples == 0 {
            return Ok(None);
        }
        let read = self.columns.iter_mut().map(|column| Ok((column.name.clone(), column.read(&ranges)?)));
        match read.collect() {
            Ok(inputs) => Ok(Some(Batch { inputs, samples })),
            Err(error) => {
                self.selection.truncate(0);
                Err(error)
            }
        }
    }

    fn remaining(&self) -> Option<usize> {
        Some(self.selection.len().div_ceil(self.batch_size))
    }
}
