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
        let plan = &self.prepared.seen(self.plan, self.base);
        let groups = self.groups(plan);
        let mut trials: Vec<Trial<'_>> = Vec::new();
        for group in &groups {
            for amax in self.grid(group)? {
                trials.push(Trial { group, amax, ranges: group.with(amax)? });
            }
        }
        let noise = self.noise(plan, &trials, passes)?;
        let mut measured = trials.iter().zip(noise).peekable();
        let mut changes = Vec::new();
        // The first range of a group is that of the single method.
        while let Some((first, before)) = measured.next() {
            let (mut amax, mut after) = (first.amax, before);
            while let Some((trial, noise)) =
                measured.next_if(|(trial, _)| std::ptr::eq(trial.group, first.group))
            {
                if noise < after {
                    (amax, after) = (trial.amax, noise);
                }
            }
            if after < before * (1.0 - LEAST_GAIN) && before.is_finite() {
                changes.push(Change { tensors: first.group.tensors.clone(), amax, gain: before - after });
            }
        }
        changes.sort_by(|one, other| other.gain.total_cmp(&one.gain));
        Ok(changes)
    }

    /// Measures, for each trial, the ratios of noise to signal of the layers that read the tensors, and adds
    /// them up. The sum is infinite if a layer cannot be measured.
    fn noise(&self, plan: &Plan, trials: &[Trial<'_>], passes: &mut Passes<'_>) -> Result<Vec<f64>> {
        let mut segments = Vec::new();
        for trial in trials {
            segments.extend(trial.group.readers.iter().map(|&node| Segment {
                nodes: vec![node],
                ranges: Some(&trial.ranges),
                ..Segment::default()
            }));
        }
        let Self { prepared, base, weights, .. } = *self;
        let subject = Subject { network: prepared.network(), plan, ranges: base, weights };
        let mut sums = measure(subject, &segments, passes)?.into_iter();
        let noise = |sums: Option<ErrorSums>| sums.and_then(|sums| sums.noise()).unwrap_or(f64::INFINITY);
        let of_trial = |trial: &Trial<'_>| sums.by_ref().take(trial.group.readers.len()).map(noise).sum();
        Ok(trials.iter().map(of_trial).collect())
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

/// A range that is tried for a group.
struct Trial<'a> {
    group: &'a Group,
    amax: f32,
    ranges: Ranges,
}

/// Tensors that share a scale.
struct Group {
    tensors: Vec<String>,
    /// The layers that read them.
    readers: BTreeSet<NodeId>,
    format: Format,
}

impl Group {
    /// Returns the ranges of the tensors if they have this one.
    fn with(&self, amax: f32) -> Result<Ranges> {
        let mut ranges = Ranges::default();
        for name in &self.tensors {
            ranges.set(name, amax)?;
        }
        Ok(ranges)
    }
}
