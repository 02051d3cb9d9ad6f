//! The choice of ranges by the errors of the layers that read a tensor.

use std::collections::{BTreeMap, BTreeSet};

use crate::emit::{Ranges, Weights};
use crate::error::Result;
use crate::graph::{Edge, NodeId};
use crate::observe::{Stats, TensorStats};
use crate::pipeline::Prepared;
use crate::pipeline::graph::amax;
use crate::pipeline::recover::Passes;
use crate::pipeline::recover::measure::{Subject, measure};
use crate::place::{Format, Plan, Verdict};
use crate::range::Method;
use crate::recover::beside::Segment;
use crate::recover::errors::ErrorSums;
use crate::search::grid;

/// The share of the error that a range must save to replace that of the best single method. Smaller savings
/// are chance.
const LEAST_GAIN: f64 = 0.03;

/// A range that replaces that of the single method, for all tensors of a group.
pub(super) struct Change {
    pub tensors: Vec<String>,
    pub amax: f32,
    /// The ratio of noise to signal that it saves, over all layers that read the tensors.
    pub gain: f64,
}

/// The choice by the errors of layers.
pub(super) struct Choice<'a> {
    pub prepared: &'a Prepared,
    pub plan: &'a Plan,
    pub stats: &'a Stats,
    pub base: &'a Ranges,
    /// The methods, that of `base` first.
    pub methods: &'a [Method],
    pub weights: &'a Weights,
}

impl Choice<'_> {
    /// Finds the range with the least error for each group, the greatest gain first.
    pub fn changes(&self, passes: &mut Passes<'_>) -> Result<Vec<Change>> {
        let Self { prepared, plan, base, weights, .. } = *self;
        let plan = &prepared.seen(plan, base);
        let groups = self.groups(plan);
        let mut tried: Vec<(usize, f32, Ranges)> = Vec::new();
        for (at, group) in groups.iter().enumerate() {
            for amax in self.grid(group)? {
                let mut ranges = Ranges::default();
                for name in &group.tensors {
                    ranges.set(name, amax)?;
                }
                tried.push((at, amax, ranges));
            }
        }
        let mut owners = Vec::new();
        let mut segments = Vec::new();
        for (trial, (at, _, ranges)) in tried.iter().enumerate() {
            for &node in &groups[*at].readers {
                segments.push(Segment { nodes: vec![node], ranges: Some(ranges), ..Segment::default() });
                owners.push(trial);
            }
        }
        let subject = Subject { network: prepared.network(), plan, ranges: base, weights };
        let mut noise: Vec<Option<f64>> = vec![Some(0.0); tried.len()];
        for (trial, sums) in owners.into_iter().zip(measure(subject, &segments, passes)?) {
            let found = sums.as_ref().and_then(ErrorSums::noise);
            noise[trial] = noise[trial].zip(found).map(|(sum, found)| sum + found);
        }
        let mut best: BTreeMap<usize, (f64, f64, f32)> = BTreeMap::new();
        for ((at, amax, _), noise) in tried.iter().zip(noise) {
            let Some(noise) = noise else { continue };
            // The first range of a group is that of the single method.
            let entry = best.entry(*at).or_insert((noise, noise, *amax));
            if noise < entry.1 {
                (entry.1, entry.2) = (noise, *amax);
            }
        }
        let changes = best.into_iter().filter(|(_, (before, after, _))| *after < before * (1.0 - LEAST_GAIN));
        let mut changes: Vec<Change> = changes
            .map(|(at, (before, after, amax))| Change {
                tensors: groups[at].tensors.clone(),
                amax,
                gain: before - after,
            })
            .collect();
        changes.sort_by(|one, other| other.gain.total_cmp(&one.gain));
        Ok(changes)
    }

    /// Lists the groups of tensors that share a scale and have a range and a reader.
    fn groups(&self, plan: &Plan) -> Vec<Group> {
        let graph = self.prepared.graph();
        let is_layer = |edge: &&Edge| plan.decisions[edge.node.0].verdict == Verdict::Quantized;
        let mut groups: BTreeMap<usize, Group> = BTreeMap::new();
        for planned in &plan.activations {
            let name = &graph.tensor(planned.tensor).name;
            let group = groups.entry(planned.group).or_insert_with(|| Group {
                tensors: plan.groups[planned.group].iter().map(|&id| graph.tensor(id).name.clone()).collect(),
                readers: BTreeSet::new(),
                format: planned.format,
            });
            if self.base.get(name).is_some() {
                group.readers.extend(planned.edges.iter().filter(is_layer).map(|edge| edge.node));
            }
        }
        groups.into_values().filter(|group| !group.readers.is_empty()).collect()
    }

    /// Returns the ranges to try for a group, that of the single method first.
    fn grid(&self, group: &Group) -> Result<Vec<f32>> {
        let mut together = TensorStats::new();
        for stats in group.tensors.iter().filter_map(|name| self.stats.tensors.get(name)) {
            together.merge(stats);
        }
        grid::ranges(self.methods, |method| amax(&together, method, group.format))
    }
}

/// Tensors that share a scale.
struct Group {
    tensors: Vec<String>,
    /// The layers that read them.
    readers: BTreeSet<NodeId>,
    format: Format,
}
