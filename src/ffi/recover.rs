//! Quantization with the methods that recover accuracy.

use std::ffi::c_void;
use std::mem::MaybeUninit;

use crate::pipeline::{Passes, RecoverOptions};

use super::buffer::qdq_buffer;
use super::error::qdq_error;
use super::guard::guard;
use super::handle::{get, give, give_wanted};
use super::method::{method_of, qdq_method};
use super::model::qdq_model;
use super::open_batches::{qdq_open_batches_fn, reopened};
use super::plan::{check_same, qdq_plan};
use super::ranges::qdq_ranges;
use super::recover_options::qdq_recover_options;
use super::run_options::{Run, qdq_run_options};
use super::status::qdq_status;

/// Quantizes the model as qdq_model_quantize() does, and recovers accuracy with the methods of the options. A
/// layer keeps a change only if it lowers the mean squared error of the layer's output on the data. Therefore
/// no layer has a larger error than with plain rounding. Free `*out` with qdq_model_free().
///
/// The data is read several times, so `open` is called with `user` several times before this function
/// returns. `method` and `percentile` are those of the ranges; the function computes new ranges with them
/// for activations whose channels it scales.
///
/// `options` and `run_options` may be NULL. `report` may be NULL. Otherwise `*report` receives the changes as
/// JSON: `layers`, each with `method`, `layer`, `changed` of `of`, `error_before` and `error_after` (mean
/// squares, in the output's unit squared), `gain_db` and `what`; free it with qdq_buffer_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_model_recover(
    model: Option<&qdq_model>,
    plan: Option<&qdq_plan>,
    ranges: Option<&qdq_ranges>,
    method: qdq_method,
    percentile: f64,
    open: qdq_open_batches_fn,
    user: *mut c_void,
    options: Option<&qdq_recover_options>,
    run_options: Option<&qdq_run_options>,
    report: Option<&mut MaybeUninit<*mut qdq_buffer>>,
    out: Option<&mut MaybeUninit<*mut qdq_model>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give_wanted(report, || {
            let mut json = None;
            give(out, || {
                let (prepared, plan) = (get(model, "model")?.prepared()?, get(plan, "plan")?);
                check_same(plan, prepared.graph())?;
                let (ranges, method) = (&get(ranges, "ranges")?.ranges, method_of(method, percentile)?);
                let (weights, recovery) =
                    options.map(|options| (options.weights.clone(), options.recovery)).unwrap_or_default();
                let options = RecoverOptions { weights, recovery, method };
                let mut run = Run::new(run_options);
                let (runtime, cancel) = (run.runtime.clone(), run.cancel());
                let mut again = reopened(open, user, cancel)?;
                let mut report = |progress| run.report(progress);
                let mut passes = Passes { open: &mut again, runtime: &runtime, report: &mut report };
                let found = prepared.recover(&plan.plan, ranges, &options, &mut passes);
                let found = run.end(found)?;
                json = Some(qdq_buffer::new(found.report.to_json().to_string()));
                Ok(qdq_model::new(found.model))
            })?;
            Ok(json)
        })
    })
}
