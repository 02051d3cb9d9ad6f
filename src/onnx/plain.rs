//! The twin of a model for a runtime that has only 8-bit and 32-bit integers and f32.

use std::borrow::Cow;
use std::collections::HashMap;

use super::Model;
use super::defined;
use super::element::ElementType;
use super::external::ExternalFiles;
use super::infer::Scope;
use super::initializer::tensor_proto;
use super::node::{AttributeValue, NodeRef, NodeSpec, all_in, attribute, label, subgraphs, subgraphs_mut};
use super::proto::{GraphProto, NodeProto, TensorProto};
use super::retype::state;
use super::types::{Known, value_info};
use super::value::{is_constant, tensor_of};
use super::walk::{UniqueNames, each_tensor_mut, tensors};
use crate::dtype::DataType;
use crate::e4m3;
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::{Data, Tensor};

/// Operators that move elements and look at none, or look only at the shape.
#[rustfmt::skip]
const MOVES: [&str; 27] = [
    "Compress", "Concat", "Constant", "ConstantOfShape", "DepthToSpace", "Expand", "Flatten", "Gather",
    "GatherElements", "GatherND", "Identity", "If", "Loop", "Reshape", "Scan", "ScatterElements", "ScatterND",
    "Shape", "Size", "Slice", "SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze", "Where",
];

/// Returns the type that has all numbers of `element` in such a runtime; `None` if that is the type itself,
/// or if there is none.
fn plain(element: ElementType) -> Option<ElementType> {
    match element {
        ElementType::F8E4M3Fn => Some(ElementType::F32),
        ElementType::I4 => Some(ElementType::I8),
        ElementType::U4 => Some(ElementType::U8),
        ElementType::I16 | ElementType::U16 => Some(ElementType::I32),
        _ => None,
    }
}

/// Returns the same numbers in the type that such a runtime has.
pub(crate) fn in_plain_type(value: Cow<'_, Tensor>) -> Result<Cow<'_, Tensor>> {
    let data = match value.data() {
        Data::F8E4M3(codes) => Data::F32(codes.iter().map(|&code| e4m3::decode(code)).collect()),
        Data::I4(values) => Data::I8(values.clone()),
        Data::U4(values) => Data::U8(values.clone()),
        Data::I16(values) => Data::I32(values.iter().map(|&value| value.into()).collect()),
        Data::U16(values) => Data::I32(values.iter().map(|&value| value.into()).collect()),
        _ => return Ok(value),
    };
    Tensor::new(value.shape().to_vec(), data).map(Cow::Owned)
}

/// Returns the numbers that [`in_plain_type`] made, in the type that they came from.
pub(crate) fn from_plain_type(value: Tensor, to: DataType) -> Result<Tensor> {
    let shape = value.shape().to_vec();
    let data = match (value.into_data(), to) {
        (Data::F32(values), DataType::F8E4M3) => Data::F8E4M3(values.into_iter().map(e4m3::encode).collect()),
        (Data::I8(values), DataType::I4) => Data::I4(values),
        (Data::U8(values), DataType::U4) => Data::U4(values),
        (Data::I32(values), DataType::I16) => {
            Data::I16(values.into_iter().map(|value| value as i16).collect())
        }
        (Data::I32(values), DataType::U16) => {
            Data::U16(values.into_iter().map(|value| value as u16).collect())
        }
        (other, _) => other,
    };
    Tensor::new(shape, data)
}

impl Model {
    /// Returns the twin that has f32 in place of e4m3, 8-bit integers in place of those of 4 bits, and i32 in
    /// place of 16-bit ones. All values are the same. A model without such types is returned as it is.
    ///
    /// QuantizeLinear names the type that its results are limited to, `output_dtype`, since their tensors no
    /// longer show it. A Cast to e4m3 stays and gives f32. Functions are inlined, and a flattened model is
    /// nested.
    ///
    /// # Errors
    /// `Unsupported` if other operators read or give such types, and if subgraphs quantize in blocks.
    pub fn in_plain_types(&self) -> Result<Cow<'_, Self>> {
        if !self.has_narrow_types() && !self.has_nested_blocks() {
            return Ok(Cow::Borrowed(self));
        }
        let mut model = self.nested()?;
        model.inline_functions()?;
        let mut change = Change { names: model.unique_names(), nodes: Vec::new(), tensors: Vec::new() };
        let files = model.files.clone();
        let main = model.edited().graph.get_or_insert_default();
        change.graph(main, None, &HashMap::new()).map_err(|error| self.located(error))?;
        main.node.splice(0..0, change.nodes);
        main.initializer.append(&mut change.tensors);
        each_tensor_mut(model.edited(), &mut |tensor, _| {
            if is_narrow(tensor.data_type) {
                *tensor = stored_plain(tensor, &files)?;
            }
            Ok(())
        })
        .map_err(|error: Error| self.located(error))?;
        Ok(Cow::Owned(model))
    }

    /// Whether the model stores, takes or makes e4m3, or integers of 4 or 16 bits.
    fn has_narrow_types(&self) -> bool {
        let names_one = |node: &NodeProto| {
            let code = |name| NodeRef::new(node).int(name).and_then(|code| i32::try_from(code).ok());
            ["output_dtype", "to"].iter().any(|name| is_narrow(code(name)))
        };
        let mut inputs = self.proto.graph.input.iter().map(|input| Known::from_info(input).element);
        tensors(&self.proto).into_iter().any(|(tensor, _)| is_narrow(tensor.data_type))
            || inputs.any(|element| element.and_then(plain).is_some())
            || all_in(self.proto.graph.as_option().into_iter()).any(names_one)
    }

    /// Whether a subgraph has a node that quantizes or dequantizes in blocks.
    fn has_nested_blocks(&self) -> bool {
        all_in(self.proto.graph.node.iter().flat_map(subgraphs))
            .any(|node| is_pair_op(NodeRef::new(node).op()) && has_blocks(NodeRef::new(node)))
    }
}

