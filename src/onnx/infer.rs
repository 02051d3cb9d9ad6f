//! Inference of types and shapes from the operators, if the model does not state them.
//!
//! This is no full shape inference. It infers the element types and ranks that are needed to place Q/DQ and
//! to convert operators. Everything else stays unknown.

use std::collections::HashMap;

use super::element::ElementType;
use super::node::{NodeRef, subgraphs};
use super::proto::{GraphProto, NodeProto};
use super::types::{Known, MAX_RANK};
use super::value::{constant_value, describe_sparse, is_constant, shape_of};
use crate::graph::{Graph, GraphTensor, TensorId, TensorKind};
use crate::tensor::Dim;

/// Known types and shapes of the tensors of a graph and of the graphs around it.
#[derive(Default)]
pub(super) struct Scope<'a> {
    outer: Option<&'a Scope<'a>>,
    known: HashMap<String, Known>,
}

impl<'a> Scope<'a> {
    /// Collects the statements of `graph`: its inputs, outputs, initializers and `value_info`.
    pub fn of_graph(graph: &GraphProto, outer: Option<&'a Scope<'a>>) -> Self {
        let mut known = HashMap::new();
        for info in graph.input.iter().chain(&graph.output).chain(&graph.value_info) {
            if let Some(name) = &info.name {
                known.insert(name.clone(), Known::from_info(info));
            }
        }
        for tensor in &graph.initializer {
            let element = tensor.data_type.and_then(ElementType::from_code);
            if let (Some(name), Some(element), Ok(shape)) = (&tensor.name, element, shape_of(tensor)) {
                known.insert(name.clone(), Known::fixed(element, &shape));
            }
        }
        for sparse in &graph.sparse_initializer {
            if let (Some(name), Ok((element, shape))) = (&sparse.values.name, describe_sparse(sparse)) {
                known.insert(name.clone(), Known::fixed(element, &shape));
            }
        }
        Self { outer, known }
    }

    /// Returns the known type and shape of `name`, from this graph or one around it.
    pub fn get(&self, name: &str) -> Option<&Known> {
        self.known.get(name).or_else(|| self.outer?.get(name))
    }

    /// Adds the known type and shape of a tensor.
    pub fn note(&mut self, name: &str, known: Known) {
        self.known.insert(name.to_owned(), known);
    }

    /// Infers the outputs of `node` from its inputs.
    pub fn learn(&mut self, node: &NodeProto) {
        let unknown = Known::default();
        let inputs: Vec<&Known> = node.input.iter().map(|name| self.get(name).unwrap_or(&unknown)).collect();
        let mut outputs: Vec<Known> =
            (0..node.output.len()).map(|index| output_of(node, index, &inputs)).collect();
        for (name, derived) in node.output.iter().zip(&mut outputs).filter(|(name, _)| !name.is_empty()) {
            let mut derived = std::mem::take(derived);
            derived.shape = derived.shape.filter(|shape| shape.len() <= MAX_RANK);
            let stated = self.known.remove(name).unwrap_or_default();
            self.known.insert(name.clone(), stated.or(derived));
        }
    }
}

/// Infers output `index` of `node`.
fn output_of(node: &NodeProto, index: usize, inputs: &[&Known]) -> Known {
    if !super::is_default_domain(node.domain.as_deref()) {
        let is_map =
            node.domain.as_deref() == Some("ai.onnx.ml") && node.op_type.as_deref() == Some("ZipMap");
        return if is_map { Known::other() } else { Known::default() };
    }
    if is_constant(node) {
        let described = constant_value(node).and_then(|value| value.describe());
        return described.map(|(element, shape)| Known::fixed(element, &shape)).unwrap_or_default();
    }
    let stated = || {
        let result = match node.op_type.as_deref()? {
            "If" | "Scan" => index,
            // The first output of the body is the condition.
            "Loop" => index + 1,
            _ => return None,
        };
        let known = subgraphs(node).filter_map(|graph| Some(Known::from_info(graph.output.get(result)?)));
        known.reduce(Known::or)
    };
    let node = NodeRef::new(node);
    let is_first_other = inputs.first().is_some_and(|known| known.is_other);
    if OTHER.contains(&node.op()) || (node.op() == "Identity" && is_first_other) {
        return Known::other();
    }
    let stated = stated().unwrap_or_default();
    Known {
        element: element_of(node, index, inputs).or(stated.element),
        shape: shape_of_output(node, index, inputs),
        is_other: stated.is_other,
    }
}

/// Operators with sequences or optional values as results.
const OTHER: &[&str] = &[
    "Optional",
    "SequenceConstruct",
    "SequenceEmpty",
    "SequenceErase",
    "SequenceInsert",
    "SequenceMap",
    "SplitToSequence",
];

