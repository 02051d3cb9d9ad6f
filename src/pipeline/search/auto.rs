//! The choice of the method for each tensor.

use std::collections::BTreeSet;

use super::choice::{Change, Choice};
use super::chosen::{AUTO, ChosenRanges};
use super::judge::Judge;
use super::samples::{Held, Samples};
use crate::batch::BatchSource;
use crate::emit::qdq_model::ReadyWeights;
use crate::emit::{Ranges, Weights, ready_weights};
use crate::error::{Error, ErrorKind, Result};
use crate::finding::{self, Finding};
use crate::observe::Stats;
use crate::pipeline::Prepared;
use crate::pipeline::graph::check_method;
use crate::pipeline::recover::Passes;
use crate::place::Plan;
use crate::range::Method;
use crate::search::{Score, grid, toggles};

/// The number of whole models that are judged to take changes back.
const TRIALS: usize = 8;

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

impl Prepared {
    /// Chooses the range of each tensor among those of all methods and steps between them.
    ///
    /// First each single method quantizes the whole network, and the score of its outputs is measured
    /// ([`score_db`](crate::report::compare::Comparison::score_db)). From the ranges of the best one, each
    /// group of tensors that share a scale gets the range with the least error of the layers that read it.
    /// Weights are quantized as they will be written. All candidates of all groups run beside the float
    /// layers in one pass. Ranges that win there and do not improve the network's outputs are taken back
    /// ([`toggles`]). If another method is better on all samples, though only by chance, it is taken. So the
    /// result is never worse than the best single method on the samples that judged and those that chose.
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
        let chosen = finding::once(|| self.search_ranges(plan, stats, options, passes))?;
        chosen.ranges.findings.last().into_iter().for_each(Finding::log);
        Ok(chosen)
    }

    fn search_ranges(
        &self,
        plan: &Plan,
        stats: &Stats,
        options: &AutoOptions,
        passes: &mut Passes<'_>,
    ) -> Result<ChosenRanges> {
        let samples = Samples::split(passes, options.samples)?;
        let judge = Judge::open(&self.model().nested()?, &samples.all(), passes.runtime, passes.report)?;
        let held_out = samples.judging.len().min(judge.batches().len());
        let findings = [samples.findings.as_slice(), &judge.compared.findings].concat();
        let ready = ready_weights(self.network(), plan, &options.weights)?;
        let trials = Trials { prepared: self, plan, options, judge, ready };
        let tried = trials.singles(stats, passes)?;
        let figure = |score: &Score| score.of_first(held_out).mean();
        let scores = tried.iter().map(|single| (single.method, figure(&single.score))).collect();
        let Single { method: mut single, ranges: mut base, score } = best(&tried)?;
        let mut methods: Vec<Method> = tried.iter().map(|single| single.method).collect();
        methods.sort_by_key(|&method| method != single);

        let mut open = || Ok(Box::new(Held::new(&samples.teaching)) as Box<dyn BatchSource>);
        let mut teaching = Passes { open: &mut open, runtime: passes.runtime, report: &mut *passes.report };
        let weights = &options.weights;
        let choice = Choice { prepared: self, plan, stats, base: &base, methods: &methods, weights };
        let changes = choice.changes(&mut teaching)?;
        let start = score.of_first(held_out);
        let mut kept = toggles::keep_best(changes.len(), start, TRIALS, |kept| {
            trials.score(&with(&base, &changes, kept)?, held_out, passes)
        })?
        .changes;
        let mut found = score.clone();
        if !kept.is_empty() {
            let whole = trials.score(&with(&base, &changes, &kept)?, usize::MAX, passes)?;
            match whole.mean() > score.mean() {
                true => found = whole,
                false => kept.clear(),
            }
        }
        // A method that is better by chance alone is not worse on these samples.
        for other in tried {
            if other.score.mean() > found.mean() {
                kept.clear();
                (single, base, found) = (other.method, other.ranges, other.score);
            }
        }
        let mut ranges = with(&base, &changes, &kept)?;
        ranges.method = Some(AUTO.to_owned());
        ranges.findings.extend(findings);
        let changed = kept.iter().flat_map(|&at| changes[at].tensors.iter().cloned()).collect();
        let judged = (trials.judge.samples_of_first(held_out), samples.is_held_out);
        Ok(ChosenRanges { ranges, single, scores, score: figure(&found), changed, judged }.noted())
    }
}

/// Returns the ranges with some changes.
fn with(base: &Ranges, changes: &[Change], kept: &BTreeSet<usize>) -> Result<Ranges> {
    let mut ranges = base.clone();
    for change in kept.iter().map(|&at| &changes[at]) {
        for name in &change.tensors {
            ranges.set(name, change.amax)?;
        }
    }
    Ok(ranges)
}

/// The ranges of one method, and their score.
#[derive(Clone)]
struct Single {
    method: Method,
    ranges: Ranges,
    score: Score,
}

/// Returns the best method. A later one must be better beyond chance.
fn best(tried: &[Single]) -> Result<Single> {
    let best =
        tried.iter().reduce(|best, next| if next.score.is_better_than(&best.score) { next } else { best });
    best.cloned().ok_or_else(|| Error::new(ErrorKind::Internal, "there is no method to try"))
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
    /// Tries every method that the formats of the plan know. Methods with the same ranges have one score.
    fn singles(&self, stats: &Stats, passes: &mut Passes<'_>) -> Result<Vec<Single>> {
        let mut tried: Vec<Single> = Vec::new();
        for method in grid::METHODS.into_iter().filter(|&method| check_method(self.plan, method).is_ok()) {
            let ranges = self.prepared.ranges(self.plan, stats, method)?;
            let same = tried.iter().find(|single| single.ranges.iter().eq(ranges.iter()));
            let score = match same {
                Some(single) => single.score.clone(),
                None => self.score(&ranges, usize::MAX, passes)?,
            };
            tried.push(Single { method, ranges, score });
        }
        Ok(tried)
    }

    /// Quantizes the model, and returns the score of its outputs on the first batches.
    fn score(&self, ranges: &Ranges, batches: usize, passes: &mut Passes<'_>) -> Result<Score> {
        let model = self.prepared.quantize_ready(self.plan, ranges, &self.options.weights, &self.ready)?;
        Ok(self.judge.judge(&model, batches, passes.report)?.score)
    }
}
