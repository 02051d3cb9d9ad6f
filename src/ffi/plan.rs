//! `qdq_plan`: which tensors are quantized, and the reasons for the others.

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Edge, Graph};
use crate::place::{Plan, PlannedActivation, PlannedWeight, Verdict};
use crate::{pipeline, report};

use super::buffer::qdq_buffer;
use super::error::qdq_error;
use super::findings::qdq_findings;
use super::graph::{QDQ_NO_AXIS, qdq_graph};
use super::guard::guard;
use super::handle::{self, axes, c_text, get, give, text, text_at};
use super::method::{method_of, qdq_method};
use super::node::QDQ_NONE;
use super::number_set::NumberSet;
use super::policy::{FORMATS, QDQ_FORMAT_INT8, policy_or_default, qdq_format, qdq_policy};
use super::ranges::qdq_ranges;
use super::stats::qdq_stats;
use super::status::qdq_status;

/// The plan for a graph: which edges get Quantize and Dequantize, and therefore which tensors need a range.
/// Tensor and node numbers are those of the graph. A plan is immutable, and it does not depend on the graph
/// or model that it was made of. Any number of threads may read one.
pub struct qdq_plan {
    pub(super) graph: Arc<Graph>,
    pub(super) plan: Plan,
    texts: Texts,
}

struct Texts {
    reasons: Vec<CString>,
    taps: Vec<CString>,
    all_taps: Vec<CString>,
}

/// The decision on a node: one of the QDQ_VERDICT_ numbers.
pub type qdq_verdict = i32;

/// The node stays in float, unchanged.
pub const QDQ_VERDICT_FLOAT: qdq_verdict = 0;
/// The node computes on quantized inputs.
pub const QDQ_VERDICT_QUANTIZED: qdq_verdict = 1;
/// The node only moves or selects quantized values.
pub const QDQ_VERDICT_PASSES_INT8: qdq_verdict = 2;

const VERDICTS: NumberSet<Verdict> = NumberSet::new(
    "verdict",
    "QDQ_VERDICT_",
    &[
        (QDQ_VERDICT_FLOAT, Verdict::Float),
        (QDQ_VERDICT_QUANTIZED, Verdict::Quantized),
        (QDQ_VERDICT_PASSES_INT8, Verdict::PassesInt8),
    ],
);

impl qdq_plan {
    pub(super) fn new(graph: Arc<Graph>, plan: Plan) -> Self {
        let taps =
            |every| pipeline::graph::taps(&graph, &plan, every).iter().map(|tap| c_text(tap)).collect();
        let texts = Texts {
            reasons: plan.decisions.iter().map(|decision| c_text(&decision.reason)).collect(),
            taps: taps(false),
            all_taps: taps(true),
        };
        Self { graph, plan, texts }
    }

    fn activation(&self, index: usize) -> Option<&PlannedActivation> {
        self.plan.activations.get(index)
    }

    fn weight(&self, index: usize) -> Option<&PlannedWeight> {
        self.plan.weights.get(index)
    }
}

/// Decides which tensors of a graph are quantized. The result depends on the arguments only. `policy` may be
/// NULL for the default, which follows TensorRT's rules. `ranges` may be NULL. With `ranges` the plan follows
/// an existing calibration: a node stays in float if it needs a range that is missing. Free `*out` with
/// qdq_plan_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_graph_plan(
    graph: Option<&qdq_graph>,
    policy: Option<&qdq_policy>,
    ranges: Option<&qdq_ranges>,
    out: Option<&mut MaybeUninit<*mut qdq_plan>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            let (graph, policy) = (&get(graph, "graph")?.graph, policy_or_default(policy));
            let plan = match ranges {
                Some(ranges) => pipeline::graph::plan_for_ranges(graph, &policy, &ranges.ranges)?,
                None => pipeline::graph::plan(graph, &policy)?,
            };
            Ok(qdq_plan::new(graph.clone(), plan))
        })
    })
}

/// Frees `*plan` and sets it to NULL. Does nothing if `plan` or `*plan` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_plan_free(plan: Option<&mut *mut qdq_plan>) {
    handle::free(plan);
}

/// Returns the findings of the plan: nodes that stay in float because a range is missing, ranges that match
/// no tensor or are all zero, Quantize and Dequantize that were there before, fixed inputs, and weights that
/// cannot be computed before the model runs. Free `*out` with qdq_findings_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_plan_findings(
    plan: Option<&qdq_plan>,
    out: Option<&mut MaybeUninit<*mut qdq_findings>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || Ok(qdq_findings::new(&get(plan, "plan")?.plan.findings))))
}

/// Returns the plan as text for people: one line for every node with its verdict and reason, then the totals.
/// Free `*out` with qdq_buffer_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_plan_to_text(
    plan: Option<&qdq_plan>,
    out: Option<&mut MaybeUninit<*mut qdq_buffer>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            let plan = get(plan, "plan")?;
            Ok(qdq_buffer::new(report::plan::text(&plan.graph, &plan.plan)))
        })
    })
}

