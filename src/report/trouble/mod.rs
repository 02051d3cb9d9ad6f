//! The likely reasons for a bad result, and the remedies to try.
//!
//! [`advise`] is a pure function of the float graph, of the figures of a comparison and of what is known of
//! the tensors and weights. It starts at the layers where the error grows most. For each it gives the reasons
//! that the statistics show, and says so if they show none.

mod activations;
mod facts;
pub mod shares;
mod suspects;
mod weights;

use crate::finding::Finding;
use crate::graph::Graph;
use crate::observe::Stats;

use super::advice::{Advice, Kind};
use super::compare::{Comparison, Metrics, Shortfall};
use suspects::{Suspect, suspects};

pub use facts::{Facts, QuantizedRange, WeightFacts};

/// An output below this SQNR in decibels is bad.
pub const BAD_OUTPUT: f64 = 20.0;
/// A tensor inside the network below this SQNR in decibels is bad.
pub const BAD_TENSOR: f64 = 10.0;

/// Whether metrics are below `limit_db`, or have values that are infinite or NaN in one model only.
///
/// A tensor of which nothing could be compared is not bad.
pub fn is_bad(metrics: &Metrics, limit_db: f64) -> bool {
    matches!(metrics.shortfall(limit_db), Some(Shortfall::NonFinite | Shortfall::Sqnr(_)))
}

/// The reasons that are given for one layer.
const MOST_REASONS: usize = 3;
/// The pieces of advice that become findings.
const MOST_FINDINGS: usize = 6;

/// A reason that a tensor or a weight shows.
struct Reason {
    kind: Kind,
    tensor: String,
    evidence: Vec<(&'static str, f64)>,
    message: String,
    remedy: &'static str,
}

/// Returns the likely reasons for the bad outputs and tensors of a comparison, the worst layers first.
///
/// An output is bad below [`BAD_OUTPUT`], another tensor below [`BAD_TENSOR`], and every tensor with values
/// that are infinite or NaN in one model only. The list is empty if nothing is bad. `graph` is that of the
/// float model; `stats` are those of a calibration, if there are any.
pub fn advise(graph: &Graph, comparison: &Comparison, facts: &Facts, stats: Option<&Stats>) -> Vec<Advice> {
    let mut advice = Vec::new();
    for suspect in suspects(graph, comparison, facts) {
        let mut reasons = match suspect.amplifies {
            Some((before, after)) => vec![amplified(&suspect, before, after)],
            None => {
                let mut reasons = activations::reasons(graph, &suspect, comparison, facts, stats);
                reasons.extend(weights::reasons(&suspect, facts));
                reasons
            }
        };
        reasons.sort_by_key(|reason| reason.kind);
        reasons.truncate(MOST_REASONS);
        if reasons.is_empty() && suspect.is_measured {
            reasons.push(unexplained(&suspect, stats.is_some()));
        }
        advice.extend(reasons.into_iter().map(|reason| Advice {
            kind: reason.kind,
            layer: suspect.name.to_owned(),
            tensor: reason.tensor,
            sqnr_db: suspect.sqnr_db,
            evidence: reason.evidence,
            message: reason.message,
            remedy: reason.remedy.to_owned(),
        }));
    }
    let bad_output = comparison.gated().find(|output| is_bad(&output.metrics, BAD_OUTPUT));
    if let (true, Some(output)) = (advice.is_empty(), bad_output) {
        advice.push(Advice {
            kind: Kind::Unexplained,
            layer: String::new(),
            tensor: output.name.clone(),
            sqnr_db: output.metrics.sqnr_db(),
            evidence: Vec::new(),
            message: "neither the weights nor the figures of the outputs show which layer it is".to_owned(),
            remedy: "compare every tensor, and give the statistics of the calibration, or measure each layer alone"
                .to_owned(),
        });
    }
    advice
}

/// Returns the findings about the first pieces of advice.
pub fn findings(advice: &[Advice]) -> Vec<Finding> {
    advice.iter().take(MOST_FINDINGS).map(Advice::finding).collect()
}

fn amplified(suspect: &Suspect<'_>, before: f64, after: f64) -> Reason {
    Reason {
        kind: Kind::Amplified,
        tensor: suspect.output.to_owned(),
        evidence: vec![("input_sqnr_db", before), ("output_sqnr_db", after)],
        message: format!(
            "the {} computes in float and turns {before:.1} dB of its input into {after:.1} dB",
            suspect.op
        ),
        remedy: "leave the layers before it in float",
    }
}

fn unexplained(suspect: &Suspect<'_>, has_stats: bool) -> Reason {
    Reason {
        kind: Kind::Unexplained,
        tensor: suspect.output.to_owned(),
        evidence: Vec::new(),
        message: match has_stats {
            true => "no statistic of its input and its weight explains it".to_owned(),
            false => "its weight does not explain it, and no statistics of its input are given".to_owned(),
        },
        remedy: match has_stats {
            true => "measure each layer alone, leave the layer in float, or learn the rounding of its weight",
            false => "give the statistics of the calibration, or leave the layer in float",
        },
    }
}

#[cfg(test)]
mod tests;
