//! Everything that may improve a quantized model, step by step.

mod attempt;
mod state;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::judge::Judge;
use super::samples::Samples;
use crate::emit::{Ranges, Weights};
use crate::error::Result;
use crate::finding::Finding;
use crate::observe::Stats;
use crate::onnx::Model;
use crate::pipeline::Prepared;
use crate::pipeline::recover::{Passes, Recovered};
use crate::place::Plan;
use crate::precision::PrecisionPolicy;
use crate::range::Method;
use crate::recover::Recovery;
use crate::report::best::{BestReport, Step};
use attempt::Attempt;
use state::{Search, Settings, State};

/// The time in which all steps begin, in times of the first one.
const MOST_TIMES: u32 = 60;
/// The least time in which the steps may begin.
const LEAST_TIME: Duration = Duration::from_secs(120);

/// The samples and the model of the search for the best quantization.
pub struct BestOptions<'a> {
    /// The way in which weights are quantized.
    pub weights: Weights,
    /// The half precision of the written model, if it has any.
    pub precision: Option<&'a PrecisionPolicy>,
    /// The largest number of samples that teach, and of those that judge.
    pub samples: usize,
    /// The largest number of layers that may stay in float.
    pub layers: usize,
    /// Whether the ranges are those of all activations, as a calibration cache needs them.
    pub every_activation: bool,
    /// The largest numbers of keys of attentions, beside those that the data shows ([`Ranges::keys`]).
    pub keys: BTreeMap<String, u64>,
}

/// The best quantization that [`Prepared::best`] found.
pub struct Best {
    /// The plan.
    pub plan: Plan,
    /// The ranges of the float model, before recovery.
    pub ranges: Ranges,
    /// The quantized model.
    pub model: Model,
    /// The recovered model, if a method of recovery is part of the result.
    pub recovered: Option<Recovered>,
    /// All steps with their figures.
    pub report: BestReport,
}

impl Prepared {
    /// Tries everything that may improve the quantized model, one step after the other, and keeps what helps.
    ///
    /// The steps are: the ranges of [`Prepared::choose_ranges`]; each method of [`recover`](crate::recover);
    /// and the noisiest layers in float, until one does not help. Each step is judged at the network's
    /// outputs, on samples that did not teach it, and is taken back unless it improves them beyond chance
    /// ([`Score::is_better_than`](crate::search::Score::is_better_than)). A layer stays in float only for a
    /// gain of 1 dB. So the result is never worse than the default on these samples. Ranges are computed from
    /// all samples. Fewer than four batches teach and judge both, which a finding says.
    ///
    /// The first step is timed, and a finding announces in which time all of them begin. Steps that would
    /// begin later are left out, with a finding.
    ///
    /// # Errors
    /// Those of [`Prepared::ranges`], [`Prepared::quantize`] and [`compare`](crate::pipeline::compare).
    pub fn best(
        &self,
        plan: &Plan,
        stats: &Stats,
        options: &BestOptions<'_>,
        passes: &mut Passes<'_>,
    ) -> Result<Best> {
        let start = Instant::now();
        let samples = Samples::split(passes, options.samples)?;
        let judge = Judge::open(&self.model().nested()?, &samples.judging, passes.runtime, passes.report)?;
        let mut report = BestReport { samples: judge.samples(), ..BestReport::default() };
        report.findings = [samples.findings.as_slice(), &judge.compared.findings].concat();
        if !samples.is_held_out {
            let message = "the samples that judge also teach, since there are fewer than four batches";
            report.note(Finding::warning(message).with_remedy("give more samples"));
        }
        let observed = stats.only(&self.taps(plan, options.every_activation));
        let search = Search { prepared: self, stats, observed, options, samples, judge };
        let method = Method::default();
        let ranges = search.with_keys(self.ranges(plan, &search.observed, method)?);
        let plan = self.seen(plan, &ranges);
        let first = Settings { plan, ranges, recovery: Recovery::default(), method };
        let mut best = search.state(first, passes)?;
        let most = LEAST_TIME.max(start.elapsed() * MOST_TIMES);
        let message = format!("all steps begin within {} minutes", most.as_secs().div_ceil(60));
        report.note(Finding::note(message));
        report.steps.push(Step::kept(format!("ranges by {method}"), best.score.mean()));
        for attempt in Attempt::all(options.layers) {
            if attempt.is_float() && report.has_useless_float() {
                break;
            }
            if start.elapsed() > most {
                let message = format!("the time is over, so {} was not tried", attempt.name());
                report.note(Finding::warning(message).with_remedy("give fewer samples"));
                continue;
            }
            let (name, tried) = search.tried(&best, &attempt, passes)?;
            match tried {
                Ok(next) => {
                    let gain = next.score.mean() - best.score.mean();
                    let is_kept = next.score.is_better_than(&best.score) && gain >= attempt.least_gain();
                    report.steps.push(Step::judged(name, next.score.mean(), is_kept, attempt.is_float()));
                    if is_kept {
                        best = *next;
                    }
                }
                Err(reason) => report.steps.push(Step::left_out(name, &reason)),
            }
        }
        report.score_db = best.score.mean();
        let State { settings: Settings { plan, ranges, .. }, recovered, model, .. } = best;
        Ok(Best { plan, ranges, model, recovered, report })
    }
}
