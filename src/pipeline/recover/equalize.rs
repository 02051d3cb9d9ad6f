//! Cross-layer equalization of a whole model: what lowers the error of a pair of layers is kept.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::emit::Ranges;
use crate::emit::qdq_model::{ReadyWeights, Weights};
use crate::error::{Error, Result};
use crate::graph::NodeId;
use crate::observe::TensorStats;
use crate::place::Plan;
use crate::range::{self, Method, Target};
use crate::recover::beside::{Original, Segment, beside};
use crate::recover::equalize::BALANCES;
use crate::recover::layer::layers;
use crate::recover::pair::{Pair, pair};
use crate::report::recovery::{LayerRecovery, RecoveryMethod};
use crate::runtime::Tap;
use crate::tensor::TensorView;

use super::Passes;
use super::meter::{Comparison, Meter};
use crate::pipeline::{Prepared, of_tensor};

/// Equalizes the model and the ranges of what lies between the pairs.
pub(super) fn equalize(
    prepared: &mut Prepared,
    plan: &Plan,
    ranges: &mut Ranges,
    method: Method,
    weights: &Weights,
    passes: &mut Passes<'_>,
) -> Result<Vec<LayerRecovery>> {
    let graph = prepared.graph.clone();
    let layers = layers(&graph, plan);
    let mut entries = Vec::new();
    let mut open = Vec::new();
    for second in &layers {
        match pair(&prepared.model, &graph, plan, &layers, second)? {
            Ok(pair) => open.push(pair),
            Err(reason) => entries.push(left_alone(&graph.node(second.node).name, reason)),
        }
    }
    // Pairs that share a layer change each other's error: they take turns.
    while !open.is_empty() {
        let mut taken: BTreeSet<NodeId> = BTreeSet::new();
        let (now, later): (Vec<Pair>, Vec<Pair>) = open.into_iter().partition(|pair| {
            let ends = [pair.nodes.first(), pair.nodes.last()].into_iter().flatten();
            let is_free = ends.clone().all(|node| !taken.contains(node));
            taken.extend(ends.copied());
            is_free
        });
        entries.extend(turn(prepared, plan, ranges, method, weights, &now, passes)?);
        open = later;
    }
    Ok(entries)
}

fn left_alone(layer: &str, why: impl Into<String>) -> LayerRecovery {
    LayerRecovery::left_alone(RecoveryMethod::Equalization, layer, why)
}

/// Scales to try for a pair, and the range of what its second layer reads then.
struct Candidate {
    pair: usize,
    balance: f32,
    scales: Vec<f32>,
    amax: Ranges,
}

