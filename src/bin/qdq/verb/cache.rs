//! `qdq cache`: shows, checks and converts TensorRT calibration caches.

use std::path::Path;

use qdq::emit::Cache;
use qdq::emit::ranges::amax_of;
use qdq::emit::trt_cache::Expected;
use qdq::error::Result;
use qdq::finding::{Finding, Severity, counted, listed};
use qdq::onnx::Model;
use qdq::report::json_number;
use qdq::report::table::{Align, Table};
use qdq::runtime::Unknown;
use serde_json::json;

use crate::args::{self, CacheForm, CacheHeaderArgs};
use crate::term::Term;
use crate::{Outcome, outputs, resolve};

use super::range_file::RangeFile;
use super::written::Written;

pub fn run(args: &args::Cache, term: &Term) -> Result<Outcome> {
    match args {
        args::Cache::Show { file } => show(file, term),
        args::Cache::Check { file, model, header, strict } => {
            check(file, model.as_deref(), header, *strict, term)
        }
        args::Cache::Convert { file, output, to, header } => convert(file, output, *to, header, term),
    }
}

fn show(file: &Path, term: &Term) -> Result<Outcome> {
    let cache = Cache::load(file)?;
    let mut table = Table::new(&[
        ("tensor", Align::Left),
        ("bits", Align::Right),
        ("scale", Align::Right),
        ("amax", Align::Right),
    ]);
    let mut tensors = Vec::new();
    for (name, scale) in &cache.entries {
        let (bits, amax) = (format!("{:x}", scale.to_bits()), amax_of(*scale));
        tensors.push(
            json!({"name": name, "bits": bits, "scale": json_number(*scale), "amax": json_number(amax)}),
        );
        table.row([name.clone(), bits, format!("{scale:.6e}"), format!("{amax:.6}")]);
    }
    let json = json!({
        "version": cache.header.version,
        "algorithm": cache.header.algorithm,
        "tensors": tensors,
    });
    term.result(format!("{}\n\n{table}", cache.header), &json)?;
    Ok(Outcome::Done)
}

fn check(
    file: &Path,
    model: Option<&Path>,
    header: &CacheHeaderArgs,
    is_strict: bool,
    term: &Term,
) -> Result<Outcome> {
    let (version, algorithm) = resolve::version_and_algorithm(header)?;
    let cache = Cache::load(file)?;
    let (activations, unreached) = match model {
        Some(model) => activations(model, &cache).map(|(activations, note)| (Some(activations), note))?,
        None => (None, None),
    };
    let mut findings = cache.check(&Expected { version, algorithm, activations: activations.as_deref() });
    findings.extend(unreached);
    let worst = findings.iter().map(|finding| finding.severity).max();
    let fails_at = if is_strict { Severity::Warning } else { Severity::Error };
    let is_passed = worst.is_none_or(|worst| worst < fails_at);
    let text = if findings.is_empty() {
        format!("{}: {}, nothing wrong found\n", file.display(), counted(cache.entries.len(), "tensor"))
    } else {
        findings.iter().map(finding_text).collect()
    };
    term.result(text, &json!({"passed": is_passed, "findings": findings}))?;
    Ok(if is_passed { Outcome::Done } else { Outcome::GateFailed })
}

fn finding_text(finding: &Finding) -> String {
    let names: Vec<String> = finding.tensors.iter().map(|name| format!("'{name}'")).collect();
    let about = if names.is_empty() { String::new() } else { format!(": {}", listed(&names, 5)) };
    format!("{}: {}{about}\n  help: {}\n", finding.severity, finding.message, finding.remedy)
}

/// Returns the activations for which TensorRT needs scales and calibration can compute them.
///
/// The finding lists the activations that the cache lacks because they depend on an operator that no runtime
/// knows.
fn activations(model: &Path, cache: &Cache) -> Result<(Vec<String>, Option<Finding>)> {
    let prepared = qdq::pipeline::prepare(&Model::open(model)?)?;
    let all = prepared.taps(&qdq::place::Plan::default(), true);
    let Some(unknown) = Unknown::of(prepared.model())? else { return Ok((all, None)) };
    let is_reached = |name: &String| !unknown.behind.contains(name) || cache.get(name).is_some();
    let (reached, lost): (Vec<String>, Vec<String>) = all.into_iter().partition(is_reached);
    let message = format!(
        "{}, so no calibration gives scales of tensors behind it, and TensorRT leaves the layers around them without INT8",
        unknown.problem()
    );
    let remedy = "calibrate what lies behind it as a model of its own, and merge the statistics";
    Ok((reached, (!lost.is_empty()).then(|| Finding::note(message).about(lost).with_remedy(remedy))))
}

fn convert(
    file: &Path,
    output: &Path,
    to: CacheForm,
    typed: &CacheHeaderArgs,
    term: &Term,
) -> Result<Outcome> {
    outputs::check([output], [file])?;
    let header = resolve::header(typed)?;
    let mut written = Written::default();
    let (count, findings) = match (RangeFile::read(file)?, to) {
        (RangeFile::Cache(mut cache), CacheForm::Cache) => {
            let mut new = cache.header.clone();
            if typed.tensorrt_version.is_some() {
                new.version = header.version;
            }
            if typed.algorithm.is_some() {
                new.algorithm = header.algorithm;
            }
            let findings = cache.convert(new)?;
            cache.save(output)?;
            written.add("cache", output);
            (cache.entries.len(), findings)
        }
        (RangeFile::Ranges(ranges), CacheForm::Cache) => {
            Cache::from_ranges(&ranges, header).save(output)?;
            written.add("cache", output);
            resolve::note_version(typed, term);
            (ranges.len(), ranges.findings)
        }
        (found, CacheForm::Ranges) => {
            let ranges = found.into_ranges(file)?;
            ranges.save(output)?;
            written.add("ranges", output);
            (ranges.len(), ranges.findings)
        }
    };
    let json = json!({"tensors": count, "findings": findings, "files": written.to_json()});
    term.result(format!("converted {}\n{}", counted(count, "tensor"), written.text()), &json)?;
    Ok(Outcome::Done)
}
