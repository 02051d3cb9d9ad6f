//! `qdq compare`: measures the difference between a quantized model and the float model.

use std::path::PathBuf;
use std::sync::Arc;

use qdq::error::{Error, ErrorKind, Result};
use qdq::finding::Finding;
use qdq::observe::Stats;
use qdq::pipeline::{self, CompareOptions, DocumentOptions};
use qdq::report::compare::{Comparison, Shortfall};
use qdq::report::document::Run;
use serde_json::json;

use crate::args::Compare;
use crate::report::{self, Report};
use crate::term::Term;
use crate::{Outcome, outputs, resolve};

use super::written::Written;

pub fn run(args: &Compare, term: &Term) -> Result<Outcome> {
    if args.min_sqnr.is_some_and(f64::is_nan) {
        return Err(Error::new(ErrorKind::InvalidArgument, "--min-sqnr: NaN is no limit")
            .with_remedy("give decibels, such as 35"));
    }
    let report = Report::to(args.report.as_ref())?;
    if let Some(report) = &report {
        let models = [&args.float, &args.quantized].map(|path| outputs::of_model(path)).concat();
        let others = [&args.labels, &args.stats].into_iter().flatten().cloned();
        let inputs: Vec<PathBuf> =
            models.into_iter().chain(resolve::data_paths(&args.data)).chain(others).collect();
        outputs::check([report.path()], inputs.iter().map(PathBuf::as_path))?;
    }
    let options = CompareOptions {
        runtime: resolve::runtime(&args.runtime),
        per_tensor: args.per_tensor || report.is_some(),
        labels: args.labels.as_deref().map(resolve::labels).transpose()?,
        outputs: args.outputs.clone(),
        stats: args.stats.as_deref().map(Stats::load).transpose()?.map(Arc::new),
    };
    let mut float = resolve::model(&args.float, &args.inputs)?;
    let mut quantized = resolve::quantized(&args.quantized, &args.inputs)?;
    let fixed = pipeline::fix_as_made(&mut float, &mut quantized)?;
    fixed.iter().for_each(Finding::log);
    let mut source = resolve::source(&args.data, &float)?;
    let mut comparison = {
        let bar = term.progress("comparing");
        pipeline::compare(&float, &quantized, source.as_mut(), &options, &mut |progress| bar.show(progress))?
    };
    comparison.findings.extend(fixed);
    if args.labels.is_some() && comparison.agreement.labelled == 0 {
        let message = "--labels: the model's first output is not [samples, classes]";
        return Err(Error::new(ErrorKind::Shape, message).with_remedy("compare without labels"));
    }
    if args.min_sqnr.is_some() && comparison.gated().next().is_none() {
        let message = "--min-sqnr: nothing that was compared is floating-point, so nothing has an SQNR";
        return Err(Error::new(ErrorKind::InvalidArgument, message).with_remedy(
            "name a floating-point tensor that both models compute with --output, or leave it out",
        ));
    }
    let is_passed = args.min_sqnr.is_none_or(|min| check(&comparison, min, term));
    let mut written = Written::default();
    if let Some(report) = report {
        let options = DocumentOptions {
            comparison: Some(&comparison),
            stats: options.stats.as_deref(),
            data: "the data of this comparison",
            required_sqnr_db: args.min_sqnr,
            ..DocumentOptions::default()
        };
        let mut document = pipeline::document(&float, &quantized, &options)?;
        document.run = run_of(args, &comparison)?;
        report.write(document)?;
        written.add("report", report.path());
        if !args.per_tensor {
            comparison.tensors.clear();
        }
    }
    let mut json = comparison.to_json();
    if args.report.is_some() {
        json["files"] = written.to_json();
    }
    if let Some(min) = args.min_sqnr {
        json["gate"] = json!({"min_sqnr": min, "passed": is_passed});
    }
    term.result(format!("{comparison}{}", written.text()), &json)?;
    Ok(if is_passed { Outcome::Done } else { Outcome::GateFailed })
}

/// Describes the command and its files for a report.
fn run_of(args: &Compare, comparison: &Comparison) -> Result<Run> {
    let mut files = Vec::new();
    for (role, path) in [("float model", &args.float), ("quantized model", &args.quantized)] {
        files.extend(report::model_entries(role, path)?);
    }
    files.extend(report::data_entries(&args.data)?);
    for (role, path) in [("labels", &args.labels), ("statistics", &args.stats)] {
        files.extend(path.as_deref().map(|path| report::entry(role, path)).transpose()?);
    }
    let settings = [("runtime", resolve::runtime(&args.runtime).kind.to_string())];
    let compared_samples = Some(comparison.samples as u64);
    Ok(Run { compared_samples, ..report::run(&settings, files) })
}

fn check(comparison: &Comparison, min: f64, term: &Term) -> bool {
    let below = comparison.outputs_below(min);
    for output in &below {
        let Some(shortfall) = output.metrics.shortfall(min) else { continue };
        let reason = match shortfall {
            Shortfall::NonFinite => "infinite or NaN values in one model only".to_owned(),
            Shortfall::Sqnr(decibels) => format!("SQNR {decibels:.2} dB is below {min} dB"),
            Shortfall::NothingCompared => "nothing could be compared".to_owned(),
        };
        term.gate(format_args!("output '{}': {reason}", output.name));
    }
    below.is_empty()
}
