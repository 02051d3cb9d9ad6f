//! Runs of the model over the data that gather statistics.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use crate::batch::{Batch, BatchSource};
use crate::error::{Error, ErrorKind, Result};
use crate::finding::{self, Finding, counted};
use crate::graph::{NodeId, TensorId};
use crate::kernel::parallel;
use crate::observe::{Stats, TensorStats};
use crate::onnx::{Model, Rounding};
use crate::place::Plan;
use crate::runtime::{RuntimeOptions, Tap, Unknown};
use crate::tensor::{DataView, Dim, TensorSpec, TensorView};

use super::filled::{self, Runner};
use super::prepared::Prepared;
use super::progress::Progress;

/// The observations of one tapped tensor.
#[derive(Default)]
struct Observed {
    /// The statistics. They begin with the first floating-point values.
    stats: Option<TensorStats>,
    /// The largest size of the axis in [`Taps::key_axes`], if the tensor has one there.
    keys: Option<u64>,
}

/// The detail in which a tensor is observed.
#[derive(Clone, Copy, Debug, Default)]
enum Detail {
    /// All values.
    #[default]
    Whole,
    /// The extremes of all values, and a histogram of some.
    Sampled,
    /// The extremes alone.
    Limits,
}

/// The observations of all tapped tensors.
///
/// Each tensor has a lock of its own, because a runtime may hand over tensors from several threads.
struct Observer {
    tensors: Vec<Mutex<Observed>>,
    /// The axis of each tensor whose size is noted, counted from the last one.
    key_axes: Vec<Option<usize>>,
    /// The detail in which each tensor is observed.
    details: Vec<Detail>,
    /// As many threads as the runtime has, which waits meanwhile.
    threads: Option<usize>,
}

impl Tap for Observer {
    fn observe(&self, index: usize, value: TensorView<'_>) -> Result<()> {
        let data = value.data();
        if !data.dtype().is_float() {
            // Integers pass through float networks as shapes and indices. They have no range.
            return Ok(());
        }
        let mut observed = self.tensors[index].lock().unwrap_or_else(PoisonError::into_inner);
        let size_of = |axis: usize| value.shape().iter().rev().nth(axis).map(|&size| size as u64);
        // A tensor of rank 1 is a row of results of a loop, whose shape is lost.
        if let Some(size) = self.key_axes[index].filter(|_| value.shape().len() > 1).and_then(size_of) {
            observed.keys = observed.keys.max(Some(size));
        }
        let stats = observed.stats.get_or_insert_default();
        parallel::within(self.threads, || match data {
            DataView::F32(values) => match self.details[index] {
                Detail::Whole => stats.observe(values),
                Detail::Sampled => stats.observe_sampled(values),
                Detail::Limits => stats.observe_limits(values),
            },
            DataView::F16(values) => stats.observe(values),
            DataView::Bf16(values) => stats.observe(values),
            other => stats.observe(&other.to_f32().unwrap_or_default()),
        });
        Ok(())
    }
}

impl Observer {
    fn new(names: &[String], taps: &Taps, runtime: &RuntimeOptions) -> Arc<Self> {
        Arc::new(Self {
            tensors: names.iter().map(|_| Mutex::default()).collect(),
            key_axes: names.iter().map(|tap| taps.key_axes.get(tap).copied()).collect(),
            details: names.iter().map(|tap| taps.details.get(tap).copied().unwrap_or_default()).collect(),
            threads: runtime.threads,
        })
    }
}

/// The tensors that are observed, and the runtime.
#[derive(Clone, Debug, Default)]
pub struct CalibrateOptions {
    /// The runtime that runs the model.
    pub runtime: RuntimeOptions,
    /// Whether to observe also the activations that the plan leaves in float.
    ///
    /// A calibration cache needs them.
    pub every_activation: bool,
    /// Further tensors to observe if a runtime can reach them, such as those that a plan of precision needs.
    pub also: Vec<String>,
    /// Further tensors of which some values are enough for the histogram, if a runtime can reach them
    /// ([`TensorStats::observe_sampled`]).
    pub sampled: Vec<String>,
    /// Further tensors of which only the extremes are observed, if a runtime can reach them.
    pub limits: Vec<String>,
}

