//! Running the model over the data and gathering statistics.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use crate::batch::{Batch, BatchSource};
use crate::error::{Error, ErrorKind, Result};
use crate::finding::{Finding, counted};
use crate::kernel::parallel;
use crate::observe::{Stats, TensorStats};
use crate::onnx::Model;
use crate::runtime::{EngineOptions, Tap};
use crate::tensor::{DataView, Dim, TensorSpec, TensorView};

use super::filled::{self, Runner};

/// How far a run over the data has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Batches done.
    pub batches: usize,
    /// Samples done.
    pub samples: usize,
    /// All batches, where known.
    pub total_batches: Option<usize>,
}

impl Progress {
    pub(super) fn start(total_batches: Option<usize>) -> Self {
        Self { batches: 0, samples: 0, total_batches }
    }

    /// Counts one batch and asks whether to go on.
    pub(super) fn advance(
        &mut self,
        samples: usize,
        report: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<()> {
        self.batches += 1;
        self.samples += samples;
        match report(*self) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::new(
                ErrorKind::Cancelled,
                format!("stopped by the caller after {} batches", self.batches),
            )),
        }
    }
}

/// One set of statistics per tapped tensor, from the first time that floating-point numbers are seen there; it is
/// empty where they are none. Each has a lock of its own, because an engine may hand over tensors from several
/// threads.
struct Collector {
    tensors: Vec<Mutex<Option<TensorStats>>>,
    /// As many as the engine's, which waits meanwhile.
    threads: Option<usize>,
}

impl Tap for Collector {
    fn observe(&self, index: usize, value: TensorView<'_>) -> Result<()> {
        let data = value.data();
        if !data.dtype().is_float() {
            // Integers pass through float networks as shapes and indices; they have no range.
            return Ok(());
        }
        let mut stats = self.tensors[index].lock().unwrap_or_else(PoisonError::into_inner);
        let stats = stats.get_or_insert_default();
        parallel::within(self.threads, || match data {
            DataView::F32(values) => stats.observe(values),
            DataView::F16(values) => stats.observe(values),
            DataView::Bf16(values) => stats.observe(values),
            other => stats.observe(&other.to_f32().unwrap_or_default()),
        });
        Ok(())
    }
}

/// Runs `model` over all batches of `source` and gathers statistics of the tensors named in `taps`.
///
/// Memory is that of one inference and a fixed amount per tap, whatever the number of batches. `report` is
/// called after every batch; `Break` stops the run with a `Cancelled` error.
///
/// # Errors
/// `Data` where the source has no batch; errors of the source and of the engine.
pub fn calibrate(
    model: &Model,
    taps: &[String],
    source: &mut dyn BatchSource,
    engine: &EngineOptions,
    report: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Stats> {
    let tensors = taps.iter().map(|_| Mutex::default()).collect();
    let collector = Arc::new(Collector { tensors, threads: engine.threads });
    let (samples, left_out) = pass(model, taps, collector.clone(), source, engine, report)?;
    let findings = source.findings().into_iter().chain(left_out).collect();
    let mut stats = Stats { samples: samples as u64, findings, ..Stats::default() };
    for (name, tensor) in taps.iter().zip(&collector.tensors) {
        if let Some(tensor) = tensor.lock().unwrap_or_else(PoisonError::into_inner).take() {
            stats.tensors.insert(name.clone(), tensor);
        }
    }
    Ok(stats)
}

/// Runs `model` over all batches of `source` with `tap` at `taps`, and returns how many samples there were and what was left out.
/// What comes of repeats is not handed over.
pub(super) fn pass(
    model: &Model,
    taps: &[String],
    tap: Arc<dyn Tap>,
    source: &mut dyn BatchSource,
    engine: &EngineOptions,
    report: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<(usize, Option<Finding>)> {
    let (mut runner, inputs) = (Runner::open(model, taps, tap, engine)?, model.inputs());
    let mut left_out = None;
    let mut progress = Progress::start(source.remaining());
    while let Some(batch) = source.next_batch()? {
        let of_batch = |error| of_batch(error, &inputs, &batch);
        if !runner.can_cut(&batch, false).map_err(of_batch)? {
            left_out = Some(filled::left_out(&batch, progress.samples)?);
            continue;
        }
        runner.run(&batch).map_err(of_batch)?;
        progress.advance(batch.samples, report)?;
    }
    if progress.batches == 0 {
        return Err(Error::new(ErrorKind::Data, "the calibration data holds no sample")
            .with_remedy("give at least one sample; a few hundred make good ranges"));
    }
    left_out.iter().for_each(Finding::log);
    Ok((progress.samples, left_out))
}

/// What an engine says about a batch of several samples, with what helps where the network computes with one batch size only, such as
/// in a Reshape, though its inputs leave the size open.
pub(super) fn of_batch(error: Error, inputs: &[TensorSpec], batch: &Batch) -> Error {
    let is_open = |input: &TensorSpec| {
        input.shape.as_ref().is_none_or(|dims| !matches!(dims.first(), None | Some(Dim::Fixed(_))))
    };
    if error.kind() != ErrorKind::Engine || batch.samples < 2 || !inputs.iter().any(is_open) {
        return error;
    }
    let first = format!(
        "use a batch size of 1: the model may have its batch size built in, such as in a Reshape, and {} were given",
        counted(batch.samples, "sample")
    );
    let remedy = match error.remedy() {
        Some(other) => format!("{first}; or {other}"),
        None => first,
    };
    error.with_remedy(remedy)
}
