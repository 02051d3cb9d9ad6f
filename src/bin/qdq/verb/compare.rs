//! `qdq compare`: measures the difference between a quantized model and the float model.

use qdq::error::{Error, ErrorKind, Result};
use qdq::finding::Finding;
use qdq::pipeline::{self, CompareOptions};
use qdq::report::compare::{Comparison, Shortfall};
use serde_json::json;

use crate::args::Compare;
use crate::term::Term;
use crate::{Outcome, resolve};

pub fn run(args: &Compare, term: &Term) -> Result<Outcome> {
    if args.min_sqnr.is_some_and(f64::is_nan) {
        return Err(Error::new(ErrorKind::InvalidArgument, "--min-sqnr: NaN is no limit")
            .with_remedy("give decibels, such as 35"));
    }
    let options = CompareOptions {
        runtime: resolve::runtime(&args.runtime),
        per_tensor: args.per_tensor,
        labels: args.labels.as_deref().map(resolve::labels).transpose()?,
        outputs: args.outputs.clone(),
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
    let mut json = comparison.to_json();
    if let Some(min) = args.min_sqnr {
        json["gate"] = json!({"min_sqnr": min, "passed": is_passed});
    }
    term.result(&comparison, &json)?;
    Ok(if is_passed { Outcome::Done } else { Outcome::GateFailed })
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
