//! The rules in their order.

use std::collections::BTreeSet;

use super::delicate::{self, Need};
use super::masks::{bounds, masks};
use super::positions::positions;
use super::{Evidence, Half, Limited, NodePrecision, Precision, PrecisionPlan, PrecisionPolicy};
use super::{Facts, guards, storage, types};
use crate::dtype::DataType;
use crate::error::Result;
use crate::finding::{Finding, counted};
use crate::graph::{Graph, Node, NodeId, TensorId, TensorKind};
use crate::place::reasons::is_elementwise;
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
    /// The constants whose numbers end at those of the 16-bit type.
    pub limited: BTreeSet<TensorId>,
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
    let (mut limited, on_mask) = masks(graph, evidence, policy.half);
    let masked = limited.len();
    limited.extend(bounds(graph, evidence, policy.half));
    let context = Context {
        graph,
        opset,
        half: policy.half,
        evidence,
        samples: samples.max(1),
        guarded: guards::guarded(graph),
        positions: positions(graph),
        on_mask,
        limited: limited.iter().map(|constant| constant.tensor).collect(),
    };
    let mut draft =
        Draft { context: &context, policy, decided: vec![None; graph.nodes.len()], forced: Vec::new() };
    graph.node_ids().for_each(|id| draft.judge(id));
    draft.join_pairs();
    draft.remove_islands();
    let forced = std::mem::take(&mut draft.forced);
    let nodes = draft.finish();
    let mut findings = findings(&context, &nodes, &limited[..masked]);
    findings.extend(against_the_rules(graph, &forced));
    Ok(PrecisionPlan { half: policy.half, half_io: policy.half_io, nodes, limited, findings })
}

struct Draft<'a> {
    context: &'a Context<'a>,
    policy: &'a PrecisionPolicy,
    /// The decisions so far. A node without one becomes 16-bit.
    decided: Vec<Option<(Precision, String)>>,
    /// The nodes that the user forced against the rules.
    forced: Vec<NodeId>,
}

