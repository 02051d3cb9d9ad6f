//! The search for accuracy: the cost of each layer, and the best of several quantizations.

mod auto;
mod best;
mod budget;
mod choice;
mod chosen;
mod judge;
mod samples;
mod sensitivity;
mod suffix;

pub use auto::AutoOptions;
pub use best::{Best, BestOptions};
pub use budget::{Budget, BudgetOptions, Budgeted, Limits, Metric, Outputs};
pub use chosen::{AUTO, ChosenRanges};
pub use sensitivity::{Candidates, SensitivityOptions};
