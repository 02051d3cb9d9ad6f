//! The choice of the method for each tensor.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Map, Value, json};

use super::judge::Judge;
use super::samples::{Held, Samples};
use crate::batch::BatchSource;
use crate::emit::qdq_model::ReadyWeights;
use crate::emit::{Ranges, Weights, ready_weights};
use crate::error::{Error, ErrorKind, Result};
use crate::finding::{Finding, counted};
use crate::graph::{Edge, NodeId};
use crate::observe::{Stats, TensorStats};
use crate::pipeline::Prepared;
use crate::pipeline::graph::{amax, check_method};
use crate::pipeline::recover::Passes;
use crate::pipeline::recover::measure::{Subject, measure};
use crate::place::{Format, Plan, Verdict};
use crate::range::Method;
use crate::recover::beside::Segment;
use crate::recover::errors::ErrorSums;
use crate::search::{Score, grid, toggles};

/// The number of whole models that are judged to take changes back.
const TRIALS: usize = 8;

/// The share of the error that a range must save to replace that of the best single method. Smaller savings
/// are chance.
const LEAST_GAIN: f64 = 0.03;

/// The samples and the weights of the search for ranges.
#[derive(Clone, Debug)]
pub struct AutoOptions {
    /// The largest number of samples by which ranges are chosen, and by which the outputs are judged.
    pub samples: usize,
    /// The way in which weights are quantized.
    pub weights: Weights,
}

impl Default for AutoOptions {
    fn default() -> Self {
        Self { samples: 32, weights: Weights::default() }
    }
}

/// The ranges that [`Prepared::choose_ranges`] found.
#[derive(Clone, Debug)]
pub struct ChosenRanges {
    /// The ranges. Their last finding says what was chosen.
    pub ranges: Ranges,
    /// The single method that is best at the network's outputs.
    pub single: Method,
    /// The single methods with their scores in decibels, in the order of their trial. See
    /// [`score_db`](crate::report::compare::Comparison::score_db).
    pub scores: Vec<(Method, f64)>,
    /// The score of the chosen ranges.
    pub score: f64,
    /// The tensors whose range differs from that of the single method.
    pub changed: Vec<String>,
    /// The number of samples that judged, and whether ranges were chosen by other samples.
    pub judged: (usize, bool),
}

impl Prepared {
    /// Chooses the range of each tensor among those of all methods and steps between them.
    ///
    /// First each single method quantizes the whole network, and the score of its outputs is measured
    /// ([`score_db`](crate::report::compare::Comparison::score_db)). From the ranges of the best one, each
    /// group of tensors that share a scale gets the range with the least error of the layers that read it.
    /// Weights are quantized as they will be written. All candidates of all groups run beside the float
    /// layers in one pass. Ranges that win there and do not improve the network's outputs are taken back
    /// ([`toggles`]). So the score is never below that of the best single method.
    ///
    /// Some samples choose the ranges and others judge the outputs, if the data have four batches or more. A
    /// finding says how many.
    ///
    /// # Errors
    /// Those of [`Prepared::ranges`], [`Prepared::quantize`] and [`compare`](crate::pipeline::compare).
    pub fn choose_ranges(
        &self,
        plan: &Plan,
        stats: &Stats,
        options: &AutoOptions,
        passes: &mut Passes<'_>,
    ) -> Result<ChosenRanges> {
        let samples = Samples::split(passes, options.samples)?;
        let mut all = samples.judging.clone();
        if samples.is_held_out {
            all.extend_from_slice(&samples.teaching);
        }
        let judge = Judge::open(&self.model().nested()?, &all, passes.runtime, passes.report)?;
        let (whole, held_out) = (judge.batches().len(), samples.judging.len().min(judge.batches().len()));
        let ready = ready_weights(self.network(), plan, &options.weights)?;
        let trials = Trials { prepared: self, plan, options, judge, ready };
        let methods: Vec<Method> =
            grid::METHODS.into_iter().filter(|&method| check_method(plan, method).is_ok()).collect();
        let mut tried: Vec<Single> = Vec::new();
        for &method in &methods {
            let ranges = self.ranges(plan, stats, method)?;
            let same = tried.iter().find(|single| single.ranges.iter().eq(ranges.iter()));
            let score = match same {
                Some(single) => single.score.clone(),
                None => trials.score(&ranges, whole, passes)?,
            };
            tried.push(Single { method, ranges, score });
        }
        let scores: Vec<(Method, f64)> =
            tried.iter().map(|single| (single.method, single.score.mean())).collect();
        let Single { method: single, ranges: base, score } = best(tried)?;
        let mut open = || Ok(Box::new(Held::new(&samples.teaching)) as Box<dyn BatchSource>);
        let mut teaching = Passes { open: &mut open, runtime: passes.runtime, report: &mut *passes.report };
        let others = methods.into_iter().filter(|&method| method != single);
        let ordered: Vec<Method> = [single].into_iter().chain(others).collect();
        let choice = Choice { prepared: self, plan, stats, base: &base, methods: &ordered, options };
        let changes = choice.changes(&mut teaching)?;
        let with = |kept: &BTreeSet<usize>| -> Result<Ranges> {
            let mut ranges = base.clone();
            for (_, change) in changes.iter().enumerate().filter(|(at, _)| kept.contains(at)) {
                for name in &change.tensors {
                    ranges.set(name, change.amax)?;
                }
            }
            Ok(ranges)
        };
        let start = score.of_first(held_out);
        let kept = toggles::keep_best(changes.len(), start, TRIALS, |kept| {
            trials.score(&with(kept)?, held_out, passes)
        })?;
        let (mut ranges, mut found, mut changes_kept) = (with(&kept.changes)?, score.clone(), kept.changes);
        if !changes_kept.is_empty() {
            found = trials.score(&ranges, whole, passes)?;
            if found.mean() <= score.mean() {
                (ranges, found, changes_kept) = (base.clone(), score.clone(), BTreeSet::new());
            }
        }
        ranges.method = Some(AUTO.to_owned());
        let changed: Vec<String> =
            changes_kept.iter().flat_map(|&at| changes[at].tensors.iter().cloned()).collect();
        let judged = (samples.judges(), samples.is_held_out);
        ranges.findings.extend(samples.findings);
        let mut chosen = ChosenRanges { ranges, single, scores, score: found.mean(), changed, judged };
        let note = Finding::note(chosen.to_string());
        note.log();
        chosen.ranges.findings.push(note);
        Ok(chosen)
    }
}

