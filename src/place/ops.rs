//! Operators with weights: their quantized inputs, and the axis of the scales.

use crate::dtype::DataType;
use crate::finding::{Finding, counted};
use crate::graph::{Edge, Graph, Node, NodeId, TensorId};

use super::format::{Format, all_of};
pub use super::forms::{Forms, changes_form};
use super::grid::weight_grid;
use super::{Decision, Draft, Plan, Policy, Verdict, WeightGrid, einsum, existing};

/// Operators whose inputs are quantized. An Einsum that is a matrix product is treated like them.
pub const WEIGHTED: [&str; 4] = ["Conv", "ConvTranspose", "Gemm", "MatMul"];

/// The source of an input.
enum Operand {
    Activation(TensorId),
    Weight(TensorId, WeightGrid),
    /// An activation that stays in float.
    Float,
    /// The model already has Quantize and Dequantize on this input.
    Ready,
}

/// Whether `node` is an operator with weights.
pub fn is_weighted(node: &Node) -> bool {
    WEIGHTED.iter().any(|op| node.is(op)) || einsum::is_product(node)
}

/// Describes the operators with weights in the subgraphs of a node, such as "2 Conv and 1 MatMul".
///
/// Returns `None` if there are none.
pub fn nested_weighted(node: &Node) -> Option<String> {
    in_words(std::iter::once(node))
}

/// Describes the operators with weights in all subgraphs of a graph, as [`nested_weighted`] does for a node.
pub fn all_nested_weighted(graph: &Graph) -> Option<String> {
    in_words(graph.nodes.iter())
}

fn in_words<'a>(nodes: impl Iterator<Item = &'a Node> + Clone) -> Option<String> {
    let counted = WEIGHTED.iter().filter_map(|&op| {
        let inside = nodes.clone().flat_map(|node| &node.nested);
        let count = inside.filter(|nested| *nested == op).count();
        (count > 0).then(|| format!("{count} {op}"))
    });
    let counted: Vec<String> = counted.collect();
    (!counted.is_empty()).then(|| all_of(&counted))
}

/// Quantizes the inputs of every operator with weights that the policy allows.
pub(super) fn place_weighted(graph: &Graph, policy: &Policy, draft: &mut Draft) {
    for id in graph.node_ids() {
        let node = graph.node(id);
        if !is_weighted(node) {
            continue;
        }
        match operands(graph, draft, policy, id) {
            Ok((operands, reason)) => {
                let format = policy.format_of(node);
                for (input, operand) in operands.into_iter().enumerate() {
                    let edge = Edge { node: id, input };
                    match operand {
                        Operand::Ready | Operand::Float => {}
                        Operand::Activation(tensor) => draft.quantize_activation(tensor, format, edge),
                        Operand::Weight(tensor, grid) => draft.quantize_weight(tensor, grid, edge),
                    }
                }
                draft.decide(id, Verdict::Quantized, format, reason);
            }
            Err(reason) => draft.leave(id, reason),
        }
    }
}

/// Returns the finding about convolutions whose weights alone are quantized.
pub(super) fn float_convolutions(graph: &Graph, plan: &Plan) -> Option<Finding> {
    let is_one = |decision: &&Decision| {
        decision.verdict == Verdict::Quantized
            && !decision.format.rules().activations
            && graph.node(decision.node).op.starts_with("Conv")
    };
    let names: Vec<&str> =
        plan.decisions.iter().filter(is_one).map(|decision| &*graph.node(decision.node).name).collect();
    (!names.is_empty()).then(|| {
        Finding::warning(format!(
            "the weights alone of {} are quantized: TensorRT dequantizes them and computes in float, so only the model is smaller",
            counted(names.len(), "convolution")
        ))
        .about(names)
        .with_remedy("quantize convolutions to int8 for speed")
    })
}

/// Returns the finding about weights that stay in float because of their shape.
pub(super) fn without_blocks(graph: &Graph, forms: &Forms, plan: &Plan) -> Option<Finding> {
    let policy = &plan.policy;
    let is_one = |decision: &&Decision| {
        let node = graph.node(decision.node);
        let format = policy.format_of(node);
        let weight = node.input(1).filter(|&input| forms.constant(input).is_some());
        decision.verdict == Verdict::Float
            && is_weighted(node)
            && policy.refusal(node).is_none()
            && format.refusal(node, policy.conv_weights).is_none()
            && weight.is_some_and(|weight| weight_grid(graph, policy, node, 1, weight).is_err())
    };
    let left: Vec<&str> =
        plan.decisions.iter().filter(is_one).map(|decision| &*graph.node(decision.node).name).collect();
    (!left.is_empty()).then(|| {
        let count = counted(left.len(), "product");
        Finding::warning(format!("the weights of {count} stay in float: their shape has no blocks"))
            .about(left)
            .with_remedy("give them another format, such as int8-weights, or another block size")
    })
}

