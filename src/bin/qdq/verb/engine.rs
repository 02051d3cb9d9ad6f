//! `qdq engine`: builds the TensorRT engine of a model.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use qdq::emit::Ranges;
use qdq::error::{Error, ErrorKind, Result};
use qdq::finding::Finding;
use qdq::onnx::Model;
use qdq::pipeline::{self, Known};
use qdq::precision::Half;
use qdq::report::engine_cost::EngineCost;
use qdq::tensorrt::{self, EngineOptions, EngineSource, Libraries};
use serde_json::{Value, json};

use crate::args::{Engine, TensorRtArgs};
use crate::term::Term;
use crate::{Outcome, outputs, resolve};

use super::cost;
use super::halves::Halves;
use super::planning::Planned;
use super::range_file::RangeFile;
use super::written::Written;

/// The kernels of an engine and what they move.
pub struct Shown {
    /// An empty line and the tables, for the end of a command's text; empty if they cannot be read.
    pub table: String,
    /// `null` if they cannot be read.
    pub json: Value,
    pub findings: Vec<Finding>,
}

/// TensorRT's libraries and the build options. Its creation finds the libraries before the work starts.
pub struct Builder {
    libraries: Libraries,
    options: EngineOptions,
}

impl Builder {
    pub fn new(args: &TensorRtArgs, fp16: bool) -> Result<Self> {
        let options = resolve::tensorrt(args, fp16 && !tensorrt::is_strongly_typed())?;
        Ok(Self { libraries: tensorrt::find_tensorrt(args.tensorrt.as_deref())?, options })
    }

    /// Returns the largest numbers of keys of attentions for which the engine is built.
    pub fn keys(&self, planned: &Planned) -> BTreeMap<String, u64> {
        let shapes = self.options.profiles.iter().flatten();
        let largest = shapes.map(|shapes| (shapes.input.as_str(), shapes.max.as_slice()));
        planned.plan.keys_for(planned.prepared.graph(), largest)
    }

    /// Builds the engine of an unchanged model. `name` is the model's file.
    pub fn build(&self, model: &Model, name: &Path, output: &Path) -> Result<()> {
        self.run(model, name, None, output)
    }

    /// Builds the engine of a float model with ranges. If this TensorRT has Q/DQ, it builds the quantized
    /// model.
    pub fn build_quantized(
        &self,
        quantized: &Model,
        float: &Path,
        ranges: &Ranges,
        output: &Path,
    ) -> Result<()> {
        if tensorrt::has_qdq() {
            self.run(quantized, float, None, output)
        } else {
            self.run(&Model::open(float)?, float, Some(ranges), output)
        }
    }

    /// Returns what an engine that was built moves. If that cannot be read, a finding says why.
    pub fn cost(&self, engine: &Path, other: Option<&EngineCost>, is_verbose: bool) -> Shown {
        let read = match engine.is_file() {
            true => cost::read(engine, Some(&self.libraries)),
            false => Err(Error::new(ErrorKind::Io, format!("{} is no regular file", engine.display()))),
        };
        match read {
            Ok(this) => {
                let (table, json, findings) = cost::shown(&this, other, is_verbose);
                Shown { table: format!("\n{table}"), json, findings }
            }
            Err(error) => {
                let finding = Finding::note(format!("the kernels are not shown: {}", error.message()))
                    .with_remedy(error.remedy().unwrap_or_default());
                finding.log();
                Shown { table: String::new(), json: Value::Null, findings: vec![finding] }
            }
        }
    }

    fn run(&self, model: &Model, name: &Path, ranges: Option<&Ranges>, output: &Path) -> Result<()> {
        let name = name.display().to_string();
        let source = EngineSource { model: &model.inlined()?.encode()?, name: &name, ranges };
        tensorrt::build_engine(&source, output, &self.libraries, &self.options)
    }
}

/// Returns the model as it is built without ranges.
///
/// A strongly typed TensorRT computes in the types of the model, so half precision changes the model. A
/// weakly typed one chooses the layers itself.
fn in_half(args: &Engine) -> Result<(Model, Vec<Finding>)> {
    let precision = resolve::precision(&args.precision);
    let Some(policy) = precision.filter(|policy| tensorrt::is_strongly_typed() || policy.half == Half::Bf16)
    else {
        return Ok((Model::open(&args.model)?, Vec::new()));
    };
    let model = resolve::model(&args.model, &args.inputs)?;
    let prepared = pipeline::prepare_cast(&model, policy.half, args.precision.opset)?;
    let halved = prepared.cast(Known::default(), &policy)?;
    Ok((halved.model, [prepared.findings, halved.findings].concat()))
}

pub fn run(args: &Engine, term: &Term) -> Result<Outcome> {
    let given = args.ranges.iter().chain(&args.against).cloned();
    let inputs: Vec<PathBuf> = given.chain(outputs::of_model(&args.model)).collect();
    let timing = args.tensorrt.timing_cache.as_deref();
    outputs::check(timing.into_iter().chain([args.output.as_path()]), inputs.iter().map(PathBuf::as_path))?;
    let builder = Builder::new(&args.tensorrt, args.precision.fp16)?;
    let other = args.against.as_deref().map(|path| cost::read(path, Some(&builder.libraries))).transpose()?;
    let mut findings = match &args.ranges {
        None => {
            let (model, findings) = in_half(args)?;
            builder.build(&model, &args.model, &args.output)?;
            findings
        }
        Some(path) => {
            let weights = resolve::weights(&args.weights, resolve::half(&args.precision))?;
            let mut ranges = RangeFile::read(path)?.into_ranges(path)?;
            let policy = resolve::engine_policy(&args.policy)?;
            let whole = Planned::open(&args.model, &args.inputs, &policy, Some(&args.precision))?;
            whole.check_worth(&args.model, &policy)?;
            ranges.keys.extend(builder.keys(&whole));
            let Planned { prepared, plan } = whole.restrict(&policy, &ranges)?;
            let quantized = prepared.quantize(&plan, &ranges, &weights)?;
            let precision = resolve::precision(&args.precision);
            let known = Known { stats: None, ranges: Some(&ranges) };
            let halved = Halves::make(quantized, known, precision.as_ref())?;
            builder.build_quantized(halved.model(), &args.model, &ranges, &args.output)?;
            [ranges.findings.as_slice(), &plan.findings, &halved.findings()].concat()
        }
    };
    let mut written = Written::default();
    written.add("engine", &args.output);
    let shown = builder.cost(&args.output, other.as_ref(), term.is_verbose());
    findings.extend(shown.findings);
    let json = json!({ "findings": findings, "files": written.to_json(), "cost": shown.json });
    term.result(written.text() + &shown.table, &json)?;
    Ok(Outcome::Done)
}