/// Infers unknown types from the readers, from the last node to the first.
///
/// An operator of another domain gives no information about its outputs. But a convolution that reads one,
/// for example, has a weight of the same type.
pub(super) fn agree_on_types(graph: &mut Graph) {
    for id in graph.node_ids().collect::<Vec<_>>().into_iter().rev() {
        let node = graph.node(id);
        if !node.domain.is_empty() {
            continue;
        }
        let op = node.op.as_str();
        let inputs = match op {
            _ if ONE_TYPE.contains(&op) => node.inputs.len(),
            "Cast" | "CastLike" | "DequantizeLinear" | "Not" | "QuantizeLinear" => 0,
            _ if SAME_RANK.contains(&op) || SAME_SHAPE.contains(&op) || RESHAPING.contains(&op) => 1,
            _ => 0,
        };
        if inputs == 0 {
            continue;
        }
        let alike: Vec<TensorId> =
            node.inputs.iter().take(inputs).copied().chain([node.output(0)]).flatten().collect();
        let dtype = alike.iter().find_map(|&tensor| graph.tensor(tensor).dtype);
        for tensor in alike {
            let GraphTensor { kind, dtype: known, is_opaque, .. } = graph.tensor(tensor);
            if *kind != TensorKind::Constant && known.is_none() && !is_opaque {
                graph.describe(tensor, dtype, None);
            }
        }
    }
}

fn element_of(node: NodeRef<'_>, index: usize, inputs: &[&Known]) -> Option<ElementType> {
    use ElementType::{Bool, F32, I32, I64, String, U8};
    let input = |position: usize| inputs.get(position).and_then(|known| known.element);
    let attribute =
        |name| node.int(name).and_then(|code| i32::try_from(code).ok()).and_then(ElementType::from_code);
    match (node.op(), index) {
        ("Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual", _)
        | ("And" | "Or" | "Xor" | "Not" | "IsNaN" | "IsInf" | "OptionalHasElement", _)
        | ("Dropout", 1) => Some(Bool),
        ("Shape" | "Size" | "ArgMax" | "ArgMin" | "NonZero" | "NonMaxSuppression" | "SequenceLength", _)
        | ("TopK" | "MaxPool", 1)
        | ("Unique", 1..) => Some(I64),
        ("ConvInteger" | "MatMulInteger", _) => Some(I32),
        ("Cast" | "BitCast", _) => attribute("to"),
        ("ConstantOfShape", _) => match node.tensor("value") {
            Some(tensor) => tensor.data_type.and_then(ElementType::from_code),
            None => Some(F32),
        },
        ("RandomNormal" | "RandomUniform", _) => attribute("dtype").or(Some(F32)),
        ("HannWindow" | "HammingWindow" | "BlackmanWindow" | "MelWeightMatrix", _) => {
            attribute("output_datatype").or(Some(F32))
        }
        ("LayerNormalization", 1..) => Some(F32),
        ("EyeLike" | "RandomNormalLike" | "RandomUniformLike" | "Bernoulli", _) => {
            attribute("dtype").or(input(0))
        }
        ("Multinomial", _) => attribute("dtype").or(Some(I32)),
        ("CastLike" | "Where", _) => input(1),
        ("DequantizeLinear", _) => attribute("output_dtype").or(input(1)),
        ("OneHot", _) => input(2),
        ("QuantizeLinear", _) => input(2).or(attribute("output_dtype")).or(Some(U8)),
        ("QLinearConv" | "QLinearMatMul", _) => input(7),
        ("DynamicQuantizeLinear", 1) => Some(F32),
        ("DynamicQuantizeLinear", _) => Some(U8),
        ("RegexFullMatch", _) => Some(Bool),
        ("StringConcat" | "StringNormalizer", _) | ("StringSplit", 0) => Some(String),
        ("StringSplit", _) => Some(I64),
        ("TfIdfVectorizer", _) => Some(F32),
        ("ImageDecoder", _) => Some(U8),
        // These results depend on subgraphs or on the elements of a sequence.
        ("If" | "Loop" | "Scan" | "SequenceAt" | "ConcatFromSequence" | "OptionalGetElement", _) => None,
        (op, _) if ONE_TYPE.contains(&op) => inputs.iter().find_map(|known| known.element),
        _ => input(0),
    }
}

