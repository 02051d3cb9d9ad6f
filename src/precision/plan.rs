//! The rules in their order.

use std::collections::BTreeSet;

use super::masks::masks;
use super::positions::positions;
use super::{Evidence, Half, NodePrecision, Precision, PrecisionPlan, PrecisionPolicy};
use super::{Facts, delicate, guards, storage, types};
use crate::dtype::DataType;
use crate::error::Result;
use crate::finding::{Finding, counted};
use crate::graph::{Graph, Node, NodeId, TensorId, TensorKind};
use crate::place::sharing;

/// What the rules read.
pub(super) struct Context<'a> {
    pub graph: &'a Graph,
    pub opset: i64,
    pub half: Half,
    pub evidence: &'a Evidence,
    /// The samples behind the counts of the evidence.
    pub samples: u64,
    /// The float32 tensors that an exporter guarded by a Cast.
    guarded: Vec<bool>,
    /// The tensors of positions.
    pub positions: Vec<bool>,
    /// The tensors between a mask and its Softmax.
    pub on_mask: BTreeSet<TensorId>,
}

impl Context<'_> {
    pub fn name(&self, tensor: TensorId) -> &str {
        &self.graph.tensor(tensor).name
    }

    /// Returns the facts of a constant; `None` for another tensor.
    pub fn constant(&self, tensor: TensorId) -> Option<&Facts> {
        self.evidence.get(tensor).filter(|_| self.graph.tensor(tensor).kind == TensorKind::Constant)
    }

    /// Iterates over the float32 inputs and outputs that become 16-bit if the node does.
    fn stored(&self, node: &Node) -> impl Iterator<Item = TensorId> {
        let half = self.half.dtype();
        let inputs = node.inputs.iter().enumerate();
        let inputs = inputs.filter(|(index, _)| types::input_is_half(node, *index, self.opset, half));
        let outputs = node.outputs.iter().enumerate();
        let outputs = outputs.filter(|(index, _)| types::output_is_half(node, *index, self.opset, half));
        let is_float = |id: &TensorId| self.graph.tensor(*id).dtype == Some(DataType::F32);
        let found: Vec<TensorId> =
            inputs.chain(outputs).filter_map(|(_, tensor)| *tensor).filter(is_float).collect();
        found.into_iter()
    }
}

/// Plans the precision of every node of a graph.
///
/// `opset` is the version of ONNX's operators that the graph uses, and `samples` the number of samples that
/// the evidence comes from.
///
/// # Errors
/// `InvalidArgument` if a pattern or operator of the policy matches no node.
pub fn plan(
    graph: &Graph,
    opset: i64,
    evidence: &Evidence,
    samples: u64,
    policy: &PrecisionPolicy,
) -> Result<PrecisionPlan> {
    policy.check(graph)?;
    let (masks, on_mask) = masks(graph, evidence, policy.half);
    let context = Context {
        graph,
        opset,
        half: policy.half,
        evidence,
        samples: samples.max(1),
        guarded: guards::guarded(graph),
        positions: positions(graph),
        on_mask,
    };
    let mut draft = Draft { context: &context, policy, decided: vec![None; graph.nodes.len()] };
    graph.node_ids().for_each(|id| draft.judge(id));
    draft.join_pairs();
    draft.remove_islands();
    let nodes = draft.finish();
    let findings = findings(&context, &nodes, &masks);
    Ok(PrecisionPlan { half: policy.half, half_io: policy.half_io, nodes, masks, findings })
}

struct Draft<'a> {
    context: &'a Context<'a>,
    policy: &'a PrecisionPolicy,
    /// The decisions so far. A node without one becomes 16-bit.
    decided: Vec<Option<(Precision, String)>>,
}

