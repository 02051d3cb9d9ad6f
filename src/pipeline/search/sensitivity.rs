//! The cost of quantizing each layer alone.

use std::collections::BTreeSet;

use super::judge::Judge;
use super::samples::{Held, Samples};
use super::suffix::{self, Activations};
use crate::batch::{Batch, BatchSource};
use crate::emit::qdq_model::ReadyWeights;
use crate::emit::{Ranges, Weights, ready_weights};
use crate::error::Result;
use crate::finding::{self, Finding};
use crate::graph::{Graph, NodeId};
use crate::observe::Stats;
use crate::onnx::Model;
use crate::pipeline::Prepared;
use crate::pipeline::recover::Passes;
use crate::pipeline::recover::measure::{Subject, measure};
use crate::place::{Plan, Verdict};
use crate::range::Method;
use crate::recover::beside::Segment;
use crate::recover::errors::ErrorSums;
use crate::report::compare::{Comparison, Metrics, NamedMetrics};
use crate::report::sensitivity::{LayerSensitivity, Sensitivity};

/// The memory for the float model's activations, in bytes.
const MOST_BYTES: usize = 512 << 20;

/// The samples and the weights of a measurement of sensitivity.
#[derive(Clone, Debug)]
pub struct SensitivityOptions {
    /// The largest number of samples that are measured, evenly spread over the data.
    pub samples: usize,
    /// The way in which weights are quantized.
    pub weights: Weights,
}

impl Default for SensitivityOptions {
    fn default() -> Self {
        Self { samples: 32, weights: Weights::default() }
    }
}

/// A plan and a method of ranges whose layers are measured.
pub struct Candidates<'a> {
    /// The plan, whose format is measured.
    pub plan: &'a Plan,
    /// The method of the ranges.
    pub method: Method,
}

impl Prepared {
    /// Measures what each layer costs if it alone is quantized: the SQNR of its own output, and that of the
    /// network's outputs.
    ///
    /// A layer is a node that reads something quantized. All own outputs are measured in one run, each beside
    /// its float self. The network's outputs are computed from the layer on, with the activations of the
    /// float model, so that a layer near the end costs little time.
    ///
    /// `stats` are the statistics from which the ranges are computed. They hold the tensors of all plans.
    ///
    /// # Errors
    /// Those of [`Prepared::ranges`], [`Prepared::quantize`] and [`compare`](crate::pipeline::compare).
    pub fn sensitivity(
        &self,
        candidates: &[Candidates<'_>],
        stats: &Stats,
        options: &SensitivityOptions,
        passes: &mut Passes<'_>,
    ) -> Result<Sensitivity> {
        let samples = Samples::judging(passes, options.samples)?;
        let judge = Judge::open(&self.model().nested()?, &samples.judging, passes.runtime, passes.report)?;
        let mut found = Sensitivity {
            samples: judge.samples(),
            findings: [samples.findings.clone(), judge.compared.findings.clone()].concat(),
            ..Sensitivity::default()
        };
        for (candidate, Candidates { plan, method }) in candidates.iter().enumerate() {
            let ranges = finding::once(|| self.ranges(plan, &stats.only(&self.taps(plan, false)), *method))?;
            // The methods find the same about one tensor.
            let is_new = |finding: &&Finding| !found.findings.contains(finding);
            let new: Vec<Finding> = ranges.findings.iter().filter(is_new).cloned().collect();
            found.findings.extend(new);
            let plan = &self.seen(plan, &ranges);
            let ready = ready_weights(self.network(), plan, &options.weights)?;
            let of_plan = OfPlan { prepared: self, plan, ranges: &ranges, weights: &options.weights, ready };
            let own = of_plan.own(&samples.judging, passes)?;
            let outputs = of_plan.outputs(&judge, passes)?;
            let graph = self.graph();
            for ((node, own), output_db) in of_plan.layers().into_iter().zip(own).zip(outputs) {
                let decision = &plan.decisions[node.0];
                found.layers.push(LayerSensitivity {
                    candidate,
                    layer: graph.node(node).name.clone(),
                    op: graph.node(node).op.clone(),
                    format: decision.format.to_string(),
                    method: Some(method.to_string())
                        .filter(|_| decision.format.rules().activations)
                        .unwrap_or_default(),
                    own_db: own.as_ref().and_then(ErrorSums::sqnr_db),
                    output_db,
                    share: 0.0,
                    cost: cost(graph, plan, node, own.as_ref(), found.samples),
                });
            }
        }
        fill_costs(&mut found.layers);
        found.sort();
        Ok(found)
    }
}

/// Gives layers whose output was not measured the median cost, so that they are neither the cheapest nor the
/// dearest.
fn fill_costs(layers: &mut [LayerSensitivity]) {
    let mut known: Vec<u64> = layers.iter().map(|layer| layer.cost).filter(|&cost| cost > 0).collect();
    known.sort_unstable();
    let median = known.get(known.len() / 2).copied().unwrap_or(1);
    layers.iter_mut().filter(|layer| layer.cost == 0).for_each(|layer| layer.cost = median);
}

/// The layers of one plan with their ranges.
struct OfPlan<'a> {
    prepared: &'a Prepared,
    plan: &'a Plan,
    ranges: &'a Ranges,
    weights: &'a Weights,
    ready: ReadyWeights,
}

