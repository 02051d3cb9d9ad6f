//! `qdq_precision_plan`: which nodes compute in 16 bits, and the reasons. Models are cast by it.

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;
use std::sync::Arc;

use crate::error::Result;
use crate::graph::{Graph, TensorId};
use crate::pipeline::{self, Known};
use crate::precision::{Precision, PrecisionPlan};
use crate::report;

use super::buffer::qdq_buffer;
use super::error::qdq_error;
use super::findings::qdq_findings;
use super::guard::guard;
use super::handle::{self, c_text, get, give, give_wanted, text_at};
use super::model::qdq_model;
use super::number_set::NumberSet;
use super::precision_options::{HALVES, QDQ_HALF_F16, precision_or_default, qdq_half, qdq_precision_options};
use super::ranges::qdq_ranges;
use super::stats::qdq_stats;
use super::status::qdq_status;

/// The precision of every node of a model or graph. Immutable; any number of threads may read one.
pub struct qdq_precision_plan {
    pub(super) graph: Arc<Graph>,
    /// The version of ONNX's operators.
    pub(super) opset: i64,
    pub(super) plan: PrecisionPlan,
    names: Vec<CString>,
    reasons: Vec<CString>,
}

/// The precision of a node: one of the QDQ_PRECISION_ numbers.
pub type qdq_precision = i32;

/// Its f32 inputs and outputs stay.
pub const QDQ_PRECISION_FLOAT32: qdq_precision = 0;
/// Its f32 inputs and outputs become 16-bit.
pub const QDQ_PRECISION_HALF: qdq_precision = 1;
/// It has no f32 inputs or outputs.
pub const QDQ_PRECISION_NEITHER: qdq_precision = 2;

const PRECISIONS: NumberSet<Precision> = NumberSet::new(
    "precision",
    "QDQ_PRECISION_",
    &[
        (QDQ_PRECISION_FLOAT32, Precision::Float32),
        (QDQ_PRECISION_HALF, Precision::Half),
        (QDQ_PRECISION_NEITHER, Precision::Neither),
    ],
);

impl qdq_precision_plan {
    pub(super) fn new(graph: Arc<Graph>, opset: i64, plan: PrecisionPlan) -> Self {
        let names = plan.nodes.iter().map(|node| c_text(&graph.node(node.node).name)).collect();
        let reasons = plan.nodes.iter().map(|node| c_text(&node.reason)).collect();
        Self { graph, opset, plan, names, reasons }
    }
}

impl qdq_precision_plan {
    /// Returns the tensor with this number, if it exists.
    pub(super) fn checked(&self, tensor: usize) -> Result<TensorId> {
        super::graph::checked_tensor(&self.graph, tensor)
    }
}

/// Returns a new model in which everything that can be computes in half precision: a float model, or one with
/// Quantize and Dequantize, such as the result of qdq_model_quantize(). Inputs and outputs keep their types
/// unless the options say otherwise. Free `*out` with qdq_model_free().
///
/// `stats` are statistics of the float model with every activation (qdq_model_calibrate()). They decide which
/// tensors fit into 16 bits. `stats` may be NULL. Then operators stay in f32 whose result depends on the size
/// of values, and a finding names the others. `ranges` may be NULL. They stand for statistics that are
/// missing. `options` may be NULL.
///
/// The opset is raised to 19 if the model has Quantize and Dequantize, so that their scales can be 16-bit,
/// and to 22 for bf16. A finding says why if that is not possible.
///
/// `plan` may be NULL. Otherwise `*plan` receives the precision of every node; free it with
/// qdq_precision_plan_free().
///
/// Returns QDQ_ERROR_UNSUPPORTED if no node becomes 16-bit, because the model is in half precision already or
/// all nodes must stay; QDQ_ERROR_INVALID_ARGUMENT if a pattern matches no node.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_model_cast(
    model: Option<&qdq_model>,
    stats: Option<&qdq_stats>,
    ranges: Option<&qdq_ranges>,
    options: Option<&qdq_precision_options>,
    plan: Option<&mut MaybeUninit<*mut qdq_precision_plan>>,
    out: Option<&mut MaybeUninit<*mut qdq_model>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give_wanted(plan, || {
            let mut made = None;
            give(out, || {
                let policy = precision_or_default(options);
                let prepared = pipeline::prepare_cast(&get(model, "model")?.model, policy.half, None)?;
                let known = Known {
                    stats: stats.map(|stats| &stats.stats),
                    ranges: ranges.map(|ranges| &ranges.ranges),
                };
                let mut halved = prepared.cast(known, &policy)?;
                halved.plan.findings = [prepared.findings, halved.findings].concat();
                made = Some(qdq_precision_plan::new(
                    halved.network.graph.clone(),
                    halved.network.model.opset(),
                    halved.plan,
                ));
                Ok(qdq_model::new(halved.model))
            })?;
            Ok(made)
        })
    })
}

