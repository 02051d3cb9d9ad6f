//! Quantizing with the methods that recover accuracy.

#[cfg(feature = "recover")]
mod awq;
#[cfg(feature = "recover")]
mod biases;
#[cfg(feature = "recover")]
mod by_channel;
#[cfg(feature = "recover")]
mod candidates;
#[cfg(feature = "recover")]
mod equalize;
#[cfg(feature = "recover")]
mod gather;
pub(in crate::pipeline) mod measure;
mod meter;
#[cfg(feature = "recover")]
mod rounding;
#[cfg(feature = "recover")]
mod rows;
#[cfg(feature = "recover")]
mod scaled;
#[cfg(feature = "recover")]
mod smooth;
#[cfg(feature = "recover")]
mod smoothed;
#[cfg_attr(not(feature = "recover"), path = "absent.rs")]
mod steps;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::batch::BatchSource;
use crate::dtype::DataType;
use crate::emit::Ranges;
use crate::emit::{Weights, check_trained};
use crate::error::{Error, ErrorKind, Result};
use crate::finding;
use crate::graph::Graph;
use crate::observe::{Stats, TensorStats};
use crate::onnx::Model;
use crate::place::{Format, Plan};
use crate::range::Method;
use crate::recover::Recovery;
use crate::report::recovery::RecoveryReport;
use crate::runtime::{RuntimeOptions, Tap};

use super::calibrate::{open, run};
use super::prepared::Prepared;
use super::progress::Progress;

/// The means to run over the data several times.
pub struct Passes<'a> {
    /// Opens the data at its beginning. It is called once for each pass.
    pub open: &'a mut dyn FnMut() -> Result<Box<dyn BatchSource>>,
    /// The runtime that runs the models.
    pub runtime: &'a RuntimeOptions,
    /// Is called after every batch of every pass. `Break` stops the run with a `Cancelled` error.
    pub report: &'a mut dyn FnMut(Progress) -> ControlFlow<()>,
}

impl Passes<'_> {
    pub(super) fn run(&mut self, model: &Model, taps: &[String], tap: Arc<dyn Tap>) -> Result<()> {
        let mut source = (self.open)()?;
        let runner = open(model, taps, tap, self.runtime)?;
        run(runner, &model.inputs(), source.as_mut(), self.report).map(drop)
    }
}

/// A quantized model, and the changes that recover its accuracy.
#[derive(Clone)]
pub struct Recovered {
    /// The Q/DQ model.
    pub model: Model,
    /// The float model that belongs to the quantized form.
    ///
    /// It is the given model, with scaled channels between layers that were equalized, before layers that
    /// were smoothed, or before weights in blocks.
    pub float: Model,
    /// The ranges of the quantized model. Those of scaled tensors differ from those of the given model.
    pub ranges: Ranges,
    /// The statistics of tensors of the float model whose channels were scaled. Those of the given model no
    /// longer hold for them, or it does not have them.
    pub scaled: BTreeMap<String, TensorStats>,
    /// The changes of each method.
    pub report: RecoveryReport,
}

/// Returns the statistics that hold for a recovered model.
///
/// `scaled` are those of tensors that a method scaled, or added to `graph`: see [`Recovered::scaled`].
pub fn with_scaled<'a>(
    stats: &'a Stats,
    scaled: BTreeMap<String, TensorStats>,
    graph: &Graph,
) -> Cow<'a, Stats> {
    if scaled.is_empty() {
        return Cow::Borrowed(stats);
    }
    let mut written = stats.clone();
    // Nothing is asked about tensors of the graph that were not observed.
    let is_asked = |name: &String| stats.tensors.contains_key(name) || graph.find(name).is_none();
    written.tensors.extend(scaled.into_iter().filter(|(name, _)| is_asked(name)));
    Cow::Owned(written)
}

/// The way in which weights are quantized, and the methods that recover accuracy.
#[derive(Clone, Debug, Default)]
pub struct RecoverOptions {
    /// The way in which weights are quantized.
    pub weights: Weights,
    /// The methods.
    pub recovery: Recovery,
    /// The method of the ranges. It also computes the new ranges of scaled tensors.
    pub method: Method,
}

