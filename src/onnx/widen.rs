//! The f32 twin of a model with 16-bit floating-point numbers.

use std::borrow::Cow;
use std::collections::HashMap;

use super::Model;
use super::element::ElementType;
use super::external::ExternalFiles;
use super::infer::Scope;
use super::initializer::tensor_proto;
use super::node::{NodeRef, NodeSpec, all_in, label, subgraphs, subgraphs_mut};
use super::proto::oneof::type_proto::Value as TypeValue;
use super::proto::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, TypeProto};
use super::value::tensor_of;
use super::walk::{UniqueNames, each_tensor_mut, graphs_mut, tensors};
use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};

/// The values of those tensors of an f32 twin that have 16 bits in the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// They have the precision and the range of f32. A Cast of the model that narrows does nothing.
    Off,
    /// Each is rounded to its type in the model, behind the node that computes it. Values beyond the type's
    /// range become infinite.
    On,
}

impl Model {
    /// Whether the model stores, takes or makes 16-bit floating-point numbers.
    pub fn has_halves(&self) -> bool {
        self.has_numbers(DataType::is_half)
    }

    /// Whether the model stores, takes or makes numbers of a type that `is_wanted` accepts.
    pub fn has_numbers(&self, is_wanted: fn(DataType) -> bool) -> bool {
        let proto = &*self.proto;
        let functions = proto.functions.iter().flat_map(|function| &function.node);
        let inner = all_in(functions.clone().flat_map(subgraphs));
        let mut nodes = all_in(proto.graph.as_option().into_iter()).chain(functions).chain(inner);
        let mut inputs = proto.graph.input.iter().filter_map(|input| input.r#type.as_option());
        tensors(proto).into_iter().any(|(tensor, _)| is_one(tensor.data_type, is_wanted))
            || inputs.any(|stated| names_one(stated, is_wanted))
            || nodes.any(|node| {
                let is_known = has_codes(node);
                node.attribute.iter().any(|it| {
                    is_known && is_code(it, is_wanted) || types(it).any(|stated| names_one(stated, is_wanted))
                })
            })
    }

    /// Returns the f32 twin: the same nodes, with f32 in place of f16 and bf16.
    ///
    /// Stored tensors keep their values. Names of tensors stay. Functions are inlined, and a flattened model
    /// is nested ([`Model::nested`]). A model without 16-bit numbers is returned as it is.
    ///
    /// With [`Rounding::On`], the twin has a Cast to the type in the model and a Cast back behind each node
    /// whose result has 16 bits. Its inputs take f32, and their values must be rounded already. A type that
    /// does not follow from the model, as behind operators of other domains, counts as f32.
    ///
    /// # Errors
    /// `Unsupported` if the model takes the bits of a 16-bit number (BitCast), or stores one in a form that
    /// is not read; those of [`Model::inline_functions`] and [`Model::nested`].
    pub fn widened(&self, rounding: Rounding) -> Result<Cow<'_, Self>> {
        if !self.has_halves() {
            return Ok(Cow::Borrowed(self));
        }
        let mut model = self.nested()?;
        model.inline_functions()?;
        let mut types = HashMap::new();
        if rounding == Rounding::On {
            let tensors = model.graph()?.tensors;
            types.extend(tensors.into_iter().filter_map(|tensor| Some((tensor.name, tensor.dtype?.into()))));
        }
        let names = model.unique_names();
        let files = model.files.clone();
        widen(model.edited(), &files, Widening { rounding, names, types })
            .map_err(|error| self.located(error))?;
        Ok(Cow::Owned(model))
    }
}

fn widen(proto: &mut ModelProto, files: &ExternalFiles, mut widening: Widening) -> Result<()> {
    graphs_mut(proto).try_for_each(|graph| widening.graph(graph, None))?;
    each_tensor_mut(proto, &mut |tensor, _| {
        if is_half(tensor.data_type) {
            *tensor = widened(tensor, files)?;
        }
        Ok(())
    })
}

