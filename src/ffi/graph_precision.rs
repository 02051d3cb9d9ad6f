//! `qdq_precision_plan` of a graph: the types and constants of a network that is no ONNX model.

use std::mem::MaybeUninit;

use crate::emit::cast::stored;
use crate::graph::Node;
use crate::observe::Stats;
use crate::pipeline::{self, Known};
use crate::precision::{Precision, input_is_half, output_is_half};
use crate::tensor::Tensor;

use super::array::qdq_array;
use super::error::qdq_error;
use super::graph::qdq_graph;
use super::guard::guard;
use super::handle::{array, get, give};
use super::precision_options::{precision_or_default, qdq_precision_options};
use super::precision_plan::qdq_precision_plan;
use super::ranges::qdq_ranges;
use super::stats::qdq_stats;
use super::status::qdq_status;
use super::tensor::{checked, qdq_tensor};
use super::tensor_stats::floats;

/// Decides which nodes of a graph compute in half precision, as qdq_model_cast() does for a model. The graph
/// is the network that is to be converted: with its Quantize and Dequantize if it has any. Free `*out` with
/// qdq_precision_plan_free().
///
/// `constants` are statistics of the values of the constants (qdq_stats_observe() with each). `stats` and
/// `ranges` are those of activations, as for qdq_model_cast(). `constants`, `stats`, `ranges` and `options`
/// may be NULL. Without the values of a constant, nodes whose result depends on it stay in f32.
///
/// `unheld` are `unheld_count` numbers of tensors: scales of Quantize and Dequantize for which
/// qdq_weights_half_scale() had no result. Their nodes stay in f32. NULL for none.
///
/// Returns QDQ_ERROR_INVALID_ARGUMENT if a pattern matches no node, or if a number of a tensor is too large.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_graph_plan_precision(
    graph: Option<&qdq_graph>,
    constants: Option<&qdq_stats>,
    unheld: *const usize,
    unheld_count: usize,
    stats: Option<&qdq_stats>,
    ranges: Option<&qdq_ranges>,
    options: Option<&qdq_precision_options>,
    out: Option<&mut MaybeUninit<*mut qdq_precision_plan>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            let handle = get(graph, "graph")?;
            // SAFETY: the header's rules for arrays.
            let unheld = unsafe { array(unheld, unheld_count, "unheld") }?;
            let unheld = unheld.iter().map(|&tensor| handle.checked(tensor)).collect::<Result<_, _>>()?;
            let known =
                Known { stats: stats.map(|stats| &stats.stats), ranges: ranges.map(|ranges| &ranges.ranges) };
            let (none, policy) = (Stats::default(), precision_or_default(options));
            let constants = constants.map_or(&none, |constants| &constants.stats);
            let plan = pipeline::graph::plan_precision(&handle.graph, constants, &unheld, known, &policy)?;
            Ok(qdq_precision_plan::new(handle.graph.clone(), pipeline::graph::OPSET, plan))
        })
    })
}

impl qdq_precision_plan {
    /// Returns node `node` if it computes in 16 bits.
    fn half_node(&self, node: usize) -> Option<&Node> {
        let decision = self.plan.nodes.get(node)?;
        (decision.precision == Precision::Half).then(|| self.graph.node(decision.node))
    }
}

/// Returns whether an f32 tensor at input `input` of node `node` becomes 16-bit. False past the last.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_precision_plan_input_is_half(
    plan: Option<&qdq_precision_plan>,
    node: usize,
    input: usize,
) -> bool {
    let found = plan.and_then(|plan| Some((plan, plan.half_node(node)?)));
    found.is_some_and(|(plan, node)| {
        input < node.inputs.len() && input_is_half(node, input, plan.opset, plan.plan.half.dtype())
    })
}

/// Returns whether an f32 tensor at output `output` of node `node` becomes 16-bit. False past the last.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_precision_plan_output_is_half(
    plan: Option<&qdq_precision_plan>,
    node: usize,
    output: usize,
) -> bool {
    let found = plan.and_then(|plan| Some((plan, plan.half_node(node)?)));
    found.is_some_and(|(plan, node)| {
        output < node.outputs.len() && output_is_half(node, output, plan.opset, plan.plan.half.dtype())
    })
}

/// Returns whether constant `tensor` is a mask, whose f32 form ends at the numbers of the 16-bit type too:
/// Casts make 16-bit numbers of it behind f32 nodes. False past the last.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_precision_plan_is_mask(plan: Option<&qdq_precision_plan>, tensor: usize) -> bool {
    plan.is_some_and(|plan| {
        plan.plan.limited.iter().any(|limited| limited.is_mask && limited.tensor.0 == tensor)
    })
}

/// Returns the numbers that constant `tensor` of the graph has in a network that carries the plan out, in
/// f32: those of its 16-bit form with `in_half`, else those of the f32 form beside it. `value` (f32, f16,
/// bf16, f64) is the constant's value so far. Free `*out` with qdq_array_free(); qdq_tensor_convert() makes
/// the 16-bit array.
///
/// Masks and bounds end at the numbers of the 16-bit type. Scales of Quantize and Dequantize are rounded to
/// it in both forms, since the two must be equal, and are raised to its smallest normal number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_precision_plan_constant(
    plan: Option<&qdq_precision_plan>,
    tensor: usize,
    value: Option<&qdq_tensor>,
    in_half: bool,
    out: Option<&mut MaybeUninit<*mut qdq_array>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            let plan = get(plan, "plan")?;
            // SAFETY: the header's rules for tensors.
            let value = unsafe { checked(value, "value") }?;
            let value = Tensor::new(value.shape().to_vec(), floats(&value)?.into_owned())?;
            let id = plan.checked(tensor)?;
            Ok(qdq_array::new(stored(&plan.graph, &plan.plan, id, value, in_half)))
        })
    })
}
