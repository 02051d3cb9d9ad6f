//! Tensors of subgraphs as outputs of the nodes that hold the subgraphs.

use super::Nest;
use crate::dtype::DataType;
use crate::error::Result;
use crate::graph::{Graph, GraphTensor, TensorKind};
use crate::onnx::flat::attribute_of;
use crate::onnx::initializer::{InitializerData, tensor_proto};
use crate::onnx::node::{AttributeValue, NodeSpec, subgraphs};
use crate::onnx::proto::attribute_proto::AttributeType;
use crate::onnx::proto::{AttributeProto, NodeProto, ValueInfoProto};
use crate::onnx::types::{Known, value_info};
use crate::tensor::Dim;

/// A tensor of a subgraph that becomes an output of the node that holds it.
pub(super) struct Exposed {
    attribute: String,
    inner: String,
    outer: String,
    dtype: DataType,
    is_steady: bool,
}

/// Whether a tensor is known to have the same shape in all iterations of a body: its sizes are fixed or are
/// those of the model's inputs.
pub(super) fn is_steady(graph: &Graph, tensor: &GraphTensor) -> bool {
    let inputs = graph.tensors.iter().filter(|tensor| tensor.kind == TensorKind::Input);
    let known: Vec<&Dim> = inputs.filter_map(|input| input.shape.as_ref()).flatten().collect();
    let is_known = |dim: &Dim| match dim {
        Dim::Fixed(_) => true,
        Dim::Named(_) => known.contains(&dim),
        Dim::Unknown => false,
    };
    tensor.shape.as_ref().is_some_and(|shape| shape.iter().all(is_known))
}

impl Nest<'_> {
    /// Makes a tensor of a subgraph an output of every node around it. Returns its name in the main graph.
    pub fn expose(&mut self, name: &str, dtype: DataType, mut is_steady: bool) -> String {
        let (mut inner, mut scope) = (name.to_owned(), self.home_of(name));
        while let Some(&holder) = self.holders.get(scope) {
            let (attribute, outer) = (attribute_of(scope).to_owned(), self.names.fresh(name));
            let output = Exposed { attribute, inner, outer: outer.clone(), dtype, is_steady };
            self.exposed.entry(holder).or_default().push(output);
            // Further out, the tensor may come from a branch or from a varying number of iterations.
            (inner, scope, is_steady) = (outer, self.parent(scope), false);
        }
        inner
    }

    /// Adds an output for an inner tensor to the node that holds it. Returns a node that must come before it,
    /// if one is needed.
    pub fn add_output(&mut self, node: &mut NodeProto, exposed: &Exposed) -> Result<Option<NodeProto>> {
        let is_loop = node.op_type.as_deref() == Some("Loop");
        let count = subgraphs(node).map(|graph| graph.output.len()).max().unwrap_or_default();
        // Optional outputs that the node leaves out at the end.
        let count = count.saturating_sub(usize::from(is_loop)).max(node.output.len());
        node.output.resize(count, String::new());
        if is_loop && !exposed.is_steady {
            return self.carry(node, exposed).map(Some);
        }
        let Exposed { attribute, inner, outer, dtype, .. } = exposed;
        node.output.push(outer.clone());
        for held in &mut node.attribute {
            if matches!(held.name.as_deref(), Some("scan_output_axes" | "scan_output_directions")) {
                held.ints.push(0);
            }
            let is_inside = held.name.as_ref() == Some(attribute);
            let Some(graph) = held.g.as_option_mut() else { continue };
            let output = self.names.fresh(outer);
            graph.node.push(match is_inside {
                true => NodeSpec::new("Identity", &output, &[inner], &[&output]).into_proto(),
                false => nothing(&output, *dtype)?,
            });
            graph.output.push(info(&output, *dtype, None));
        }
        Ok(None)
    }

    /// Makes a Loop carry the elements of a tensor from iteration to iteration. The scan outputs of a Loop
    /// must have the same shape in every iteration, so they cannot be used.
    fn carry(&mut self, node: &mut NodeProto, exposed: &Exposed) -> Result<NodeProto> {
        let Exposed { attribute, inner, outer, dtype, .. } = exposed;
        let [start, before, after, axis, line] = ["start", "before", "after", "axis", "line"]
            .map(|part| self.names.fresh(&format!("{outer}/{part}")));
        node.input.resize(node.input.len().max(2), String::new());
        let carried = node.input.len() - 2;
        node.input.push(start.clone());
        node.output.insert(carried.min(node.output.len()), outer.clone());
        let body = node.attribute.iter_mut().find(|held| held.name.as_ref() == Some(attribute));
        if let Some(body) = body.and_then(|held| held.g.as_option_mut()) {
            let shape = NodeSpec::new("Constant", &axis, &[], &[&axis]);
            let nodes = [
                shape.with("value_ints", AttributeValue::Ints(vec![-1])),
                NodeSpec::new("Reshape", &line, &[inner, &axis], &[&line]),
                NodeSpec::new("Concat", &after, &[&before, &line], &[&after])
                    .with("axis", AttributeValue::Int(0)),
            ];
            body.node.extend(nodes.map(NodeSpec::into_proto));
            body.input.push(info(&before, *dtype, Some(1)));
            let place = (carried + 1).min(body.output.len());
            body.output.insert(place, info(&after, *dtype, Some(1)));
        }
        nothing(&start, *dtype)
    }
}

/// Makes a statement about a tensor with this type and rank.
fn info(name: &str, dtype: DataType, rank: Option<usize>) -> ValueInfoProto {
    let shape = rank.map(|rank| vec![Dim::Unknown; rank]);
    value_info(name, &Known { element: Some(dtype.into()), shape, is_other: false })
}

/// Makes a node that computes a tensor without elements.
fn nothing(output: &str, dtype: DataType) -> Result<NodeProto> {
    let value = tensor_proto(output, &[0], InitializerData::new(dtype.into(), Vec::new()))?;
    let mut node = NodeSpec::new("Constant", output, &[], &[output]).into_proto();
    node.attribute.push(AttributeProto {
        name: Some("value".to_owned()),
        r#type: Some(AttributeType::TENSOR),
        t: value.into(),
        ..Default::default()
    });
    Ok(node)
}