/// The ranges of one method, and their score.
struct Single {
    method: Method,
    ranges: Ranges,
    score: Score,
}

/// Returns the best method. A later one must be better beyond chance.
fn best(tried: Vec<Single>) -> Result<Single> {
    let best = tried
        .into_iter()
        .reduce(|best, next| if next.score.is_better_than(&best.score) { next } else { best });
    best.ok_or_else(|| Error::new(ErrorKind::Internal, "there is no method to try"))
}

/// Whole models with ranges to try.
struct Trials<'a> {
    prepared: &'a Prepared,
    plan: &'a Plan,
    options: &'a AutoOptions,
    judge: Judge,
    ready: ReadyWeights,
}

impl Trials<'_> {
    /// Quantizes the model, and returns the score of its outputs on the first batches.
    fn score(&self, ranges: &Ranges, batches: usize, passes: &mut Passes<'_>) -> Result<Score> {
        let model = self.prepared.quantize_ready(self.plan, ranges, &self.options.weights, &self.ready)?;
        Ok(self.judge.judge(&model, batches, passes.report)?.score)
    }
}

/// The name of the search among the methods.
pub const AUTO: &str = "auto";

impl ChosenRanges {
    /// Returns the choice as JSON, for programs: `single`, `scores_db`, `score_db`, `changed`,
    /// `judged_samples` and `held_out`.
    pub fn to_json(&self) -> Value {
        let scores = self.scores.iter().map(|(method, score)| (method.to_string(), json!(score)));
        json!({
            "single": self.single.to_string(),
            "scores_db": scores.collect::<Map<_, _>>(),
            "score_db": self.score,
            "changed": self.changed,
            "judged_samples": self.judged.0,
            "held_out": self.judged.1,
        })
    }
}

/// Formats the choice as one sentence.
impl fmt::Display for ChosenRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { single, score, .. } = self;
        let before =
            self.scores.iter().find(|(method, _)| method == single).map_or(*score, |(_, score)| *score);
        match self.changed.len() {
            0 => write!(f, "auto chose {single} for all tensors: {score:.2} dB at the outputs")?,
            changed => write!(
                f,
                "auto chose {single}, and other ranges for {}: {score:.2} dB at the outputs instead of {before:.2}",
                counted(changed, "tensor")
            )?,
        }
        let (samples, is_held_out) = self.judged;
        let others =
            if is_held_out { "other samples chose the ranges" } else { "which also chose the ranges" };
        write!(f, ", judged by {}; {others}", counted(samples, "sample"))
    }
}

/// A range that replaces that of the single method, for all tensors of a group.
struct Change {
    tensors: Vec<String>,
    amax: f32,
    /// The ratio of noise to signal that it saves, over all layers that read the tensors.
    gain: f64,
}

/// The choice by the errors of layers.
struct Choice<'a> {
    prepared: &'a Prepared,
    plan: &'a Plan,
    stats: &'a Stats,
    base: &'a Ranges,
    /// The methods, that of `base` first.
    methods: &'a [Method],
    options: &'a AutoOptions,
}

impl Choice<'_> {
    /// Finds the range with the least error for each group, the greatest gain first.
    fn changes(&self, passes: &mut Passes<'_>) -> Result<Vec<Change>> {
        let Self { prepared, plan, base, options, .. } = *self;
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
        let subject = Subject { network: prepared.network(), plan, ranges: base, weights: &options.weights };
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
