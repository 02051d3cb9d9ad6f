//! `qdq cast`: converts a model to half precision without quantizing it.

use std::path::PathBuf;

use qdq::error::{Error, ErrorKind, Result};
use qdq::finding::counted;
use qdq::observe::Stats;
use qdq::pipeline::{self, CalibrateOptions, Known, Prepared};
use qdq::place::Plan;
use qdq::report::precision;
use serde_json::json;

use crate::args::Cast;
use crate::term::Term;
use crate::{Outcome, outputs, resolve};

use super::written::Written;

pub fn run(args: &Cast, term: &Term) -> Result<Outcome> {
    let policy = resolve::precision(&args.precision).ok_or_else(|| {
        Error::new(ErrorKind::InvalidArgument, "nothing says into which type to cast")
            .with_remedy("give --fp16 or --bf16")
    })?;
    let data_paths = resolve::data_paths(&args.data);
    let model_files = outputs::of_model(&args.model);
    let inputs = data_paths.iter().map(|path| path.as_path()).chain(args.stats.as_deref());
    outputs::check([args.output.as_path()], inputs.chain(model_files.iter().map(PathBuf::as_path)))?;

    let prepared = pipeline::prepare_cast(
        &resolve::model(&args.model, &args.inputs)?,
        policy.half,
        args.precision.opset,
    )?;
    policy.check(prepared.graph())?;
    let stats = match &args.stats {
        Some(path) => Some(Stats::load(path)?),
        None if args.data.data.is_empty() => None,
        None => Some(observe(&prepared, args, term)?),
    };
    let halved = prepared.cast(Known { stats: stats.as_ref(), ranges: None }, &policy)?;
    let mut written = Written::default();
    written.save(&halved.model, &args.output)?;

    let graph = &halved.network.graph;
    let samples = stats.as_ref().map_or(0, |stats| stats.samples);
    let from = match samples {
        0 => "judged without data".to_owned(),
        samples => format!("judged by {}", counted(samples, "sample")),
    };
    let mut findings = prepared.findings.clone();
    findings.extend(stats.iter().flat_map(|stats| stats.findings.clone()));
    findings.extend(halved.findings.iter().cloned());
    let text =
        format!("{from}\n{}{}", precision::totals(graph, &halved.plan, term.is_verbose()), written.text());
    let mut json = precision::to_json(graph, &halved.plan);
    json["samples"] = samples.into();
    json["findings"] = json!(findings);
    json["files"] = written.to_json();
    term.result(text, &json)?;
    Ok(Outcome::Done)
}

fn observe(prepared: &Prepared, args: &Cast, term: &Term) -> Result<Stats> {
    let mut options = CalibrateOptions { runtime: resolve::runtime(&args.runtime), ..Default::default() };
    prepared.observe_for_precision(&mut options);
    let mut source = resolve::source(&args.data, prepared.model())?;
    let bar = term.progress("observing");
    prepared.calibrate(&Plan::default(), source.as_mut(), &options, &mut |progress| bar.show(progress))
}
