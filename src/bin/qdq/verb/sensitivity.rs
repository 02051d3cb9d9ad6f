//! `qdq sensitivity`: measures what quantizing each layer alone costs.

use std::path::PathBuf;

use qdq::error::{Error, ErrorKind, Result};
use qdq::finding::once;
use qdq::observe::Stats;
use qdq::pipeline::{self, CalibrateOptions, Candidates, DocumentOptions, Passes, SensitivityOptions};
use qdq::place::{Plan, Policy};
use qdq::range::Method;
use qdq::report::document::{Document, LayerCost, Run};
use qdq::report::sensitivity::Sensitivity as Costs;

use crate::args::{PolicyArgs, Sensitivity};
use crate::report::{self, Report};
use crate::term::Term;
use crate::{Outcome, outputs, resolve};

use super::planning::Planned;
use super::written::Written;

pub fn run(args: &Sensitivity, term: &Term) -> Result<Outcome> {
    let mut policies = policies(args)?;
    let methods: Vec<Method> = match args.methods.as_slice() {
        [] => vec![Method::default()],
        typed => typed.iter().map(|text| resolve::method_of("--methods", text)).collect::<Result<_>>()?,
    };
    let options =
        SensitivityOptions { samples: args.samples, weights: resolve::weights(&args.weights, None)? };
    let page = Report::to(args.report.as_ref())?;
    if let Some(page) = &page {
        let inputs = [outputs::of_model(&args.model), resolve::data_paths(&args.data)].concat();
        outputs::check([page.path()], inputs.iter().map(PathBuf::as_path))?;
    }
    if args.data.data.is_empty() {
        return Err(Error::new(ErrorKind::InvalidArgument, "there is no data to measure with")
            .with_remedy("give samples with --data"));
    }
    // The model gets the highest opset that any of the formats needs.
    policies.sort_by_key(|policy| std::cmp::Reverse(policy.least_opset()));
    let planned = Planned::open(&args.model, &args.inputs, &policies[0], None)?;
    let mut plans = vec![planned.plan.clone()];
    for policy in &policies[1..] {
        plans.push(planned.prepared.plan(policy)?);
    }
    for (plan, policy) in plans.iter().zip(&policies) {
        Planned { prepared: planned.prepared.clone(), plan: plan.clone() }
            .check_worth(&args.model, policy)?;
        for &method in &methods {
            pipeline::graph::check_method(plan, method)?;
        }
        qdq::emit::check_formats(plan, &options.weights, planned.prepared.model().opset())?;
    }
    let stats = once(|| observe(&planned, &plans, args, term))?;
    let candidates: Vec<Candidates<'_>> = plans.iter().flat_map(|plan| of_plan(plan, &methods)).collect();
    let (runtime, bar) = (resolve::runtime(&args.runtime), term.progress("measuring"));
    let mut passes = Passes {
        open: &mut || resolve::source(&args.data, planned.prepared.model()),
        runtime: &runtime,
        report: &mut |progress| bar.show(progress),
    };
    let mut found = once(|| planned.prepared.sensitivity(&candidates, &stats, &options, &mut passes))?;
    drop(bar);
    let before = [planned.plan.findings.as_slice(), &stats.findings].concat();
    found.findings.splice(0..0, before);
    let mut written = Written::default();
    let mut json = found.to_json();
    if let Some(page) = page {
        page.write(document(args, &planned, &candidates[0], &stats, &found)?)?;
        written.add("report", page.path());
        json["files"] = written.to_json();
    }
    term.result(format!("{found}{}", written.text()), &json)?;
    Ok(Outcome::Done)
}

/// Makes the report: on the model that the first format and method make, with the costs of all.
fn document(
    args: &Sensitivity,
    planned: &Planned,
    first: &Candidates<'_>,
    stats: &Stats,
    found: &Costs,
) -> Result<Document> {
    let Planned { prepared, .. } = planned;
    let ranges =
        once(|| prepared.ranges(first.plan, &stats.only(&prepared.taps(first.plan, false)), first.method))?;
    let weights = resolve::weights(&args.weights, None)?;
    let quantized = prepared.quantize(first.plan, &ranges, &weights)?;
    let graph = prepared.graph();
    let reasons = first.plan.decisions.iter();
    let reasons = reasons.map(|it| (graph.node(it.node).name.clone(), it.reason.clone())).collect();
    let options = DocumentOptions { stats: Some(stats), reasons, ..DocumentOptions::default() };
    let mut document = pipeline::document(prepared.model(), &quantized, &options)?;
    let mut files = report::model_entries("float model", &args.model)?;
    files.extend(report::data_entries(&args.data)?);
    let settings =
        [("runtime", resolve::runtime(&args.runtime).kind.to_string()), ("method", first.method.to_string())];
    let samples = (Some(stats.samples), Some(found.samples as u64));
    document.run =
        Run { calibration_samples: samples.0, compared_samples: samples.1, ..report::run(&settings, files) };
    document.sensitivity = found.layers.iter().map(LayerCost::from).collect();
    document.findings = found.findings.clone();
    Ok(document)
}

/// Returns a policy for each format. A block size is for the formats that have blocks.
fn policies(args: &Sensitivity) -> Result<Vec<Policy>> {
    if args.formats.is_empty() {
        return Ok(vec![resolve::policy(&args.policy)?]);
    }
    let block_size = args.policy.block_size;
    let all = args.formats.iter().map(|&format| {
        let has_blocks = !resolve::format(format).rules().blocks.is_empty();
        let block_size = block_size.filter(|_| has_blocks);
        resolve::policy(&PolicyArgs { format, block_size, ..args.policy.clone() })
    });
    all.collect()
}

/// Returns the plan with each method; formats of weights alone have one measurement for all methods.
fn of_plan<'a>(plan: &'a Plan, methods: &[Method]) -> Vec<Candidates<'a>> {
    let needed = if plan.activations.is_empty() { 1 } else { methods.len() };
    methods[..needed].iter().map(|&method| Candidates { plan, method }).collect()
}

/// Gathers the statistics of the tensors that all plans need, in one run.
fn observe(planned: &Planned, plans: &[Plan], args: &Sensitivity, term: &Term) -> Result<Stats> {
    let prepared = &planned.prepared;
    let also: Vec<String> = plans[1..].iter().flat_map(|plan| prepared.taps(plan, false)).collect();
    let options = CalibrateOptions { runtime: resolve::runtime(&args.runtime), also, ..Default::default() };
    let mut source = resolve::source(&args.data, prepared.model())?;
    let bar = term.progress("calibrating");
    prepared.calibrate(&plans[0], source.as_mut(), &options, &mut |progress| bar.show(progress))
}
