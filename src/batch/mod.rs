//! Calibration data as a stream of batches.

use crate::error::Result;
use crate::tensor::Tensor;

/// One batch: a tensor for every input of the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Input name and value, in the model's order.
    pub inputs: Vec<(String, Tensor)>,
    /// How many samples the batch holds.
    pub samples: usize,
}

/// Where batches come from.
pub trait BatchSource {
    /// The next batch, or `None` after the last.
    fn next_batch(&mut self) -> Result<Option<Batch>>;

    /// How many batches are still to come, where that is known.
    fn remaining(&self) -> Option<usize>;
}
