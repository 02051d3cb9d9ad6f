//! The ranges that a search has chosen, as text and as JSON.

use std::fmt;

use serde_json::{Map, Value, json};

use crate::emit::Ranges;
use crate::finding::{Finding, counted};
use crate::range::Method;

/// The name of the search among the methods.
pub const AUTO: &str = "auto";

/// The ranges that [`choose_ranges`](crate::pipeline::Prepared::choose_ranges) found.
#[derive(Clone, Debug)]
pub struct ChosenRanges {
    /// The ranges. Their last finding says what was chosen.
    pub ranges: Ranges,
    /// The single method that is best at the network's outputs.
    pub single: Method,
    /// The single methods with their scores in decibels, in the order of their trial: means over the batches
    /// that judge of [`score_db`](crate::report::compare::Comparison::score_db).
    pub scores: Vec<(Method, f64)>,
    /// The score of the chosen ranges.
    pub score: f64,
    /// The tensors whose range differs from that of the single method.
    pub changed: Vec<String>,
    /// The number of samples that judged, and whether ranges were chosen by other samples.
    pub judged: (usize, bool),
}

impl ChosenRanges {
    /// Adds a finding that says what was chosen.
    pub(super) fn noted(mut self) -> Self {
        self.ranges.findings.push(Finding::note(self.to_string()));
        self
    }

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
