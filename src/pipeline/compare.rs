//! A float model beside its quantized form on the same data.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use crate::batch::BatchSource;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::TensorKind;
use crate::onnx::Model;
use crate::report::compare::{Agreement, Comparison, Metrics, NamedMetrics};
use crate::runtime::{EngineOptions, Tap};
use crate::tensor::{Tensor, TensorView};

use super::Progress;
use super::calibrate::of_batch;
use super::filled::{self, Runner};

/// What to compare, and on which engine.
#[derive(Clone, Debug, Default)]
pub struct CompareOptions {
    /// The engine that runs both models.
    pub engine: EngineOptions,
    /// Also compare every activation that both models have, not only the outputs.
    pub per_tensor: bool,
    /// The right class of every sample, in the order of the data.
    pub labels: Option<Vec<i64>>,
}

/// Activations of one batch, waiting for their counterparts.
#[derive(Default)]
struct Shelf {
    tensors: Mutex<Vec<Option<Tensor>>>,
}

impl Tap for Shelf {
    fn observe(&self, index: usize, value: TensorView<'_>) -> Result<()> {
        self.tensors.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(value.to_owned());
        Ok(())
    }
}

/// Measures each activation of the quantized model against the float one on the shelf.
struct Meter {
    shelf: Arc<Shelf>,
    metrics: Mutex<Vec<Metrics>>,
}

impl Tap for Meter {
    fn observe(&self, index: usize, value: TensorView<'_>) -> Result<()> {
        let reference = self.shelf.tensors.lock().unwrap_or_else(PoisonError::into_inner)[index].take();
        if let Some(reference) = reference {
            let mut metrics = self.metrics.lock().unwrap_or_else(PoisonError::into_inner);
            add(&mut metrics[index], &reference, value);
        }
        Ok(())
    }
}

/// Integers and tensors whose shape depends on the data (a selection of boxes, say) have no distance.
fn add(metrics: &mut Metrics, reference: &Tensor, value: TensorView<'_>) {
    if reference.shape() != value.shape() {
        return;
    }
    if let (Some(reference), Some(value)) = (reference.view().data().to_f32(), value.data().to_f32()) {
        metrics.add(&reference, &value);
    }
}

/// Runs both models over all batches of `source` and measures how far the quantized one is from the float one.
///
/// # Errors
/// `InvalidArgument` where the two do not have the same outputs or there are not as many labels as samples;
/// errors of the source and of the engine.
pub fn compare(
    float: &Model,
    quantized: &Model,
    source: &mut dyn BatchSource,
    options: &CompareOptions,
    report: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Comparison> {
    // Tensors inside functions have names once these are put in.
    let inlined = |model: &Model| {
        let mut model = model.clone();
        model.inline_functions().map(|_| model)
    };
    let (float, quantized) = (&inlined(float)?, &inlined(quantized)?);
    let names: Vec<String> = float.outputs().into_iter().map(|output| output.name).collect();
    let others: Vec<String> = quantized.outputs().into_iter().map(|output| output.name).collect();
    if names != others {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("the models have different outputs: {names:?} and {others:?}"),
        )
        .with_remedy("compare a model with its own quantized form"));
    }
    let taps = if options.per_tensor { common_activations(float, quantized)? } else { Vec::new() };
    let shelf = Arc::new(Shelf { tensors: Mutex::new(vec![None; taps.len()]) });
    let meter =
        Arc::new(Meter { shelf: shelf.clone(), metrics: Mutex::new(vec![Metrics::default(); taps.len()]) });
    let engine = options.engine.settled()?;
    let inputs = float.inputs();
    let mut float = Runner::open(float, &taps, shelf, &engine)?;
    let mut quantized = Runner::open(quantized, &taps, meter.clone(), &engine)?;

    let mut outputs = vec![Metrics::default(); names.len()];
    let mut agreement = Agreement::default();
    let mut left_out = 0;
    let mut progress = Progress::start(source.remaining());
    while let Some(batch) = source.next_batch()? {
        let of_batch = |error| of_batch(error, &inputs, &batch);
        if !(float.can_cut(&batch, true).map_err(of_batch)?
            && quantized.can_cut(&batch, true).map_err(of_batch)?)
        {
            left_out = batch.samples;
            filled::left_out(&batch, progress.samples)?.log();
            continue;
        }
        let expected = float.run(&batch).map_err(of_batch)?;
        let found = quantized.run(&batch).map_err(of_batch)?;
        for (metrics, (expected, found)) in outputs.iter_mut().zip(expected.iter().zip(&found)) {
            add(metrics, expected, found.view());
        }
        if let (Some(expected), Some(found)) = (expected.first(), found.first()) {
            let labels = labels_of(options, progress.samples, batch.samples)?;
            agreement.add(expected.view(), found.view(), labels);
        }
        progress.advance(batch.samples, report)?;
    }
    check_label_count(options, progress.samples + left_out)?;
    let named = |names: Vec<String>, metrics: Vec<Metrics>| {
        names.into_iter().zip(metrics).map(|(name, metrics)| NamedMetrics { name, metrics }).collect()
    };
    let tensors = std::mem::take(&mut *meter.metrics.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(Comparison {
        samples: progress.samples,
        outputs: named(names, outputs),
        tensors: named(taps, tensors),
        agreement,
    })
}

fn labels_of(options: &CompareOptions, start: usize, count: usize) -> Result<Option<&[i64]>> {
    let Some(labels) = &options.labels else { return Ok(None) };
    match labels.get(start..start + count) {
        Some(labels) => Ok(Some(labels)),
        None => Err(label_count(labels.len(), start + count)),
    }
}

fn check_label_count(options: &CompareOptions, samples: usize) -> Result<()> {
    match &options.labels {
        Some(labels) if labels.len() != samples => Err(label_count(labels.len(), samples)),
        _ => Ok(()),
    }
}

fn label_count(labels: usize, samples: usize) -> Error {
    Error::new(ErrorKind::InvalidArgument, format!("{labels} labels for {samples} samples or more"))
        .with_remedy("give one label per sample, in the order of the data")
}

/// Float activations that both models compute under one name, in the order of the float model.
fn common_activations(float: &Model, quantized: &Model) -> Result<Vec<String>> {
    let theirs = quantized.graph()?;
    let known: BTreeSet<&str> = theirs.tensors.iter().map(|tensor| tensor.name.as_str()).collect();
    let ours = float.graph()?;
    let activations = ours.tensors.iter().filter(|tensor| {
        tensor.kind == TensorKind::Activation
            && tensor.dtype.is_none_or(|dtype| dtype.is_float())
            && known.contains(tensor.name.as_str())
    });
    Ok(activations.map(|tensor| tensor.name.clone()).collect())
}
