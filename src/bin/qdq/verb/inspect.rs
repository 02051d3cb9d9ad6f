//! `qdq inspect`: shows what would be quantized and why.

use qdq::error::Result;
use qdq::observe::Stats;
use qdq::pipeline::Known;
use qdq::report::{plan, precision};
use serde_json::json;

use super::planning::Planned;
use crate::args::Inspect;
use crate::term::Term;
use crate::{Outcome, resolve};

pub fn run(args: &Inspect, term: &Term) -> Result<Outcome> {
    let precision = resolve::precision(&args.precision);
    let policy = resolve::policy(&args.policy)?;
    let Planned { prepared, plan: found } =
        Planned::open(&args.model, &args.inputs, &policy, Some(&args.precision))?;
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
