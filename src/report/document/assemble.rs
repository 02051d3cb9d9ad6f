//! The parts of a report that follow from a comparison, from statistics and from facts.

use std::collections::{BTreeMap, HashMap};

use super::super::compare::{Comparison, NamedMetrics};
use super::super::trouble::shares::{above, lost, usual_largest};
use super::super::trouble::{Facts, QuantizedRange, WeightFacts};
use super::{Band, Document, Histogram, Layer, Output, TensorEntry, VERSION, Values, Verdict, WeightEntry};
use crate::graph::{Graph, TensorKind};
use crate::observe::{Stats, TensorStats};
use crate::place::existing::is_pair;

/// The most groups of neighbouring channels in a band.
const MOST_GROUPS: usize = 32;

/// The material of a report.
#[derive(Clone, Copy, Debug)]
pub struct Material<'a> {
    /// The graph of the float model.
    pub graph: &'a Graph,
    /// The facts about both models.
    pub facts: &'a Facts,
    /// The comparison, if there was one.
    pub comparison: Option<&'a Comparison>,
    /// The statistics of the calibration, if there are any.
    pub stats: Option<&'a Stats>,
    /// The reasons of a plan for the numbers of nodes, by the name of the node.
    pub reasons: &'a BTreeMap<String, String>,
    /// A description of the data of the comparison.
    pub data: &'a str,
    /// The SQNR in decibels that every output must have.
    pub required_sqnr_db: Option<f64>,
}

/// Makes a report of the material. The caller adds [`Document::run`] and further findings.
pub fn assemble(material: Material<'_>) -> Document {
    let Material { graph, facts, comparison, stats, reasons, data, required_sqnr_db } = material;
    let measured =
        comparison.iter().flat_map(|comparison| comparison.outputs.iter().chain(&comparison.tensors));
    let sqnr: HashMap<&str, f64> =
        measured.filter_map(|named| Some((named.name.as_str(), named.metrics.sqnr_db()?))).collect();
    let sqnr = |name: &str| sqnr.get(name).copied();
    let nodes = graph.nodes.iter().filter(|node| !is_pair(node));
    let layers = nodes.map(|node| {
        let numbers = facts.numbers.get(&node.name).copied();
        let output = node.output(0).map_or(String::new(), |id| graph.tensor(id).name.clone());
        let own = || numbers.map_or("the quantized model has no such node", |numbers| numbers.reason());
        Layer {
            name: node.name.clone(),
            op: node.op.clone(),
            numbers,
            reason: reasons.get(&node.name).cloned().unwrap_or_else(|| own().to_owned()),
            sqnr_db: sqnr(&output),
            output,
        }
    });
    let tensors = graph.tensors.iter().filter(|tensor| tensor.kind != TensorKind::Constant);
    let tensors = tensors.filter_map(|tensor| {
        let range = facts.ranges.get(&tensor.name);
        let stats = stats.and_then(|stats| stats.tensors.get(&tensor.name));
        let sqnr_db = sqnr(&tensor.name);
        (range.is_some() || stats.is_some() || sqnr_db.is_some()).then(|| TensorEntry {
            name: tensor.name.clone(),
            numbers: range.map_or("float", |range| range.format.name()).to_owned(),
            range: range.map(|range| range.amax.into()),
            sqnr_db,
            values: stats.map(|stats| values(stats, range)),
        })
    });
    Document {
        format: "qdq-report",
        version: VERSION,
        verdict: Verdict::of(comparison, data, required_sqnr_db),
        outputs: comparison.iter().flat_map(|comparison| &comparison.outputs).map(output).collect(),
        layers: layers.collect(),
        tensors: tensors.collect(),
        weights: facts.weights.iter().map(weight).collect(),
        advice: comparison.map_or_else(Vec::new, |comparison| comparison.advice.clone()),
        findings: comparison.map_or_else(Vec::new, |comparison| comparison.findings.clone()),
        ..Document::default()
    }
}

fn output(NamedMetrics { name, metrics }: &NamedMetrics) -> Output {
    Output {
        name: name.clone(),
        sqnr_db: metrics.sqnr_db(),
        cosine: metrics.cosine(),
        max_error: metrics.max_error(),
        mean_error: metrics.mean_error(),
        equal: metrics.equal(),
        non_finite: metrics.non_finite(),
        values: metrics.count(),
    }
}

fn values(stats: &TensorStats, range: Option<&QuantizedRange>) -> Values {
    let range = range.filter(|range| range.amax > 0.0);
    Values {
        count: stats.count(),
        zeros: stats.zeros(),
        nans: stats.nans(),
        infinities: stats.infinities(),
        min: stats.min().map(f64::from),
        max: stats.max().map(f64::from),
        percentile_99_99: usual_largest(stats).map(f64::from),
        clipped: range.map_or(0.0, |range| above(stats, range.most())),
        lost: range.map_or(0.0, |range| lost(stats, range.least())),
        histogram: Histogram::of(stats),
    }
}

fn weight(facts: &WeightFacts) -> WeightEntry {
    WeightEntry {
        name: facts.tensor.clone(),
        layers: facts.layers.clone(),
        shape: facts.shape.clone(),
        scales: facts.scales,
        values: values(&facts.stats, None),
        channels: band(&facts.outputs),
    }
}

fn band(maxima: &[f32]) -> Option<Band> {
    let size = maxima.len().div_ceil(MOST_GROUPS);
    let groups = || maxima.chunks(size.max(1));
    (!maxima.is_empty()).then(|| Band {
        count: maxima.len(),
        low: groups().map(|group| group.iter().copied().fold(f32::INFINITY, f32::min)).collect(),
        high: groups().map(|group| group.iter().copied().fold(0.0, f32::max)).collect(),
    })
}
