//! The judgement of quantized models by the outputs of the network.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::batch::Batch;
use crate::error::Result;
use crate::finding::Finding;
use crate::onnx::Model;
use crate::pipeline::calibrate::of_batch;
use crate::pipeline::compared::{CompareOptions, Compared};
use crate::pipeline::filled;
use crate::pipeline::progress::Progress;
use crate::pipeline::ready::{Ready, add, comparable, rounding};
use crate::report::compare::{Comparison, Metrics, NamedMetrics};
use crate::runtime::{RuntimeOptions, Tap, Unknown};
use crate::search::Score;
use crate::tensor::{Tensor, TensorView};

/// The outputs of the float model on some batches.
pub(super) struct Judge {
    float: Model,
    pub compared: Compared,
    runtime: RuntimeOptions,
    batches: Vec<Judged>,
}

/// A batch that judges, with the float model's outputs.
pub(super) type Judged = (Batch, Vec<Tensor>);

/// A function that is called after every batch. `Break` stops the run.
pub(super) type Report<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

impl Judge {
    /// Runs the float model over the batches.
    ///
    /// # Errors
    /// Those of [`compare`](crate::pipeline::compare).
    pub fn open(
        float: &Model,
        batches: &[Batch],
        options: &RuntimeOptions,
        report: Report<'_>,
    ) -> Result<Self> {
        let float = comparable(float)?;
        let runtime = options.settled()?;
        let choose =
            |unknown: &[Unknown]| Compared::choose(&float, &float, &CompareOptions::default(), unknown);
        let mut compared = choose(&[])?;
        let open = |compared: &Compared| {
            Ready::open(&float, compared, Arc::new(Unheard), &runtime, rounding([&float, &float]))
        };
        let mut ready = open(&compared);
        if ready.is_err()
            && let Some(unknown) = Unknown::of(&float)?
        {
            compared = choose(&[unknown])?;
            ready = open(&compared);
        }
        let mut ready = ready?;
        let inputs = float.inputs();
        let mut progress = Progress::start(Some(batches.len()));
        let mut judging = Vec::new();
        for batch in batches {
            if !ready.runner.can_cut(batch, true)? {
                compared.findings.push(filled::left_out(batch, progress.samples)?);
                continue;
            }
            let outputs = ready.run(batch).map_err(|error| of_batch(error, &inputs, batch))?;
            judging.push((batch.clone(), outputs));
            progress.advance(batch.samples, report)?;
        }
        progress.check_any()?;
        compared.findings.iter().for_each(Finding::log);
        Ok(Self { float, compared, runtime, batches: judging })
    }

    /// Runs a quantized model on the first batches and compares its outputs with those of the float model.
    ///
    /// # Errors
    /// Those of [`compare`](crate::pipeline::compare).
    pub fn judge(&self, quantized: &Model, batches: usize, report: Report<'_>) -> Result<Judgement> {
        let quantized = comparable(quantized)?;
        let (compared, runtime) = (&self.compared, &self.runtime);
        let rounding = rounding([&self.float, &quantized]);
        let mut ready = Ready::open(&quantized, compared, Arc::new(Unheard), runtime, rounding)?;
        let mut outputs = vec![Metrics::default(); compared.outputs.len()];
        let (mut score, mut all) = (Score::default(), Vec::new());
        let mut progress = Progress::start(Some(batches.min(self.batches.len())));
        for (batch, expected) in self.batches.iter().take(batches) {
            let found = ready.run(batch)?;
            let mut of_batch = vec![Metrics::default(); outputs.len()];
            for (metrics, (expected, found)) in of_batch.iter_mut().zip(expected.iter().zip(&found)) {
                add(metrics, expected, found.view());
            }
            outputs.iter_mut().zip(&of_batch).for_each(|(sum, metrics)| sum.merge(metrics));
            let of_batch = Comparison { outputs: named(compared, of_batch), ..Comparison::default() };
            score.add(of_batch.score_db().unwrap_or(f64::NEG_INFINITY));
            all.push(found);
            progress.advance(batch.samples, report)?;
        }
        let outputs = named(compared, outputs);
        let comparison = Comparison { samples: progress.samples, outputs, ..Comparison::default() };
        Ok(Judgement { score, comparison, outputs: all })
    }

    /// Returns the float model in the form in which it is compared.
    pub fn float(&self) -> &Model {
        &self.float
    }

    /// Whether the values of a compared output are floating-point numbers.
    pub fn is_float(&self, name: &str) -> bool {
        let at = self.compared.outputs.iter().position(|output| output == name);
        let value = at.and_then(|at| self.batches.first()?.1.get(at));
        value.is_some_and(|value| value.dtype().is_float())
    }

    /// Returns the number of samples that judge.
    pub fn samples(&self) -> usize {
        self.samples_of_first(usize::MAX)
    }

    /// Returns the number of samples of the first batches.
    pub fn samples_of_first(&self, batches: usize) -> usize {
        self.batches.iter().take(batches).map(|(batch, _)| batch.samples).sum()
    }

    /// Returns the batches that judge, with the float model's outputs.
    pub fn batches(&self) -> &[Judged] {
        &self.batches
    }
}

/// The judgement of a quantized model.
pub(super) struct Judgement {
    /// The figures of the batches, each [`score_db`](Comparison::score_db) of its outputs.
    pub score: Score,
    /// The comparison over all batches.
    pub comparison: Comparison,
    /// The compared outputs of each batch.
    pub outputs: Vec<Vec<Tensor>>,
}

fn named(compared: &Compared, metrics: Vec<Metrics>) -> Vec<NamedMetrics> {
    let outputs = compared.outputs.iter().cloned().zip(metrics);
    outputs.map(|(name, metrics)| NamedMetrics { name, metrics }).collect()
}

/// A tap that is never called.
pub(super) struct Unheard;

impl Tap for Unheard {
    fn observe(&self, _: usize, _: TensorView<'_>) -> Result<()> {
        Ok(())
    }
}
