//! `qdq calibrate`, and the part that it shares with `qdq quantize`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use qdq::emit::trt_cache::Header;
use qdq::emit::{Cache, Ranges, Weights};
use qdq::error::{Error, ErrorKind, Result};
use qdq::finding::{Finding, counted};
use qdq::graph::Graph;
use qdq::observe::Stats;
use qdq::pipeline::{self, CalibrateOptions};
use qdq::place::{Decision, Format, Plan, Policy, Verdict};
use qdq::report::json_number;
use qdq::report::table::{Align, Table};
use serde_json::{Value, json};

use crate::args::{Calibrate, DataArgs, RangeFiles, RuntimeArgs};
use crate::resolve::Ranging;
use crate::term::Term;
use crate::{Outcome, outputs, resolve};

use super::planning::Planned;
use super::ranging::Over;
use super::written::Written;

pub fn run(args: &Calibrate, term: &Term) -> Result<Outcome> {
    let policy = resolve::policy(&args.policy)?;
    let files = RangeOutputs::new(&args.files, &policy)?;
    let ranging = resolve::ranging(args.method.as_deref())?;
    if let (Ranging::Auto, Some(path)) = (ranging, &args.from_stats) {
        let message = format!(
            "--method auto runs the model on data, and there are only the statistics {}",
            path.display()
        );
        return Err(Error::new(ErrorKind::InvalidArgument, message).with_remedy("give the data with --data"));
    }
    let data_paths = resolve::data_paths(&args.data);
    let inputs = data_paths.iter().map(|path| path.as_path());
    let model = outputs::of_model(&args.model);
    let inputs = inputs.chain(model.iter().map(PathBuf::as_path));
    outputs::check(files.paths(), inputs.chain(args.from_stats.as_deref()))?;

    let planned = Planned::open(&args.model, &args.inputs, &policy, None)?;
    pipeline::graph::check_method(&planned.plan, ranging.method())?;
    let stats = match &args.from_stats {
        Some(path) => Stats::load(path)?,
        None if planned.plan.is_empty() => return Err(nothing()),
        None => planned.observe(&args.data, &args.runtime, Observed::new(files.every_activation()), term)?,
    };
    let over = Over { data: &args.data, runtime: &args.runtime, term };
    let found = planned.ranged(&stats, ranging, &Weights::default(), over)?;
    let ranges = &found.ranges;
    let written = files.write(&stats, ranges, term)?;

    planned.note_floats(term);
    let (tensors, samples) = (counted(ranges.len(), "tensor"), counted(stats.samples, "sample"));
    let head = format!("ranges of {tensors} by {} from {samples}\n{}", found.name(), found.text());
    let text = if files.is_empty() {
        format!("{head}\n{}", table(ranges, &planned))
    } else {
        head + &written.text()
    };
    let mut json = json!({
        "samples": stats.samples,
        "method": found.name(),
        "ranges": Value::Object(ranges.iter().map(|(name, amax)| (name.to_owned(), json_number(amax))).collect()),
        "findings": findings(&planned, &stats, ranges, &[]),
        "files": written.to_json(),
    });
    found.add_to(&mut json);
    term.result(text, &json)?;
    Ok(Outcome::Done)
}

fn nothing() -> Error {
    Error::new(ErrorKind::Unsupported, "the model has nothing to quantize")
        .with_remedy("see 'qdq inspect MODEL' for the reasons")
}

fn table(ranges: &Ranges, planned: &Planned) -> Table {
    let graph = planned.prepared.graph();
    let activations = planned.plan.activations.iter();
    let formats: BTreeMap<&str, Format> =
        activations.map(|planned| (&*graph.tensor(planned.tensor).name, planned.format)).collect();
    let mut table = Table::new(&[("tensor", Align::Left), ("amax", Align::Right), ("scale", Align::Right)]);
    for (name, amax) in ranges.iter() {
        let format = formats.get(name).copied().unwrap_or(planned.plan.policy.format);
        table.row([name.to_owned(), format!("{amax:.6}"), format!("{:.6e}", format.step(amax))]);
    }
    table
}

/// The tensors to observe beside those that the plan quantizes.
#[derive(Default)]
pub struct Observed {
    /// Whether all other activations are observed.
    pub every_activation: bool,
    /// Whether those are observed that a plan of precision needs.
    pub precision: bool,
}

impl Observed {
    pub fn new(every_activation: bool) -> Self {
        Self { every_activation, ..Self::default() }
    }
}

