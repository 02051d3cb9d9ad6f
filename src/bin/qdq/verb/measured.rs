//! The comparison of a model that has just been quantized, on the calibration data.

use std::collections::BTreeMap;
use std::sync::Arc;

use qdq::error::Result;
use qdq::finding::{Finding, counted};
use qdq::observe::Stats;
use qdq::onnx::Model;
use qdq::pipeline::{self, CompareOptions, DocumentOptions};
use qdq::report::compare::Comparison;
use qdq::report::document::{Document, Run};

use crate::args::Quantize;
use crate::report;
use crate::resolve;
use crate::term::Term;

use super::halves::Halves;
use super::planning::Planned;

/// The comparison for a report; `None` if there is no data.
pub struct Measured {
    comparison: Option<Comparison>,
    stats: Arc<Stats>,
}

impl Measured {
    /// Compares the models on the calibration data. `stats` are those of the written model.
    pub fn of(
        args: &Quantize,
        float: &Model,
        quantized: &Model,
        stats: &Arc<Stats>,
        term: &Term,
    ) -> Result<Self> {
        let stats = stats.clone();
        if args.data.data.is_empty() {
            return Ok(Self { comparison: None, stats });
        }
        let options = CompareOptions {
            runtime: resolve::runtime(&args.runtime),
            per_tensor: true,
            stats: Some(stats.clone()),
            ..CompareOptions::default()
        };
        let mut source = resolve::source(&args.data, float)?;
        let bar = term.progress("comparing");
        let mut show = |progress| bar.show(progress);
        let comparison = pipeline::compare(float, quantized, source.as_mut(), &options, &mut show)?;
        Ok(Self { comparison: Some(comparison), stats })
    }

    /// Returns the comparison.
    pub fn comparison(&self) -> Option<&Comparison> {
        self.comparison.as_ref()
    }

    /// Lists the findings of the comparison.
    pub fn findings(&self) -> &[Finding] {
        self.comparison.as_ref().map_or(&[], |comparison| comparison.findings.as_slice())
    }

    /// Returns a line for each output. The data is that of the calibration, which the line says.
    pub fn text(&self) -> String {
        let outputs = self.comparison.iter().flat_map(|comparison| &comparison.outputs);
        let lines = outputs.filter_map(|output| {
            let decibels = output.metrics.sqnr_db()?;
            Some(format!("{}: {decibels:.2} dB on the calibration data\n", output.name))
        });
        lines.collect()
    }

    /// Makes the report, with the findings of the comparison alone. `method` is that of the calibration.
    pub fn document(
        &self,
        args: &Quantize,
        (planned, float): (&Planned, &Model),
        halved: &Halves,
        method: String,
    ) -> Result<Document> {
        let graph = planned.prepared.graph();
        let decisions = planned.plan.decisions.iter();
        let mut reasons: BTreeMap<String, String> = decisions
            .map(|decision| (graph.node(decision.node).name.clone(), decision.reason.clone()))
            .collect();
        halved.add_reasons(&mut reasons);
        let options = DocumentOptions {
            comparison: self.comparison.as_ref(),
            stats: Some(&self.stats),
            reasons,
            data: "the calibration data, on which a model does better than on other data",
            required_sqnr_db: None,
        };
        let mut document = pipeline::document(float, halved.model(), &options)?;
        let mut files = report::model_entries("float model", &args.model)?;
        files.extend(report::data_entries(&args.data)?);
        files.extend(report::model_entries("quantized model", &args.output)?);
        let settings = [
            ("runtime", resolve::runtime(&args.runtime).kind.to_string()),
            ("method", method),
            ("quantized", counted(planned.plan.activations.len(), "activation")),
        ];
        document.run = Run {
            calibration_samples: Some(self.stats.samples),
            compared_samples: self.comparison.as_ref().map(|comparison| comparison.samples as u64),
            ..report::run(&settings, files)
        };
        Ok(document)
    }
}
