//! The whole way from a model and data to files, in steps that a program can take one by one.
//!
//! [`prepare`] makes a model ready. Its result has the other steps: [`Prepared::plan`] →
//! [`Prepared::calibrate`] → [`Prepared::ranges`] → [`Prepared::quantize`]. The command-line tool is a thin
//! layer over them. Each step is pure, except for the runtime that runs the model.

mod calibrate;
mod channels;
mod compare;
mod compared;
mod dequantized;
mod explain;
mod facts;
mod filled;
mod fixed;
mod folded;
pub mod graph;
mod known;
mod precision;
mod prepare;
mod prepared;
mod progress;
mod ready;
mod recover;
mod search;
mod symmetric;

pub use calibrate::{CalibrateOptions, observe};
pub use compare::compare;
pub use compared::CompareOptions;
pub use explain::{DocumentOptions, document};
pub use fixed::fix_as_made;
pub use known::{BF16_OPSET, Known};
pub use precision::{HALF_QDQ_OPSET, Halved, halve, prepare_cast};
pub use prepare::{PrepareOptions, check_opset, prepare, prepare_with};
pub use prepared::Prepared;
pub use progress::{Progress, go_on};
pub use recover::{Passes, RecoverOptions, Recovered, with_scaled};
pub use search::{
    AUTO, AutoOptions, Best, BestOptions, Budget, BudgetOptions, Budgeted, Candidates, ChosenRanges, Limits,
    Metric, Outputs, SensitivityOptions,
};

/// The first opset in which QuantizeLinear and DequantizeLinear have an axis.
pub const QDQ_OPSET: i64 = 13;