fn is_half(code: Option<i32>) -> bool {
    is_one(code, DataType::is_half)
}

fn is_one(code: Option<i32>, is_wanted: fn(DataType) -> bool) -> bool {
    let element = code.and_then(ElementType::from_code);
    element.and_then(ElementType::dtype).is_some_and(is_wanted)
}

/// Integer attributes whose value is the code of an element type.
const CODES: [&str; 7] =
    ["dtype", "output_datatype", "output_dtype", "precision", "softmax_precision", "stash_type", "to"];

/// Whether attributes of [`CODES`] are codes: an operator of another domain may mean something else.
fn has_codes(node: &NodeProto) -> bool {
    let domain = node.domain.as_deref();
    super::is_default_domain(domain) || domain == Some("com.microsoft")
}

/// Whether an attribute names a type that `is_wanted` accepts by its code.
fn is_code(attribute: &AttributeProto, is_wanted: fn(DataType) -> bool) -> bool {
    attribute.name.as_deref().is_some_and(|name| CODES.contains(&name))
        && is_one(attribute.i.and_then(|code| i32::try_from(code).ok()), is_wanted)
}

fn types(attribute: &AttributeProto) -> impl Iterator<Item = &TypeProto> {
    attribute.tp.as_option().into_iter().chain(&attribute.type_protos)
}

/// Whether a type contains a type of elements that `is_wanted` accepts.
fn names_one(stated: &TypeProto, is_wanted: fn(DataType) -> bool) -> bool {
    let inner = |inner: Option<&TypeProto>| inner.is_some_and(|inner| names_one(inner, is_wanted));
    match &stated.value {
        Some(TypeValue::TensorType(tensor)) => is_one(tensor.elem_type, is_wanted),
        Some(TypeValue::SparseTensorType(tensor)) => is_one(tensor.elem_type, is_wanted),
        Some(TypeValue::SequenceType(sequence)) => inner(sequence.elem_type.as_option()),
        Some(TypeValue::OptionalType(optional)) => inner(optional.elem_type.as_option()),
        Some(TypeValue::MapType(map)) => inner(map.value_type.as_option()),
        _ => false,
    }
}

fn widen_type(stated: &mut TypeProto) {
    fn widen_inner(inner: Option<&mut TypeProto>) {
        inner.into_iter().for_each(widen_type);
    }
    fn widen_code(code: &mut Option<i32>) {
        if is_half(*code) {
            *code = Some(ElementType::F32.code());
        }
    }
    match &mut stated.value {
        Some(TypeValue::TensorType(tensor)) => widen_code(&mut tensor.elem_type),
        Some(TypeValue::SparseTensorType(tensor)) => widen_code(&mut tensor.elem_type),
        Some(TypeValue::SequenceType(sequence)) => widen_inner(sequence.elem_type.as_option_mut()),
        Some(TypeValue::OptionalType(optional)) => widen_inner(optional.elem_type.as_option_mut()),
        Some(TypeValue::MapType(map)) => widen_inner(map.value_type.as_option_mut()),
        _ => {}
    }
}

fn widened(tensor: &TensorProto, files: &ExternalFiles) -> Result<TensorProto> {
    let value = tensor_of(tensor, files)?;
    let floats = value.view().data().to_f32().unwrap_or_default().into_owned();
    let (name, doc_string) = (tensor.name.clone(), tensor.doc_string.clone());
    Ok(TensorProto { name, doc_string, ..tensor_proto("", value.shape(), floats.into())? })
}

