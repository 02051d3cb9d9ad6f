//! The precision of Quantize and Dequantize, and of nodes that are not worth a Cast on either side.

use super::Precision;
use super::draft::Draft;
use crate::dtype::DataType;
use crate::graph::{Node, NodeId, TensorId, TensorKind};
use crate::place::existing::is_pair;
use crate::place::reasons::is_elementwise;
use crate::place::sharing;

impl Draft<'_> {
    /// Decides on Quantize and Dequantize: a Quantize has the type of the tensor that it reads, a Dequantize
    /// that of its readers.
    pub fn join_pairs(&mut self) {
        let graph = self.context.graph;
        for id in graph.node_ids() {
            let node = graph.node(id);
            if !is_pair(node) || self.decided[id.0].is_some() {
                continue;
            }
            if let Some(reason) = self.unheld_step(node) {
                self.decided[id.0] = Some((Precision::Float32, reason));
                self.unheld.push(id);
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
    /// The steps of stored weights around zero can be raised, since their numbers can be computed anew.
    pub fn unheld_step(&self, node: &Node) -> Option<String> {
        let (values, step) = (node.input(0)?, node.input(1)?);
        // A Quantize of a weight computes the integers when the engine is built.
        let quantize = self.context.graph.producer(values).filter(|maker| maker.is("QuantizeLinear"));
        let values = quantize.and_then(|maker| maker.input(0)).unwrap_or(values);
        let (stored, steps) = (self.context.graph.tensor(values), self.context.graph.tensor(step));
        let are_around_zero =
            matches!(stored.dtype, Some(DataType::I8 | DataType::I4 | DataType::F8E4M3 | DataType::F32));
        let can_be_raised = stored.is_given()
            && are_around_zero
            && (steps.rank().is_none_or(|rank| rank <= 1) || node.int("block_size", 0) > 0)
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
    pub fn remove_islands(&mut self) {
        let graph = self.context.graph;
        for id in graph.node_ids() {
            let node = graph.node(id);
            if self.decided[id.0].is_none() && !is_pair(node) && self.is_island(node) {
                let reason = "lies between float32 nodes: Casts would cost more than it saves";
                self.decided[id.0] = Some((Precision::Float32, reason.into()));
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
}