/// Equalizes pairs that do not change each other's error.
fn turn(
    prepared: &mut Prepared,
    plan: &Plan,
    ranges: &mut Ranges,
    method: Method,
    weights: &Weights,
    pairs: &[Pair],
    passes: &mut Passes<'_>,
) -> Result<Vec<LayerRecovery>> {
    let graph = prepared.graph.clone();
    let candidates = candidates(prepared, method, pairs, passes)?;
    let mut segments: Vec<Segment<'_>> =
        pairs.iter().map(|pair| Segment { nodes: pair.nodes.clone(), ..Segment::default() }).collect();
    for candidate in &candidates {
        let pair = &pairs[candidate.pair];
        let constants = pair.scaled(&prepared.model, &candidate.scales)?.unwrap_or_default();
        segments.push(Segment { nodes: pair.nodes.clone(), constants, ranges: Some(&candidate.amax) });
    }
    let original = Original { model: &prepared.model, graph: &graph, index: &prepared.index, plan };
    let measured = measure(original, &segments, ranges, weights, passes)?;
    let error = |at: usize| measured.get(at).copied().flatten();
    let mut entries = Vec::new();
    let mut changed = BTreeSet::new();
    for (at, pair) in pairs.iter().enumerate() {
        let name = |at: Option<&_>| at.map_or("", |&id| graph.node(id).name.as_str());
        let layer = format!("{} -> {}", name(pair.nodes.first()), name(pair.nodes.last()));
        let Some(before) = error(at) else {
            entries.push(left_alone(&layer, "its nodes cannot be copied to measure them"));
            continue;
        };
        let own = candidates.iter().enumerate().filter(|(_, candidate)| candidate.pair == at);
        let errors = own.filter_map(|(index, candidate)| Some((error(pairs.len() + index)?, candidate)));
        let best = errors.filter(|(after, _)| *after < before).min_by(|(a, _), (b, _)| a.total_cmp(b));
        let mut entry = left_alone(&layer, "no scales lower the error of the pair");
        entry.changed.1 = pair.channels;
        entry.error = Some((before, before));
        let scaled = best.map(|(after, candidate)| {
            Ok::<_, Error>((after, candidate, pair.scaled(&prepared.model, &candidate.scales)?))
        });
        if let Some((after, candidate, Some(scaled))) = scaled.transpose()? {
            for (name, value) in scaled {
                prepared.model.set_initializer(&name, value)?;
            }
            entry.changed.0 = candidate.scales.iter().filter(|&&scale| scale != 1.0).count();
            entry.error = Some((before, after));
            entry.what = format!("channels scaled, balance {}", candidate.balance);
            let between = pair.nodes.iter().rev().skip(1).filter_map(|&node| graph.node(node).output(0));
            changed.extend(between);
        }
        entries.push(entry);
    }
    let names: Vec<String> = changed.iter().map(|&tensor| graph.tensor(tensor).name.clone()).collect();
    if !names.is_empty() {
        calibrate_again(prepared, plan, ranges, method, &names, passes)?;
    }
    Ok(entries)
}

