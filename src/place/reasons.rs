//! The reasons why nodes that no rule covers stay in float.

use super::existing::is_integer_operator;
use super::forms::Forms;
use super::{ops, sharing};
use crate::graph::{BODY_DOMAIN, Graph, Node};

/// Operators that compute each element by itself. TensorRT fuses neighbouring ones into one kernel.
const ELEMENTWISE: [&str; 44] = [
    "Abs",
    "Acos",
    "Acosh",
    "Add",
    "Asin",
    "Asinh",
    "Atan",
    "Atanh",
    "Ceil",
    "Celu",
    "Clip",
    "Cos",
    "Cosh",
    "Div",
    "Elu",
    "Erf",
    "Exp",
    "Floor",
    "Gelu",
    "HardSigmoid",
    "HardSwish",
    "LeakyRelu",
    "Log",
    "Max",
    "Mean",
    "Min",
    "Mish",
    "Mod",
    "Mul",
    "Neg",
    "PRelu",
    "Pow",
    "Reciprocal",
    "Relu",
    "Round",
    "Selu",
    "Sigmoid",
    "Sign",
    "Sin",
    "Softplus",
    "Sqrt",
    "Sub",
    "Sum",
    "Tanh",
];

/// Whether the node computes each element by itself.
pub fn is_elementwise(node: &Node) -> bool {
    ELEMENTWISE.iter().any(|op| node.is(op))
}

/// Returns the reason for a node on which no rule has decided.
pub(super) fn of(graph: &Graph, forms: &Forms, node: &Node) -> String {
    let op = &node.op;
    let is_one_of = |list: &[&str]| node.domain.is_empty() && list.contains(&op.as_str());
    if is_integer_operator(node) {
        return format!("is quantized already, by {op}, which TensorRT's ONNX parser does not take");
    }
    if node.inputs.iter().flatten().all(|&input| forms.constant(input).is_some()) && !node.inputs.is_empty() {
        return "is constant: TensorRT computes it as it builds the engine".into();
    }
    if computes_no_floats(graph, node) {
        return "computes no floating-point numbers".into();
    }
    if matches!(op.as_str(), "If" | "Loop" | "Scan") {
        return match ops::nested_weighted(node) {
            Some(inside) => format!(
                "holds {inside} inside the body of a Scan: no calibration can observe tensors in its subgraphs"
            ),
            None => "only decides what runs, and computes nothing itself".into(),
        };
    }
    if node.domain == BODY_DOMAIN {
        return "is no operator: it stands for what the body of a Loop or Scan takes in from iteration to iteration"
            .into();
    }
    if !node.domain.is_empty() {
        return format!("qdq does not know the operator {op} of domain '{}'", node.domain);
    }
    if sharing::only_moves(node) {
        return "only moves values, and not all that reads them is INT8".into();
    }
    if sharing::selects(node) {
        return "only selects values, and not all that reads them is INT8".into();
    }
    if matches!(op.as_str(), "AveragePool" | "GlobalAveragePool") {
        return "averages in float: TensorRT has no INT8 kernel that gains anything".into();
    }
    if is_one_of(&["Attention"]) {
        return "is a whole attention, whose products lie inside the operator: they stay in float".into();
    }
    if is_one_of(&["BatchNormalization"]) {
        return "TensorRT makes it part of the convolution before it, or of its element-wise neighbours"
            .into();
    }
    if is_elementwise(node) {
        return "is element-wise: TensorRT fuses it with its neighbours".into();
    }
    format!("qdq does not quantize {op}")
}

/// Whether the types of all outputs are known and none of them is floating-point.
fn computes_no_floats(graph: &Graph, node: &Node) -> bool {
    let mut outputs = node.outputs.iter().flatten().peekable();
    outputs.peek().is_some()
        && outputs.all(|&output| graph.tensor(output).dtype.is_some_and(|dtype| !dtype.is_float()))
}