impl Draft<'_> {
    fn judge(&mut self, id: NodeId) {
        let (context, node) = (self.context, self.context.graph.node(id));
        for input in types::precise_inputs(context, node) {
            self.keep_makers(input, Need::Exact, &node.name);
        }
        let float32 = |reason: String| Some((Precision::Float32, reason));
        let settled = types::settled(context, id);
        if self.policy.float32.matches(node) && settled.as_ref().is_none_or(|it| it.0 != Precision::Neither) {
            self.decided[id.0] = float32("kept in float32 by the user".into());
        } else if settled.is_some() {
            self.decided[id.0] = settled;
        } else if self.policy.forced.matches(node) {
            let reason = match self.refusal(id) {
                None => "forced into half precision by the user".to_owned(),
                Some(why) => {
                    self.forced.push(id);
                    format!("forced into half precision by the user, although it {why}")
                }
            };
            self.decided[id.0] = Some((Precision::Half, reason));
        } else if is_pair(node) {
            // Pairs follow the nodes around them.
        } else if let Some(reason) = self.refusal(id) {
            self.decided[id.0] = float32(reason);
        }
    }

    /// Returns the reason why a node stays in float32, and keeps the makers of what it needs.
    fn refusal(&mut self, id: NodeId) -> Option<String> {
        let (context, node) = (self.context, self.context.graph.node(id));
        let delicate = delicate::refusal(context, id);
        for &(tensor, need) in delicate.iter().flat_map(|refusal| &refusal.needs) {
            self.keep_makers(tensor, need, &node.name);
        }
        let mut around = node.inputs.iter().chain(&node.outputs).flatten();
        if around.any(|tensor| context.guarded[tensor.0]) {
            return Some("lies between Casts that the exporter wrote to keep it in float32".into());
        }
        let stored = || context.stored(node).find_map(|tensor| storage::refusal(context, tensor));
        delicate.map(|refusal| refusal.reason).or_else(stored)
    }

    /// Keeps the node that computes a tensor in float32, for the node `reader`.
    ///
    /// If that node only moves values or changes single ones, what it reads may have to stay as well.
    fn keep_makers(&mut self, tensor: TensorId, need: Need, reader: &str) {
        let graph = self.context.graph;
        let (mut pending, mut seen) = (vec![tensor], BTreeSet::from([tensor]));
        while let Some(tensor) = pending.pop() {
            let Some(maker) = graph.tensor(tensor).producer else { continue };
            let node = graph.node(maker);
            match self.decided[maker.0] {
                Some((Precision::Half, _)) => continue,
                Some(_) => {}
                None => {
                    let reason =
                        format!("makes '{}', which '{reader}' needs in float32", self.context.name(tensor));
                    self.decided[maker.0] = Some((Precision::Float32, reason));
                }
            }
            let moves = sharing::only_moves(node) || sharing::selects(node);
            let goes_on = |id: &TensorId| {
                graph.tensor(*id).dtype == Some(DataType::F32)
                    && (moves || carries(node, need) && need.reaches(self.context.evidence.get(*id)))
            };
            pending.extend(node.inputs.iter().flatten().filter(|id| goes_on(id) && seen.insert(**id)));
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
            && steps.rank().is_none_or(|rank| rank <= 1)
            && self.context.evidence.may_raise(step);
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
        let is_light = sharing::only_moves(node) || sharing::selects(node) || is_elementwise(node);
        let is_float32 = |id: NodeId| self.precision(id) == Precision::Float32 && !is_pair(graph.node(id));
        let is_made_float32 = |id: &TensorId| match graph.tensor(*id).producer {
            Some(maker) => is_float32(maker),
            None => !self.policy.half_io,
        };
        let made = |id: &&TensorId| is_float(id) && graph.tensor(**id).kind != TensorKind::Constant;
        let mut sources = node.inputs.iter().flatten().filter(made);
        let mut readers =
            node.outputs.iter().flatten().filter(is_float).flat_map(|id| &graph.tensor(*id).consumers);
        is_light
            && sources.clone().count() > 0
            && sources.all(is_made_float32)
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

/// Operators whose small results come from small inputs, element by element.
const KEEPS_SIZE: [&str; 14] = [
    "Abs",
    "Add",
    "Clip",
    "Div",
    "Identity",
    "LeakyRelu",
    "Max",
    "Min",
    "Mul",
    "Neg",
    "Relu",
    "Sub",
    "Sum",
    "Where",
];

/// Whether the errors of what a node reads matter for a need of its result.
fn carries(node: &Node, need: Need) -> bool {
    match need {
        Need::Exact => is_elementwise(node) || node.is("Softmax"),
        _ => KEEPS_SIZE.iter().any(|op| node.is(op)),
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
    if stored.is_empty() || is_pair(node) && known.is_empty() {
        return format!("its constants fit{inside}");
    }
    if known.is_empty() {
        return format!("nothing is known of its values{inside}");
    }
    let largest = known.iter().map(|facts| facts.largest).fold(0.0, f32::max);
    let some = if known.len() < stored.len() { ", as far as they are known" } else { "" };
    format!("its values fit, with a largest of {largest:.4e}{some}{inside}")
}

fn against_the_rules(graph: &Graph, forced: &[NodeId]) -> Option<Finding> {
    let names: Vec<&str> = forced.iter().map(|&id| &*graph.node(id).name).collect();
    (!names.is_empty()).then(|| {
        let count = counted(names.len(), "node");
        Finding::warning(format!(
            "{count} in half precision by your choice, against what is known of the values"
        ))
        .about(names)
        .with_remedy("compare the model with its float form on data")
    })
}

/// Returns the findings about masks, and about values of which nothing is known.
fn findings(context: &Context<'_>, nodes: &[NodePrecision], masks: &[Limited]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(Limited { lowest, .. }) = masks.first() {
        let what = format!(
            "masks end at {lowest}, the lowest number that {} can add: only a Softmax reads them, and its result is 0 as before",
            context.half
        );
        findings.push(Finding::note(what).about(masks.iter().map(|mask| context.name(mask.tensor))));
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