impl RecoverOptions {
    /// Refuses options that [`Prepared::recover`] cannot carry out, before the data is read.
    ///
    /// # Errors
    /// `InvalidArgument` for learned rounding or fewer than 8 bits with weights that are stored as float, for
    /// equalization, smoothing or activation-aware scaling of weights whose ranges are given, and for these
    /// and learned rounding of weights that were trained with a quantizer; `Unsupported` if the build has no
    /// such methods.
    pub fn check(&self) -> Result<()> {
        #[cfg(not(feature = "recover"))]
        if !self.recovery.is_none() {
            return Err(steps::refusal());
        }
        self.weights.check(self.recovery.learned_rounding)?;
        let is_trained = !self.weights.trained.is_empty();
        let method = match self.recovery {
            Recovery { equalization: true, .. } => "equalization",
            Recovery { smooth: true, .. } => "smoothing",
            Recovery { awq: true, .. } => "activation-aware scaling",
            Recovery { learned_rounding: true, .. } if is_trained => "learned rounding",
            _ => return Ok(()),
        };
        let (what, which) = match (is_trained, self.weights.amax.is_empty()) {
            (true, _) => ("that were trained with a quantizer", "the quantizers"),
            (false, false) => ("whose ranges are given", "the ranges"),
            (false, true) => return Ok(()),
        };
        Err(Error::new(ErrorKind::InvalidArgument, format!("{method} changes weights {what}"))
            .with_remedy(format!("leave out {method}, or {which}")))
    }
}

impl RecoverOptions {
    /// Refuses methods that do not know a format of the plan, before the data is read.
    ///
    /// Equalization knows int8 alone. Smoothing is for int8 inputs; layers of other formats stay as they are.
    /// Learned rounding searches integers, so it does not know 8-bit floats.
    /// Activation-aware scaling is for weights in blocks; beside them the plan may have other formats.
    ///
    /// # Errors
    /// `Unsupported` for a format that a chosen method does not know, for smoothing of a plan without int8
    /// inputs, and for activation-aware scaling of a plan without weights in blocks.
    pub fn check_formats(&self, plan: &Plan) -> Result<()> {
        let is_float = |format: Format| format.rules().element == DataType::F8E4M3;
        for format in plan.weights.iter().map(|weight| weight.grid.format) {
            let method = match self.recovery {
                Recovery { equalization: true, .. } if format != Format::Int8 => "equalization",
                Recovery { learned_rounding: true, .. } if is_float(format) => "learned rounding",
                _ => continue,
            };
            let message = format!("{method} does not know {format}, which the plan has");
            return Err(Error::new(ErrorKind::Unsupported, message)
                .with_remedy("leave the method out, or choose another format"));
        }
        if self.recovery.smooth && plan.activations.iter().all(|planned| planned.format != Format::Int8) {
            let message = "smoothing is for layers with int8 inputs, which the plan does not have";
            return Err(Error::new(ErrorKind::Unsupported, message)
                .with_remedy(format!("leave the method out, or choose {}", Format::Int8)));
        }
        if self.recovery.awq && plan.weights.iter().all(|weight| weight.grid.block.is_none()) {
            let message = "activation-aware scaling is for weights in blocks, which the plan does not have";
            return Err(Error::new(ErrorKind::Unsupported, message)
                .with_remedy(format!("leave the method out, or choose {}", Format::Int4Weights)));
        }
        Ok(())
    }
}

impl Prepared {
    /// Quantizes as [`Prepared::quantize`] does, with the chosen methods of [`recover`](crate::recover).
    ///
    /// The methods run in the order equalization, smoothing, activation-aware scaling, learned rounding, bias
    /// correction. Learned rounding reads the data twice, and more often if the moments of all layers do
    /// not fit into 512 MiB. Bias correction and activation-aware scaling read the data twice each. The
    /// data is read once more for the statistics of scaled tensors. Equalization reads it three times, and
    /// as often again for pairs that share a layer, which take turns. Smoothing reads it three times, and
    /// as often again if the copies of all weights do not fit into 512 MiB. Memory does not grow with the
    /// amount of data. A finding that every pass makes is logged once.
    ///
    /// # Errors
    /// Those of [`Prepared::quantize`] and [`Prepared::calibrate`]; `InvalidArgument` for options that
    /// [`RecoverOptions::check`] refuses.
    pub fn recover(
        &self,
        plan: &Plan,
        ranges: &Ranges,
        options: &RecoverOptions,
        passes: &mut Passes<'_>,
    ) -> Result<Recovered> {
        options.check()?;
        options.check_formats(plan)?;
        let seen = self.seen(plan, ranges);
        check_trained(self.graph(), &seen, &options.weights)?;
        finding::once(|| steps::recover(self.network.clone(), &seen, ranges, options, passes))
    }
}
