//! Cross-layer equalization of a whole model.
//!
//! Scales are kept if the second layer of a pair gains more by them than the first layer may lose, and if
//! neither layer has a larger error than with plain rounding.

use std::collections::{BTreeMap, BTreeSet};

use crate::emit::Ranges;
use crate::error::Result;
use crate::graph::{Edge, NodeId};
use crate::onnx::Network;
use crate::place::Plan;
use crate::recover::Refusal;
use crate::recover::beside::Segment;
use crate::recover::errors::ErrorSums;
use crate::recover::layer::layers;
use crate::recover::pair::{Pair, pair};
use crate::report::recovery::{LayerRecovery, RecoveryMethod};

use super::candidates::{Candidate, candidates};
use super::measure::{NOT_MEASURED, Subject, measure};
use super::{Passes, RecoverOptions};

/// A model that is equalized, with the ranges of the tensors between the pairs.
pub(super) struct Equalizer<'a> {
    network: &'a mut Network,
    plan: &'a Plan,
    ranges: &'a mut Ranges,
    options: &'a RecoverOptions,
    /// The error of each layer when it was measured first.
    plain: BTreeMap<NodeId, f64>,
    /// The names of the tensors whose channels were scaled.
    scaled: Vec<String>,
}

impl<'a> Equalizer<'a> {
    pub fn new(
        network: &'a mut Network,
        plan: &'a Plan,
        ranges: &'a mut Ranges,
        options: &'a RecoverOptions,
    ) -> Self {
        Self { network, plan, ranges, options, plain: BTreeMap::new(), scaled: Vec::new() }
    }

    /// Equalizes all pairs. Returns the changes, and the names of the tensors between equalized layers.
    pub fn run(mut self, passes: &mut Passes<'_>) -> Result<(Vec<LayerRecovery>, Vec<String>)> {
        let graph = self.network.graph.clone();
        let layers = layers(&graph, self.plan);
        let mut entries = Vec::new();
        let mut open = Vec::new();
        for second in &layers {
            match pair(self.network, self.plan, &layers, second) {
                Ok(pair) => open.push(pair),
                Err(Refusal::LeftAlone(reason)) => {
                    entries.push(left_alone(&graph.node(second.node).name, reason));
                }
                Err(Refusal::Failed(error)) => return Err(error),
            }
        }
        // Pairs that share a layer change each other's error. They take turns in the order of the network, so
        // that the output of a second layer is never scaled yet.
        while !open.is_empty() {
            let mut taken: BTreeSet<NodeId> = BTreeSet::new();
            let (now, later): (Vec<Pair>, Vec<Pair>) = open.into_iter().partition(|pair| {
                let is_free = pair.ends().iter().all(|node| !taken.contains(node));
                taken.extend(pair.ends());
                is_free
            });
            entries.extend(self.turn(&now, passes)?);
            open = later;
        }
        Ok((entries, self.scaled))
    }

    /// Equalizes pairs that do not change each other's error.
    fn turn(&mut self, pairs: &[Pair], passes: &mut Passes<'_>) -> Result<Vec<LayerRecovery>> {
        let graph = self.network.graph.clone();
        let Self { network, plan, ranges, options, plain, scaled: between } = self;
        let subject = Subject { network, plan, ranges, weights: &options.weights };
        let candidates = candidates(subject, options.method, pairs, passes)?;
        // The first and the second layer, of each pair and then of each candidate.
        let mut segments: Vec<Segment<'_>> = (pairs.iter().flat_map(Pair::ends))
            .map(|node| Segment { nodes: vec![node], ..Segment::default() })
            .collect();
        for candidate in &candidates {
            segments.extend(trial(subject, &pairs[candidate.pair], candidate)?);
        }
        let measured = measure(subject, &segments, passes)?;
        let error = |at: usize| measured.get(at)?.as_ref().and_then(ErrorSums::mean_square);
        let errors = |at: usize| Some((error(2 * at)?, error(2 * at + 1)?));
        let mut entries = Vec::new();
        let mut kept: Vec<&Candidate> = Vec::new();
        for (at, pair) in pairs.iter().enumerate() {
            let layer = pair.ends().map(|node| graph.node(node).name.as_str()).join(" -> ");
            let Some((first, second)) = errors(at) else {
                entries.push(left_alone(&layer, NOT_MEASURED));
                continue;
            };
            let [worst_first, worst_second] =
                [(0, first), (1, second)].map(|(end, error)| *plain.entry(pair.ends()[end]).or_insert(error));
            let own = candidates.iter().enumerate().filter(|(_, candidate)| candidate.pair == at);
            let best = own
                .filter_map(|(index, candidate)| Some((errors(pairs.len() + index)?, candidate)))
                .filter(|((one, other), _)| *one <= worst_first && *other <= worst_second && *other < second)
                .map(|((one, other), candidate)| (share(one, first) * share(other, second), other, candidate))
                .filter(|&(product, ..)| product < 1.0)
                .min_by(|(a, ..), (b, ..)| a.total_cmp(b));
            entries.push(LayerRecovery {
                method: RecoveryMethod::Equalization,
                layer,
                changed: (best.map_or(0, |(.., candidate)| candidate.changed()), pair.channels),
                error: Some((second, best.map_or(second, |(_, after, _)| after))),
                what: best.map_or("no scales lower the error of the pair".into(), |(.., candidate)| {
                    format!("channels scaled, balance {}", candidate.balance)
                }),
            });
            kept.extend(best.map(|(.., candidate)| candidate));
        }
        for candidate in kept {
            let scaled = pairs[candidate.pair].scaled(&network.model, &candidate.scales)?;
            for (name, value) in scaled.into_iter().flatten() {
                network.model.set_constant(&name, value)?;
            }
            let tensors = pairs[candidate.pair].between(&graph);
            between.extend(tensors.map(|tensor| graph.tensor(tensor).name.clone()));
            for (name, amax) in candidate.ranges.iter() {
                ranges.set(name, amax)?;
            }
        }
        Ok(entries)
    }
}

fn left_alone(layer: &str, why: impl Into<String>) -> LayerRecovery {
    LayerRecovery::left_alone(RecoveryMethod::Equalization, layer, why)
}

/// Returns the part of an error that is left.
fn share(after: f64, before: f64) -> f64 {
    if after == before { 1.0 } else { after / before }
}

/// Returns the two layers of a pair with a candidate's scales.
///
/// The first layer is by itself. The second layer is behind the nodes that compute its scaled input in float.
fn trial<'a>(subject: Subject<'_>, pair: &Pair, candidate: &'a Candidate) -> Result<[Segment<'a>; 2]> {
    let Network { model, graph, .. } = subject.network;
    let scaled = pair.scaled(model, &candidate.scales)?.unwrap_or_default();
    let edge = |name: &str| graph.tensor(graph.find(name)?).consumers.first().copied();
    let constants: Vec<(Edge, _)> =
        scaled.into_iter().filter_map(|(name, value)| Some((edge(&name)?, value))).collect();
    let [first, _] = pair.ends();
    Ok([
        Segment {
            nodes: vec![first],
            constants: constants.clone(),
            unit: candidate.scales.clone(),
            ..Segment::default()
        },
        Segment {
            nodes: pair.nodes.clone(),
            in_float: pair.nodes.len() - 1,
            constants,
            ranges: Some(&candidate.ranges),
            ..Segment::default()
        },
    ])
}
