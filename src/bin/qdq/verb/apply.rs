//! `qdq apply`: a Q/DQ model from ranges that exist already.

use qdq::error::Result;
use qdq::onnx::Model;
use qdq::pipeline;
use serde_json::json;

use crate::args::Apply;
use crate::term::Term;
use crate::{Outcome, outputs, resolve};

use super::calibrate::{counts, counts_text};
use super::range_file::RangeFile;
use super::written::Written;

pub fn run(args: &Apply, term: &Term) -> Result<Outcome> {
    outputs::check([args.output.as_path()], [args.model.as_path(), &args.ranges])?;
    let weights = resolve::weights(&args.weights)?;
    let ranges = RangeFile::read(&args.ranges)?.into_ranges(&args.ranges)?;
    let prepared = pipeline::prepare(&Model::open(&args.model)?)?;
    let plan = pipeline::plan_for_ranges(&prepared, &resolve::policy(&args.policy), &ranges)?;
    let quantised = pipeline::quantise(&prepared, &plan, &ranges, weights)?;
    let mut written = Written::default();
    written.save(&quantised, &args.output)?;

    let unknown = ranges.iter().filter(|(name, _)| prepared.graph.find(name).is_none()).count();
    if unknown > 0 {
        term.note(format_args!(
            "{unknown} of {} ranges are for tensors that the model does not have",
            ranges.len()
        ));
    }
    let json = json!({
        "nodes": counts(&plan),
        "ranges": ranges.len(),
        "unknown_ranges": unknown,
        "files": written.to_json(),
    });
    term.result(format!("{}\n{}", counts_text(&plan), written.text()), &json)?;
    Ok(Outcome::Done)
}
