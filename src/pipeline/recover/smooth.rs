//! Smoothing of a whole model.
//!
//! The layers that read an activation share its scales. Scales are kept if they lower the errors of the
//! layers taken together, and if no layer has a larger error than without them. Small gains of a layer are
//! none of the network, whose errors interact, and a Mul may cost time. So scales must lower the errors by a
//! tenth at least, and a Mul must halve them.

use crate::emit::Ranges;
use crate::error::Result;
use crate::graph::{Edge, Graph, NodeId};
use crate::onnx::{Model, Network};
use crate::range::{self, Method, Target};
use crate::recover::Refusal;
use crate::recover::awq::Scaled;
use crate::recover::beside::Segment;
use crate::recover::equalize::BALANCES;
use crate::recover::errors::ErrorSums;
use crate::recover::layer::{Layer, layers};
use crate::recover::smooth::{Site, reader, sites};
use crate::report::recovery::{LayerRecovery, RecoveryMethod};

use super::Passes;
use super::by_channel::{divided, maxima};
use super::measure::{NOT_MEASURED, Subject, measure};
use crate::pipeline::graph::of_tensor;

/// The largest part of the errors that may be left by scales that constants take.
const MOST_LEFT: f64 = 0.9;
/// The largest part of the errors that may be left behind a Mul.
const MOST_LEFT_BY_MUL: f64 = 0.5;

/// The most bytes of weights that are copied at a time, unless a single activation needs more.
const MOST_BYTES: usize = 512 << 20;

/// Scales to try for the channels of an activation.
#[derive(Clone)]
struct Trial {
    /// The index of the site.
    site: usize,
    balance: f32,
    scales: Vec<f32>,
    /// Whether what stands before takes the factors.
    is_folded: bool,
    segments: Vec<Segment<'static>>,
}

/// A trial, and the range that the activation then has.
struct Candidate {
    trial: Trial,
    ranges: Ranges,
}

/// Scales that lower the errors of the layers that read an activation.
pub(super) struct Kept {
    pub site: Site,
    pub scales: Vec<f32>,
    /// The range of the scaled activation.
    pub amax: f32,
    pub balance: f32,
    /// The entry of each layer. [`apply`](super::smoothed::apply) says how the activation was scaled.
    pub entries: Vec<LayerRecovery>,
}

/// Finds the scales that lower the errors of layers with quantized inputs.
pub(super) fn find(
    subject: Subject<'_>,
    method: Method,
    passes: &mut Passes<'_>,
) -> Result<(Vec<Kept>, Vec<LayerRecovery>)> {
    let Subject { network, plan, .. } = subject;
    let graph = &network.graph;
    let all = layers(graph, plan);
    let (mut readers, mut entries) = (Vec::new(), Vec::new());
    for layer in &all {
        match reader(network, plan, &all, layer) {
            Ok(reader) => readers.push(reader),
            Err(Refusal::LeftAlone(reason)) => entries.push(left_alone(graph, layer, &reason)),
            Err(Refusal::Failed(error)) => return Err(error),
        }
    }
    let mut kept = Vec::new();
    let mut rest = sites(network, plan, readers)?;
    while !rest.is_empty() {
        let mut bytes = 0usize;
        let fits = |site: &&Site| {
            bytes = bytes.saturating_add(site.bytes() * 2 * BALANCES.len());
            bytes <= MOST_BYTES
        };
        let count = rest.iter().take_while(fits).count().max(1);
        let later = rest.split_off(count);
        let (found, unchanged) = judge(subject, method, std::mem::replace(&mut rest, later), passes)?;
        kept.extend(found);
        entries.extend(unchanged);
    }
    Ok((kept, entries))
}

/// Tries scales for these sites. Returns those that are kept, and the entries of the other layers.
fn judge(
    subject: Subject<'_>,
    method: Method,
    sites: Vec<Site>,
    passes: &mut Passes<'_>,
) -> Result<(Vec<Kept>, Vec<LayerRecovery>)> {
    let Subject { network, .. } = subject;
    let graph = &network.graph;
    let candidates = candidates(subject, method, &sites, passes)?;
    // The layers of each site, as they are and then with each candidate's scales.
    let mut segments: Vec<Segment<'_>> = (sites.iter().flat_map(nodes))
        .map(|node| Segment { nodes: vec![node], ..Segment::default() })
        .collect();
    for Candidate { trial, ranges } in &candidates {
        let with_ranges = |segment: &Segment<'static>| Segment { ranges: Some(ranges), ..segment.clone() };
        segments.extend(trial.segments.iter().map(with_ranges));
    }
    let mut measured = measure(subject, &segments, passes)?.into_iter();
    let mut errors = |site: &Site| -> Option<Vec<f64>> {
        let own: Vec<_> = site.readers.iter().map(|_| measured.next().flatten()).collect();
        own.iter().map(|sums| sums.as_ref().and_then(ErrorSums::mean_square)).collect()
    };
    let plain: Vec<Option<Vec<f64>>> = sites.iter().map(&mut errors).collect();
    let tried: Vec<Option<Vec<f64>>> = candidates.iter().map(|one| errors(&sites[one.trial.site])).collect();
    let (mut kept, mut entries) = (Vec::new(), Vec::new());
    for (at, (site, plain)) in sites.into_iter().zip(plain).enumerate() {
        let Some(plain) = plain else {
            entries.extend(site.readers.iter().map(|one| left_alone(graph, &one.layer, NOT_MEASURED)));
            continue;
        };
        let own = candidates.iter().zip(&tried).filter(|(candidate, _)| candidate.trial.site == at);
        let best = own
            .filter_map(|(candidate, errors)| Some((candidate, errors.as_ref()?)))
            .filter(|(_, errors)| errors.iter().zip(&plain).all(|(after, before)| after <= before))
            .map(|(candidate, errors)| (share(errors, &plain), candidate, errors))
            .filter(|&(share, one, _)| {
                share <= if one.trial.is_folded { MOST_LEFT } else { MOST_LEFT_BY_MUL }
            })
            .min_by(|(a, ..), (b, ..)| a.total_cmp(b));
        let changed =
            best.map_or(0, |(_, one, _)| one.trial.scales.iter().filter(|&&scale| scale != 1.0).count());
        let own = site.readers.iter().enumerate().map(|(at, reader)| LayerRecovery {
            method: RecoveryMethod::Smoothing,
            layer: graph.node(reader.layer.node).name.clone(),
            changed: (changed, site.channels),
            error: Some((plain[at], best.map_or(plain[at], |(.., errors)| errors[at]))),
            what: "no scales lower the error enough".into(),
        });
        let own = own.collect();
        match best {
            Some((_, candidate, _)) => kept.push(Kept {
                amax: candidate.ranges.get(network.name(site.tensor)).unwrap_or_default(),
                site,
                scales: candidate.trial.scales.clone(),
                balance: candidate.trial.balance,
                entries: own,
            }),
            None => entries.extend(own),
        }
    }
    Ok((kept, entries))
}

