//! The cost of each layer, and the best ranges.

use std::ffi::c_void;
use std::mem::MaybeUninit;

use crate::pipeline::{AutoOptions, Candidates, Passes, SensitivityOptions};

use super::buffer::qdq_buffer;
use super::error::qdq_error;
use super::guard::guard;
use super::handle::{get, give, give_wanted};
use super::method::{method_of, qdq_method};
use super::model::qdq_model;
use super::open_batches::{qdq_open_batches_fn, reopened};
use super::plan::{check_same, qdq_plan};
use super::quantize_options::qdq_quantize_options;
use super::ranges::qdq_ranges;
use super::run_options::{Run, qdq_run_options};
use super::stats::qdq_stats;
use super::status::qdq_status;

/// Measures what each quantized layer of the plan costs alone: the signal-to-quantization-noise ratio of its
/// own output, and that of the network's outputs if only this layer is quantized. `*out` receives JSON:
/// `samples`, `layers` and `findings`. The layers are in the order of their noise, each with `layer`, `op`,
/// `format`, `method`, `own_db`, `output_db`, `share` (of the noise of all layers, 0 to 1) and `cost`
/// (multiply-accumulates for one sample); free it with qdq_buffer_free().
///
/// `stats` are those of qdq_model_calibrate() for this plan, and `method` and `percentile` compute the ranges
/// from them. At most `samples` samples are measured, evenly spread over the data; 0 stands for 32. The data
/// is read once, so `open` is called with `user` before this function returns. `options` and `run_options`
/// may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_model_sensitivity(
    model: Option<&qdq_model>,
    plan: Option<&qdq_plan>,
    stats: Option<&qdq_stats>,
    method: qdq_method,
    percentile: f64,
    samples: usize,
    open: qdq_open_batches_fn,
    user: *mut c_void,
    options: Option<&qdq_quantize_options>,
    run_options: Option<&qdq_run_options>,
    out: Option<&mut MaybeUninit<*mut qdq_buffer>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            let (prepared, plan) = (get(model, "model")?.prepared()?, get(plan, "plan")?);
            check_same(plan, prepared.graph())?;
            let (stats, method) = (&get(stats, "stats")?.stats, method_of(method, percentile)?);
            let usual = SensitivityOptions::default();
            let options = SensitivityOptions {
                samples: if samples == 0 { usual.samples } else { samples },
                weights: options.map_or(usual.weights, |options| options.weights.clone()),
            };
            let mut run = Run::new(run_options);
            let (runtime, mut again) = (run.runtime.clone(), reopened(open, user, run.cancel())?);
            let mut report = |progress| run.report(progress);
            let mut passes = Passes { open: &mut again, runtime: &runtime, report: &mut report };
            let candidates = [Candidates { plan: &plan.plan, method }];
            let found = prepared.sensitivity(&candidates, stats, &options, &mut passes);
            Ok(qdq_buffer::new(run.end(found)?.to_json().to_string()))
        })
    })
}

/// Chooses the range of each tensor that the plan quantizes, among those of all methods and steps between
/// them. A range is chosen by the error of the layers that read the tensor, and kept only if the network's
/// outputs become better. So they are never worse than with the best single method. Free `*out` with
/// qdq_ranges_free().
///
/// `stats` are those of qdq_model_calibrate() for this plan. At most `samples` samples choose, and as many
/// others judge; 0 stands for 32. The data is read once, so `open` is called with `user` before this function
/// returns. `options` and `run_options` may be NULL. `report` may be NULL. Otherwise `*report` receives the
/// choice as JSON: `single` (the best method), `scores_db` of all methods, `score_db` of the result,
/// `changed` (the tensors with other ranges), `judged_samples`, and whether they were `held_out`; free it
/// with qdq_buffer_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_model_choose_ranges(
    model: Option<&qdq_model>,
    plan: Option<&qdq_plan>,
    stats: Option<&qdq_stats>,
    samples: usize,
    open: qdq_open_batches_fn,
    user: *mut c_void,
    options: Option<&qdq_quantize_options>,
    run_options: Option<&qdq_run_options>,
    report: Option<&mut MaybeUninit<*mut qdq_buffer>>,
    out: Option<&mut MaybeUninit<*mut qdq_ranges>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give_wanted(report, || {
            let mut json = None;
            give(out, || {
                let (prepared, plan) = (get(model, "model")?.prepared()?, get(plan, "plan")?);
                check_same(plan, prepared.graph())?;
                let stats = &get(stats, "stats")?.stats;
                let usual = AutoOptions::default();
                let options = AutoOptions {
                    samples: if samples == 0 { usual.samples } else { samples },
                    weights: options.map_or(usual.weights, |options| options.weights.clone()),
                };
                let mut run = Run::new(run_options);
                let (runtime, mut again) = (run.runtime.clone(), reopened(open, user, run.cancel())?);
                let mut progress = |progress| run.report(progress);
                let mut passes = Passes { open: &mut again, runtime: &runtime, report: &mut progress };
                let found = prepared.choose_ranges(&plan.plan, stats, &options, &mut passes);
                let found = run.end(found)?;
                json = Some(qdq_buffer::new(found.to_json().to_string()));
                Ok(qdq_ranges::new(found.ranges))
            })?;
            Ok(json)
        })
    })
}
