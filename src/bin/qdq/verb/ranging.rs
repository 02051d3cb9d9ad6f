//! Ranges from statistics, by one method or by the best for each tensor.

use qdq::emit::{Ranges, Weights};
use qdq::error::Result;
use qdq::finding::once;
use qdq::observe::Stats;
use qdq::pipeline::{AUTO, AutoOptions, ChosenRanges, Passes};
use qdq::range::Method;
use serde_json::Value;

use crate::args::{DataArgs, RuntimeArgs};
use crate::resolve::{self, Ranging};
use crate::term::Term;

use super::planning::Planned;

/// Ranges, and how they were found.
pub struct Ranged {
    pub ranges: Ranges,
    /// The method of the ranges, or the one from which the search began.
    pub method: Method,
    /// The choice of the search; `None` if one method was asked for.
    chosen: Option<ChosenRanges>,
}

/// The data of a run, and its runtime.
#[derive(Clone, Copy)]
pub struct Over<'a> {
    pub data: &'a DataArgs,
    pub runtime: &'a RuntimeArgs,
    pub term: &'a Term,
}

impl Planned {
    /// Computes the ranges of the observed tensors. The data is read again if the best method is searched
    /// for.
    pub fn ranged(
        &self,
        stats: &Stats,
        ranging: Ranging,
        weights: &Weights,
        over: Over<'_>,
    ) -> Result<Ranged> {
        let Self { prepared, plan } = self;
        let Ranging::Auto = ranging else {
            let method = ranging.method();
            return Ok(Ranged { ranges: prepared.ranges(plan, stats, method)?, method, chosen: None });
        };
        if plan.activations.is_empty() {
            let method = Method::default();
            return Ok(Ranged { ranges: prepared.ranges(plan, stats, method)?, method, chosen: None });
        }
        let Over { data, runtime, term } = over;
        let (runtime, bar) = (resolve::runtime(runtime), term.progress("choosing ranges"));
        let mut passes = Passes {
            open: &mut || resolve::source(data, prepared.model()),
            runtime: &runtime,
            report: &mut |progress| bar.show(progress),
        };
        let options = AutoOptions { weights: weights.clone(), ..AutoOptions::default() };
        let chosen = once(|| prepared.choose_ranges(plan, stats, &options, &mut passes))?;
        Ok(Ranged { ranges: chosen.ranges.clone(), method: chosen.single, chosen: Some(chosen) })
    }
}

impl Ranged {
    /// Returns the name of the method.
    pub fn name(&self) -> String {
        if self.chosen.is_some() { AUTO.to_owned() } else { self.method.to_string() }
    }

    /// Returns the sentence that says what was chosen, and its end of line; empty for one method.
    pub fn text(&self) -> String {
        self.chosen.as_ref().map_or_else(String::new, |chosen| format!("{chosen}\n"))
    }

    /// Adds the choice to the result of a command.
    pub fn add_to(&self, json: &mut Value) {
        if let Some(chosen) = &self.chosen {
            json["auto"] = chosen.to_json();
        }
    }
}
