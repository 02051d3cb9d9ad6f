//! One file per command.

mod apply;
mod budget;
mod cache;
mod calibrate;
mod cast;
mod compare;
mod cost;
mod engine;
mod halves;
mod info;
mod inspect;
mod made;
mod measured;
mod merge;
mod metric;
mod metric_file;
mod planning;
mod quantize;
mod range_file;
mod ranging;
mod sensitivity;
mod written;

use qdq::error::Result;
use qdq::finding::once;

use crate::Outcome;
use crate::args::Verb;
use crate::term::Term;

/// Runs the command.
pub fn run(verb: &Verb, term: &Term) -> Result<Outcome> {
    // A request for certain kernels must fail before the work starts if they are not available.
    qdq::kernel::requested()?;
    match verb {
        Verb::Quantize(args) => quantize::run(args, term),
        Verb::Calibrate(args) => calibrate::run(args, term),
        Verb::Apply(args) => apply::run(args, term),
        Verb::Cast(args) => cast::run(args, term),
        // Engines that are compared have findings in common.
        Verb::Engine(args) => once(|| engine::run(args, term)),
        Verb::Cost(args) => once(|| cost::run(args, term)),
        Verb::Merge(args) => merge::run(args, term),
        Verb::Cache(args) => cache::run(args, term),
        Verb::Compare(args) => compare::run(args, term),
        Verb::Sensitivity(args) => sensitivity::run(args, term),
        Verb::Inspect(args) => inspect::run(args, term),
        Verb::Info => info::run(term),
    }
}
