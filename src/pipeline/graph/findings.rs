//! Findings about ranges.

use std::collections::BTreeSet;

use crate::finding::{Finding, counted};
use crate::graph::Graph;
use crate::observe::{Stats, TensorStats};
use crate::place::Plan;
use crate::place::attention::MOST_KEYS;

/// Reports the ranges that are 0.
pub(super) fn all_zero<'a>(ranges: impl Iterator<Item = (&'a str, f32)>) -> Option<Finding> {
    let zeros: Vec<&str> = ranges.filter(|(_, amax)| *amax == 0.0).map(|(name, _)| name).collect();
    (!zeros.is_empty()).then(|| {
        let message =
            format!("nothing but 0 was seen in {}, for which the scale is 1", counted(zeros.len(), "tensor"));
        Finding::warning(message).about(zeros).with_remedy(
            "calibrate with data that reaches them: other values will be rounded to whole numbers",
        )
    })
}

/// Reports the planned tensors that have no range because no value of them was seen.
pub(super) fn never_seen(unseen: &BTreeSet<String>) -> Option<Finding> {
    (!unseen.is_empty()).then(|| {
        let count = counted(unseen.len(), "planned tensor");
        Finding::warning(format!("no value was seen of {count}, so the nodes that read them stay in float"))
            .about(unseen)
            .with_remedy("calibrate with samples that reach them, such as by taking the branch they lie in")
    })
}

/// Reports the attentions whose products are quantized although their number of keys is not known.
pub(super) fn open_attentions(graph: &Graph, plan: &Plan) -> Option<Finding> {
    let probabilities = plan.open_attentions().map(|found| graph.tensor(found.probabilities).name.as_str());
    let probabilities: Vec<&str> = probabilities.collect();
    (!probabilities.is_empty()).then(|| {
        let message = format!(
            "the number of keys of {} is not known, and their products are quantized as if it were at most {MOST_KEYS}",
            counted(probabilities.len(), "attention")
        );
        Finding::warning(message).about(probabilities).with_remedy(
            "calibrate anew for ranges that say it, or set the option attention: float above that number, int8 up to it",
        )
    })
}

/// Reports the ranges that are too small for a step of their own.
pub(super) fn too_small<'a>(ranges: impl Iterator<Item = (&'a str, f32)>) -> Option<Finding> {
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

/// Reports the tensors whose step their 16-bit type cannot hold.
pub(in crate::pipeline) fn not_held(tensors: &[&str]) -> Option<Finding> {
    (!tensors.is_empty()).then(|| {
        let message = format!(
            "the steps of {} are no normal numbers of their 16-bit type, so they are cast to f32 around Quantize and Dequantize",
            counted(tensors.len(), "tensor")
        );
        Finding::warning(message)
            .about(tensors.iter().copied())
            .with_remedy("scale the data up, or exclude the nodes that read it")
    })
}

/// Reports the tensors with NaN or infinities, in the order of the network.
///
/// The later ones may follow from the first.
pub(super) fn non_finite(graph: &Graph, stats: &Stats) -> Option<Finding> {
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