impl OfPlan<'_> {
    /// Lists the nodes that read something quantized.
    fn layers(&self) -> Vec<NodeId> {
        let Self { plan, .. } = self;
        let activations = plan.activations.iter().flat_map(|planned| &planned.edges);
        let weights = plan.weights.iter().flat_map(|planned| &planned.edges);
        let nodes: BTreeSet<NodeId> = activations.chain(weights).map(|edge| edge.node).collect();
        let is_layer = |node: &NodeId| plan.decisions[node.0].verdict == Verdict::Quantized;
        nodes.into_iter().filter(is_layer).collect()
    }

    /// Measures the error of each layer's own output.
    fn own(&self, batches: &[Batch], passes: &mut Passes<'_>) -> Result<Vec<Option<ErrorSums>>> {
        let Self { prepared, plan, ranges, weights, .. } = *self;
        let segments: Vec<Segment<'_>> = self
            .layers()
            .into_iter()
            .map(|node| Segment { nodes: vec![node], ..Segment::default() })
            .collect();
        let mut open = || Ok(Box::new(Held::new(batches)) as Box<dyn BatchSource>);
        let mut passes = Passes { open: &mut open, runtime: passes.runtime, report: &mut *passes.report };
        measure(Subject { network: prepared.network(), plan, ranges, weights }, &segments, &mut passes)
    }

    /// Measures the network's outputs with each layer alone quantized.
    fn outputs(&self, judge: &Judge, passes: &mut Passes<'_>) -> Result<Vec<Option<f64>>> {
        let layers = self.layers();
        let mut sums: Vec<Vec<Option<Metrics>>> = vec![Vec::new(); layers.len()];
        let mut rest = judge.batches();
        while !rest.is_empty() {
            let activations = Activations::of(judge, rest, MOST_BYTES, passes.runtime)?;
            let (part, others) = rest.split_at(activations.batches());
            rest = others;
            for (&layer, sums) in layers.iter().zip(&mut sums) {
                let others = self.layers().into_iter().filter(|&other| other != layer).collect();
                let model = self.alone(&others)?;
                let found = suffix::judge(judge, &model, &activations, part, passes)?;
                match sums.is_empty() {
                    true => *sums = found,
                    false => merge(sums, &found),
                }
            }
        }
        let names = &judge.compared.outputs;
        Ok(sums.into_iter().map(|metrics| score(names, metrics)).collect())
    }

    /// Returns the model in which all layers but these are quantized.
    fn alone(&self, others: &BTreeSet<NodeId>) -> Result<Model> {
        let passing = self.plan.decisions.iter().filter(|decision| decision.verdict == Verdict::PassesInt8);
        let others = passing.map(|decision| decision.node).chain(others.iter().copied()).collect();
        let plan = self.plan.without(&others, "another layer is measured");
        self.prepared.quantize_ready(&plan, self.ranges, self.weights, &self.ready)
    }
}

fn merge(sums: &mut [Option<Metrics>], found: &[Option<Metrics>]) {
    for (sum, found) in sums.iter_mut().zip(found) {
        match (sum.as_mut(), found) {
            (Some(sum), Some(found)) => sum.merge(found),
            _ => *sum = sum.take().or_else(|| found.clone()),
        }
    }
}

/// Returns one figure for all outputs. Outputs that a layer does not change have no noise.
fn score(names: &[String], metrics: Vec<Option<Metrics>>) -> Option<f64> {
    let unchanged = || {
        let mut metrics = Metrics::default();
        metrics.add(&[1.0], &[1.0]);
        metrics
    };
    let outputs = names.iter().cloned().zip(metrics);
    let named =
        outputs.map(|(name, metrics)| NamedMetrics { name, metrics: metrics.unwrap_or_else(unchanged) });
    Comparison { outputs: named.collect(), ..Comparison::default() }.score_db()
}

/// Returns the multiply-accumulates of a layer for one sample: the elements of its output times the inputs of
/// one output channel. A layer without a weight has one for each element.
fn cost(graph: &Graph, plan: &Plan, node: NodeId, own: Option<&ErrorSums>, samples: usize) -> u64 {
    let elements = own.map_or(0, ErrorSums::count) / (samples.max(1) as u64);
    let weight = plan.weights.iter().find_map(|weight| {
        let edge = weight.edges.iter().find(|edge| edge.node == node)?;
        let shape = graph.tensor(weight.tensor).fixed_shape()?;
        let columns = crate::recover::layer::matrix(graph.node(node), edge.input, &shape).ok()?.columns;
        Some(columns as u64)
    });
    elements * weight.unwrap_or(1)
}
