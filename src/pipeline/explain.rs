//! Reasons for bad results, and reports, from two models and a comparison.

use std::collections::BTreeMap;

use super::facts::gather;
use super::folded::fold_constants;
use super::ready::opened;
use crate::error::Result;
use crate::finding::log_all;
use crate::observe::Stats;
use crate::onnx::{Model, Network};
use crate::report::compare::Comparison;
use crate::report::document::{Document, Material, assemble};
use crate::report::trouble::{self, BAD_OUTPUT, BAD_TENSOR, is_bad};

/// Adds the likely reasons for bad outputs and tensors to a comparison, and logs the findings about them.
pub(super) fn explain(
    float: &Network,
    quantized: &Network,
    comparison: &mut Comparison,
    stats: Option<&Stats>,
) {
    let has_bad = comparison.gated().any(|output| is_bad(&output.metrics, BAD_OUTPUT))
        || comparison.tensors.iter().any(|tensor| is_bad(&tensor.metrics, BAD_TENSOR));
    if !has_bad {
        return;
    }
    let mut float = float.clone();
    fold_constants(&mut float);
    let facts = gather(&float, quantized);
    comparison.advice = trouble::advise(&float.graph, comparison, &facts, stats);
    let findings = trouble::findings(&comparison.advice);
    log_all(&findings);
    comparison.findings.extend(findings);
}

/// The material of a report beside the two models.
#[derive(Clone, Debug, Default)]
pub struct DocumentOptions<'a> {
    /// The comparison of the models, if there was one.
    pub comparison: Option<&'a Comparison>,
    /// The statistics of the calibration, if there are any.
    pub stats: Option<&'a Stats>,
    /// The reasons of a plan for the numbers of nodes, by the name of the node.
    pub reasons: BTreeMap<String, String>,
    /// A description of the data of the comparison, for people.
    pub data: &'a str,
    /// The SQNR in decibels that every output must have, if one is required.
    pub required_sqnr_db: Option<f64>,
}

/// Makes a report on a quantized model.
///
/// The models are a float model and its quantized form, as in [`compare`](super::compare()). The caller adds
/// [`Document::run`], and the parts of other analyses.
///
/// # Errors
/// Those of reading the models.
pub fn document(float: &Model, quantized: &Model, options: &DocumentOptions<'_>) -> Result<Document> {
    let (mut float, quantized) = (opened(float)?, opened(quantized)?);
    fold_constants(&mut float);
    let facts = gather(&float, &quantized);
    Ok(assemble(Material {
        graph: &float.graph,
        facts: &facts,
        comparison: options.comparison,
        stats: options.stats,
        reasons: &options.reasons,
        data: options.data,
        required_sqnr_db: options.required_sqnr_db,
    }))
}