/// Frees `*plan` and sets it to NULL. Does nothing if `plan` or `*plan` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_precision_plan_free(plan: Option<&mut *mut qdq_precision_plan>) {
    handle::free(plan);
}

/// Returns the findings: values of which nothing is known, masks that end at another number, steps that were
/// raised, numbers that are too large for the type, and plans by ranges alone. Free `*out` with
/// qdq_findings_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_precision_plan_findings(
    plan: Option<&qdq_precision_plan>,
    out: Option<&mut MaybeUninit<*mut qdq_findings>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || Ok(qdq_findings::new(&get(plan, "plan")?.plan.findings))))
}

/// Returns the plan as text for people: one line for every node that computes floating-point numbers, with
/// its type and reason. Free `*out` with qdq_buffer_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_precision_plan_to_text(
    plan: Option<&qdq_precision_plan>,
    out: Option<&mut MaybeUninit<*mut qdq_buffer>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            let plan = get(plan, "plan")?;
            Ok(qdq_buffer::new(report::precision::text(&plan.graph, &plan.plan)))
        })
    })
}

/// Returns the plan as JSON for programs. Free `*out` with qdq_buffer_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_precision_plan_to_json(
    plan: Option<&qdq_precision_plan>,
    out: Option<&mut MaybeUninit<*mut qdq_buffer>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            let plan = get(plan, "plan")?;
            Ok(qdq_buffer::new(report::precision::to_json(&plan.graph, &plan.plan).to_string()))
        })
    })
}

/// Returns the 16-bit type of the plan; QDQ_HALF_F16 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_precision_plan_half(plan: Option<&qdq_precision_plan>) -> qdq_half {
    plan.and_then(|plan| HALVES.number(plan.plan.half)).unwrap_or(QDQ_HALF_F16)
}

/// Returns whether f32 inputs and outputs of the network become 16-bit too; false for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_precision_plan_half_io(plan: Option<&qdq_precision_plan>) -> bool {
    plan.is_some_and(|plan| plan.plan.half_io)
}

/// Returns the number of nodes of the plan's model or graph; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_precision_plan_node_count(plan: Option<&qdq_precision_plan>) -> usize {
    plan.map_or(0, |plan| plan.plan.nodes.len())
}

/// Returns the name of node `node`; NULL past the last. The text is valid until the plan is freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_precision_plan_node_name(
    plan: Option<&qdq_precision_plan>,
    node: usize,
) -> *const c_char {
    plan.map_or(std::ptr::null(), |plan| text_at(&plan.names, node))
}

/// Returns the precision of node `node`; QDQ_PRECISION_NEITHER past the last.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_precision_plan_precision(
    plan: Option<&qdq_precision_plan>,
    node: usize,
) -> qdq_precision {
    let decision = plan.and_then(|plan| plan.plan.nodes.get(node));
    decision.and_then(|decision| PRECISIONS.number(decision.precision)).unwrap_or(QDQ_PRECISION_NEITHER)
}

/// Returns the reason for the precision of node `node`; NULL past the last. The text is valid until the plan
/// is freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_precision_plan_reason(plan: Option<&qdq_precision_plan>, node: usize) -> *const c_char {
    plan.map_or(std::ptr::null(), |plan| text_at(&plan.reasons, node))
}