impl Prepared {
    /// Runs the model over all batches of `source` and gathers statistics of the tensors that `plan` needs.
    ///
    /// Only the nodes that compute these tensors run. Any operator may follow behind the last of them.
    /// [`CalibrateOptions::every_activation`] adds further tensors. If such a tensor is behind an operator
    /// that no runtime knows, such as a plugin of TensorRT, it is left out with a warning.
    ///
    /// Memory is that of one inference and a fixed amount per tensor, whatever the number of batches.
    /// `report` is called after every batch. `Break` stops the run with a `Cancelled` error.
    ///
    /// # Errors
    /// `Data` if the source has no batch; `Unsupported` if a planned tensor is behind an operator that no
    /// runtime knows; errors of the source and of the runtime.
    pub fn calibrate(
        &self,
        plan: &Plan,
        source: &mut dyn BatchSource,
        options: &CalibrateOptions,
        report: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Stats> {
        let needed = self.taps(plan, false);
        if needed.is_empty()
            && !options.every_activation
            && options.also.is_empty()
            && options.sampled.is_empty()
            && options.limits.is_empty()
        {
            // Only weights are quantized. The activations of the model already are.
            return Ok(Stats::default());
        }
        let mut others = if options.every_activation { self.taps(plan, true) } else { Vec::new() };
        others.extend_from_slice(&options.also);
        let mut known: HashSet<String> = needed.iter().cloned().collect();
        others.retain(|tap| known.insert(tap.clone()));
        let mut details = HashMap::new();
        for (taps, detail) in [(&options.sampled, Detail::Sampled), (&options.limits, Detail::Limits)] {
            for tap in taps.iter().filter(|tap| known.insert((*tap).clone())) {
                others.push(tap.clone());
                details.insert(tap.clone(), detail);
            }
        }
        let name = |tensor: TensorId| self.network.name(tensor).to_owned();
        let key_axes = plan.attentions.iter().map(|found| (name(found.probabilities), found.axis)).collect();
        gather(
            &self.network.model,
            &Taps { needed, others, key_axes, details },
            source,
            &options.runtime,
            report,
        )
    }
}

/// Works as [`Prepared::calibrate`] for the tensors named in `taps`, whatever they are.
///
/// # Errors
/// Those of [`Prepared::calibrate`].
pub fn observe(
    model: &Model,
    taps: &[String],
    source: &mut dyn BatchSource,
    runtime: &RuntimeOptions,
    report: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Stats> {
    gather(model, &Taps { needed: taps.to_vec(), ..Taps::default() }, source, runtime, report)
}

/// The tensors to observe.
#[derive(Default)]
struct Taps {
    needed: Vec<String>,
    /// Tensors that are observed if a runtime can reach them.
    others: Vec<String>,
    /// The axis of each tensor of probabilities that has one index per key, counted from the last one.
    key_axes: BTreeMap<String, usize>,
    /// The tensors that are not observed as a whole.
    details: HashMap<String, Detail>,
}

fn gather(
    model: &Model,
    wanted: &Taps,
    source: &mut dyn BatchSource,
    runtime: &RuntimeOptions,
    report: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Stats> {
    let Taps { needed, others, .. } = wanted;
    let mut taps = [needed.as_slice(), others].concat();
    let mut findings = Vec::new();
    let mut observer = Observer::new(&taps, wanted, runtime);
    let mut opened = open(model, &taps, observer.clone(), runtime);
    if opened.is_err()
        && let Some(unknown) = Unknown::of(model)?
    {
        check_reach(model, needed, &unknown)?;
        taps.retain(|tap| !unknown.behind.contains(tap));
        if taps.len() < needed.len() + others.len() {
            findings.push(out_of_reach(others, &unknown));
            observer = Observer::new(&taps, wanted, runtime);
            opened = open(model, &taps, observer.clone(), runtime);
        }
    }
    let (samples, left_out) = run(opened?, &model.inputs(), source, report)?;
    finding::log_all(&findings);
    findings.extend(source.findings().into_iter().chain(left_out));
    let mut stats = Stats { samples: samples as u64, findings, ..Stats::default() };
    for (name, tensor) in taps.iter().zip(&observer.tensors) {
        let Observed { stats: tensor, keys } =
            std::mem::take(&mut *tensor.lock().unwrap_or_else(PoisonError::into_inner));
        stats.tensors.extend(tensor.map(|tensor| (name.clone(), tensor)));
        stats.keys.extend(keys.map(|keys| (name.clone(), keys)));
    }
    Ok(stats)
}

/// Refuses taps that no runtime can reach. The error names the nodes that must stay in float because of them.
fn check_reach(model: &Model, needed: &[String], unknown: &Unknown) -> Result<()> {
    let lost: Vec<&String> = needed.iter().filter(|tap| unknown.behind.contains(*tap)).collect();
    let Some(first) = lost.first() else { return Ok(()) };
    let graph = model.graph()?;
    let edges = lost.iter().filter_map(|tap| graph.find(tap)).flat_map(|tap| &graph.tensor(tap).consumers);
    let readers: BTreeSet<NodeId> = edges.map(|edge| edge.node).collect();
    let readers: Vec<String> =
        readers.into_iter().map(|node| format!("'{}'", graph.node(node).name)).collect();
    let message = format!(
        "{}, and {} of the {} tensors to calibrate lie behind it, '{first}' first",
        unknown.problem(),
        lost.len(),
        needed.len()
    );
    let remedy = format!(
        "exclude the nodes that read them, and all others are calibrated without it: {}; or calibrate what lies \
         behind it as a model of its own, merge the statistics of both, and apply the ranges that follow to the whole model",
        readers.join(", ")
    );
    Err(Error::new(ErrorKind::Unsupported, message).with_remedy(remedy))
}

fn out_of_reach(others: &[String], unknown: &Unknown) -> Finding {
    let lost = others.iter().filter(|tap| unknown.behind.contains(*tap));
    let message = format!("{}, so tensors behind it have no range", unknown.problem());
    Finding::warning(message).about(lost)
}

/// Opens the part of `model` that `taps` need, ready to run.
pub(super) fn open(
    model: &Model,
    taps: &[String],
    tap: Arc<dyn Tap>,
    runtime: &RuntimeOptions,
) -> Result<Runner> {
    let part = model.reduced_to(taps.iter().map(String::as_str))?;
    Runner::open(&part, taps, tap, runtime, Rounding::Off)
}

/// Runs a model with these inputs over all batches of `source`.
///
/// Returns the number of samples, and a finding if a batch was left out. Results of repeats are not handed
/// over.
pub(super) fn run(
    mut runner: Runner,
    inputs: &[TensorSpec],
    source: &mut dyn BatchSource,
    report: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<(usize, Option<Finding>)> {
    let mut left_out = None;
    let mut progress = Progress::start(source.remaining());
    while let Some(batch) = source.next_batch()? {
        let of_batch = |error| of_batch(error, inputs, &batch);
        if !runner.can_cut(&batch, false).map_err(of_batch)? {
            left_out = Some(filled::left_out(&batch, progress.samples)?);
            continue;
        }
        runner.run(&batch).map_err(of_batch)?;
        progress.advance(batch.samples, report)?;
    }
    progress.check_any()?;
    left_out.iter().for_each(Finding::log);
    Ok((progress.samples, left_out))
}

/// Adds a remedy to a runtime's error about a batch of several samples.
///
/// The network may compute with one batch size only, such as in a Reshape, although its inputs leave the size
/// open.
pub(super) fn of_batch(error: Error, inputs: &[TensorSpec], batch: &Batch) -> Error {
    let is_open = |input: &TensorSpec| {
        input.shape.as_ref().is_none_or(|dims| !matches!(dims.first(), None | Some(Dim::Fixed(_))))
    };
    if error.kind() != ErrorKind::Runtime || batch.samples < 2 || !inputs.iter().any(is_open) {
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
