//! The budget of `qdq quantize`: layers in float until the model is good enough.

use qdq::emit::Ranges;
use qdq::error::Result;
use qdq::finding::once;
use qdq::pipeline::{Budget, BudgetOptions, Budgeted, Metric, Outputs, Passes};

use crate::args::{BudgetArgs, Quantize};
use crate::resolve;
use crate::term::Term;

use super::metric::Program;
use super::planning::Planned;

/// A budget, and the program that judges.
pub struct Wanted {
    budget: Budget<'static>,
    program: Option<Program>,
}

impl Wanted {
    /// Returns the budget that the options ask for; `None` if there is none.
    pub fn open(args: &BudgetArgs) -> Result<Option<Self>> {
        let Some(budget) = resolve::budget(args)? else { return Ok(None) };
        let program =
            args.metric.as_deref().map(|path| Program::open(path, args.metric_timeout)).transpose()?;
        Ok(Some(Self { budget, program }))
    }

    /// Finds the plan that keeps within the budget.
    pub fn meet(
        self,
        planned: &Planned,
        ranges: &Ranges,
        options: BudgetOptions<'_>,
        (args, term): (&Quantize, &Term),
    ) -> Result<Budgeted> {
        let Self { budget: Budget { min_sqnr_db, outputs, max_disagreement, .. }, program } = self;
        let (limits, runtime) = (resolve::limits(&args.budget), resolve::runtime(&args.runtime));
        let mut judge = program.as_ref().map(|program| |outputs: &Outputs<'_>| program.judge(outputs));
        let metric = judge.as_mut().map(|judge| (judge as Metric<'_>, limits));
        let budget = Budget { min_sqnr_db, outputs, max_disagreement, metric };
        let mut options = BudgetOptions { budget, ..options };
        let (prepared, bar) = (&planned.prepared, term.progress("keeping the budget"));
        let mut passes = Passes {
            open: &mut || resolve::source(&args.data, prepared.model()),
            runtime: &runtime,
            report: &mut |progress| bar.show(progress),
        };
        once(|| prepared.meet(&planned.plan, ranges, &mut options, &mut passes))
    }
}