impl Draft<'_> {
    fn judge(&mut self, id: NodeId) {
        let (context, node) = (self.context, self.context.graph.node(id));
        let float32 = |reason: String| Some((Precision::Float32, reason));
        let settled = types::settled(context, id);
        if self.policy.float32.matches(node) && settled.as_ref().is_none_or(|it| it.0 != Precision::Neither) {
            self.decided[id.0] = float32("kept in float32 by the user".into());
        } else if settled.is_some() {
            self.decided[id.0] = settled;
        } else if self.policy.forced.matches(node) {
            self.decided[id.0] = Some((Precision::Half, "forced into half precision by the user".into()));
        } else if node.inputs.iter().chain(&node.outputs).flatten().any(|tensor| context.guarded[tensor.0]) {
            self.decided[id.0] = float32("a Cast of the exporter keeps it in float32".into());
        } else if is_pair(node) {
            // Pairs follow the nodes around them.
        } else if let Some(refusal) = delicate::refusal(context, id) {
            for &maker in &refusal.makers {
                self.keep_maker(maker, &node.name);
            }
            self.decided[id.0] = float32(refusal.reason);
        } else if let Some(reason) = context.stored(node).find_map(|tensor| storage::refusal(context, tensor))
        {
            self.decided[id.0] = float32(reason);
        }
    }

    /// Keeps the node that computes a tensor in float32, for the node `reader`.
    fn keep_maker(&mut self, tensor: TensorId, reader: &str) {
        let mut at = tensor;
        while let Some(maker) = self.context.graph.tensor(at).producer {
            let node = self.context.graph.node(maker);
            if !matches!(self.decided[maker.0], Some((Precision::Neither | Precision::Float32, _))) {
                let is_forced = matches!(self.decided[maker.0], Some((Precision::Half, _)));
                if is_forced {
                    return;
                }
                let reason = format!("makes '{}', which '{reader}' needs in float32", self.context.name(at));
                self.decided[maker.0] = Some((Precision::Float32, reason));
            }
            match node.input(0) {
                Some(before) if sharing::only_moves(node) || sharing::selects(node) => at = before,
                _ => return,
            }
        }
    }

    fn precision(&self, id: NodeId) -> Precision {
        self.decided[id.0].as_ref().map_or(Precision::Half, |(precision, _)| *precision)
    }

    /// Decides on Quantize and Dequantize: a Quantize has the type of the tensor that it reads, a Dequantize
    /// that of its readers.
    fn join_pairs(&mut self) {
        let graph = self.context.graph;
        for id in graph.node_ids() {
            let node = graph.node(id);
            if !is_pair(node) || self.decided[id.0].is_some() {
                continue;
            }
            if let Some(reason) = self.unheld_step(node) {
                self.decided[id.0] = Some((Precision::Float32, reason));
            } else if node.is("QuantizeLinear") {
                let maker = node.input(0).and_then(|input| graph.tensor(input).producer);
                if maker.is_some_and(|maker| self.precision(maker) == Precision::Float32) {
                    self.decided[id.0] = Some((Precision::Float32, "quantizes a float32 tensor".into()));
                }
            } else {
                let readers =
                    node.outputs.iter().flatten().flat_map(|&output| &graph.tensor(output).consumers);
                let mut precisions = readers.map(|edge| self.precision(edge.node));
                if precisions.clone().count() > 0 && !precisions.any(|precision| precision == Precision::Half)
                {
                    self.decided[id.0] = Some((Precision::Float32, "float32 nodes read it".into()));
                }
            }
        }
    }

    /// Returns the reason why the 16-bit type cannot hold the step of a pair.
    ///
    /// The steps of stored int8 weights can be raised, since their integers can be computed anew.
    fn unheld_step(&self, node: &Node) -> Option<String> {
        let (values, step) = (node.input(0)?, node.input(1)?);
        let (stored, steps) = (self.context.graph.tensor(values), self.context.graph.tensor(step));
        let can_be_raised = stored.kind == TensorKind::Constant
            && stored.producer.is_none()
            && matches!(stored.dtype, Some(DataType::I8 | DataType::F32))
            && steps.rank().is_none_or(|rank| rank <= 1);
        let facts = self.context.constant(step).filter(|_| !can_be_raised)?;
        let half = self.context.half;
        let is_held = !facts.reaches_below(half.smallest_normal()) && facts.largest <= half.largest();
        (!is_held).then(|| {
            let step = facts.smallest.unwrap_or_default();
            format!("its step {step:.4e} does not fit {half} with all its bits")
        })
    }

    /// Takes nodes that only move or change single elements back to float32 if all their neighbours are
    /// float32: each border would cost a Cast.
    fn remove_islands(&mut self) {
        let graph = self.context.graph;
        loop {
            let mut changed = false;
            for id in graph.node_ids() {
                let node = graph.node(id);
                if self.decided[id.0].is_none() && !is_pair(node) && self.is_island(node) {
                    let reason = "lies between float32 nodes: Casts would cost more than it saves";
                    self.decided[id.0] = Some((Precision::Float32, reason.into()));
                    changed = true;
                }
            }
            if !changed {
                return;
            }
        }
    }

    fn is_island(&self, node: &Node) -> bool {
        let graph = self.context.graph;
        let is_float = |id: &&TensorId| graph.tensor(**id).dtype == Some(DataType::F32);
        let is_light = sharing::only_moves(node)
            || sharing::selects(node)
            || crate::place::reasons::is_elementwise(node);
        let makers: Vec<NodeId> = node
            .inputs
            .iter()
            .flatten()
            .filter(is_float)
            .filter_map(|id| graph.tensor(*id).producer)
            .collect();
        let mut readers =
            node.outputs.iter().flatten().filter(is_float).flat_map(|id| &graph.tensor(*id).consumers);
        let is_float32 = |id: NodeId| self.precision(id) == Precision::Float32 && !is_pair(graph.node(id));
        is_light
            && !makers.is_empty()
            && makers.into_iter().all(is_float32)
            && readers.clone().count() > 0
            && readers.all(|edge| is_float32(edge.node))
    }

    fn finish(self) -> Vec<NodePrecision> {
        let context = self.context;
        let decided = context.graph.node_ids().zip(self.decided);
        let nodes = decided.map(|(node, decided)| {
            let (precision, reason) =
                decided.unwrap_or_else(|| (Precision::Half, well_stored(context, context.graph.node(node))));
            NodePrecision { node, precision, reason }
        });
        nodes.collect()
    }
}

