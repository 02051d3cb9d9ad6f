//! Activation-aware scaling of a whole model.
//!
//! The readers of an activation share its scales. Scales are kept if they lower the errors of the readers
//! taken together, and if no reader, nor the product that takes the factors, has a larger error than without
//! them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, ErrorKind, Result};
use crate::graph::{NodeId, TensorId};
use crate::onnx::{Model, Network};
use crate::recover::Refusal;
use crate::recover::awq::{ALPHAS, Fold, Scaled, fold, scales};
use crate::recover::beside::Segment;
use crate::recover::errors::ErrorSums;
use crate::recover::layer::{Layer, layers};
use crate::report::recovery::{LayerRecovery, RecoveryMethod};
use crate::runtime::Tap;
use crate::tensor::TensorView;

use super::Passes;
use super::measure::{NOT_MEASURED, Subject, measure};

/// The scales of an activation that lower the errors of its readers.
pub(super) struct Kept {
    fold: Fold,
    scales: Vec<f32>,
}

/// Scales to try for an activation.
struct Candidate {
    /// The index of the fold.
    fold: usize,
    alpha: f32,
    scales: Vec<f32>,
    scaled: Vec<Scaled>,
}

/// Finds the scales that lower the errors of layers with weights in blocks.
pub(super) fn find(subject: Subject<'_>, passes: &mut Passes<'_>) -> Result<(Vec<Kept>, Vec<LayerRecovery>)> {
    let Subject { network, plan, .. } = subject;
    let graph = &network.graph;
    let name = |node: NodeId| graph.node(node).name.as_str();
    let left_alone = |layer: &Layer, why: &str| {
        LayerRecovery::left_alone(RecoveryMethod::ActivationAwareScaling, name(layer.node), why)
    };
    let all = layers(graph, plan);
    let mut inputs: BTreeMap<TensorId, Vec<Layer>> = BTreeMap::new();
    let (mut entries, mut folds) = (Vec::new(), Vec::new());
    for layer in &all {
        match plan.weights[layer.planned].grid.block {
            Some(_) => inputs.entry(layer.input).or_default().push(layer.clone()),
            None => entries.push(left_alone(layer, "its weight is not stored in blocks")),
        }
    }
    for readers in inputs.into_values() {
        match fold(network, plan, readers.clone()) {
            Ok(fold) => folds.push(fold),
            Err(Refusal::LeftAlone(reason)) => {
                entries.extend(readers.iter().map(|layer| left_alone(layer, &reason)));
            }
            Err(Refusal::Failed(error)) => return Err(error),
        }
    }
    let candidates = candidates(network, &folds, passes)?;
    // The layers of each fold, as they are and then with each candidate's scales.
    let mut segments: Vec<Segment<'_>> = Vec::new();
    for fold in &folds {
        segments.extend(
            members(fold, &all).map(|layer| Segment { nodes: vec![layer.node], ..Segment::default() }),
        );
    }
    for candidate in &candidates {
        let fold = &folds[candidate.fold];
        segments.extend(members(fold, &all).map(|layer| trial(fold, layer, candidate)));
    }
    let mut measured = measure(subject, &segments, passes)?.into_iter();
    let mut errors = |fold: &Fold| -> Option<Vec<f64>> {
        let own: Vec<_> = members(fold, &all).map(|_| measured.next().flatten()).collect();
        own.iter().map(|sums| sums.as_ref().and_then(ErrorSums::mean_square)).collect()
    };
    let plain: Vec<Option<Vec<f64>>> = folds.iter().map(&mut errors).collect();
    let tried: Vec<Option<Vec<f64>>> = candidates.iter().map(|one| errors(&folds[one.fold])).collect();
    let mut kept = Vec::new();
    for (at, (fold, plain)) in folds.into_iter().zip(plain).enumerate() {
        let Some(plain) = plain else {
            entries.extend(fold.readers.iter().map(|layer| left_alone(layer, NOT_MEASURED)));
            continue;
        };
        let own = candidates.iter().zip(&tried).filter(|(candidate, _)| candidate.fold == at);
        let best = own
            .filter_map(|(candidate, errors)| Some((candidate, errors.as_ref()?)))
            .filter(|(_, errors)| errors.iter().zip(&plain).all(|(after, before)| after <= before))
            .map(|(candidate, errors)| (share(errors, &plain), candidate, errors))
            .filter(|&(share, ..)| share < 1.0)
            .min_by(|(a, ..), (b, ..)| a.total_cmp(b));
        let changed = best.map_or(0, |(_, one, _)| one.scales.iter().filter(|&&scale| scale != 1.0).count());
        for (at, layer) in fold.readers.iter().enumerate() {
            entries.push(LayerRecovery {
                method: RecoveryMethod::ActivationAwareScaling,
                layer: name(layer.node).to_owned(),
                changed: (changed, fold.channels),
                error: Some((plain[at], best.map_or(plain[at], |(.., errors)| errors[at]))),
                what: best.map_or("no scales lower the error".into(), |(_, candidate, _)| {
                    format!("input channels scaled, alpha {}", candidate.alpha)
                }),
            });
        }
        if let Some((_, candidate, _)) = best {
            kept.push(Kept { fold, scales: candidate.scales.clone() });
        }
    }
    Ok((kept, entries))
}

