//! Ranges of a graph's tensors from statistics.

use std::collections::BTreeMap;

use super::findings::{all_zero, never_seen, non_finite, open_attentions, too_small};
use crate::dtype::DataType;
use crate::emit::Ranges;
use crate::error::{Error, ErrorKind, Result};
use crate::finding::{self, Finding};
use crate::graph::Graph;
use crate::observe::{Stats, TensorStats};
use crate::place::{Format, Plan};
use crate::range::{self, Method, Target};

/// Computes the range of every observed tensor, in the order of the network.
///
/// Tensors that share a scale get one range from their combined statistics. The findings of the ranges, which
/// are logged, report the values that the statistics leave out. They also report planned tensors of which no
/// value was seen, as in a branch that no sample takes. [`Prepared::seen`](crate::pipeline::Prepared::seen)
/// leaves out the readers of such tensors.
///
/// # Errors
/// `Data` if a planned tensor was not observed or holds no finite number, or if no value of any tensor was
/// seen. The message names the tensor.
pub fn ranges(graph: &Graph, plan: &Plan, stats: &Stats, method: Method) -> Result<Ranges> {
    let amax = |name: &str, stats: &TensorStats, format: Format| {
        amax(stats, method, format).map_err(|error| of_tensor(name, error))
    };
    let mut ranges = Ranges::new(method.to_string());
    ranges.findings.extend(non_finite(graph, stats));
    // This is logged before a tensor that has only such values becomes an error.
    finding::log_all(&ranges.findings);
    let mut planned = BTreeMap::new();
    let mut unseen = Vec::new();
    let formats: BTreeMap<usize, Format> =
        plan.activations.iter().map(|planned| (planned.group, planned.format)).collect();
    for (number, group) in plan.groups.iter().enumerate() {
        let format = formats.get(&number).copied().unwrap_or_default();
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
        let shared = amax(&graph.tensor(group[0]).name, &together, format)?;
        for &member in group {
            // A tensor in two formats has one range, the wider one.
            let range: &mut f32 = planned.entry(graph.tensor(member).name.as_str()).or_default();
            *range = range.max(shared);
        }
    }
    if let Some(group) = unseen.first().filter(|_| planned.is_empty()) {
        amax(&graph.tensor(group[0]).name, &TensorStats::new(), Format::default())?;
    }
    ranges.unseen = unseen.into_iter().flatten().map(|&member| graph.tensor(member).name.clone()).collect();
    let known = graph.tensors.iter().map(|tensor| tensor.name.as_str());
    let unknown = stats.tensors.keys().map(String::as_str).filter(|name| graph.find(name).is_none());
    for name in known.chain(unknown) {
        if let Some(&amax) = planned.get(name) {
            ranges.set(name, amax)?;
        } else if let Some(stats) = stats.tensors.get(name).filter(|stats| stats.abs_max().is_some()) {
            ranges.set(name, amax(name, stats, Format::default())?)?;
        }
    }
    ranges.keys.clone_from(&stats.keys);
    let degenerate: Vec<Finding> = never_seen(&ranges.unseen)
        .into_iter()
        .chain(all_zero(ranges.iter()))
        .chain(too_small(ranges.iter()))
        .chain(open_attentions(graph, &plan.with_keys(graph, &ranges.keys)))
        .collect();
    finding::log_all(&degenerate);
    ranges.findings.extend(degenerate);
    Ok(ranges)
}

/// Computes the range of a tensor for numbers of a format.
///
/// # Errors
/// Those of [`range::compute`] and [`range::compute_e4m3`].
pub fn amax(stats: &TensorStats, method: Method, format: Format) -> Result<f32> {
    match format.rules().element {
        DataType::F8E4M3 => range::compute_e4m3(stats, method),
        _ => range::compute(stats, method, Target::default()),
    }
}

/// Refuses a method that a format of the plan does not have, before data is read.
///
/// # Errors
/// `Unsupported` for entropy with 8-bit floats.
pub fn check_method(plan: &Plan, method: Method) -> Result<()> {
    let is_e4m3 = |format: Format| format.rules().element == DataType::F8E4M3;
    match plan.activations.iter().find(|planned| is_e4m3(planned.format)) {
        Some(_) => method.check_e4m3(),
        None => Ok(()),
    }
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

/// Returns the error of a tensor for which no range can be computed.
pub(in crate::pipeline) fn of_tensor(name: &str, error: Error) -> Error {
    Error::new(error.kind(), format!("tensor '{name}': no range can be computed")).with_source(error)
}