fn is_narrow(code: Option<i32>) -> bool {
    code.and_then(ElementType::from_code).and_then(plain).is_some()
}

fn is_pair_op(op: &str) -> bool {
    matches!(op, "QuantizeLinear" | "DequantizeLinear")
}

fn has_blocks(node: NodeRef<'_>) -> bool {
    node.int("block_size").is_some_and(|size| size != 0)
}

fn stored_plain(tensor: &TensorProto, files: &ExternalFiles) -> Result<TensorProto> {
    let value = tensor_of(tensor, files)?;
    let value = in_plain_type(Cow::Owned(value))?.into_owned();
    let (name, doc_string, shape) = (tensor.name.clone(), tensor.doc_string.clone(), value.shape().to_vec());
    Ok(TensorProto { name, doc_string, ..tensor_proto("", &shape, value.into_data().into())? })
}

/// The change of a model's graphs to plain types.
struct Change {
    names: UniqueNames,
    /// New nodes and initializers of the main graph.
    nodes: Vec<NodeProto>,
    tensors: Vec<TensorProto>,
}

impl Change {
    /// Changes a graph, but not its tensors. `known` are the stored tensors of the graphs around it.
    fn graph(
        &mut self,
        graph: &mut GraphProto,
        outer: Option<&Scope<'_>>,
        known: &HashMap<String, TensorProto>,
    ) -> Result<()> {
        let mut scope = Scope::of_graph(graph, outer);
        let mut stored = known.clone();
        // Only nodes of subgraphs are moved to their stored tensors.
        if outer.is_some() || graph.node.iter().any(|node| subgraphs(node).next().is_some()) {
            let constants = graph.node.iter().filter(|node| is_constant(node)).filter_map(|node| {
                Some((node.output.first()?.clone(), NodeRef::new(node).tensor("value")?.clone()))
            });
            let tensors = graph.initializer.iter();
            stored.extend(tensors.filter_map(|tensor| Some((tensor.name.clone()?, tensor.clone()))));
            stored.extend(constants);
        }
        for node in &mut graph.node {
            scope.learn(node);
            subgraphs_mut(node).try_for_each(|inner| self.graph(inner, Some(&scope), &stored))?;
            if outer.is_some()
                && is_special(node, &scope)
                && !self.hoist(node, &stored)
                && !is_definable(node, &scope)
            {
                return Err(unsupported(
                    node,
                    "in a subgraph it needs one scale, or one for each index of an axis, of known rank",
                ));
            }
            check(node, &scope)?;
            if let Some(output) = node.output.first()
                && let Some(element) = narrow(&scope, output)
            {
                // Without this, the type would follow from the attribute of a QuantizeLinear or a Cast.
                let known = scope.get(output).cloned().unwrap_or_default();
                graph.value_info.retain(|info| info.name.as_ref() != Some(output));
                graph.value_info.push(value_info(output, &known));
                if node.op_type.as_deref() == Some("QuantizeLinear") {
                    node.attribute.retain(|attribute| attribute.name.as_deref() != Some("output_dtype"));
                    let code = AttributeValue::Int(element.code().into());
                    node.attribute.push(attribute("output_dtype", code));
                }
            }
        }
        let stated = graph.input.iter_mut().chain(&mut graph.output).chain(&mut graph.value_info);
        for info in stated {
            if let Some(element) = Known::from_info(info).element.and_then(plain) {
                state(info, element);
            }
        }
        Ok(())
    }