/// Returns the plan as JSON for programs, with nodes, activations and weights. Free `*out` with
/// qdq_buffer_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_plan_to_json(
    plan: Option<&qdq_plan>,
    out: Option<&mut MaybeUninit<*mut qdq_buffer>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            let plan = get(plan, "plan")?;
            Ok(qdq_buffer::new(report::plan::to_json(&plan.graph, &plan.plan).to_string()))
        })
    })
}

/// Returns the number of nodes that the plan decides on: all nodes of the graph.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_plan_node_count(plan: Option<&qdq_plan>) -> usize {
    plan.map_or(0, |plan| plan.plan.decisions.len())
}

/// Returns the decision on a node; QDQ_VERDICT_FLOAT past the last.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_plan_verdict(plan: Option<&qdq_plan>, node: usize) -> qdq_verdict {
    let decision = plan.and_then(|plan| plan.plan.decisions.get(node));
    decision.and_then(|decision| VERDICTS.number(decision.verdict)).unwrap_or(QDQ_VERDICT_FLOAT)
}

/// Returns the reason for the decision on a node; NULL past the last. The text is valid until the plan is
/// freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_plan_reason(plan: Option<&qdq_plan>, node: usize) -> *const c_char {
    plan.map_or(std::ptr::null(), |plan| text_at(&plan.texts.reasons, node))
}

/// Returns the number of taps: the tensors that must be observed to carry out the plan. With
/// `every_activation`, returns the number of all activations, which a calibration cache needs.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_plan_tap_count(plan: Option<&qdq_plan>, every_activation: bool) -> usize {
    plan.map_or(0, |plan| if every_activation { plan.texts.all_taps.len() } else { plan.texts.taps.len() })
}

/// Returns the name of tap `index`; NULL past the last. The text is valid until the plan is freed. Pass the
/// same `every_activation` as to qdq_plan_tap_count().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_plan_tap_at(
    plan: Option<&qdq_plan>,
    every_activation: bool,
    index: usize,
) -> *const c_char {
    plan.map_or(std::ptr::null(), |plan| {
        text_at(if every_activation { &plan.texts.all_taps } else { &plan.texts.taps }, index)
    })
}

/// Returns the number of quantized activations.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_plan_activation_count(plan: Option<&qdq_plan>) -> usize {
    plan.map_or(0, |plan| plan.plan.activations.len())
}

/// Returns the tensor of quantized activation `index`; QDQ_NONE past the last.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_plan_activation_tensor(plan: Option<&qdq_plan>, index: usize) -> usize {
    plan.and_then(|plan| plan.activation(index)).map_or(QDQ_NONE, |activation| activation.tensor.0)
}

/// Returns the number of the group of quantized activation `index`; QDQ_NONE past the last. The activations
/// of a group share one scale, and its range covers them all.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_plan_activation_group(plan: Option<&qdq_plan>, index: usize) -> usize {
    plan.and_then(|plan| plan.activation(index)).map_or(QDQ_NONE, |activation| activation.group)
}

/// Returns the format of quantized activation `index`; QDQ_FORMAT_INT8 past the last.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_plan_activation_format(plan: Option<&qdq_plan>, index: usize) -> qdq_format {
    let format = plan.and_then(|plan| FORMATS.number(plan.activation(index)?.format));
    format.unwrap_or(QDQ_FORMAT_INT8)
}

/// Returns the number of node inputs that read the dequantized values of activation `index`. All other
/// readers keep the float tensor.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_plan_activation_reader_count(plan: Option<&qdq_plan>, index: usize) -> usize {
    plan.and_then(|plan| plan.activation(index)).map_or(0, |activation| activation.edges.len())
}

fn node_of(edge: Option<&Edge>) -> usize {
    edge.map_or(QDQ_NONE, |edge| edge.node.0)
}

fn input_of(edge: Option<&Edge>) -> usize {
    edge.map_or(QDQ_NONE, |edge| edge.input)
}

/// Returns the node of reader `reader` of activation `index`; QDQ_NONE past the last.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_plan_activation_reader_node(
    plan: Option<&qdq_plan>,
    index: usize,
    reader: usize,
) -> usize {
    node_of(plan.and_then(|plan| plan.activation(index)?.edges.get(reader)))
}

/// Returns the position of the input, from 0, by which that node reads activation `index`; QDQ_NONE past the
/// last.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_plan_activation_reader_input(
    plan: Option<&qdq_plan>,
    index: usize,
    reader: usize,
) -> usize {
    input_of(plan.and_then(|plan| plan.activation(index)?.edges.get(reader)))
}

/// Returns the number of quantized constants. A constant that is read along two axes counts twice.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_plan_weight_count(plan: Option<&qdq_plan>) -> usize {
    plan.map_or(0, |plan| plan.plan.weights.len())
}

