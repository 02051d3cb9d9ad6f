//! The quantized model of `qdq quantize`: plain, recovered, within a budget, or the best that is found.

use std::collections::BTreeMap;

use qdq::emit::Ranges;
use qdq::error::Result;
use qdq::finding::{Finding, once};
use qdq::observe::{Stats, TensorStats};
use qdq::onnx::Model;
use qdq::pipeline::{
    BestOptions, Budget, BudgetOptions, Passes, RecoverOptions, Recovered, SensitivityOptions,
};
use qdq::precision::PrecisionPolicy;
use qdq::report::budget::BudgetReport;
use qdq::report::document::CurvePoint;
use serde_json::{Value, json};

use crate::args::Quantize;
use crate::resolve;
use crate::term::Term;

use super::budget::Wanted;
use super::planning::Planned;

/// The largest number of layers that `--best` leaves in float.
const MOST_IN_FLOAT: usize = 2;

/// The samples by which `--best` judges.
const SAMPLES: usize = 32;

/// A quantized model.
pub struct Made {
    pub model: Model,
    /// The float model with scaled channels, if a method of recovery has scaled some.
    pub float: Option<Model>,
    /// The ranges of the written model.
    pub ranges: Ranges,
    /// The statistics of tensors that a method scaled.
    pub scaled: BTreeMap<String, TensorStats>,
    pub findings: Vec<Finding>,
    /// The lines about recovery, the budget and the steps of the search.
    pub text: String,
    /// The trials of a budget.
    pub curve: Vec<CurvePoint>,
    /// The entries of the result that say the same.
    pub json: Vec<(&'static str, Value)>,
}

/// The way to the quantized model.
pub struct Way<'a> {
    pub args: &'a Quantize,
    pub options: RecoverOptions,
    pub precision: Option<&'a PrecisionPolicy>,
    pub wanted: Option<Wanted>,
    /// Whether all activations get a range.
    pub every_activation: bool,
}

impl Way<'_> {
    /// Quantizes the model. The plan and the ranges become those of the result.
    ///
    /// Returns the report of a budget that cannot be met instead of a model.
    pub fn make(
        mut self,
        planned: &mut Planned,
        ranges: &mut Ranges,
        stats: &Stats,
        term: &Term,
    ) -> Result<std::result::Result<Made, BudgetReport>> {
        if self.args.best {
            return self.best(planned, ranges, stats, term).map(Ok);
        }
        let Some(wanted) = self.wanted.take() else {
            let recovered = match self.options.recovery.is_none() {
                true => None,
                false => Some(self.recover(planned, ranges, term)?),
            };
            return self.made(planned, ranges, recovered).map(Ok);
        };
        let options = BudgetOptions {
            budget: Budget::default(),
            stats,
            recover: self.options.clone(),
            precision: self.precision,
            sensitivity: SensitivityOptions { weights: self.options.weights.clone(), ..Default::default() },
        };
        let found = wanted.meet(planned, ranges, options, (self.args, term))?;
        if !found.report.is_met {
            return Ok(Err(found.report));
        }
        planned.plan = found.plan;
        let mut made = self.made(planned, ranges, found.recovered)?;
        made.text += &format!("\n{}\n", found.report);
        made.json.push(("budget", found.report.to_json()));
        made.curve = found.report.curve.iter().map(CurvePoint::from).collect();
        made.findings.extend(found.report.findings);
        Ok(Ok(made))
    }

    fn best(self, planned: &mut Planned, ranges: &mut Ranges, stats: &Stats, term: &Term) -> Result<Made> {
        let options = BestOptions {
            weights: self.options.weights.clone(),
            precision: self.precision,
            samples: SAMPLES,
            layers: MOST_IN_FLOAT,
            every_activation: self.every_activation,
            keys: ranges.keys.clone(),
        };
        let found = self.passes(planned, "trying", term, |passes| {
            planned.prepared.best(&planned.plan, stats, &options, passes)
        })?;
        (planned.plan, *ranges) = (found.plan, found.ranges);
        let mut made = match found.recovered {
            Some(recovered) => Made::recovered(recovered),
            None => Made::plain(found.model, ranges),
        };
        made.text += &format!("\n{}\n", found.report);
        made.json.push(("best", found.report.to_json()));
        made.findings.extend(found.report.findings);
        Ok(made)
    }

    fn recover(&self, planned: &Planned, ranges: &Ranges, term: &Term) -> Result<Recovered> {
        self.passes(planned, "recovering accuracy", term, |passes| {
            planned.prepared.recover(&planned.plan, ranges, &self.options, passes)
        })
    }

    /// Calls `work` with the means to run over the data. Findings that every run makes are logged once.
    fn passes<T>(
        &self,
        planned: &Planned,
        title: &'static str,
        term: &Term,
        work: impl FnOnce(&mut Passes<'_>) -> Result<T>,
    ) -> Result<T> {
        let (runtime, bar) = (resolve::runtime(&self.args.runtime), term.progress(title));
        let mut passes = Passes {
            open: &mut || resolve::source(&self.args.data, planned.prepared.model()),
            runtime: &runtime,
            report: &mut |progress| bar.show(progress),
        };
        once(|| work(&mut passes))
    }

    /// Takes the recovered model, or quantizes by the plan.
    fn made(&self, planned: &Planned, ranges: &Ranges, recovered: Option<Recovered>) -> Result<Made> {
        let Planned { prepared, plan } = planned;
        match recovered {
            Some(found) => Ok(Made::recovered(found)),
            None => Ok(Made::plain(prepared.quantize(plan, ranges, &self.options.weights)?, ranges)),
        }
    }
}

impl Made {
    fn plain(model: Model, ranges: &Ranges) -> Self {
        Self {
            model,
            float: None,
            ranges: ranges.clone(),
            scaled: BTreeMap::new(),
            findings: Vec::new(),
            text: String::new(),
            curve: Vec::new(),
            json: Vec::new(),
        }
    }

    fn recovered(found: Recovered) -> Self {
        Self {
            float: Some(found.float),
            scaled: found.scaled,
            text: format!("\n{}\n", found.report),
            json: vec![("recovery", found.report.to_json()["layers"].take())],
            ..Self::plain(found.model, &found.ranges)
        }
    }
}

/// Returns the result of a budget that cannot be met, with all findings.
pub fn unmet(report: &BudgetReport, findings: &Value) -> Value {
    json!({"budget": report.to_json(), "findings": findings, "files": {}})
}
