//! `qdq quantize`: calibrates and writes the Q/DQ model in one command.

use std::borrow::Cow;
use std::sync::Arc;

use qdq::emit::check_formats;
use qdq::error::{Error, ErrorKind, Result};
use qdq::finding::counted;
use qdq::pipeline::{self, Known, RecoverOptions, with_scaled};
use qdq::place::Format;
use qdq::report::plan::totals;
use qdq::tensorrt;
use serde_json::json;

use crate::args::Quantize;
use crate::report::Report;
use crate::term::Term;
use crate::{Outcome, outputs, resolve};

use super::budget::Wanted;
use super::calibrate::{Observed, RangeOutputs, counts, findings};
use super::engine::Builder;
use super::halves::Halves;
use super::made::{Made, Way, unmet};
use super::measured::Measured;
use super::planning::Planned;
use super::ranging::Over;

pub fn run(args: &Quantize, term: &Term) -> Result<Outcome> {
    let policy = match args.engine {
        Some(_) => resolve::engine_policy(&args.policy)?,
        None => resolve::policy(&args.policy)?,
    };
    let files = RangeOutputs::new(&args.files, &policy)?;
    let page = Report::to(args.report.as_ref())?;
    let ranging = resolve::ranging(args.method.as_deref())?;
    let (precision, half) = (resolve::precision(&args.precision), resolve::half(&args.precision));
    let (weights, recovery) = (resolve::weights(&args.weights, half)?, resolve::recovery(&args.recovery));
    let mut options = RecoverOptions { weights, recovery, method: ranging.method() };
    options.check()?;
    let wanted = Wanted::open(&args.budget)?;
    let data_paths = resolve::data_paths(&args.data);
    let model_files = outputs::of_model(&args.model);
    outputs::check(
        files
            .paths()
            .chain([args.output.as_path()])
            .chain(args.engine.as_deref())
            .chain(page.map(|page| page.path()))
            .chain(args.tensorrt.timing_cache.as_deref()),
        data_paths.iter().map(|path| path.as_path()).chain(model_files.iter().map(|path| path.as_path())),
    )?;
    let builder = args
        .engine
        .as_deref()
        .map(|path| Ok((Builder::new(&args.tensorrt, args.precision.fp16)?, path)))
        .transpose()?;

    let is_searched = args.best || wanted.is_some();
    let is_plain = !is_searched
        && recovery.is_none()
        && options.weights.bits == 8
        && policy.used_formats().eq([Format::Int8]);
    if builder.is_some() && !tensorrt::has_qdq() && !is_plain {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "this TensorRT has no Q/DQ: its engine is built from the float model, whose weights it quantizes itself",
        )
        .with_remedy(
            "leave out --engine, or --format, --weight-bits, --best, a budget and the methods that recover accuracy",
        ));
    }

    let mut planned = Planned::open(&args.model, &args.inputs, &policy, Some(&args.precision))?;
    planned.check_worth(&args.model, &policy)?;
    pipeline::graph::check_method(&planned.plan, options.method)?;
    check_formats(&planned.plan, &options.weights, planned.prepared.model().opset())?;
    options.check_formats(&planned.plan)?;
    if let Some(precision) = &precision {
        precision.check(planned.prepared.graph())?;
    }
    // A plan of precision follows from what is observed, so a report leaves that as it is.
    let is_for_page = page.is_some() && precision.is_none();
    let observed = Observed {
        every_activation: files.every_activation() || is_for_page,
        precision: precision.is_some(),
    };
    let stats = Arc::new(planned.observe(&args.data, &args.runtime, observed, term)?);
    let ranged = planned.prepared.taps(&planned.plan, files.every_activation());
    let over = Over { data: &args.data, runtime: &args.runtime, term };
    let found = planned.ranged(&stats.only(&ranged), ranging, &options.weights, over)?;
    options.method = found.method;
    let mut ranges = found.ranges.clone();
    // An engine is for all shapes of its profiles, whatever the data has.
    ranges.keys.extend(builder.iter().flat_map(|(builder, _)| builder.keys(&planned)));
    planned.plan = planned.prepared.seen(&planned.plan, &ranges);
    let every_activation = files.every_activation();
    let way = Way { args, options, precision: precision.as_ref(), wanted, every_activation };
    let made = match way.make(&mut planned, &mut ranges, &stats, term)? {
        Ok(made) => made,
        Err(report) => {
            term.gate(format_args!(
                "the budget is not met even with all layers in float, so no model is written"
            ));
            let all = findings(&planned, &stats, &ranges, &report.findings);
            term.result(&report, &unmet(&report, &json!(all)))?;
            return Ok(Outcome::GateFailed);
        }
    };
    let Planned { prepared, plan } = &planned;
    let Made { model: quantized, ranges: final_ranges, scaled, .. } = made;
    let stats_of_written = match with_scaled(&stats, scaled, prepared.graph()) {
        Cow::Borrowed(_) => stats.clone(),
        Cow::Owned(written) => Arc::new(written),
    };
    let known = Known {
        stats: Some(&*stats_of_written).filter(|stats| stats.samples > 0),
        ranges: Some(&final_ranges),
    };
    // Tensors of a model whose channels were scaled are compared with those of the scaled float model.
    let float = made.float.as_ref().unwrap_or(prepared.model());
    let method = ranges.method.clone().unwrap_or_else(|| found.name());
    let halved = Halves::make(quantized, known, precision.as_ref())?;

    // Measured first: what fails leaves no files.
    let measured =
        page.map(|_| Measured::of(args, float, halved.model(), &stats_of_written, term)).transpose()?;

    let mut written = files.write(&stats, &ranges, term)?;
    written.save(halved.model(), &args.output)?;
    let mut about = halved.findings();
    about.extend(made.findings);
    about.extend(measured.iter().flat_map(Measured::findings).cloned());
    let (mut table, mut cost) = (String::new(), None);
    if let Some((builder, path)) = builder {
        builder.build_quantized(halved.model(), &args.model, &ranges, path)?;
        written.add("engine", path);
        let shown = builder.cost(path, None, term.is_verbose());
        about.extend(shown.findings);
        (table, cost) = (shown.table, Some(shown.json));
    }

    if let (Some(page), Some(measured)) = (page, &measured) {
        let mut document = measured.document(args, (&planned, float), &halved, method.clone())?;
        document.curve = made.curve;
        document.findings = findings(&planned, &stats, &ranges, &about);
        page.write(document)?;
        written.add("report", page.path());
    }

    planned.note_floats(term);
    let samples = counted(stats.samples, "sample");
    let head = match ranges.is_empty() {
        true => String::new(),
        false => format!("ranges by {method} from {samples}\n{}", found.text()),
    };
    let text = format!(
        "{head}{}\n{}{}{}{}{table}",
        totals(prepared.graph(), plan),
        made.text,
        halved.text(term),
        measured.as_ref().map_or_else(String::new, Measured::text),
        written.text()
    );
    let mut json = json!({
        "samples": stats.samples,
        "method": method,
        "nodes": counts(prepared.graph(), plan),
        "tensors": ranges.len(),
        "findings": json!(findings(&planned, &stats, &ranges, &about)),
        "files": written.to_json(),
    });
    found.add_to(&mut json);
    halved.add_to(&mut json);
    if let Some(comparison) = measured.as_ref().and_then(Measured::comparison) {
        json["comparison"] = comparison.to_json();
    }
    if let Some(cost) = cost {
        json["cost"] = cost;
    }
    for (name, value) in made.json {
        json[name] = value;
    }
    term.result(text, &json)?;
    Ok(Outcome::Done)
}
