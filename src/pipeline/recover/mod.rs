//! Quantizing with the methods that recover accuracy.

mod biases;
mod candidates;
mod equalize;
mod gather;
mod measure;
mod meter;
mod rounding;
mod rows;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::batch::BatchSource;
use crate::emit::Ranges;
use crate::emit::qdq_model::{self, ReadyWeights, Weights};
use crate::error::{Error, ErrorKind, Result};
use crate::finding;
use crate::graph::NodeId;
use crate::onnx::{Model, Network};
use crate::place::Plan;
use crate::range::Method;
use crate::recover::layer::layers;
use crate::recover::{Recovery, bias};
use crate::report::recovery::{LayerRecovery, RecoveryMethod, RecoveryReport};
use crate::runtime::{RuntimeOptions, Tap};

use self::equalize::Equalizer;
use self::measure::Subject;
use super::calibrate::{open, run};
use super::prepared::Prepared;
use super::progress::Progress;

/// What it takes to run over the data several times.
pub struct Passes<'a> {
    /// Opens the data from its beginning; called once for each pass.
    pub open: &'a mut dyn FnMut() -> Result<Box<dyn BatchSource>>,
    /// The runtime that runs the models.
    pub runtime: &'a RuntimeOptions,
    /// Called after every batch of every pass; `Break` stops with a `Cancelled` error.
    pub report: &'a mut dyn FnMut(Progress) -> ControlFlow<()>,
}

impl Passes<'_> {
    pub(super) fn run(&mut self, model: &Model, taps: &[String], tap: Arc<dyn Tap>) -> Result<()> {
        let mut source = (self.open)()?;
        let runner = open(model, taps, tap, self.runtime)?;
        run(runner, &model.inputs(), source.as_mut(), self.report).map(drop)
    }
}

/// A quantized model and what was done for its accuracy.
#[derive(Clone)]
pub struct Recovered {
    /// The Q/DQ model.
    pub model: Model,
    /// The float model of which it is the quantized form: the one that was given, with its channels scaled
    /// where they were equalized.
    pub float: Model,
    /// The ranges that it has: where channels were equalized, they are others than those of the float model.
    pub ranges: Ranges,
    /// What each method changed.
    pub report: RecoveryReport,
}

/// How weights are quantized, and which methods recover accuracy.
#[derive(Clone, Debug, Default)]
pub struct RecoverOptions {
    /// How weights are quantized.
    pub weights: Weights,
    /// The methods.
    pub recovery: Recovery,
    /// The method of the ranges; those between equalized layers are computed by it anew.
    pub method: Method,
}

impl RecoverOptions {
    /// Refuses what [`Prepared::recover`] cannot do, before the data is read.
    ///
    /// # Errors
    /// `InvalidArgument` for learned rounding or fewer than 8 bits of weights that are stored as float, and
    /// for equalization of weights whose ranges are given.
    pub fn check(&self) -> Result<()> {
        self.weights.check(self.recovery.learned_rounding)?;
        if self.recovery.equalization && !self.weights.amax.is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                "equalization changes weights whose ranges are given",
            )
            .with_remedy("leave out equalization, or the ranges"));
        }
        Ok(())
    }
}

impl Prepared {
    /// As [`Prepared::quantize`], with the methods of [`recover`](crate::recover) that the options name, in
    /// their order: equalization, learned rounding, bias correction.
    ///
    /// The data is read twice for learned rounding (more often where the moments of all layers do not fit
    /// into 512 MiB), twice for bias correction, and three times for equalization (as often again for pairs
    /// that share a layer, which take turns). Memory does not grow with the amount of data. What is found at
    /// every pass is logged once.
    ///
    /// # Errors
    /// Those of [`Prepared::quantize`] and [`Prepared::calibrate`]; `InvalidArgument` for what
    /// [`RecoverOptions::check`] refuses.
    pub fn recover(
        &self,
        plan: &Plan,
        ranges: &Ranges,
        options: &RecoverOptions,
        passes: &mut Passes<'_>,
    ) -> Result<Recovered> {
        options.check()?;
        finding::once(|| recover(self.network.clone(), &self.seen(plan, ranges), ranges, options, passes))
    }
}

fn recover(
    mut network: Network,
    whole: &Plan,
    ranges: &Ranges,
    options: &RecoverOptions,
    passes: &mut Passes<'_>,
) -> Result<Recovered> {
    let RecoverOptions { weights, recovery, .. } = options;
    let mut ranges = ranges.clone();
    let (plan, bodies) = &outside_bodies(&network, whole);
    let mut report = RecoveryReport::default();
    if recovery.equalization {
        let equalizer = Equalizer::new(&mut network, plan, &mut ranges, options);
        report.layers.extend(equalizer.run(passes)?);
        report.layers.extend(left_alone(bodies, RecoveryMethod::Equalization));
    }
    let subject = Subject { network: &network, plan, ranges: &ranges, weights };
    let mut ready = ReadyWeights::new();
    if recovery.learned_rounding {
        let (found, entries) = rounding::learn_rounding(subject, passes)?;
        ready = found;
        report.layers.extend(entries);
        report.layers.extend(left_alone(bodies, RecoveryMethod::LearnedRounding));
    }
    let mut quantized = qdq_model::quantize_with(&network, whole, &ranges, weights, &ready)?;
    if recovery.bias_correction {
        let (biases, entries) = biases::correct_biases(subject, &ready, passes)?;
        bias::apply(&mut quantized, &network.graph, &biases)?;
        report.layers.extend(entries);
        report.layers.extend(left_alone(bodies, RecoveryMethod::BiasCorrection));
    }
    Ok(Recovered { model: quantized.nested()?, float: network.model.nested()?, ranges, report })
}

/// The plan without the layers in bodies of Loop and Scan, and the names of these: what they compute comes of
/// all rounds at once, in which no method can tell its channels.
fn outside_bodies(network: &Network, plan: &Plan) -> (Plan, Vec<String>) {
    let graph = &network.graph;
    let bodies = network.model.nodes_in_bodies();
    let inside: BTreeSet<NodeId> =
        graph.node_ids().filter(|&id| bodies.contains(&network.position(id))).collect();
    let layers = layers(graph, plan).into_iter().map(|layer| layer.node).filter(|node| inside.contains(node));
    let names = layers.map(|node| graph.node(node).name.clone()).collect();
    (plan.without(&inside, IN_BODY), names)
}

const IN_BODY: &str = "it lies in the body of a Loop or Scan, which runs several times for one sample";

fn left_alone(layers: &[String], method: RecoveryMethod) -> impl Iterator<Item = LayerRecovery> + '_ {
    layers.iter().map(move |layer| LayerRecovery::left_alone(method, layer, IN_BODY))
}