fn is_pair(node: &Node) -> bool {
    node.is("QuantizeLinear") || node.is("DequantizeLinear")
}

/// Returns the reason why a node may compute in 16 bits.
fn well_stored(context: &Context<'_>, node: &Node) -> String {
    let inside = match &*node.op {
        "LayerNormalization" | "GroupNormalization" => ", and it sums in float32 inside",
        "Softmax" | "LogSoftmax" => ", and it subtracts the largest first",
        _ => "",
    };
    let stored: Vec<TensorId> =
        context.stored(node).filter(|&id| context.graph.tensor(id).kind != TensorKind::Constant).collect();
    let known: Vec<&Facts> = stored.iter().filter_map(|&id| context.evidence.get(id)).collect();
    if known.is_empty() && !stored.is_empty() {
        return format!("nothing is known of its values{inside}");
    }
    let largest = known.iter().map(|facts| facts.largest).fold(0.0, f32::max);
    let some = if known.len() < stored.len() { ", as far as they are known" } else { "" };
    format!("its values fit, with a largest of {largest:.4e}{some}{inside}")
}

/// Returns the findings about masks, and about values of which nothing is known.
fn findings(context: &Context<'_>, nodes: &[NodePrecision], masks: &[(TensorId, f32)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some((_, lowest)) = masks.first() {
        let what = format!(
            "masks end at {lowest}, the lowest number that {} can add: only a Softmax reads them, and its result is 0 as before",
            context.half
        );
        findings.push(Finding::note(what).about(masks.iter().map(|(id, _)| context.name(*id))));
    }
    let is_unknown = |node: &&NodePrecision| {
        let mut stored = context.stored(context.graph.node(node.node));
        let is_activation = |id: TensorId| context.graph.tensor(id).kind == TensorKind::Activation;
        node.precision == Precision::Half
            && stored.any(|id| is_activation(id) && context.evidence.get(id).is_none())
    };
    let unknown: Vec<&str> =
        nodes.iter().filter(is_unknown).map(|node| &*context.graph.node(node.node).name).collect();
    if !unknown.is_empty() {
        let what = format!(
            "{} of half precision, of whose values nothing tells if they fit",
            counted(unknown.len(), "node")
        );
        findings.push(
            Finding::warning(what)
                .about(unknown)
                .with_remedy("calibrate with data or give statistics, or keep nodes in float32"),
        );
    }
    findings
}