/// Operators whose results are elements of their inputs, or exact in the type of their inputs.
#[rustfmt::skip]
const EXACT: [&str; 44] = [
    "Abs", "Ceil", "Compress", "Concat", "ConcatFromSequence", "Constant", "ConstantOfShape", "DepthToSpace",
    "Dropout", "Expand", "Flatten", "Floor", "Gather", "GatherElements", "GatherND", "GlobalMaxPool",
    "Identity", "If", "Loop", "Max", "MaxPool", "MaxUnpool", "Min", "Neg", "Pad", "ReduceMax", "ReduceMin",
    "Relu", "Reshape", "ReverseSequence", "Round", "Scan", "SequenceAt", "Sign", "Slice", "SpaceToDepth",
    "Split", "Squeeze", "Tile", "TopK", "Transpose", "Trilu", "Unsqueeze", "Where",
];

/// The change of a model's graphs to f32.
struct Widening {
    rounding: Rounding,
    names: UniqueNames,
    /// The types in the main graph. They may follow from the readers of a tensor.
    types: HashMap<String, ElementType>,
}

impl Widening {
    fn graph(&mut self, graph: &mut GraphProto, outer: Option<&Scope<'_>>) -> Result<()> {
        let mut scope = Scope::of_graph(graph, outer);
        for mut node in std::mem::take(&mut graph.node) {
            scope.learn(&node);
            subgraphs_mut(&mut node).try_for_each(|inner| self.graph(inner, Some(&scope)))?;
            self.node(node, &scope, &mut graph.node)?;
        }
        let infos = graph.input.iter_mut().chain(&mut graph.output).chain(&mut graph.value_info);
        infos.filter_map(|info| info.r#type.as_option_mut()).for_each(widen_type);
        Ok(())
    }

    /// Adds the node to `nodes`, with the Casts that round its results.
    fn node(&mut self, mut node: NodeProto, scope: &Scope<'_>, nodes: &mut Vec<NodeProto>) -> Result<()> {
        let half = |name: &String| {
            let element = scope.get(name).and_then(|known| known.element).or(self.types.get(name).copied());
            element.filter(|element| is_half(Some(element.code())))
        };
        let is_own = NodeRef::new(&node).domain().is_empty();
        let op = NodeRef::new(&node).op();
        if op == "BitCast" && node.input.iter().chain(&node.output).any(|name| half(name).is_some()) {
            let message = format!("{}: the bits of 16-bit numbers are lost in f32", label(&node));
            return Err(Error::new(ErrorKind::Unsupported, message)
                .with_remedy("run the model as it is in ONNX Runtime, or export it in float32"));
        }
        let is_rounded = self.rounding == Rounding::On && !(is_own && EXACT.contains(&op));
        let narrows = is_own && op == "Cast";
        let halves: Vec<Option<ElementType>> =
            node.output.iter().map(|name| half(name).filter(|_| is_rounded)).collect();
        let mut casts = Vec::new();
        for (output, element) in node.output.iter_mut().zip(&halves) {
            let Some(element) = *element else { continue };
            let name = output.clone();
            let rounded = self.names.fresh(&format!("{name}_{element}"));
            // A Cast of the model rounds by itself.
            if narrows {
                output.clone_from(&rounded);
            } else {
                *output = self.names.fresh(&format!("{name}_wide"));
                casts.push(self.cast(output, &rounded, element));
            }
            casts.push(self.cast(&rounded, &name, ElementType::F32));
        }
        let keeps_types = narrows && !casts.is_empty();
        let has_codes = has_codes(&node);
        for attribute in node.attribute.iter_mut().filter(|_| !keeps_types) {
            if has_codes && is_code(attribute, DataType::is_half) {
                attribute.i = Some(i64::from(ElementType::F32.code()));
            }
            let types = attribute.tp.as_option_mut().into_iter().chain(&mut attribute.type_protos);
            types.for_each(widen_type);
        }
        nodes.push(node);
        nodes.extend(casts);
        Ok(())
    }

    fn cast(&mut self, from: &str, to: &str, element: ElementType) -> NodeProto {
        let name = self.names.fresh(&format!("{to}_Cast"));
        NodeSpec::cast(&name, from, to, element).into_proto()
    }
}
