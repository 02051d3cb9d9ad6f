//! `qdq inspect`: what would be quantized and why.

use qdq::error::Result;
use qdq::onnx::Model;
use qdq::pipeline;
use qdq::report::plan;

use crate::args::Inspect;
use crate::term::Term;
use crate::{Outcome, resolve};

pub fn run(args: &Inspect, term: &Term) -> Result<Outcome> {
    let prepared = pipeline::prepare(&Model::open(&args.model)?)?;
    let found = pipeline::plan(&prepared, &resolve::policy(&args.policy))?;
    let mut json = plan::to_json(&prepared.graph, &found);
    json["opset"] = prepared.original_opset.into();
    term.result(plan::text(&prepared.graph, &found), &json)?;
    Ok(Outcome::Done)
}
