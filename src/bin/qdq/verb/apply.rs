//! `qdq apply`: makes a Q/DQ model from existing ranges.

use std::path::{Path, PathBuf};

use qdq::emit::Ranges;
use qdq::error::{Error, ErrorKind, Result};
use qdq::finding::listed;
use qdq::pipeline::Known;
use qdq::report::plan::totals;
use serde_json::json;

use crate::args::Apply;
use crate::term::Term;
use crate::{Outcome, outputs, resolve};

use super::calibrate::counts;
use super::halves::Halves;
use super::planning::Planned;
use super::range_file::RangeFile;
use super::written::Written;

pub fn run(args: &Apply, term: &Term) -> Result<Outcome> {
    let mut inputs = outputs::of_model(&args.model);
    inputs.extend(args.ranges.clone());
    outputs::check([args.output.as_path()], inputs.iter().map(PathBuf::as_path))?;
    let weights = resolve::weights(&args.weights, resolve::half(&args.precision))?;
    let ranges = args.ranges.as_deref().map(|path| RangeFile::read(path)?.into_ranges(path)).transpose()?;
    let (policy, precision) = (resolve::policy(&args.policy)?, resolve::precision(&args.precision));
    let whole = Planned::open(&args.model, &args.inputs, &policy, Some(&args.precision))?;
    whole.check_worth(&args.model, &policy)?;
    if let Some(precision) = &precision {
        precision.check(whole.prepared.graph())?;
    }
    let needs_ranges = whole.plan.taps().next().is_some();
    let missing = whole.prepared.without_range(&whole.plan, ranges.as_ref().unwrap_or(&Ranges::default()));
    let takes_ranges = policy.used_formats().any(|format| format.rules().activations);
    let (Planned { prepared, plan }, ranges) = match (&args.ranges, ranges) {
        (Some(path), Some(ranges)) if takes_ranges => {
            let restricted = whole.restrict(&policy, &ranges)?;
            if restricted.plan.is_empty() {
                return Err(nothing_ranged(path, &missing));
            }
            (restricted, ranges)
        }
        (Some(path), _) => {
            let message = format!("{}: ranges change nothing: only weights are quantized", path.display());
            return Err(Error::new(ErrorKind::InvalidArgument, message).with_remedy("leave --ranges out"));
        }
        _ if needs_ranges => {
            let message = format!("no ranges for {}", names(&missing));
            return Err(Error::new(ErrorKind::InvalidArgument, message).with_remedy(
                "give them with --ranges, or choose a format of weights alone, which needs none",
            ));
        }
        _ => (whole, Ranges::default()),
    };
    let quantized = prepared.quantize(&plan, &ranges, &weights)?;
    let halved = Halves::make(quantized, Known { stats: None, ranges: Some(&ranges) }, precision.as_ref())?;
    let mut written = Written::default();
    written.save(halved.model(), &args.output)?;

    let unknown = ranges.iter().filter(|(name, _)| prepared.graph().find(name).is_none()).count();
    let findings = [ranges.findings.as_slice(), &plan.findings, &halved.findings()].concat();
    let mut json = json!({
        "nodes": counts(prepared.graph(), &plan),
        "ranges": ranges.len(),
        "unknown_ranges": unknown,
        "missing_ranges": missing,
        "findings": findings,
        "files": written.to_json(),
    });
    halved.add_to(&mut json);
    let halves = halved.text(term);
    term.result(format!("{}\n{halves}{}", totals(prepared.graph(), &plan), written.text()), &json)?;
    Ok(Outcome::Done)
}

fn names(tensors: &[String]) -> String {
    let quoted: Vec<String> = tensors.iter().map(|name| format!("'{name}'")).collect();
    listed(&quoted, 5)
}

/// Returns the error for ranges that cover none of the tensors to quantize.
fn nothing_ranged(ranges: &Path, missing: &[String]) -> Error {
    let message = format!(
        "{}: nothing can be quantized with these ranges: none for {}",
        ranges.display(),
        names(missing)
    );
    Error::new(ErrorKind::Data, message).with_remedy("take the ranges of this very model, or calibrate it")
}
