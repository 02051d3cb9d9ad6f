//! `qdq inspect`: shows what would be quantized and why.

use qdq::error::Result;
use qdq::observe::Stats;
use qdq::pipeline;
use qdq::pipeline::Known;
use qdq::report::{plan, precision};
use serde_json::json;

use crate::args::Inspect;
use crate::term::Term;
use crate::{Outcome, resolve};

pub fn run(args: &Inspect, term: &Term) -> Result<Outcome> {
    let precision = resolve::precision(&args.precision);
    let policy = resolve::policy(&args.policy)?;
    let model = resolve::model(&args.model, &args.inputs)?;
    let preparation = resolve::preparation(&args.precision, &model, &policy)?;
    let prepared = pipeline::prepare_with(&model, &preparation)?;
    let found = prepared.plan(&policy)?;
    let mut json = plan::to_json(prepared.graph(), &found);
    json["opset"] = prepared.original_opset.into();
    json["findings"] = json!(found.findings);
    let list = if term.is_verbose() { plan::text } else { plan::summary };
    let mut text = list(prepared.graph(), &found);
    if let Some(precision_policy) = precision {
        let stats = args.stats.as_deref().map(Stats::load).transpose()?;
        let known = Known { stats: stats.as_ref(), ranges: None };
        let half = prepared.plan_precision(known, &precision_policy)?;
        json["findings"] = json!([found.findings.as_slice(), &half.findings].concat());
        json["precision"] = precision::to_json(prepared.graph(), &half);
        let lines = if term.is_verbose() { precision::text(prepared.graph(), &half) } else { String::new() };
        let totals = precision::totals(prepared.graph(), &half, term.is_verbose());
        text = format!("{text}\nwithout the pairs:\n{lines}{totals}");
    }
    term.result(text, &json)?;
    Ok(Outcome::Done)
}
