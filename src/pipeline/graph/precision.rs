//! Half precision for a network that is no ONNX model.

use std::collections::{BTreeMap, BTreeSet};

use crate::dtype::DataType;
use crate::emit::cast::readers_of_steps;
use crate::error::Result;
use crate::finding::{self, Finding};
use crate::graph::{Graph, TensorId, TensorKind};
use crate::observe::Stats;
use crate::pipeline::known::{BF16_OPSET, Constants, Known, plan_by};
use crate::precision::{Facts, Precision, PrecisionPlan, PrecisionPolicy, input_is_half};

/// The opset of a graph without one: TensorRT's layers have the 16-bit forms of all their operators.
pub const OPSET: i64 = BF16_OPSET;

/// Plans the precision of the nodes of a graph, and logs the findings of the plan.
///
/// `constants` are statistics of the values of constants. `unheld` are the steps of Quantize and Dequantize
/// that must stay float32, because raising those that are too small would change more than dead channels.
///
/// # Errors
/// `InvalidArgument` if a pattern of the policy matches no node.
pub fn plan_precision(
    graph: &Graph,
    constants: &Stats,
    unheld: &BTreeSet<TensorId>,
    known: Known<'_>,
    policy: &PrecisionPolicy,
) -> Result<PrecisionPlan> {
    policy.check(graph)?;
    let is_float = |id: &TensorId| graph.tensor(*id).dtype == Some(DataType::F32);
    let facts = |id: TensorId| Facts::of(constants.tensors.get(&graph.tensor(id).name)?, policy.half);
    let given = Constants {
        facts: graph
            .tensor_ids()
            .filter(|id| is_float(id) && graph.tensor(*id).kind == TensorKind::Constant)
            .filter_map(|id| Some((id, facts(id)?)))
            .collect(),
        raised: unheld.iter().map(|&step| (step, 1.0)).collect(),
        fixed: BTreeSet::new(),
    };
    let values = given.facts.clone();
    let mut plan = plan_by(graph, OPSET, given, known, policy);
    plan.findings.extend(changed_constants(graph, &values, &plan));
    finding::log_all(&plan.findings);
    Ok(plan)
}

/// Returns the findings about constants whose numbers the 16-bit type cannot hold.
fn changed_constants(
    graph: &Graph,
    values: &BTreeMap<TensorId, Facts>,
    plan: &PrecisionPlan,
) -> Vec<Finding> {
    let half = plan.half;
    let becomes_half = |id: &TensorId| {
        graph.tensor(*id).consumers.iter().any(|edge| {
            let node = graph.node(edge.node);
            plan.of(edge.node) == Precision::Half && input_is_half(node, edge.input, OPSET, half.dtype())
        })
    };
    let names = |is_meant: &dyn Fn(TensorId, &Facts) -> bool| -> Vec<&str> {
        let found = values.iter().filter(|(id, facts)| is_meant(**id, facts) && becomes_half(id));
        found.map(|(id, _)| &*graph.tensor(*id).name).collect()
    };
    let is_limited = |id| plan.limited.iter().any(|limited| limited.tensor == id);
    let too_large = names(&|id, facts| facts.largest > half.largest() && !is_limited(id));
    let raised = names(&|id, facts| {
        !readers_of_steps(graph, id).is_empty() && facts.reaches_below(half.smallest_normal())
    });
    let mut findings = Vec::new();
    if !too_large.is_empty() {
        let what = format!("numbers too large for {half} become its largest, {:.4e}", half.largest());
        let remedy = "keep the nodes that read them in float32";
        findings.push(Finding::warning(what).about(too_large).with_remedy(remedy));
    }
    if !raised.is_empty() {
        let (least, what) = (half.smallest_normal(), "steps of dead channels were raised to");
        findings.push(
            Finding::note(format!("{what} {least:.4e}, the smallest that {half} holds with all its bits"))
                .about(raised),
        );
    }
    findings
}