/// Returns the tensor of quantized constant `index`; QDQ_NONE past the last. It is a constant, or the end of
/// a chain of operators that only reshape or reorder a constant.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_plan_weight_tensor(plan: Option<&qdq_plan>, index: usize) -> usize {
    plan.and_then(|plan| plan.weight(index)).map_or(QDQ_NONE, |weight| weight.tensor.0)
}

/// Returns the axis of the scales of quantized constant `index`, from 0. Each index of this axis has its own
/// scale, or each block of it (qdq_plan_weight_block()). Returns QDQ_NO_AXIS if there is one scale, and past
/// the last.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_plan_weight_axis(plan: Option<&qdq_plan>, index: usize) -> i32 {
    plan.and_then(|plan| plan.weight(index)?.grid.axis).map_or(QDQ_NO_AXIS, |axis| axis as i32)
}

/// Returns the format of quantized constant `index`; QDQ_FORMAT_INT8 past the last.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_plan_weight_format(plan: Option<&qdq_plan>, index: usize) -> qdq_format {
    let format = plan.and_then(|plan| FORMATS.number(plan.weight(index)?.grid.format));
    format.unwrap_or(QDQ_FORMAT_INT8)
}

/// Returns the number of elements in a row along the axis of quantized constant `index` that share a scale;
/// 0 if its format has no blocks, and past the last.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_plan_weight_block(plan: Option<&qdq_plan>, index: usize) -> usize {
    plan.and_then(|plan| plan.weight(index)?.grid.block).unwrap_or_default()
}

/// Returns the number of node inputs that read the dequantized values of constant `index`.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_plan_weight_reader_count(plan: Option<&qdq_plan>, index: usize) -> usize {
    plan.and_then(|plan| plan.weight(index)).map_or(0, |weight| weight.edges.len())
}

/// Returns the node of reader `reader` of constant `index`; QDQ_NONE past the last.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_plan_weight_reader_node(plan: Option<&qdq_plan>, index: usize, reader: usize) -> usize {
    node_of(plan.and_then(|plan| plan.weight(index)?.edges.get(reader)))
}

/// Returns the position of the input, from 0, by which that node reads constant `index`; QDQ_NONE past the
/// last.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_plan_weight_reader_input(
    plan: Option<&qdq_plan>,
    index: usize,
    reader: usize,
) -> usize {
    input_of(plan.and_then(|plan| plan.weight(index)?.edges.get(reader)))
}

/// Computes the range of every observed tensor by a method for its format, in the order of the network.
/// Tensors that share a scale get one range from their merged statistics. Free `*out` with qdq_ranges_free().
///
/// Returns QDQ_ERROR_DATA if a planned tensor was not observed; QDQ_ERROR_UNSUPPORTED for entropy with 8-bit
/// floats.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_plan_ranges(
    plan: Option<&qdq_plan>,
    stats: Option<&qdq_stats>,
    method: qdq_method,
    percentile: f64,
    out: Option<&mut MaybeUninit<*mut qdq_ranges>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            let (plan, stats) = (get(plan, "plan")?, get(stats, "stats")?);
            let method = method_of(method, percentile)?;
            pipeline::graph::ranges(&plan.graph, &plan.plan, &stats.stats, method).map(qdq_ranges::new)
        })
    })
}

/// Returns ranges for the largest shape of an input for which an engine is built: attentions over a number of
/// keys that depends on it are quantized up to 512 keys and left in float above, whatever length the
/// calibration data had. Plans that are made with the result follow it. This plan is one of the same network
/// without ranges. `shape` has `ndim` sizes. A number of keys depends on an input only if the network says
/// so: both are one named dimension. Another input changes nothing, and a later call for the same dimension
/// replaces an earlier one. Free `*out` with qdq_ranges_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_plan_ranges_for_shape(
    plan: Option<&qdq_plan>,
    ranges: Option<&qdq_ranges>,
    input: *const c_char,
    ndim: i32,
    shape: *const i64,
    out: Option<&mut MaybeUninit<*mut qdq_ranges>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            let (plan, mut ranges) = (get(plan, "plan")?, get(ranges, "ranges")?.ranges.clone());
            let rank = usize::try_from(ndim).unwrap_or(usize::MAX);
            // SAFETY: the header's rules for texts and arrays.
            let (input, shape) = unsafe { (text(input, "input")?, axes(shape, rank, "shape")?) };
            ranges.keys.extend(plan.plan.keys_for(&plan.graph, [(&*input, shape)]));
            Ok(qdq_ranges::new(ranges))
        })
    })
}

/// Returns an error if the plan was made of another model.
pub(super) fn check_same(plan: &qdq_plan, graph: &Arc<Graph>) -> Result<()> {
    if Arc::ptr_eq(&plan.graph, graph) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidArgument, "the plan was made for another model")
        .with_remedy("use the plan that was made of this very model"))
}
