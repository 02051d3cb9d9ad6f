//! `qdq inspect`: shows what would be quantized and why.

use qdq::error::Result;
use qdq::pipeline;
use qdq::report::plan;
use serde_json::json;

use crate::args::Inspect;
use crate::term::Term;
use crate::{Outcome, resolve};

pub fn run(args: &Inspect, term: &Term) -> Result<Outcome> {
    let prepared = pipeline::prepare(&resolve::model(&args.model, &args.inputs)?)?;
    let found = prepared.plan(&resolve::policy(&args.policy))?;
    let mut json = plan::to_json(prepared.graph(), &found);
    json["opset"] = prepared.original_opset.into();
    json["findings"] = json!(found.findings);
    let list = if term.is_verbose() { plan::text } else { plan::summary };
    term.result(list(prepared.graph(), &found), &json)?;
    Ok(Outcome::Done)
}
