//! A model that is ready for a comparison, and the figures of its tensors.

use std::sync::{Arc, Mutex, PoisonError};

use crate::batch::Batch;
use crate::error::{Error, ErrorKind, Result};
use crate::onnx::{Model, Network, Rounding};
use crate::report::compare::Metrics;
use crate::runtime::{RuntimeOptions, Tap, flatten_subgraphs, take_branches};
use crate::tensor::{Tensor, TensorView};

use super::compared::Compared;
use super::filled::Runner;

/// Gives the tensors inside functions and subgraphs names, by inlining and flattening.
pub(super) fn opened(model: &Model) -> Result<Network> {
    let mut model = model.nested()?;
    model.inline_functions()?;
    take_branches(model)?.edit(flatten_subgraphs)
}

/// Returns a model in the form in which it is compared ([`opened`]).
pub(super) fn comparable(model: &Model) -> Result<Model> {
    Ok(opened(model)?.model)
}

/// Activations of one batch that wait for their counterparts.
#[derive(Default)]
pub(super) struct Shelf {
    pub(super) tensors: Mutex<Vec<Option<Tensor>>>,
}

impl Tap for Shelf {
    fn observe(&self, index: usize, value: TensorView<'_>) -> Result<()> {
        self.tensors.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(value.to_owned());
        Ok(())
    }
}

/// Adds the pairs of two tensors.
///
/// Tensors whose shape depends on the data (such as a selection of boxes) have no distance.
pub(super) fn add(metrics: &mut Metrics, reference: &Tensor, value: TensorView<'_>) {
    if reference.shape() != value.shape() {
        return;
    }
    let (reference, value) = (reference.view().data(), value.data());
    match (reference.to_f32(), value.to_f32()) {
        (Some(reference), Some(value)) => metrics.add(&reference, &value),
        _ if reference.dtype() == value.dtype() => {
            let size = value.dtype().size();
            let elements = reference.as_bytes().chunks_exact(size).zip(value.as_bytes().chunks_exact(size));
            let same = elements.filter(|(ours, theirs)| ours == theirs);
            metrics.add_discrete(reference.len() as u64, same.count() as u64);
        }
        _ => {}
    }
}

/// A model, ready to run its compared part.
pub(super) struct Ready {
    pub(super) runner: Runner,
    /// The position of each compared output among the outputs of the runtime.
    positions: Vec<usize>,
}

impl Ready {
    /// Opens the compared part of a model.
    pub(super) fn open(
        model: &Model,
        compared: &Compared,
        tap: Arc<dyn Tap>,
        runtime: &RuntimeOptions,
        rounding: Rounding,
    ) -> Result<Self> {
        let part = compared.part_of(model)?;
        let outputs = part.outputs();
        let position = |name: &String| outputs.iter().position(|output| output.name == *name);
        let positions = compared.outputs.iter().filter_map(position).collect();
        Ok(Self { runner: Runner::open(&part, &compared.activations, tap, runtime, rounding)?, positions })
    }

    /// Runs a batch and returns the compared outputs, in order.
    pub(super) fn run(&mut self, batch: &Batch) -> Result<Vec<Tensor>> {
        let mut outputs: Vec<Option<Tensor>> = self.runner.run(batch)?.into_iter().map(Some).collect();
        let taken = self.positions.iter().map(|&position| outputs.get_mut(position).and_then(Option::take));
        let lost = || Error::new(ErrorKind::Internal, "the runtime gave fewer outputs than the model has");
        taken.map(|output| output.ok_or_else(lost)).collect()
    }
}

/// Chooses the values of 16-bit tensors: if one of the models has any, those that the type holds.
pub(super) fn rounding(models: [&Model; 2]) -> Rounding {
    if models.iter().any(|model| model.has_halves()) { Rounding::On } else { Rounding::Off }
}
