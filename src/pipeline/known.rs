//! The plan of precision by the values that are known.

use std::collections::{BTreeMap, BTreeSet};

use crate::dtype::DataType;
use crate::emit::Ranges;
use crate::finding::Finding;
use crate::graph::{Graph, TensorId};
use crate::observe::{Stats, TensorStats};
use crate::precision::{self, Evidence, Facts, Precision, PrecisionPlan, PrecisionPolicy};

/// The opset at which convolutions and pooling take bf16.
pub const BF16_OPSET: i64 = 22;

/// The known values of the activations of a model.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// Statistics, if there are any.
    pub stats: Option<&'a Stats>,
    /// Ranges, from which the largest magnitudes follow.
    pub ranges: Option<&'a Ranges>,
}

/// The known values of the constants of a graph.
pub(super) struct Constants {
    /// The facts about float32 constants.
    pub facts: BTreeMap<TensorId, Facts>,
    /// For steps that the 16-bit type cannot hold, the share of the weight's energy in the channels whose
    /// steps would be raised.
    pub raised: BTreeMap<TensorId, f64>,
    /// The constants that no file stores.
    pub fixed: BTreeSet<TensorId>,
}

/// Plans the precision of a graph by what is known of its values.
pub(super) fn plan_by(
    graph: &Graph,
    opset: i64,
    constants: Constants,
    known: Known<'_>,
    policy: &PrecisionPolicy,
) -> PrecisionPlan {
    let stats = |id: TensorId| -> Option<&TensorStats> {
        let tensor = graph.tensor(id);
        known.stats?.tensors.get(&tensor.name).filter(|_| tensor.dtype == Some(DataType::F32))
    };
    let Constants { mut facts, raised, fixed } = constants;
    for id in graph.tensor_ids().filter(|&id| graph.tensor(id).dtype == Some(DataType::F32)) {
        if let Some(amax) = known.ranges.and_then(|ranges| ranges.get(&graph.tensor(id).name)) {
            facts.entry(id).or_insert_with(|| Facts::of_largest(amax));
        }
    }
    let evidence = Evidence::collect(graph, policy.half, &stats, facts).with_raised(raised).with_fixed(fixed);
    let samples = known.stats.map_or(1, |stats| stats.samples);
    let mut plan = precision::plan(graph, opset, &evidence, samples, policy);
    plan.findings.extend(by_ranges_alone(known, &plan));
    plan
}

/// Returns the finding about a plan that ranges alone decide: they tell nothing of small values.
fn by_ranges_alone(known: Known<'_>, plan: &PrecisionPlan) -> Option<Finding> {
    let is_alone = known.stats.is_none()
        && known.ranges.is_some_and(|ranges| !ranges.is_empty())
        && plan.count(Precision::Half) > 0;
    is_alone.then(|| {
        Finding::note(format!(
            "only the largest values are known, from ranges: nothing tells what {} does to small ones",
            plan.half
        ))
        .with_remedy("calibrate with data or give statistics")
    })
}