    /// Moves a Dequantize of stored tensors to the main graph, where it is computed once. Returns whether it
    /// could.
    fn hoist(&mut self, node: &mut NodeProto, stored: &HashMap<String, TensorProto>) -> bool {
        let inputs: Option<Vec<Option<&TensorProto>>> = node
            .input
            .iter()
            .map(|name| if name.is_empty() { Some(None) } else { stored.get(name).map(Some) })
            .collect();
        let (Some(inputs), "DequantizeLinear", [output]) =
            (inputs, NodeRef::new(node).op(), &node.output[..])
        else {
            return false;
        };
        let mut moved = node.clone();
        for (name, tensor) in moved.input.iter_mut().zip(inputs) {
            let Some(tensor) = tensor else { continue };
            *name = self.names.fresh(name);
            self.tensors.push(TensorProto { name: Some(name.clone()), ..tensor.clone() });
        }
        let fresh = self.names.fresh(output);
        let stays = NodeSpec::new("Identity", NodeRef::new(node).name(), &[&fresh], &[output]).into_proto();
        moved.output = vec![fresh.clone()];
        moved.name = Some(self.names.fresh(&fresh));
        self.nodes.push(moved);
        *node = stays;
        true
    }
}

/// Returns the type of a tensor if it is one that becomes another.
fn narrow(scope: &Scope<'_>, name: &str) -> Option<ElementType> {
    scope.get(name)?.element.filter(|&element| plain(element).is_some())
}

/// Whether the runtime computes the node by itself, which it can in the main graph only.
fn is_special(node: &NodeProto, scope: &Scope<'_>) -> bool {
    let at = NodeRef::new(node);
    let first = |names: &[String]| names.first().and_then(|name| narrow(scope, name));
    let is_e4m3 = |element: Option<ElementType>| element == Some(ElementType::F8E4M3Fn);
    match at.op() {
        _ if !at.domain().is_empty() => false,
        "QuantizeLinear" => has_blocks(at) || first(at.outputs()).is_some(),
        "DequantizeLinear" => has_blocks(at) || is_e4m3(first(at.inputs())),
        "Cast" => is_e4m3(first(at.outputs())),
        _ => false,
    }
}

/// Whether other operators can take the place of a node in a subgraph: those of
/// [`Model::define_nested_quantize`] and [`Model::round_nested_casts`].
fn is_definable(node: &NodeProto, scope: &Scope<'_>) -> bool {
    let node = NodeRef::new(node);
    node.op() == "Cast" || defined::is_definable(node, scope)
}

/// Refuses a node whose result in plain types would be another one.
fn check(node: &NodeProto, scope: &Scope<'_>) -> Result<()> {
    let Some(element) = node.input.iter().chain(&node.output).find_map(|name| narrow(scope, name)) else {
        return Ok(());
    };
    let at = NodeRef::new(node);
    let casts = || {
        let to = at.outputs().first().and_then(|name| narrow(scope, name));
        at.op() == "Cast" && to.is_none_or(|to| to == ElementType::F8E4M3Fn)
    };
    if at.domain().is_empty() && (is_pair_op(at.op()) || MOVES.contains(&at.op()) || casts()) {
        return Ok(());
    }
    Err(unsupported(node, &format!("{element} can only be moved, quantized and dequantized")))
}

fn unsupported(node: &NodeProto, what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{}: the embedded runtime cannot run it: {what}", label(node)))
}
