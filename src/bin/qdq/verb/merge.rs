//! `qdq merge`: merges the statistics of several runs into those of one run.

use qdq::error::Result;
use qdq::finding::counted;
use qdq::observe::Stats;
use serde_json::json;

use crate::args::Merge;
use crate::term::Term;
use crate::{Outcome, outputs};

use super::written::Written;

pub fn run(args: &Merge, term: &Term) -> Result<Outcome> {
    outputs::check([args.output.as_path()], args.stats.iter().map(|path| path.as_path()))?;
    let mut merged = Stats::default();
    for path in &args.stats {
        merged.merge(&Stats::load(path)?)?;
    }
    merged.save(&args.output)?;
    let mut written = Written::default();
    written.add("stats", &args.output);
    let (files, samples, tensors) = (args.stats.len(), merged.samples, merged.tensors.len());
    let json = json!({"samples": samples, "tensors": tensors, "files": written.to_json()});
    let text = format!(
        "merged {}: {}, {}\n{}",
        counted(files, "file"),
        counted(tensors, "tensor"),
        counted(samples, "sample"),
        written.text()
    );
    term.result(text, &json)?;
    Ok(Outcome::Done)
}