impl Planned {
    /// Runs the model over the data.
    pub fn observe(
        &self,
        data: &DataArgs,
        runtime: &RuntimeArgs,
        observed: Observed,
        term: &Term,
    ) -> Result<Stats> {
        let Self { prepared, plan } = self;
        let Observed { every_activation, precision } = observed;
        let taps = prepared.taps(plan, every_activation);
        if taps.is_empty() && (!precision || data.data.is_empty()) {
            term.detail(|| "only weights are quantized, so the model is not run".to_owned());
            return Ok(Stats::default());
        }
        let mut options =
            CalibrateOptions { runtime: resolve::runtime(runtime), every_activation, ..Default::default() };
        if precision {
            prepared.observe_for_precision(&mut options);
        }
        let mut source = resolve::source(data, prepared.model())?;
        let bar = term.progress("calibrating");
        term.detail(|| format!("observing {} tensors", taps.len()));
        prepared.calibrate(plan, source.as_mut(), &options, &mut |progress| bar.show(progress))
    }

    /// Logs, in verbose mode, which nodes stay in float and why.
    pub fn note_floats(&self, term: &Term) {
        for decision in self.plan.decisions.iter().filter(|decision| decision.verdict == Verdict::Float) {
            let node = self.prepared.graph().node(decision.node);
            term.detail(|| format!("{} ({}) stays in float: {}", node.name, node.op, decision.reason));
        }
    }
}

/// Returns the findings of the plan, the run and the ranges, in this order, and then the others.
pub fn findings(planned: &Planned, stats: &Stats, ranges: &Ranges, others: &[Finding]) -> Vec<Finding> {
    [planned.plan.findings.as_slice(), &stats.findings, &ranges.findings, others].concat()
}

/// Returns the number of nodes by verdict and format, and the number of convolutions and products.
pub fn counts(graph: &Graph, plan: &Plan) -> Value {
    let of = |verdict| plan.decisions.iter().filter(move |decision| decision.verdict == verdict);
    let count =
        |verdict, format| of(verdict).filter(|decision: &&Decision| decision.format == format).count();
    let formats = Format::ALL.into_iter().map(|format| {
        let counts = json!({
            "quantized": count(Verdict::Quantized, format),
            "passes": count(Verdict::PassesInt8, format),
            "weighted": plan.count_in(graph, format),
        });
        (format.name().to_owned(), counts)
    });
    let is_used = |(_, counts): &(String, Value)| counts["quantized"] != 0 || counts["passes"] != 0;
    json!({
        "int8": count(Verdict::Quantized, Format::Int8),
        "passes_int8": count(Verdict::PassesInt8, Format::Int8),
        "float": of(Verdict::Float).count(),
        "weighted": plan.coverage(graph).total,
        "weighted_int8": plan.count_in(graph, Format::Int8),
        "formats": formats.filter(is_used).collect::<serde_json::Map<_, _>>(),
    })
}

/// The output files of a calibration.
pub struct RangeOutputs<'a> {
    args: &'a RangeFiles,
    header: Header,
}

impl<'a> RangeOutputs<'a> {
    /// # Errors
    /// `InvalidArgument` for a cache beside a format that caches do not have.
    pub fn new(args: &'a RangeFiles, policy: &Policy) -> Result<Self> {
        let other = policy.used_formats().find(|&format| format != Format::Int8);
        if let (Some(_), Some(format)) = (&args.cache, other) {
            let message =
                format!("--cache: TensorRT's calibration caches are for int8, and there is {format}");
            return Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_remedy("write the ranges with --ranges, which serve every format"));
        }
        Ok(Self { args, header: resolve::header(&args.header)? })
    }

    pub fn paths(&self) -> impl Iterator<Item = &'a Path> {
        let RangeFiles { cache, ranges, stats, .. } = self.args;
        [cache, ranges, stats].into_iter().flatten().map(|path| path.as_path())
    }

    pub fn is_empty(&self) -> bool {
        self.paths().next().is_none()
    }

    /// Returns whether every activation must be observed.
    ///
    /// TensorRT needs a scale for every activation, and a later command may make a cache from the statistics.
    pub fn every_activation(&self) -> bool {
        self.args.cache.is_some() || self.args.stats.is_some()
    }

    pub fn write(&self, stats: &Stats, ranges: &Ranges, term: &Term) -> Result<Written> {
        let mut written = Written::default();
        if let Some(path) = &self.args.stats {
            stats.save(path)?;
            written.add("stats", path);
        }
        if let Some(path) = &self.args.ranges {
            ranges.save(path)?;
            written.add("ranges", path);
        }
        if let Some(path) = &self.args.cache {
            Cache::from_ranges(ranges, self.header.clone()).save(path)?;
            written.add("cache", path);
            resolve::note_version(&self.args.header, term);
        }
        Ok(written)
    }
}