fn left_alone(graph: &Graph, layer: &Layer, why: &str) -> LayerRecovery {
    LayerRecovery::left_alone(RecoveryMethod::Smoothing, &graph.node(layer.node).name, why)
}

fn nodes(site: &Site) -> impl Iterator<Item = NodeId> + '_ {
    site.readers.iter().map(|reader| reader.layer.node)
}

/// Returns the part of the errors that is left: the geometric mean over the layers.
fn share(after: &[f64], before: &[f64]) -> f64 {
    let share = |(after, before): (&f64, &f64)| if after == before { 1.0 } else { after / before };
    after.iter().zip(before).map(share).product::<f64>().powf(1.0 / after.len() as f64)
}

/// Computes the candidates of all sites.
///
/// One pass gathers the maxima of the channels, and one gathers the statistics. The channels reach the same
/// magnitude then, so a range that cuts off values cuts them off in all channels. The range of the largest
/// value is a candidate too.
fn candidates(
    subject: Subject<'_>,
    method: Method,
    sites: &[Site],
    passes: &mut Passes<'_>,
) -> Result<Vec<Candidate>> {
    let Network { model, .. } = subject.network;
    let name = |site: &Site| subject.network.name(site.tensor).to_owned();
    let names: Vec<String> = sites.iter().map(name).collect();
    let mut trials: Vec<Trial> = Vec::new();
    for (at, (site, maxima)) in sites.iter().zip(maxima(model, sites, &names, passes)?).enumerate() {
        for balance in BALANCES {
            let scales = site.scales(model, &maxima, balance)?;
            let is_new = scales.iter().any(|&scale| scale != 1.0)
                && trials.iter().all(|other| other.site != at || other.scales != scales);
            if is_new && let Some(segments) = segments(model, site, &scales)? {
                let is_folded = site.fold(model, &scales)?.is_some();
                trials.push(Trial { site: at, balance, scales, is_folded, segments });
            }
        }
    }
    let of_site = |at: usize| trials.iter().filter(move |trial| trial.site == at);
    let taps = (sites.iter().enumerate())
        .map(|(at, site)| (name(site), site.clone(), of_site(at).map(|trial| trial.scales.clone()).collect()))
        .collect();
    let stats = divided(model, taps, passes)?.into_iter().flatten();
    let mut candidates = Vec::new();
    for (trial, stats) in trials.into_iter().zip(stats) {
        let name = name(&sites[trial.site]);
        let amax = |method| {
            range::compute(&stats, method, Target::default()).map_err(|error| of_tensor(&name, error))
        };
        let (usual, largest) = (amax(method)?, amax(Method::Max)?);
        let mut ranges = Ranges::default();
        ranges.set(&name, usual)?;
        if usual != largest {
            let mut ranges = Ranges::default();
            ranges.set(&name, largest)?;
            candidates.push(Candidate { trial: trial.clone(), ranges });
        }
        candidates.push(Candidate { trial, ranges });
    }
    Ok(candidates)
}

/// Returns the layers of a site with scales: a Mul divides the activation, and the weights are multiplied.
///
/// Returns `None` if the weights would not come back exactly.
fn segments(model: &Model, site: &Site, scales: &[f32]) -> Result<Option<Vec<Segment<'static>>>> {
    let Some(weights) = site.weights(model, scales)? else { return Ok(None) };
    let factors = site.factors(scales)?;
    let segment = |(edge, (weight, _, value)): (Edge, Scaled)| Segment {
        nodes: vec![edge.node],
        constants: vec![(weight, value)],
        factors: vec![(edge, factors.clone())],
        ..Segment::default()
    };
    Ok(Some(site.edges().zip(weights).map(segment).collect()))
}
