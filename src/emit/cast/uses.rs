//! The types in which the readers of a tensor want it.

use crate::dtype::DataType;
use crate::graph::{Edge, Node, NodeId, TensorId, TensorKind};
use crate::onnx::Network;
use crate::precision::{Precision, PrecisionPlan, input_is_half, output_is_half};

/// The uses of a float32 tensor.
#[derive(Default)]
pub(super) struct Uses {
    /// Uses that read 16 bits.
    pub half: Vec<Edge>,
    /// Uses that read float32.
    pub float32: Vec<Edge>,
    /// Uses that take any type: Shape, and Casts to other types. They read float32 if there is a float32
    /// form.
    pub others: Vec<Edge>,
    /// Nodes whose subgraphs read the tensor, in float32.
    pub captures: Vec<NodeId>,
    /// Casts to the 16-bit type that the 16-bit form of the tensor replaces.
    pub casts: Vec<NodeId>,
    /// Whether the tensor is an output of the model.
    pub is_output: bool,
}

impl Uses {
    /// Collects the uses of tensor `id`.
    pub fn of(network: &Network, plan: &PrecisionPlan, id: TensorId, captures: Vec<NodeId>) -> Self {
        let graph = &network.graph;
        let tensor = graph.tensor(id);
        let mut uses = Self { is_output: tensor.is_output, captures, ..Self::default() };
        for &edge in &tensor.consumers {
            let node = graph.node(edge.node);
            if let Some(output) = cast_to_other(network, node) {
                let found = graph.tensor(output);
                if found.dtype == Some(plan.half.dtype()) && !found.is_output {
                    uses.casts.push(edge.node);
                } else {
                    uses.others.push(edge);
                }
            } else if ["Shape", "Size"].iter().any(|op| node.is(op)) {
                uses.others.push(edge);
            } else if plan.of(edge.node) == Precision::Half
                && input_is_half(node, edge.input, network.model.opset(), plan.half.dtype())
            {
                uses.half.push(edge);
            } else {
                uses.float32.push(edge);
            }
        }
        uses
    }

    /// Whether anything reads the tensor's float32 form, the model's outputs included.
    pub fn keeps_float32(&self) -> bool {
        self.needs_float32() || self.is_output || !self.others.is_empty()
    }

    /// Whether anything beside the model's outputs reads float32.
    pub fn needs_float32(&self) -> bool {
        !self.float32.is_empty() || !self.captures.is_empty()
    }
}

/// Returns the output of a Cast to another type than float32.
fn cast_to_other(network: &Network, node: &Node) -> Option<TensorId> {
    let output = node.output(0).filter(|_| node.is("Cast"))?;
    (network.graph.tensor(output).dtype != Some(DataType::F32)).then_some(output)
}

/// Whether the plan stores a tensor in 16 bits: its maker computes it so.
pub(super) fn is_stored_half(network: &Network, plan: &PrecisionPlan, id: TensorId) -> bool {
    let tensor = network.graph.tensor(id);
    let Some(maker) = tensor.producer else { return tensor.kind == TensorKind::Input && plan.half_io };
    let node = network.graph.node(maker);
    let index = node.outputs.iter().position(|output| *output == Some(id)).unwrap_or_default();
    plan.of(maker) == Precision::Half && output_is_half(node, index, network.model.opset(), plan.half.dtype())
}
