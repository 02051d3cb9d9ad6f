//! The whole way from a model and data to files, in steps that a program can take one by one.
//!
//! [`prepare`] → [`plan`] → [`calibrate`] → [`ranges`] → [`quantize`]. The command-line tool is a thin layer
//! over these functions; each of them is pure but for the runtime that runs the model.

mod calibrate;
mod compare;
mod compared;
mod filled;
mod fixed;
mod folded;
mod prepare;
mod recover;
mod symmetric;

use std::collections::{BTreeMap, BTreeSet};

use crate::emit::check_weights;
use crate::emit::qdq_model::{self, Weights};
use crate::emit::ranges::Ranges;
use crate::error::{Error, ErrorKind, Result};
use crate::finding::{self, Finding, counted};
use crate::graph::{Graph, TensorId, TensorKind};
use crate::observe::{Stats, TensorStats};
use crate::onnx::Model;
use crate::place::ops::Forms;
use crate::place::{self, Plan, Policy};
use crate::range::{self, Method, Target};

pub use calibrate::{Progress, calibrate, calibrate_plan};
pub use compare::compare;
pub use compared::CompareOptions;
pub use fixed::fix_as_made;
pub use prepare::{Prepared, prepare};
pub use recover::{Passes, Recovered, check_recovery, recover};

/// The opset from which QuantizeLinear and DequantizeLinear have an axis.
pub const QDQ_OPSET: i64 = 13;

/// Decides what is quantized, looks at the weights among it, so that a model that cannot be quantized is
/// refused before any data is read, and logs what the user must know of the plan ([`Plan::findings`]).
///
/// # Errors
/// As [`place::plan`], and `Data` where a weight is not finite.
pub fn plan(prepared: &Prepared, policy: &Policy) -> Result<Plan> {
    let mut plan = plan_graph(&prepared.graph, policy)?;
    check_weights(&prepared.model, &prepared.graph, &plan)?;
    plan.findings.extend_from_slice(&prepared.findings);
    Ok(plan)
}

/// The same for a network that is no ONNX model.
///
/// # Errors
/// As [`place::plan`].
pub fn plan_graph(graph: &Graph, policy: &Policy) -> Result<Plan> {
    let plan = place::plan(graph, policy)?;
    finding::log_all(&plan.findings);
    Ok(plan)
}

/// Decides what is quantized with ranges that exist already: a node whose range is missing stays in float.
/// What is left in float for want of a range, and the ranges that belong to no tensor, are findings of the
/// plan, which are logged.
///
/// # Errors
/// `Data` where not one of the ranges belongs to a tensor of the model; as [`place::plan`].
pub fn plan_for_ranges(graph: &Graph, policy: &Policy, ranges: &Ranges) -> Result<Plan> {
    let known: BTreeSet<String> = ranges
        .iter()
        .map(|(name, _)| name)
        .filter(|name| graph.find(name).is_some())
        .map(str::to_owned)
        .collect();
    if known.is_empty() {
        return Err(Error::new(ErrorKind::Data, "none of the ranges belongs to a tensor of the model")
            .with_remedy("take the ranges of this very model; exporters rename tensors"));
    }
    let wanted = place::plan(graph, &Policy { min_quantized: 0.0, ..policy.clone() })?;
    let mut plan = place::plan(graph, &Policy { ranged: Some(known), ..policy.clone() })?;
    plan.findings.extend(missing_ranges(graph, &wanted, ranges));
    plan.findings.extend(unknown_ranges(graph, ranges));
    let planned = plan.taps().map(|tensor| graph.tensor(tensor).name.as_str());
    plan.findings.extend(all_zero(planned.filter_map(|name| Some((name, ranges.get(name)?)))));
    finding::log_all(&plan.findings);
    Ok(plan)
}

/// The tensors that `plan` quantizes and that have no range.
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

/// The names of the tensors to observe: those that the plan quantizes and, with `every_activation`, all other
/// activations too, as a calibration cache needs them.
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

/// Computes the range of every observed tensor, in the order of the network. Tensors that share a scale get
/// one range from their statistics together. What was left out of the statistics is a finding of the ranges,
/// which is logged; and so are planned tensors of which no value was seen, as in a branch that no sample
/// takes: [`seen`] leaves out what reads them.
///
/// # Errors
/// `Data`, naming the tensor, where a planned tensor was not observed or holds no finite number, or no value
/// of any was seen.
pub fn ranges(graph: &Graph, plan: &Plan, stats: &Stats, method: Method) -> Result<Ranges> {
    let amax = |name: &str, stats: &TensorStats| {
        range::compute(stats, method, Target::default()).map_err(|error| of_tensor(name, error))
    };
    let mut ranges = Ranges::new(method.to_string());
    ranges.findings.extend(non_finite(graph, stats));
    // Said before a tensor that has nothing but such values is an error.
    finding::log_all(&ranges.findings);
    let mut planned = BTreeMap::new();
    let mut unseen = Vec::new();
    for group in &plan.groups {
        let mut together = TensorStats::new();
        for &member in group {
            let name = &graph.tensor(member).name;
            let found = stats.tensors.get(name).ok_or_else(|| never_observed(name))?;
            together.merge(found);
        }
        if together.count() == 0 {
            unseen.push(group);
            continue;
        }
        let shared = amax(&graph.tensor(group[0]).name, &together)?;
        planned.extend(group.iter().map(|&member| (graph.tensor(member).name.as_str(), shared)));
    }
    if let Some(group) = unseen.first().filter(|_| planned.is_empty()) {
        amax(&graph.tensor(group[0]).name, &TensorStats::new())?;
    }
    ranges.unseen = unseen.into_iter().flatten().map(|&member| graph.tensor(member).name.clone()).collect();
    let known = graph.tensors.iter().map(|tensor| tensor.name.as_str());
    let unknown = stats.tensors.keys().map(String::as_str).filter(|name| graph.find(name).is_none());
    for name in known.chain(unknown) {
        if let Some(&amax) = planned.get(name) {
            ranges.set(name, amax)?;
        } else if let Some(stats) = stats.tensors.get(name).filter(|stats| stats.abs_max().is_some()) {
            ranges.set(name, amax(name, stats)?)?;
        }
    }
    let degenerate: Vec<Finding> = never_seen(&ranges.unseen)
        .into_iter()
        .chain(all_zero(ranges.iter()))
        .chain(too_small(ranges.iter()))
        .collect();
    finding::log_all(&degenerate);
    ranges.findings.extend(degenerate);
    Ok(ranges)
}