/// Returns the two inputs to quantize, or the reason why the node stays in float.
fn operands(
    graph: &Graph,
    draft: &Draft,
    policy: &Policy,
    id: NodeId,
) -> Result<([Operand; 2], String), String> {
    let (node, forms) = (graph.node(id), &draft.forms);
    if let Some(reason) = policy.refusal(node) {
        return Err(reason.to_owned());
    }
    if let Some(reason) = draft.float_products.get(&id) {
        return Err(reason.clone());
    }
    let format = policy.format_of(node);
    let rules = format.rules();
    if let Some(reason) = format.refusal(node, policy.conv_weights) {
        return Err(reason);
    }
    let first = operand(graph, forms, policy, node, 0)?;
    let second = operand(graph, forms, policy, node, 1)?;
    let is_convolution = node.op.starts_with("Conv");
    let reason = match (&first, &second) {
        (Operand::Weight(..), Operand::Weight(..)) => {
            return Err("both inputs are constant: it folds away".into());
        }
        (_, Operand::Activation(_)) if is_convolution => {
            return Err(
                "its weight is computed at run time: only constant weights of convolutions are quantized"
                    .into(),
            );
        }
        (Operand::Weight(..), _) if is_convolution => {
            return Err("its data input is constant".into());
        }
        (_, Operand::Weight(tensor, _)) if !rules.depthwise && is_depthwise(graph, node, *tensor) => {
            return Err(format!("it is depthwise, for which there are no kernels of {format}"));
        }
        (Operand::Ready, Operand::Ready) => "is quantized already".to_owned(),
        (Operand::Ready, _) | (_, Operand::Ready) if !rules.activations => {
            return Err(format!("an input is quantized already, and {format} is for weights beside float"));
        }
        (Operand::Ready, _) => {
            "input 0 is quantized already, and TensorRT needs input 1 quantized as well".to_owned()
        }
        (_, Operand::Ready) => {
            "input 1 is quantized already, and TensorRT needs input 0 quantized as well".to_owned()
        }
        (Operand::Activation(_), Operand::Activation(_)) if !rules.activations => {
            return Err(format!("both inputs are activations, and {format} is for weights"));
        }
        (Operand::Activation(_), Operand::Activation(_)) => {
            with_format("both inputs are activations: one scale each", format)
        }
        (Operand::Weight(_, grid), _) | (_, Operand::Weight(_, grid)) if !rules.activations => {
            match grid.block {
                Some(block) => format!("the weight is quantized to {format}, in blocks of {block}"),
                None => format!("the weight is quantized to {format}"),
            }
        }
        _ => with_format("input and weight are quantized", format),
    };
    let as_read = |operand| match operand {
        Operand::Activation(_) if !rules.activations => Operand::Float,
        other => other,
    };
    Ok(([first, second].map(as_read), reason))
}

/// Adds the format to a reason if it is not the usual one.
fn with_format(reason: &str, format: Format) -> String {
    match format {
        Format::Int8 => reason.to_owned(),
        _ => format!("{reason} ({format})"),
    }
}

/// Whether a convolution has one input channel for each of several groups.
fn is_depthwise(graph: &Graph, node: &Node, weight: TensorId) -> bool {
    let one_channel =
        || graph.tensor(weight).fixed_shape().is_some_and(|shape| shape.get(1).is_some_and(|&n| n == 1));
    node.is("Conv") && node.int("group", 1) > 1 && one_channel()
}

fn operand(
    graph: &Graph,
    forms: &Forms,
    policy: &Policy,
    node: &Node,
    input: usize,
) -> Result<Operand, String> {
    let tensor = node.input(input).ok_or_else(|| format!("input {input} is missing"))?;
    let found = graph.tensor(tensor);
    let format = policy.format_of(node);
    if let Some(dequantize) = forms.dequantized(tensor) {
        let dequantize = graph.node(dequantize);
        // Integers without a type are of a type that qdq does not read. Then the other operand must stay in
        // float.
        return match dequantize.input(0).and_then(|integers| graph.tensor(integers).dtype) {
            Some(dtype) if dtype == format.rules().element && !existing::is_refused(dequantize) => {
                Ok(Operand::Ready)
            }
            Some(DataType::I8) if existing::is_refused(dequantize) => {
                Err(format!("'{}' is quantized already, with a zero point that TensorRT refuses", found.name))
            }
            dtype => {
                let dtype = dtype.map_or("another type than int8".to_owned(), |dtype| dtype.to_string());
                Err(format!("'{}' is quantized already, to {dtype}", found.name))
            }
        };
    }
    if let Some(dtype) = found.dtype
        && !matches!(dtype, DataType::F32 | DataType::F16 | DataType::Bf16)
    {
        return Err(format!("'{}' is {dtype}: only f32, f16 and bf16 are quantized", found.name));
    }
    match forms.constant(tensor) {
        Some(source) if graph.tensor(source).dtype.is_none() => {
            Err(format!("constant '{}' is of a type that qdq does not read", graph.tensor(source).name))
        }
        Some(source) if found.rank() == Some(0) || has_zero_dimension(graph, source) => {
            Err(format!("constant '{}' is a scalar or empty", found.name))
        }
        Some(_) => Ok(Operand::Weight(tensor, weight_grid(graph, policy, node, input, tensor)?)),
        None => match policy.unranged(&found.name).filter(|_| format.rules().activations) {
            Some(reason) => Err(reason),
            None => Ok(Operand::Activation(tensor)),
        },
    }
}

fn has_zero_dimension(graph: &Graph, tensor: TensorId) -> bool {
    graph.tensor(tensor).fixed_shape().is_some_and(|shape| shape.contains(&0))
}
