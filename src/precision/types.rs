//! The nodes that have a choice: ONNX defines them for float32 and for the 16-bit type.

use super::Precision;
use super::context::Context;
use crate::dtype::DataType;
use crate::graph::{BODY_DOMAIN, Node, NodeId, TensorId};
use crate::onnx::{FloatType, FloatTypes};

/// Operators whose output has a type of its own, which an attribute states.
const STATED: [&str; 8] = [
    "BitCast",
    "BlackmanWindow",
    "ConstantOfShape",
    "EyeLike",
    "HammingWindow",
    "HannWindow",
    "MelWeightMatrix",
    "SequenceEmpty",
];

/// Operators that make random numbers.
const RANDOM: [&str; 6] =
    ["Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"];

/// Returns the precision of a node that has no choice, with the reason; `None` if it has.
pub(super) fn settled(context: &Context<'_>, id: NodeId) -> Option<(Precision, String)> {
    let node = context.graph.node(id);
    let dtype = |tensor: TensorId| context.graph.tensor(tensor).dtype;
    let all =
        || node.inputs.iter().chain(&node.outputs).flatten().copied().chain(node.captures.iter().copied());
    let is_half = |tensor: TensorId| dtype(tensor).is_some_and(DataType::is_half);
    if all().all(|tensor| dtype(tensor).is_some_and(|dtype| dtype != DataType::F32)) {
        let reason =
            if all().any(is_half) { "is in half precision already" } else { "computes no float32 numbers" };
        return Some((Precision::Neither, reason.into()));
    }
    if node.is("Cast") && all().any(is_half) {
        return Some((Precision::Neither, "is a border between float32 and a 16-bit type".into()));
    }
    let float32 = |reason: String| Some((Precision::Float32, reason));
    if matches!(&*node.op, "If" | "Loop" | "Scan") || node.domain == BODY_DOMAIN {
        return float32("takes in and gives out tensors of a subgraph, whose types stay".into());
    }
    if !node.domain.is_empty() {
        return float32(format!(
            "nothing says if operator {} of domain '{}' takes {}",
            node.op, node.domain, context.half
        ));
    }
    if let Some(double) = all().find(|&tensor| dtype(tensor) == Some(DataType::F64)) {
        return float32(format!("'{}' is float64", context.name(double)));
    }
    if let Some(unknown) =
        all().find(|&tensor| dtype(tensor).is_none() && context.graph.tensor(tensor).may_be_float())
    {
        return float32(format!("the type of '{}' is unknown", context.name(unknown)));
    }
    if let Some(opaque) = all().find(|&tensor| context.graph.tensor(tensor).is_opaque) {
        return float32(format!("'{}' is no tensor: its elements keep their type", context.name(opaque)));
    }
    if STATED.contains(&&*node.op) {
        return float32("makes numbers of the type that it states".into());
    }
    if node.op == "MeanVarianceNormalization" || node.op == "LpNormalization" {
        return float32("is a function of other operators, which has float32 numbers inside".into());
    }
    if RANDOM.contains(&&*node.op) {
        return float32("makes random numbers, which would be others in another type".into());
    }
    (!has_choice(context, node)).then(|| {
        let reason =
            format!("ONNX does not define {} for {} in opset {}", node.op, context.half, context.opset);
        (Precision::Float32, reason)
    })
}

/// Whether ONNX defines the node for the 16-bit type: an output, or an input if no output is floating-point.
fn has_choice(context: &Context<'_>, node: &Node) -> bool {
    let Some(types) = FloatTypes::of(&node.op, context.opset) else { return false };
    let is_float = |tensor: &TensorId| context.graph.tensor(*tensor).dtype == Some(DataType::F32);
    let either = |tensors: &[Option<TensorId>], of: &dyn Fn(usize) -> FloatType| {
        let floats = tensors.iter().enumerate().filter(|(_, tensor)| tensor.as_ref().is_some_and(is_float));
        let found: Vec<bool> = floats.map(|(index, _)| of(index) == FloatType::Either).collect();
        (!found.is_empty()).then(|| found.contains(&true))
    };
    let half = context.half.dtype();
    either(&node.outputs, &|index| types.output(index, half))
        .or_else(|| either(&node.inputs, &|index| types.input(index, half)))
        .unwrap_or(false)
}

/// Returns the input of a TensorRT layer before which TensorRT-RTX 1.7 refuses a Cast behind a Transpose.
pub(super) fn uncast_input(node: &Node) -> Option<TensorId> {
    let opens_body = ["Iterator", "Recurrence"].contains(&&*node.op) && node.domain == "tensorrt";
    node.input(0).filter(|_| opens_body)
}

/// Operators that take sizes, coordinates or scores in float32, with the first such input.
const PRECISE_INPUTS: [(&str, usize); 4] =
    [("NonMaxSuppression", 0), ("Range", 0), ("Resize", 1), ("Upsample", 1)];

/// Lists the inputs of a node whose values must be as they were computed: rounding them would change sizes or
/// the choice of elements.
pub(super) fn precise_inputs(context: &Context<'_>, node: &Node) -> Vec<TensorId> {
    let from = PRECISE_INPUTS.iter().find(|(op, _)| node.is(op)).map_or(usize::MAX, |(_, from)| *from);
    let is_float = |id: &TensorId| context.graph.tensor(*id).dtype == Some(DataType::F32);
    node.inputs.iter().skip(from).flatten().copied().filter(is_float).collect()
}
