//! The input of the rules, and questions that several of them ask.

use std::collections::BTreeSet;

use super::{Evidence, Facts, Half, io};
use crate::dtype::DataType;
use crate::graph::{Graph, Node, TensorId, TensorKind};

/// The input of the rules.
pub(super) struct Context<'a> {
    pub graph: &'a Graph,
    pub opset: i64,
    pub half: Half,
    pub evidence: &'a Evidence,
    /// The samples behind the counts of the evidence.
    pub samples: u64,
    /// The float32 tensors that an exporter guarded by a Cast.
    pub guarded: Vec<bool>,
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
    pub fn stored<'s>(&'s self, node: &'s Node) -> impl Iterator<Item = TensorId> + 's {
        let half = self.half.dtype();
        let inputs = node.inputs.iter().enumerate();
        let inputs = inputs.filter(move |(index, _)| io::input_is_half(node, *index, self.opset, half));
        let outputs = node.outputs.iter().enumerate();
        let outputs = outputs.filter(move |(index, _)| io::output_is_half(node, *index, self.opset, half));
        let all = inputs.chain(outputs).filter_map(|(_, tensor)| *tensor);
        all.filter(|&id| self.graph.tensor(id).dtype == Some(DataType::F32))
    }
}
