//! The rules for single nodes, in their order.

use std::collections::BTreeSet;

use super::context::Context;
use super::delicate::{self, Need};
use super::findings::well_stored;
use super::{NodePrecision, Precision, PrecisionPolicy, storage, types};
use crate::dtype::DataType;
use crate::graph::{Node, NodeId, TensorId};
use crate::place::existing::is_pair;
use crate::place::reasons::is_elementwise;
use crate::place::sharing;

/// The decisions so far.
pub(super) struct Draft<'a> {
    pub context: &'a Context<'a>,
    pub policy: &'a PrecisionPolicy,
    /// The decision on each node. A node without one becomes 16-bit.
    pub decided: Vec<Option<(Precision, String)>>,
    /// The tensors whose makers were kept already, for each kind of need that is the same everywhere. So no
    /// part of the graph is walked again for every reader.
    pub walked: [BTreeSet<TensorId>; Need::KINDS],
    /// The nodes that the user forced against the rules.
    pub forced: Vec<NodeId>,
    /// The nodes that the user named for half precision and that have no 16-bit form.
    pub refused: Vec<NodeId>,
    /// The pairs whose step the 16-bit type cannot hold.
    pub unheld: Vec<NodeId>,
}

impl<'a> Draft<'a> {
    pub fn new(context: &'a Context<'a>, policy: &'a PrecisionPolicy) -> Self {
        let decided = vec![None; context.graph.nodes.len()];
        Self {
            context,
            policy,
            decided,
            walked: Default::default(),
            forced: Vec::new(),
            refused: Vec::new(),
            unheld: Vec::new(),
        }
    }
}

impl Draft<'_> {
    pub fn judge(&mut self, id: NodeId) {
        let (context, node) = (self.context, self.context.graph.node(id));
        for input in types::precise_inputs(context, node) {
            self.keep_makers(input, Need::Exact, &node.name);
        }
        if let Some(input) = types::uncast_input(node) {
            self.keep_makers(input, Need::Type, &node.name);
        }
        let float32 = |reason: String| Some((Precision::Float32, reason));
        let settled = types::settled(context, id);
        if self.policy.float32.matches(node) && settled.as_ref().is_none_or(|it| it.0 != Precision::Neither) {
            // The values that it needs stay with it, as with every node in float32.
            self.refusal(id);
            self.decided[id.0] = float32("kept in float32 by the user".into());
        } else if settled.is_some() {
            let is_refused = settled.as_ref().is_some_and(|it| it.0 == Precision::Float32);
            if is_refused && self.policy.forced.names.contains(&node.name) {
                self.refused.push(id);
            }
            self.decided[id.0] = settled;
        } else if is_pair(node) && self.policy.forced.matches(node) && self.unheld_step(node).is_some() {
            // The rules for pairs keep it in float32: another step would give other integers.
            self.refused.push(id);
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
        let mut own = BTreeSet::new();
        let mut pending = vec![tensor];
        while let Some(tensor) = pending.pop() {
            let walked = need.kind().map_or(&mut own, |kind| &mut self.walked[kind]);
            if !walked.insert(tensor) {
                continue;
            }
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
                    && (moves
                        || carries(node, need)
                            && need.reaches(self.context.half, self.context.evidence.get(*id)))
            };
            pending.extend(node.inputs.iter().flatten().filter(|id| goes_on(id)));
        }
    }

    pub fn precision(&self, id: NodeId) -> Precision {
        self.decided[id.0].as_ref().map_or(Precision::Half, |(precision, _)| *precision)
    }

    pub fn finish(self) -> Vec<NodePrecision> {
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
pub(super) const KEEPS_SIZE: [&str; 14] = [
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