/// Says which planned tensors have no range because nothing was seen of them.
fn never_seen(unseen: &BTreeSet<String>) -> Option<Finding> {
    (!unseen.is_empty()).then(|| {
        let count = counted(unseen.len(), "planned tensor");
        Finding::warning(format!("no value was seen of {count}, so the nodes that read them stay in float"))
            .about(unseen)
            .with_remedy("calibrate with samples that reach them, such as by taking the branch they lie in")
    })
}

/// The plan without what reads a tensor that calibration saw no value of ([`Ranges::unseen`]). [`quantize`]
/// and [`recover`] carry out no more than this.
pub fn seen(graph: &Graph, plan: &Plan, ranges: &Ranges) -> Plan {
    let unseen = ranges.unseen.iter().filter_map(|name| graph.find(name)).collect();
    plan.without(&plan.readers(&unseen), "no value of what it reads was seen in calibration")
}

/// Says which of these ranges are 0.
fn all_zero<'a>(ranges: impl Iterator<Item = (&'a str, f32)>) -> Option<Finding> {
    let zeros: Vec<&str> = ranges.filter(|(_, amax)| *amax == 0.0).map(|(name, _)| name).collect();
    (!zeros.is_empty()).then(|| {
        let message =
            format!("nothing but 0 was seen in {}, for which the scale is 1", counted(zeros.len(), "tensor"));
        Finding::warning(message).about(zeros).with_remedy(
            "calibrate with data that reaches them: other values will be rounded to whole numbers",
        )
    })
}

/// Says which of these ranges are so small that their step is not their own.
fn too_small<'a>(ranges: impl Iterator<Item = (&'a str, f32)>) -> Option<Finding> {
    let is_small = |amax: f32| amax > 0.0 && amax / 127.0 < f32::MIN_POSITIVE;
    let small: Vec<&str> = ranges.filter(|(_, amax)| is_small(*amax)).map(|(name, _)| name).collect();
    (!small.is_empty()).then(|| {
        let message = format!(
            "the range of {} is too small for a step of its own, which would be subnormal: the step is 2^-126",
            counted(small.len(), "tensor")
        );
        Finding::warning(message).about(small).with_remedy("scale the data up, or exclude the nodes that read it")
    })
}

/// Says which tensors held NaN or infinities, in the order of the network: what comes later may follow from
/// the first.
fn non_finite(graph: &Graph, stats: &Stats) -> Option<Finding> {
    let names = graph.tensors.iter().map(|tensor| tensor.name.as_str());
    let found = names.filter_map(|name| Some((name, stats.tensors.get(name)?)));
    let found: Vec<(&str, &TensorStats)> =
        found.filter(|(_, stats)| stats.nans() > 0 || stats.infinities() > 0).collect();
    let (_, first) = found.first()?;
    let message = format!(
        "ranges leave out values that are NaN or infinite, in {} ({} NaN, {} infinite of {} in the first)",
        counted(found.len(), "tensor"),
        first.nans(),
        first.infinities(),
        first.count()
    );
    Some(
        Finding::warning(message).about(found.iter().map(|(name, _)| *name)).with_remedy(
            "look for the sample or the node that makes them: the network may do so in use as well",
        ),
    )
}

fn never_observed(name: &str) -> Error {
    Error::new(
        ErrorKind::Data,
        format!("tensor '{name}' is to be quantized but the statistics do not hold it"),
    )
    .with_remedy(
        "calibrate this model with the same nodes included and excluded, or exclude the nodes that read it",
    )
}

fn of_tensor(name: &str, error: Error) -> Error {
    Error::new(error.kind(), format!("tensor '{name}': no range can be computed")).with_source(error)
}

/// Puts Quantize and Dequantize into the model.
///
/// # Errors
/// `Data` where a planned tensor has no range, or a weight is not finite.
pub fn quantize(prepared: &Prepared, plan: &Plan, ranges: &Ranges, weights: Weights) -> Result<Model> {
    let Prepared { model, graph, index, .. } = prepared;
    qdq_model::quantize(model, graph, index, &seen(graph, plan, ranges), ranges, weights)?.nested()
}
