//! The scales to try between two layers, and the ranges that would be written with them.

use crate::emit::Ranges;
use crate::error::Result;
use crate::graph::TensorId;
use crate::observe::TensorStats;
use crate::onnx::Network;
use crate::range::{self, Method, Target};
use crate::recover::equalize::BALANCES;
use crate::recover::pair::Pair;

use super::Passes;
use super::by_channel::{divided, maxima};
use super::measure::Subject;
use crate::pipeline::graph::of_tensor;

/// Scales to try for a pair, and the ranges that the tensors between its layers then have.
pub(super) struct Candidate {
    /// The index of the pair.
    pub pair: usize,
    pub balance: f32,
    pub scales: Vec<f32>,
    pub ranges: Ranges,
}

impl Candidate {
    /// Returns the number of scaled channels.
    pub fn changed(&self) -> usize {
        self.scales.iter().filter(|&&scale| scale != 1.0).count()
    }
}

/// Computes the candidates of all pairs.
///
/// One pass gathers the maxima of the channels, and one gathers the statistics.
pub(super) fn candidates(
    subject: Subject<'_>,
    method: Method,
    pairs: &[Pair],
    passes: &mut Passes<'_>,
) -> Result<Vec<Candidate>> {
    let Network { model, graph, .. } = subject.network;
    let name = |tensor: TensorId| subject.network.name(tensor).to_owned();
    let reads: Vec<String> = pairs.iter().map(|pair| name(pair.read)).collect();
    let maxima = maxima(model, pairs, &reads, passes)?;
    let mut tried: Vec<Candidate> = Vec::new();
    for (at, (pair, maxima)) in pairs.iter().zip(&maxima).enumerate() {
        for balance in BALANCES {
            let scales = pair.scales(model, maxima, balance)?;
            let held = pair.held(model, &scales)?;
            for scales in [Some(scales), held].into_iter().flatten() {
                let is_new = scales.iter().any(|&scale| scale != 1.0)
                    && tried.iter().all(|other| other.pair != at || other.scales != scales);
                if is_new && pair.scaled(model, &scales)?.is_some() {
                    tried.push(Candidate { pair: at, balance, scales, ranges: Ranges::default() });
                }
            }
        }
    }
    // The tensors between two layers that have a range.
    let between: Vec<(usize, TensorId)> = (pairs.iter().enumerate())
        .flat_map(|(at, pair)| pair.between(graph).map(move |tensor| (at, tensor)))
        .filter(|&(_, tensor)| subject.ranges.get(&graph.tensor(tensor).name).is_some())
        .collect();
    let of_pair = |at: usize| tried.iter().filter(move |candidate| candidate.pair == at);
    let taps = (between.iter())
        .map(|&(at, tensor)| {
            (name(tensor), pairs[at].clone(), of_pair(at).map(|one| one.scales.clone()).collect())
        })
        .collect();
    let stats = divided(model, taps, passes)?;
    let mut place = vec![0; pairs.len()];
    for candidate in &mut tried {
        let own = place[candidate.pair];
        place[candidate.pair] += 1;
        let found = between.iter().zip(&stats).filter(|((at, _), _)| *at == candidate.pair);
        let found: Vec<(TensorId, &TensorStats)> =
            found.map(|(&(_, tensor), stats)| (tensor, &stats[own])).collect();
        for &(tensor, _) in &found {
            let group = subject.plan.groups.iter().find(|group| group.contains(&tensor));
            let mut together = TensorStats::new();
            for (member, stats) in &found {
                if *member == tensor || group.is_some_and(|group| group.contains(member)) {
                    together.merge(stats);
                }
            }
            let amax = range::compute(&together, method, Target::default())
                .map_err(|error| of_tensor(&graph.tensor(tensor).name, error))?;
            candidate.ranges.set(&graph.tensor(tensor).name, amax)?;
        }
    }
    Ok(tried)
}
