//! A model that is ready to be planned, with the steps that it goes through.

use std::sync::Arc;

use super::graph;
use crate::emit::qdq_model::{self, Weights};
use crate::emit::{Ranges, check_weights};
use crate::error::Result;
use crate::finding::Finding;
use crate::graph::Graph;
use crate::observe::Stats;
use crate::onnx::{Model, Network};
use crate::place::{Plan, Policy};
use crate::range::Method;

/// A model that is ready to be planned: its opset has per-channel Quantize/Dequantize. [`super::prepare`]
/// makes it. Plans that a method takes are those of this very model.
#[derive(Clone)]
pub struct Prepared {
    pub(super) network: Network,
    /// The opset that the model came with.
    pub original_opset: i64,
    /// The inputs whose value is fixed ([`Model::fix_input`]) and which nothing reads any more: the model has
    /// them no more.
    pub dropped_inputs: Vec<String>,
    /// Whether another tool's quantization that TensorRT refuses was made anew, so that the model is worth
    /// writing though nothing of it may be left to quantize.
    pub is_remade: bool,
    /// What the user must know of it; logged once, and part of every plan ([`Plan::findings`]).
    pub findings: Vec<Finding>,
}

impl Prepared {
    /// The model, with its functions and the branches that always run put in where they are called, and its
    /// subgraphs laid flat.
    pub fn model(&self) -> &Model {
        &self.network.model
    }

    /// The neutral view of its main graph. What follows from constants alone is a constant there.
    pub fn graph(&self) -> &Arc<Graph> {
        &self.network.graph
    }

    /// Both, with the way from the graph's nodes to the model's.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Decides what is quantized, looks at the weights among it, so that a model that cannot be quantized is
    /// refused before any data is read, and logs what the user must know of the plan ([`Plan::findings`]).
    ///
    /// # Errors
    /// As [`place::plan`](crate::place::plan), and `Data` where a weight is not finite.
    pub fn plan(&self, policy: &Policy) -> Result<Plan> {
        self.checked(graph::plan(self.graph(), policy)?)
    }

    /// The same with ranges that exist already: a node whose range is missing stays in float. What is left in
    /// float for want of a range, and the ranges that belong to no tensor, are findings of the plan too.
    ///
    /// # Errors
    /// As [`Prepared::plan`], and `Data` where not one of the ranges belongs to a tensor of the model.
    pub fn plan_for_ranges(&self, policy: &Policy, ranges: &Ranges) -> Result<Plan> {
        self.checked(graph::plan_for_ranges(self.graph(), policy, ranges)?)
    }

    fn checked(&self, mut plan: Plan) -> Result<Plan> {
        check_weights(&self.network, &plan)?;
        plan.findings.extend_from_slice(&self.findings);
        Ok(plan)
    }

    /// The names of the tensors to observe: those that the plan quantizes and, with `every_activation`, all
    /// other activations too.
    pub fn taps(&self, plan: &Plan, every_activation: bool) -> Vec<String> {
        graph::taps(self.graph(), plan, every_activation)
    }

    /// The tensors that `plan` quantizes and that have no range.
    pub fn without_range(&self, plan: &Plan, ranges: &Ranges) -> Vec<String> {
        graph::without_range(self.graph(), plan, ranges)
    }

    /// Computes the range of every observed tensor; see [`graph::ranges`].
    ///
    /// # Errors
    /// Those of [`graph::ranges`].
    pub fn ranges(&self, plan: &Plan, stats: &Stats, method: Method) -> Result<Ranges> {
        graph::ranges(self.graph(), plan, stats, method)
    }

    /// The plan without what reads a tensor that calibration saw no value of ([`Ranges::unseen`]).
    /// [`Prepared::quantize`] and [`Prepared::recover`] carry out no more than this.
    pub fn seen(&self, plan: &Plan, ranges: &Ranges) -> Plan {
        let unseen = ranges.unseen.iter().filter_map(|name| self.graph().find(name)).collect();
        plan.without(&plan.readers(&unseen), "no value of what it reads was seen in calibration")
    }

    /// Puts Quantize and Dequantize into the model.
    ///
    /// # Errors
    /// `Data` where a planned tensor has no range, or a weight is not finite.
    pub fn quantize(&self, plan: &Plan, ranges: &Ranges, weights: &Weights) -> Result<Model> {
        qdq_model::quantize(&self.network, &self.seen(plan, ranges), ranges, weights)?.nested()
    }
}