/// The mean squared error of what each segment computes; `None` where it could not be copied.
fn measure(
    original: Original<'_>,
    segments: &[Segment<'_>],
    ranges: &Ranges,
    weights: &Weights,
    passes: &mut Passes<'_>,
) -> Result<Vec<Option<f64>>> {
    let copies = beside(original, segments, ranges, weights, &ReadyWeights::new())?;
    let axis: fn(usize) -> usize = |rank| 1.min(rank.saturating_sub(1));
    let pairs = copies.pairs.iter().flatten();
    let comparisons: Vec<Comparison> =
        pairs.map(|(float, copy)| Comparison { float: float.clone(), copy: copy.clone(), axis }).collect();
    let (meter, taps) = Meter::new(&comparisons);
    let meter = Arc::new(meter);
    passes.run(&copies.model, &taps, meter.clone())?;
    let mut sums = meter.take().into_iter();
    let error =
        |pair: &Option<_>| pair.as_ref().and_then(|_| sums.next()).and_then(|sums| sums.mean_square());
    Ok(copies.pairs.iter().map(error).collect())
}

/// The scales to try for each pair, with their ranges: from one pass for the channels' maxima and one for the statistics.
fn candidates(
    prepared: &Prepared,
    method: Method,
    pairs: &[Pair],
    passes: &mut Passes<'_>,
) -> Result<Vec<Candidate>> {
    let graph = &prepared.graph;
    let taps: Vec<String> = pairs.iter().map(|pair| graph.tensor(pair.read).name.clone()).collect();
    let maxima =
        Arc::new(Maxima { pairs: pairs.to_vec(), maxima: Mutex::new(vec![Vec::new(); pairs.len()]) });
    passes.run(&prepared.model, &taps, maxima.clone())?;
    let maxima = maxima.maxima.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut tried: Vec<Vec<Candidate>> = Vec::new();
    for (at, (pair, maxima)) in pairs.iter().zip(&maxima).enumerate() {
        let mut own: Vec<Candidate> = Vec::new();
        for balance in BALANCES {
            let scales = pair.scales(&prepared.model, maxima, balance)?;
            let is_new =
                scales.iter().any(|&scale| scale != 1.0) && own.iter().all(|one| one.scales != scales);
            if is_new && pair.scaled(&prepared.model, &scales)?.is_some() {
                own.push(Candidate { pair: at, balance, scales, amax: Ranges::default() });
            }
        }
        tried.push(own);
    }
    let scales = |own: &Vec<Candidate>| own.iter().map(|one| one.scales.clone()).collect();
    let divided = Arc::new(Divided {
        pairs: pairs.to_vec(),
        scales: tried.iter().map(scales).collect(),
        stats: Mutex::new(tried.iter().map(|own| vec![TensorStats::new(); own.len()]).collect()),
    });
    passes.run(&prepared.model, &taps, divided.clone())?;
    let stats = std::mem::take(&mut *divided.stats.lock().unwrap_or_else(PoisonError::into_inner));
    for (own, stats) in tried.iter_mut().zip(stats) {
        for (candidate, stats) in own.iter_mut().zip(stats) {
            let pair = &pairs[candidate.pair];
            let amax = range::compute(&stats, method, Target::default())
                .map_err(|error| of_tensor(&graph.tensor(pair.read).name, error))?;
            // What is quantized on the way shares the scale of what is read.
            for node in pair.nodes.iter().rev().skip(1) {
                if let Some(output) = graph.node(*node).output(0) {
                    candidate.amax.set(&graph.tensor(output).name, amax)?;
                }
            }
        }
    }
    Ok(tried.into_iter().flatten().collect())
}

/// Gathers the largest magnitude of each channel.
struct Maxima {
    pairs: Vec<Pair>,
    maxima: Mutex<Vec<Vec<f32>>>,
}

impl Tap for Maxima {
    fn observe(&self, index: usize, value: TensorView<'_>) -> Result<()> {
        let mut maxima = self.maxima.lock().unwrap_or_else(PoisonError::into_inner);
        self.pairs[index].add_maxima(&mut maxima[index], value);
        Ok(())
    }
}

/// Gathers the statistics that a tensor has with each of several scales.
struct Divided {
    pairs: Vec<Pair>,
    scales: Vec<Vec<Vec<f32>>>,
    stats: Mutex<Vec<Vec<TensorStats>>>,
}

impl Tap for Divided {
    fn observe(&self, index: usize, value: TensorView<'_>) -> Result<()> {
        let mut stats = self.stats.lock().unwrap_or_else(PoisonError::into_inner);
        for (stats, scales) in stats[index].iter_mut().zip(&self.scales[index]) {
            stats.observe(&self.pairs[index].divided(scales, value));
        }
        Ok(())
    }
}

/// Computes the ranges of `changed` tensors and of those that share a scale with them anew.
fn calibrate_again(
    prepared: &Prepared,
    plan: &Plan,
    ranges: &mut Ranges,
    method: Method,
    changed: &[String],
    passes: &mut Passes<'_>,
) -> Result<()> {
    let name = |id: &_| prepared.graph.tensor(*id).name.clone();
    let shared = plan.groups.iter().map(|group| group.iter().map(name).collect::<Vec<_>>());
    let mut groups: Vec<Vec<String>> =
        shared.filter(|group| group.iter().any(|name| changed.contains(name))).collect();
    let planned: BTreeSet<String> = groups.iter().flatten().cloned().collect();
    let alone = changed.iter().filter(|name| !planned.contains(*name) && ranges.get(name).is_some());
    groups.extend(alone.map(|name| vec![name.clone()]));
    let taps = groups.concat();
    let stats = passes.calibrate(&prepared.model, &taps)?;
    for group in groups {
        let mut together = TensorStats::new();
        for found in group.iter().filter_map(|name| stats.tensors.get(name)) {
            together.merge(found);
        }
        let amax = range::compute(&together, method, Target::default())
            .map_err(|error| of_tensor(group.first().map_or("", String::as_str), error))?;
        for name in group {
            ranges.set(name, amax)?;
        }
    }
    Ok(())
}
