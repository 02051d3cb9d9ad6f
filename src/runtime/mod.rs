//! Engines that run a model and hand over activations while it runs.

use crate::batch::Batch;
use crate::error::Result;
use crate::tensor::{Tensor, TensorView};

/// Receives each tapped tensor as soon as it is computed. Called from the engine's threads.
pub trait Tap: Send + Sync {
    /// `index` is the position of the tensor in the list of taps that the engine was opened with.
    fn observe(&self, index: usize, value: TensorView<'_>) -> Result<()>;
}

/// A model made ready to run.
pub trait Engine {
    /// Runs one batch, calls the tap for every tapped tensor that the run computes, and returns the model's
    /// outputs in order.
    fn run(&mut self, batch: &Batch) -> Result<Vec<Tensor>>;

    /// The engine's name and version, for messages.
    fn describe(&self) -> String;
}
