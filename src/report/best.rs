//! The steps to the best quantization of a model.

use std::fmt;

use serde_json::{Value, json};

use super::table::{Align, Table};
use crate::finding::{Finding, counted};

/// A step that was tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The change.
    pub name: String,
    /// The mean score of the batches that judge, in decibels; `None` if the step could not be carried out.
    pub score_db: Option<f64>,
    /// Whether the change is part of the result.
    pub is_kept: bool,
    /// The reason why the step was left out; empty if it was carried out.
    pub reason: String,
    /// Whether the change is a layer in float.
    pub is_float: bool,
}

impl Step {
    /// Creates a step that is part of the result.
    pub fn kept(name: String, score_db: f64) -> Self {
        Self::judged(name, score_db, true, false)
    }

    /// Creates a step with its score.
    pub fn judged(name: String, score_db: f64, is_kept: bool, is_float: bool) -> Self {
        Self { name, score_db: Some(score_db), is_kept, reason: String::new(), is_float }
    }

    /// Creates a step that could not be carried out.
    pub fn left_out(name: String, reason: &str) -> Self {
        Self { name, score_db: None, is_kept: false, reason: reason.to_owned(), is_float: false }
    }
}

/// All steps, and the score of the result.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BestReport {
    /// The number of samples that judged.
    pub samples: usize,
    /// The score of the result in decibels.
    pub score_db: f64,
    /// The steps, in their order.
    pub steps: Vec<Step>,
    /// The findings for the user.
    pub findings: Vec<Finding>,
}

impl BestReport {
    /// Whether a layer in float was tried and taken back.
    pub fn has_useless_float(&self) -> bool {
        self.steps.iter().any(|step| step.is_float && !step.is_kept)
    }

    /// Adds a finding, and logs it.
    pub fn note(&mut self, finding: Finding) {
        finding.log();
        self.findings.push(finding);
    }

    /// Returns the steps as JSON, for programs: `samples`, `score_db` and `steps`.
    pub fn to_json(&self) -> Value {
        let steps = self.steps.iter().map(|step| {
            json!({"name": step.name, "score_db": step.score_db, "kept": step.is_kept, "reason": step.reason})
        });
        json!({"samples": self.samples, "score_db": self.score_db, "steps": steps.collect::<Vec<_>>()})
    }
}

impl fmt::Display for BestReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(&[("step", Align::Left), ("dB", Align::Right), ("", Align::Left)]);
        for step in &self.steps {
            let figure = step.score_db.map_or_else(|| "-".to_owned(), |score| format!("{score:.2}"));
            let result = match (step.is_kept, step.reason.as_str()) {
                (true, _) => "kept".to_owned(),
                (false, "") => "taken back".to_owned(),
                (false, reason) => format!("left out: {reason}"),
            };
            table.row([step.name.clone(), figure, result]);
        }
        write!(f, "{table}judged by {}: {:.2} dB", counted(self.samples, "sample"), self.score_db)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_says_what_became_of_it() {
        let report = BestReport {
            samples: 4,
            score_db: 31.0,
            steps: vec![
                Step::kept("ranges by mse".to_owned(), 30.0),
                Step::judged("bias correction".to_owned(), 29.0, false, false),
                Step::left_out("equalization".to_owned(), "it does not know fp8"),
            ],
            findings: Vec::new(),
        };
        let expected = "step                dB
ranges by mse    30.00  kept
bias correction  29.00  taken back
equalization         -  left out: it does not know fp8
judged by 4 samples: 31.00 dB";
        assert_eq!(report.to_string(), expected);
        assert_eq!(report.to_json()["steps"][1]["kept"], false);
    }
}
