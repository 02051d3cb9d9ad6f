//! The quantized layers with a constant weight, and how such a weight is a matrix.

use crate::graph::{Edge, Graph, Node, NodeId, TensorId};
use crate::place::Plan;

/// A node that computes with a quantized weight and a quantized activation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The node.
    pub node: NodeId,
    /// Index into [`Plan::weights`].
    pub planned: usize,
    /// Which input of the node the weight is.
    pub weight_input: usize,
    /// The activation that it is multiplied with.
    pub input: TensorId,
    /// What the node computes.
    pub output: TensorId,
}

/// The layers of a plan in the order of the network.
pub fn layers(graph: &Graph, plan: &Plan) -> Vec<Layer> {
    let is_quantized =
        |edge: &Edge| plan.activations.iter().any(|activation| activation.edges.contains(edge));
    let mut found = Vec::new();
    for (planned, weight) in plan.weights.iter().enumerate() {
        for edge in &weight.edges {
            let node = graph.node(edge.node);
            let data = Edge { node: edge.node, input: 1 - edge.input.min(1) };
            if let (Some(input), Some(output), true) =
                (node.input(data.input), node.output(0), is_quantized(&data))
            {
                found.push(Layer { node: edge.node, planned, weight_input: edge.input, input, output });
            }
        }
    }
    found.sort_by_key(|layer| layer.node);
    found
}

/// A weight as a matrix: each of its `rows` is multiplied with a vector of `columns` inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matrix {
    /// Output channels.
    pub rows: usize,
    /// Inputs that one output channel sees at a time: those of its group times the kernel's size.
    pub columns: usize,
    /// Groups of rows that see inputs of their own.
    pub groups: usize,
    row_step: usize,
    column_step: usize,
}

impl Matrix {
    /// The position in the row-major weight of the element at `row` and `column`.
    pub fn at(&self, row: usize, column: usize) -> usize {
        row * self.row_step + column * self.column_step
    }

    /// The group of a row.
    pub fn group(&self, row: usize) -> usize {
        row / (self.rows / self.groups)
    }
}

/// The matrix of a weight of `shape` that is input `input` of `node`, or why it is left alone.
pub fn matrix(node: &Node, input: usize, shape: &[usize]) -> Result<Matrix, String> {
    let stored = |rows: usize, columns: usize, transposed: bool| {
        let (row_step, column_step) = if transposed { (columns, 1) } else { (1, rows) };
        Ok(Matrix { rows, columns, groups: 1, row_step, column_step })
    };
    match (node.op.as_str(), input, shape) {
        ("Conv", 1, [rows, rest @ ..]) => {
            let columns = rest.iter().product();
            let groups = usize::try_from(node.int("group", 1)).unwrap_or(0);
            if groups == 0 || !rows.is_multiple_of(groups) {
                return Err(format!("its {rows} output channels are not {groups} groups"));
            }
            Ok(Matrix { rows: *rows, columns, groups, row_step: columns, column_step: 1 })
        }
        ("Gemm", 1, &[a, b]) if node.int("transB", 0) != 0 => stored(a, b, true),
        ("Gemm" | "MatMul", 1, &[a, b]) if node.int("transB", 0) == 0 => stored(b, a, false),
        ("MatMul", 1, &[a]) => stored(1, a, false),
        ("ConvTranspose", ..) => Err("a transposed convolution's inputs are not gathered".into()),
        (_, 0, _) => Err("its weight is the left side of the product".into()),
        _ => Err("its weight is a stack of matrices".into()),
    }
}
