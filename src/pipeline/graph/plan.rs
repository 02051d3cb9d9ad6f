//! Plans of a graph.

use std::collections::BTreeSet;

use super::findings::{all_zero, open_attentions};
use crate::emit::Ranges;
use crate::error::{Error, ErrorKind, Result};
use crate::finding::{self, Finding, counted};
use crate::graph::{Graph, TensorId, TensorKind};
use crate::place::ops::Forms;
use crate::place::{self, Plan, Policy};

/// Plans the quantization of a graph, and logs the findings of the plan ([`Plan::findings`]).
///
/// # Errors
/// Those of [`place::plan`].
pub fn plan(graph: &Graph, policy: &Policy) -> Result<Plan> {
    let plan = place::plan(graph, policy)?;
    finding::log_all(&plan.findings);
    Ok(plan)
}

/// Plans the quantization of a graph with existing ranges. A node without a range stays in float.
///
/// The findings of the plan, which are logged, report the nodes that stay in float for lack of a range, and
/// the ranges that belong to no tensor.
///
/// # Errors
/// `Data` if none of the ranges belongs to a tensor of the model, unless there are none and the formats need
/// none; those of [`place::plan`].
pub fn plan_for_ranges(graph: &Graph, policy: &Policy, ranges: &Ranges) -> Result<Plan> {
    let known: BTreeSet<String> = ranges
        .iter()
        .map(|(name, _)| name)
        .filter(|name| graph.find(name).is_some())
        .map(str::to_owned)
        .collect();
    let policy = Policy { keys: ranges.keys.clone(), ..policy.clone() };
    let wanted = place::plan(graph, &Policy { min_quantized: 0.0, ..policy.clone() })?;
    // Formats of weights alone need no range.
    let is_enough = wanted.activations.is_empty() && ranges.is_empty();
    if known.is_empty() && !is_enough {
        return Err(Error::new(ErrorKind::Data, "none of the ranges belongs to a tensor of the model")
            .with_remedy("take the ranges of this very model; exporters rename tensors"));
    }
    let mut plan = place::plan(graph, &Policy { ranged: Some(known), ..policy })?;
    plan.findings.extend(missing_ranges(graph, &wanted, ranges));
    plan.findings.extend(unknown_ranges(graph, ranges));
    plan.findings.extend(open_attentions(graph, &plan));
    let planned = plan.taps().map(|tensor| graph.tensor(tensor).name.as_str());
    plan.findings.extend(all_zero(planned.filter_map(|name| Some((name, ranges.get(name)?)))));
    finding::log_all(&plan.findings);
    Ok(plan)
}

/// Lists the tensors that `plan` quantizes and that have no range.
pub fn without_range(graph: &Graph, plan: &Plan, ranges: &Ranges) -> Vec<String> {
    let mut missing = taps(graph, plan, false);
    missing.retain(|name| ranges.get(name).is_none());
    missing
}

fn missing_ranges(graph: &Graph, wanted: &Plan, ranges: &Ranges) -> Option<Finding> {
    let missing = without_range(graph, wanted, ranges);
    (!missing.is_empty()).then(|| {
        let count = counted(missing.len(), "planned tensor");
        Finding::warning(format!("no range for {count}, so the nodes that read them stay in float"))
            .about(missing)
            .with_remedy("take the ranges of this very model, or calibrate it")
    })
}

fn unknown_ranges(graph: &Graph, ranges: &Ranges) -> Option<Finding> {
    let names = ranges.iter().map(|(name, _)| name);
    let unknown: Vec<&str> = names.filter(|name| graph.find(name).is_none()).collect();
    (!unknown.is_empty()).then(|| {
        let (count, all) = (unknown.len(), counted(ranges.len(), "range"));
        Finding::note(format!("{count} of {all} are for tensors that the model does not have")).about(unknown)
    })
}

/// Lists the names of the tensors to observe.
///
/// These are the tensors that the plan quantizes. With `every_activation`, they are all other activations
/// too, as a calibration cache needs them.
pub fn taps(graph: &Graph, plan: &Plan, every_activation: bool) -> Vec<String> {
    let mut wanted: BTreeSet<TensorId> = plan.taps().collect();
    if every_activation {
        let forms = Forms::of(graph);
        wanted.extend(graph.tensor_ids().filter(|&id| {
            let tensor = graph.tensor(id);
            tensor.kind != TensorKind::Constant && tensor.may_be_float() && forms.constant(id).is_none()
        }));
    }
    wanted.into_iter().map(|id| graph.tensor(id).name.clone()).collect()
}
