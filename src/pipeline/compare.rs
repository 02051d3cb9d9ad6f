//! Comparison of a float model with its quantized form on the same data.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use crate::batch::BatchSource;
use crate::error::{Error, ErrorKind, Result};
use crate::finding::{self, Finding};
use crate::onnx::{Model, Rounding};
use crate::report::compare::{Agreement, Comparison, Metrics, NamedMetrics};
use crate::runtime::{RuntimeOptions, Tap, Unknown};
use crate::tensor::TensorView;

use super::calibrate::of_batch;
use super::channels::Channels;
use super::compared::{CompareOptions, Compared};
use super::explain::explain;
use super::filled;
use super::fixed::{Fixed, check_inputs};
use super::progress::Progress;
use super::ready::{Ready, Shelf, add, opened, rounding};

/// A tap that measures each activation of the quantized model against the float activation on the shelf.
struct Meter {
    shelf: Arc<Shelf>,
    metrics: Mutex<Vec<Metrics>>,
    channels: Channels,
}

impl Tap for Meter {
    fn observe(&self, index: usize, value: TensorView<'_>) -> Result<()> {
        let reference = self.shelf.tensors.lock().unwrap_or_else(PoisonError::into_inner)[index].take();
        if let Some(reference) = reference {
            self.channels.add(index, &reference);
            let mut metrics = self.metrics.lock().unwrap_or_else(PoisonError::into_inner);
            add(&mut metrics[index], &reference, value);
        }
        Ok(())
    }
}

/// Both models, ready to run their compared parts.
struct Pair {
    float: Ready,
    quantized: Ready,
    meter: Arc<Meter>,
}

impl Pair {
    fn open(models: [&Model; 2], compared: &Compared, runtime: &RuntimeOptions) -> Result<Self> {
        let [float, quantized] = models;
        let rounding = rounding(models);
        let taps = &compared.activations;
        let shelf = Arc::new(Shelf { tensors: Mutex::new(vec![None; taps.len()]) });
        let metrics = Mutex::new(vec![Metrics::default(); taps.len()]);
        let channels = Channels::of(&float.graph()?, taps);
        let meter = Arc::new(Meter { shelf: shelf.clone(), metrics, channels });
        let float = Ready::open(float, compared, shelf, runtime, rounding)?;
        let quantized = Ready::open(quantized, compared, meter.clone(), runtime, rounding)?;
        Ok(Self { float, quantized, meter })
    }
}

/// Runs both models over all batches of `source` and measures the distance between them.
///
/// 16-bit tensors are rounded to their type behind each node ([`open_with`](crate::runtime::open_with)), in
/// both runtimes. The two models may have different types, such as f16 and f32 outputs.
///
/// Only the compared parts run: see [`CompareOptions::outputs`].
///
/// If an output or a tensor is bad ([`advise`](crate::report::trouble::advise)), the result has the likely
/// reasons, as advice and as findings.
///
/// # Errors
/// `InvalidArgument` if the models do not have the same outputs, if the quantized model was made for other
/// values of its inputs ([`Model::made_for`]) than the float model or the data has, or if the number of
/// labels is not that of the samples; `Unsupported` if no output can be compared; `Data` if the source has no
/// batch; errors of the source and of the runtime.
pub fn compare(
    float: &Model,
    quantized: &Model,
    source: &mut dyn BatchSource,
    options: &CompareOptions,
    report: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Comparison> {
    let (float_model, quantized_model) = (&opened(float)?, &opened(quantized)?);
    let (float, quantized) = (&float_model.model, &quantized_model.model);
    let fixed = Fixed::of(float, quantized)?;
    let runtime = options.runtime.settled()?;
    let inputs = float.inputs();
    let mut compared = Compared::choose(float, quantized, options, &[])?;
    check_inputs(float, quantized)?;
    let mut pair = Pair::open([float, quantized], &compared, &runtime);
    if pair.is_err() {
        let unknown: Vec<Unknown> =
            [Unknown::of(float)?, Unknown::of(quantized)?].into_iter().flatten().collect();
        if !unknown.is_empty() {
            compared = Compared::choose(float, quantized, options, &unknown)?;
            pair = Pair::open([float, quantized], &compared, &runtime);
        }
    }
    if rounding([float, quantized]) == Rounding::On {
        let message = "the models compute in f32, and every 16-bit tensor is rounded to its type, so that it has the \
                       precision and the range that it has on a device";
        compared.findings.push(Finding::note(message));
    }
    let Pair { mut float, mut quantized, meter } = pair?;
    let names: Vec<String> = inputs.iter().map(|input| input.name.clone()).collect();
    let of_inputs = Channels::of(&float_model.graph, if options.per_tensor { &names } else { &[] });
    finding::log_all(&compared.findings);

    let mut outputs = vec![Metrics::default(); compared.outputs.len()];
    let mut agreement = Agreement::default();
    let mut left_out = 0;
    let mut progress = Progress::start(source.remaining());
    while let Some(batch) = source.next_batch()? {
        fixed.check(&batch)?;
        let of_batch = |error| of_batch(error, &inputs, &batch);
        if !(float.runner.can_cut(&batch, true).map_err(of_batch)?
            && quantized.runner.can_cut(&batch, true).map_err(of_batch)?)
        {
            left_out = batch.samples;
            let finding = filled::left_out(&batch, progress.samples)?;
            finding.log();
            compared.findings.push(finding);
            continue;
        }
        batch.inputs.iter().for_each(|(name, value)| of_inputs.add_named(name, value));
        let expected = float.run(&batch).map_err(of_batch)?;
        let found = quantized.run(&batch).map_err(of_batch)?;
        for (metrics, (expected, found)) in outputs.iter_mut().zip(expected.iter().zip(&found)) {
            add(metrics, expected, found.view());
        }
        let labels = labels_of(options, progress.samples, batch.samples)?;
        if let (Some(expected), Some(found)) = (expected.first(), found.first())
            && compared.has_classes
        {
            agreement.add(expected.view(), found.view(), labels);
        }
        progress.advance(batch.samples, report)?;
    }
    progress.check_any()?;
    check_label_count(options, progress.samples + left_out)?;
    let named = |names: Vec<String>, metrics: Vec<Metrics>| {
        names.into_iter().zip(metrics).map(|(name, metrics)| NamedMetrics { name, metrics }).collect()
    };
    let tensors = std::mem::take(&mut *meter.metrics.lock().unwrap_or_else(PoisonError::into_inner));
    let mut comparison = Comparison {
        samples: progress.samples,
        outputs: named(compared.outputs, outputs),
        tensors: named(compared.activations, tensors),
        agreement,
        channels: of_inputs.maxima().into_iter().chain(meter.channels.maxima()).collect(),
        advice: Vec::new(),
        findings: [compared.findings, source.findings()].concat(),
    };
    explain(float_model, quantized_model, &mut comparison, options.stats.as_deref());
    Ok(comparison)
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