/// Scales the model. Returns the names of the tensors that differ by that.
pub(super) fn apply(network: &mut Network, kept: &[Kept]) -> Result<Vec<String>> {
    let graph = network.graph.clone();
    let mut changed = Vec::new();
    for Kept { fold, scales } in kept {
        for (_, name, value) in fold.scaled(&network.model, scales)?.ok_or_else(|| {
            Error::new(ErrorKind::Internal, "the weights of a layer no longer take its scales")
        })? {
            network.model.set_constant(&name, value)?;
        }
        let outputs = fold.nodes.iter().filter_map(|&node| graph.node(node).output(0));
        changed.extend(outputs.map(|tensor| graph.tensor(tensor).name.clone()));
    }
    Ok(changed)
}

/// Lists the layers whose errors decide: the readers, and the product that takes the factors.
fn members<'a>(fold: &'a Fold, all: &'a [Layer]) -> impl Iterator<Item = &'a Layer> {
    fold.readers.iter().chain(fold.source(all))
}

/// Returns a member with a candidate's scales: a reader behind the nodes that compute its input in float.
fn trial<'a>(fold: &Fold, layer: &Layer, candidate: &Candidate) -> Segment<'a> {
    let constants = candidate.scaled.iter().map(|(edge, _, value)| (*edge, value.clone())).collect();
    if fold.nodes.first() == Some(&layer.node) {
        let unit = candidate.scales.clone();
        return Segment { nodes: vec![layer.node], constants, unit, ..Segment::default() };
    }
    let nodes = [fold.nodes.as_slice(), &[layer.node]].concat();
    Segment { in_float: nodes.len() - 1, nodes, constants, ..Segment::default() }
}

/// Returns the part of the errors that is left, as the product over the layers.
fn share(after: &[f64], before: &[f64]) -> f64 {
    let share = |(after, before): (&f64, &f64)| if after == before { 1.0 } else { after / before };
    after.iter().zip(before).map(share).product()
}

/// Computes the candidates of all folds from the magnitudes of the channels, which one pass gathers.
fn candidates(network: &Network, folds: &[Fold], passes: &mut Passes<'_>) -> Result<Vec<Candidate>> {
    let model: &Model = &network.model;
    let taps: Vec<String> = folds.iter().map(|fold| network.name(fold.tensor).to_owned()).collect();
    if taps.is_empty() {
        return Ok(Vec::new());
    }
    let sums = Mutex::new(vec![Vec::new(); folds.len()]);
    let magnitudes = Arc::new(Magnitudes { folds: folds.to_vec(), sums });
    passes.run(model, &taps, magnitudes.clone())?;
    let sums = magnitudes.sums.lock().unwrap_or_else(PoisonError::into_inner);
    let mut tried: Vec<Candidate> = Vec::new();
    for (at, (fold, sums)) in folds.iter().zip(sums.iter()).enumerate() {
        for alpha in ALPHAS {
            let scales = scales(sums, alpha);
            let is_new = scales.iter().any(|&scale| scale != 1.0)
                && tried.iter().all(|other| other.fold != at || other.scales != scales);
            if is_new && let Some(scaled) = fold.scaled(model, &scales)? {
                tried.push(Candidate { fold: at, alpha, scales, scaled });
            }
        }
    }
    Ok(tried)
}

/// A tap that sums the magnitudes of each channel of each activation.
struct Magnitudes {
    folds: Vec<Fold>,
    sums: Mutex<Vec<Vec<(f64, u64)>>>,
}

impl Tap for Magnitudes {
    fn observe(&self, index: usize, value: TensorView<'_>) -> Result<()> {
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        self.folds[index].add_magnitudes(&mut sums[index], value);
        Ok(())
    }
}
