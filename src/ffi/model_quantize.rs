//! `qdq_model`: its plan, its calibration and its quantized form.

use std::mem::MaybeUninit;

use crate::error::{Error, ErrorKind};
use crate::pipeline::CalibrateOptions;
use crate::place::ops::all_nested_weighted;

use super::batches::qdq_batches;
use super::error::qdq_error;
use super::guard::guard;
use super::handle::{get, get_mut, give};
use super::model::qdq_model;
use super::plan::{check_same, qdq_plan};
use super::policy::{policy_or_default, qdq_policy};
use super::quantize_options::qdq_quantize_options;
use super::ranges::qdq_ranges;
use super::run_options::{Run, qdq_run_options};
use super::stats::qdq_stats;
use super::status::qdq_status;

/// Decides which tensors of the model are quantized; see qdq_graph_plan(). `policy` and `ranges` may be NULL.
/// Free `*out` with qdq_plan_free().
///
/// Returns QDQ_ERROR_DATA if a weight that the plan quantizes holds NaN or an infinity; QDQ_ERROR_UNSUPPORTED
/// if a format needs a higher opset than the model has and can be raised to, or was planned with before.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_model_plan(
    model: Option<&qdq_model>,
    policy: Option<&qdq_policy>,
    ranges: Option<&qdq_ranges>,
    out: Option<&mut MaybeUninit<*mut qdq_plan>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            let policy = policy_or_default(policy);
            let prepared = get(model, "model")?.prepared_at(policy.least_opset())?;
            let plan = match ranges {
                Some(ranges) => prepared.plan_for_ranges(&policy, &ranges.ranges)?,
                None => prepared.plan(&policy)?,
            };
            Ok(qdq_plan::new(prepared.graph().clone(), plan))
        })
    })
}

/// Runs the model over all batches and collects statistics of the tensors that the plan quantizes. The plan
/// must be made from the same model handle. With `every_activation`, collects statistics of all other
/// activations too, as a calibration cache needs them. `options` may be NULL. Free `*out` with
/// qdq_stats_free().
///
/// Among these other activations, those that depend on an operator that no runtime knows, such as a TensorRT
/// plugin, are left out with a warning. Only the part of the model that the tensors need is run. The memory
/// is that of one inference and 80 KiB per tensor, for any number of batches.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_model_calibrate(
    model: Option<&qdq_model>,
    plan: Option<&qdq_plan>,
    batches: Option<&mut qdq_batches>,
    every_activation: bool,
    options: Option<&qdq_run_options>,
    out: Option<&mut MaybeUninit<*mut qdq_stats>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            let (prepared, plan) = (get(model, "model")?.prepared()?, get(plan, "plan")?);
            check_same(plan, prepared.graph())?;
            if plan.plan.is_empty() && prepared.taps(&plan.plan, every_activation).is_empty() {
                let message = match all_nested_weighted(prepared.graph()) {
                    Some(inside) => format!(
                        "the plan quantizes nothing: {inside} lie in subgraphs inside the body of a Scan, \
                         where qdq quantizes nothing"
                    ),
                    None => "the plan quantizes nothing".to_owned(),
                };
                return Err(
                    Error::new(ErrorKind::Unsupported, message).with_remedy("read the plan's reasons")
                );
            }
            let mut run = Run::new(options);
            let mut source = run.stoppable(get_mut(batches, "batches")?.source.as_mut());
            let options =
                CalibrateOptions { runtime: run.runtime.clone(), every_activation, ..Default::default() };
            let result =
                prepared.calibrate(&plan.plan, &mut source, &options, &mut |progress| run.report(progress));
            run.end(result).map(qdq_stats::new)
        })
    })
}

/// Returns the model with Quantize and Dequantize inserted at the places that the plan chose, with the scales
/// of the ranges. The plan must be made from the same model handle. The result is for TensorRT 8 to 11,
/// TensorRT-RTX and ONNX Runtime. `options` may be NULL. The result is a separate model; free `*out` with
/// qdq_model_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_model_quantize(
    model: Option<&qdq_model>,
    plan: Option<&qdq_plan>,
    ranges: Option<&qdq_ranges>,
    options: Option<&qdq_quantize_options>,
    out: Option<&mut MaybeUninit<*mut qdq_model>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            let (prepared, plan) = (get(model, "model")?.prepared()?, get(plan, "plan")?);
            check_same(plan, prepared.graph())?;
            let ranges = &get(ranges, "ranges")?.ranges;
            let weights = options.map(|options| options.weights.clone()).unwrap_or_default();
            prepared.quantize(&plan.plan, ranges, &weights).map(qdq_model::new)
        })
    })
}
