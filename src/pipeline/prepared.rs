//! A model that is ready to be planned, and its further steps.

use std::sync::Arc;

use super::graph;
use crate::emit::Weights;
use crate::emit::qdq_model::{self, ReadyWeights};
use crate::emit::{Ranges, check_formats, check_trained, check_weights, scale, store_one_scale};
use crate::error::Result;
use crate::finding::Finding;
use crate::graph::Graph;
use crate::observe::Stats;
use crate::onnx::{Model, Network};
use crate::place::{Plan, Policy};
use crate::range::Method;

/// A model that is ready to be planned: its opset has per-channel Quantize/Dequantize.
///
/// [`super::prepare`] makes it. The methods take only plans of this very model.
#[derive(Clone)]
pub struct Prepared {
    pub(super) network: Network,
    /// The original opset of the model.
    pub original_opset: i64,
    /// The fixed inputs ([`Model::fix_input`]) that nothing reads any more. The model no longer has them.
    pub dropped_inputs: Vec<String>,
    /// Whether another tool's quantization that TensorRT refuses was made anew.
    ///
    /// Then the model is worth writing even if nothing is left to quantize.
    pub is_remade: bool,
    /// The findings about the model. They are logged once, and are part of every plan ([`Plan::findings`]).
    pub findings: Vec<Finding>,
}

impl Prepared {
    /// Returns the model in its prepared form.
    ///
    /// Its functions are inlined, the branches that always run replace their If, and its subgraphs are
    /// flattened.
    pub fn model(&self) -> &Model {
        &self.network.model
    }

    /// Returns the neutral view of the main graph.
    ///
    /// Tensors that follow from constants alone are constants there.
    pub fn graph(&self) -> &Arc<Graph> {
        &self.network.graph
    }

    /// Returns model and graph, with the positions of the graph's nodes in the model.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Plans the quantization, and logs the findings of the plan ([`Plan::findings`]).
    ///
    /// The planned weights are checked, so that a model that cannot be quantized is refused before any data
    /// is read.
    ///
    /// # Errors
    /// Those of [`place::plan`](crate::place::plan); `Data` if a weight is not finite; `Unsupported` if a
    /// format needs a higher opset.
    pub fn plan(&self, policy: &Policy) -> Result<Plan> {
        self.checked(graph::plan(self.graph(), policy)?)
    }

    /// Plans the quantization with existing ranges. A node without a range stays in float.
    ///
    /// The findings of the plan also report the nodes that stay in float for lack of a range, and the ranges
    /// that belong to no tensor.
    ///
    /// # Errors
    /// Those of [`Prepared::plan`]; `Data` if none of the ranges belongs to a tensor of the model, unless all
    /// formats are of weights alone, which need none.
    pub fn plan_for_ranges(&self, policy: &Policy, ranges: &Ranges) -> Result<Plan> {
        let mut plan = graph::plan_for_ranges(self.graph(), policy, ranges)?;
        plan.findings.extend(self.not_held(&plan, ranges));
        self.checked(plan)
    }

    /// Reports, and logs, the tensors whose pairs get casts because of their small steps.
    fn not_held(&self, plan: &Plan, ranges: &Ranges) -> Option<Finding> {
        let finding = graph::not_held(&scale::not_held(&self.network, plan, ranges))?;
        finding.log();
        Some(finding)
    }

    fn checked(&self, mut plan: Plan) -> Result<Plan> {
        check_formats(&plan, &Weights::default(), self.model().opset())?;
        check_weights(&self.network, &plan)?;
        plan.findings.extend_from_slice(&self.findings);
        Ok(plan)
    }

    /// Lists the names of the tensors to observe.
    ///
    /// These are the tensors that the plan quantizes and, with `every_activation`, all other activations too.
    pub fn taps(&self, plan: &Plan, every_activation: bool) -> Vec<String> {
        graph::taps(self.graph(), plan, every_activation)
    }

    /// Lists the tensors that `plan` quantizes and that have no range.
    pub fn without_range(&self, plan: &Plan, ranges: &Ranges) -> Vec<String> {
        graph::without_range(self.graph(), plan, ranges)
    }

    /// Computes the range of every observed tensor; see [`graph::ranges`].
    ///
    /// The findings of the ranges also report the tensors whose 16-bit type cannot hold their step
    /// ([`scale::not_held`]).
    ///
    /// # Errors
    /// Those of [`graph::ranges`].
    pub fn ranges(&self, plan: &Plan, stats: &Stats, method: Method) -> Result<Ranges> {
        let mut ranges = graph::ranges(self.graph(), plan, stats, method)?;
        ranges.findings.extend(self.not_held(plan, &ranges));
        Ok(ranges)
    }

    /// Returns the plan that follows from what calibration saw.
    ///
    /// The products of attentions with too many keys ([`Ranges::keys`]) stay in float. So do the readers of
    /// tensors that calibration saw no value of ([`Ranges::unseen`]).
    ///
    /// [`Prepared::quantize`] and [`Prepared::recover`] carry out only this plan.
    pub fn seen(&self, plan: &Plan, ranges: &Ranges) -> Plan {
        let plan = plan.with_keys(self.graph(), &ranges.keys);
        let unseen = ranges.unseen.iter().filter_map(|name| self.graph().find(name)).collect();
        plan.without(&plan.readers(&unseen), "no value of what it reads was seen in calibration")
    }

    /// Puts Quantize and Dequantize into the model.
    ///
    /// # Errors
    /// `Data` if a planned tensor has no range, or if a weight is not finite; those of [`check_trained`].
    pub fn quantize(&self, plan: &Plan, ranges: &Ranges, weights: &Weights) -> Result<Model> {
        check_trained(self.graph(), &self.seen(plan, ranges), weights)?;
        self.quantize_ready(plan, ranges, weights, &ReadyWeights::new())
    }

    /// Quantizes with weights that are already rounded, for models that are tried one after the other.
    pub(super) fn quantize_ready(
        &self,
        plan: &Plan,
        ranges: &Ranges,
        weights: &Weights,
        ready: &ReadyWeights,
    ) -> Result<Model> {
        let model =
            qdq_model::quantize_with(&self.network, &self.seen(plan, ranges), ranges, weights, ready)?;
        for_target(model, plan)?.nested()
    }
}

/// Gives a quantized model the form that the target of the plan needs.
pub(super) fn for_target(model: Model, plan: &Plan) -> Result<Model> {
    match plan.policy.target.rules().one_scale {
        [] => Ok(model),
        operators => store_one_scale(model, operators),
    }
}