fn shape_of_output(node: NodeRef<'_>, index: usize, inputs: &[&Known]) -> Option<Vec<Dim>> {
    let shape = |position: usize| inputs.get(position).and_then(|known| known.shape.clone());
    let rank = |position: usize| inputs.get(position).and_then(|known| known.rank());
    let open = |rank: usize| vec![Dim::Unknown; rank];
    // Returns the number of elements of the one-dimensional tensor at `position`.
    let count = |position: usize| match inputs.get(position)?.shape.as_deref() {
        Some([Dim::Fixed(count)]) => Some(*count).filter(|&count| count <= MAX_RANK),
        _ => None,
    };
    match node.op() {
        "Conv" | "ConvTranspose" | "ConvInteger" => rank(0).or(rank(1)).map(open),
        "Gather" => Some(open((rank(0)? + rank(1)?).checked_sub(1)?)),
        "Gemm" | "Flatten" => Some(open(2)),
        "MatMul" => match (rank(0)?, rank(1)?) {
            (a, b) if a >= 2 && b >= 2 => Some(open(a.max(b))),
            _ => None,
        },
        "Transpose" => {
            let dims = shape(0)?;
            let Some(perm) = node.ints("perm") else { return Some(dims.into_iter().rev().collect()) };
            perm.iter().map(|&axis| dims.get(usize::try_from(axis).ok()?).cloned()).collect()
        }
        "Reshape" => count(1).map(open),
        "Expand" => Some(open(count(1)?.max(rank(0)?))),
        "ConstantOfShape" => count(0).map(open),
        "Squeeze" => {
            rank(0)?.checked_sub(node.ints("axes").map(<[i64]>::len).or_else(|| count(1))?).map(open)
        }
        "Unsqueeze" => {
            let added = node.ints("axes").map(<[i64]>::len).or_else(|| count(1))?;
            // A scalar gains axes of size 1 and has no others.
            let dim = if rank(0)? == 0 { Dim::Fixed(1) } else { Dim::Unknown };
            Some(vec![dim; rank(0)? + added])
        }
        // Lists of known lengths give a list of known length: exporters build shapes this way.
        "Concat" if rank(0)? == 1 => {
            let total =
                (0..inputs.len()).try_fold(0usize, |total, position| total.checked_add(count(position)?));
            Some(vec![total.map_or(Dim::Unknown, Dim::Fixed)])
        }
        op if SAME_RANK.contains(&op) => rank(0).map(open),
        op if op.starts_with("Reduce") || op.starts_with("Arg") => {
            if node.int("keepdims").unwrap_or(1) == 1 {
                rank(0).map(open)
            } else {
                None
            }
        }
        "Shape" => {
            let whole = node.int("start").is_none() && node.int("end").is_none();
            Some(vec![rank(0).filter(|_| whole).map_or(Dim::Unknown, Dim::Fixed)])
        }
        op if BROADCAST.contains(&op) => {
            let mut shapes = inputs.iter().map(|known| known.shape.clone());
            let first = shapes.next()??;
            shapes.try_fold(first, |all, next| Some(broadcast(&all, &next?)))
        }
        op if SAME_SHAPE.contains(&op) && index == 0 => shape(0),
        _ => None,
    }
}

/// Operators whose inputs and outputs all have one type.
#[rustfmt::skip]
const ONE_TYPE: &[&str] = &[
    "Add", "Concat", "Conv", "ConvTranspose", "Div", "Gemm", "MatMul", "Max", "Mean", "Min", "Mul", "PRelu",
    "Sub", "Sum",
];

/// Operators besides [`SAME_RANK`] and [`SAME_SHAPE`] whose first output has the type of their first input.
const RESHAPING: &[&str] = &["Expand", "Flatten", "Gather", "Reshape", "Squeeze", "Transpose", "Unsqueeze"];

/// Operators whose first output has the rank of their first input.
#[rustfmt::skip]
const SAME_RANK: &[&str] = &[
    "AveragePool", "Concat", "DepthToSpace", "GlobalAveragePool", "GlobalMaxPool", "LpPool", "MaxPool",
    "Pad", "Resize", "Slice", "SpaceToDepth", "Split", "Tile", "TopK", "Upsample",
];

/// Operators whose output has the broadcast shape of their inputs.
#[rustfmt::skip]
const BROADCAST: &[&str] = &[
    "Add", "And", "BitShift", "Div", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Max",
    "Mean", "Min", "Mod", "Mul", "Or", "Pow", "Sub", "Sum", "Where", "Xor",
];

/// Operators whose first output has the shape of their first input.
#[rustfmt::skip]
const SAME_SHAPE: &[&str] = &[
    "Abs", "BatchNormalization", "Cast", "CastLike", "Ceil", "Celu", "Clip", "Cos", "CumSum",
    "DequantizeLinear", "Dropout", "Elu", "Erf", "Exp", "Floor", "Gelu", "GroupNormalization",
    "HardSigmoid", "HardSwish", "Hardmax", "Identity", "InstanceNormalization", "LRN", "LayerNormalization",
    "LeakyRelu", "Log", "LogSoftmax", "LpNormalization", "MeanVarianceNormalization", "Mish", "Neg", "Not",
    "PRelu", "QuantizeLinear", "Reciprocal", "Relu", "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin",
    "Softmax", "Softplus", "Softsign", "Sqrt", "Tanh", "ThresholdedRelu", "Trilu",
];

fn broadcast(a: &[Dim], b: &[Dim]) -> Vec<Dim> {
    let rank = a.len().max(b.len());
    let at = |dims: &[Dim], axis: usize| match (axis + dims.len()).checked_sub(rank) {
        Some(own) => dims[own].clone(),
        None => Dim::Fixed(1),
    };
    let dims = (0..rank).map(|axis| match (at(a, axis), at(b, axis)) {
        (Dim::Fixed(1), other) | (other, Dim::Fixed(1)) => other,
        (fixed @ Dim::Fixed(_), _) | (_, fixed @ Dim::Fixed(_)) => fixed,
        (a, b) if a == b => a,
        _ => Dim::Unknown,
    });
    dims.collect()
}
