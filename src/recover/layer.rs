//! The quantized layers with a constant weight, and the matrix form of such a weight.

use crate::graph::{Attribute, Edge, Graph, Node, NodeId, TensorId};
use crate::place::Plan;

/// A node that computes with a quantized weight and a quantized activation, or an activation in float if the
/// format is of weights alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The node.
    pub node: NodeId,
    /// Index into [`Plan::weights`].
    pub planned: usize,
    /// The index of the node's input that is the weight.
    pub weight_input: usize,
    /// The activation that is multiplied by the weight.
    pub input: TensorId,
    /// The output of the node.
    pub output: TensorId,
}

/// Lists the layers of a plan in the order of the network.
pub fn layers(graph: &Graph, plan: &Plan) -> Vec<Layer> {
    let is_quantized =
        |edge: &Edge| plan.activations.iter().any(|activation| activation.edges.contains(edge));
    let mut found = Vec::new();
    for (planned, weight) in plan.weights.iter().enumerate() {
        let is_alone = !weight.grid.format.rules().activations;
        for edge in &weight.edges {
            let node = graph.node(edge.node);
            let data = Edge { node: edge.node, input: 1 - edge.input.min(1) };
            if let (Some(input), Some(output), true) =
                (node.input(data.input), node.output(0), is_alone || is_quantized(&data))
            {
                found.push(Layer { node: edge.node, planned, weight_input: edge.input, input, output });
            }
        }
    }
    found.sort_by_key(|layer| layer.node);
    found
}

/// A weight as a matrix. Each of its `rows` is multiplied by a vector of `columns` inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matrix {
    /// The number of output channels.
    pub rows: usize,
    /// The number of inputs of one output channel at a position.
    ///
    /// These are the inputs of its group times the kernel's size.
    pub columns: usize,
    /// The number of groups of rows that have inputs of their own.
    pub groups: usize,
    /// The steps from one group, row, channel of a row and element of a channel to the next.
    steps: [usize; 4],
    /// The number of elements in a channel of a row: the kernel's size.
    taps: usize,
}

impl Matrix {
    /// Returns the position in the row-major weight of the element at `row` and `column`.
    pub fn at(&self, row: usize, column: usize) -> usize {
        let place =
            [self.group(row), row % (self.rows / self.groups), column / self.taps, column % self.taps];
        place.iter().zip(self.steps).map(|(place, step)| place * step).sum()
    }

    /// Returns the group of a row.
    pub fn group(&self, row: usize) -> usize {
        row / (self.rows / self.groups)
    }
}

/// Returns the matrix of a weight of `shape` that is input `input` of `node`, or why it is left alone.
pub fn matrix(node: &Node, input: usize, shape: &[usize]) -> Result<Matrix, String> {
    let product = |rows: usize, columns: usize, row_step: usize, column_step: usize| {
        Ok(Matrix { rows, columns, groups: 1, steps: [0, row_step, column_step, 0], taps: 1 })
    };
    match (node.op.as_str(), input, shape) {
        ("Conv", 1, &[rows, channels, ref kernel @ ..]) => {
            let (groups, taps) = (groups(node, rows)?, kernel.iter().product::<usize>());
            let columns = channels * taps;
            let steps = [rows / groups * columns, columns, taps, 1];
            Ok(Matrix { rows, columns, groups, steps, taps })
        }
        ("ConvTranspose", 1, &[channels, rows, ref kernel @ ..]) => {
            let (groups, taps) = (groups(node, channels)?, kernel.iter().product::<usize>());
            let auto_pad =
                matches!(node.attributes.get("auto_pad"), Some(Attribute::Text(pad)) if pad != "NOTSET");
            if auto_pad || node.ints("output_shape").is_some() {
                return Err("its padding follows from the size of its output".into());
            }
            let channels = channels / groups;
            let steps = [channels * rows * taps, taps, rows * taps, 1];
            Ok(Matrix { rows: rows * groups, columns: channels * taps, groups, steps, taps })
        }
        ("Gemm", 1, &[a, b]) if node.int("transB", 0) != 0 => product(a, b, b, 1),
        ("Gemm" | "MatMul", 1, &[a, b]) if node.int("transB", 0) == 0 => product(b, a, 1, b),
        ("MatMul", 1, &[a]) => product(1, a, 0, 1),
        ("Einsum", ..) => Err("an Einsum orders its axes as it likes".into()),
        (_, 0, _) => Err("its weight is the left side of the product".into()),
        _ => Err("its weight is a stack of matrices".into()),
    }
}

/// Returns the number of groups of a convolution whose weight has this number of channels in all groups.
fn groups(node: &Node, channels: usize) -> Result<usize, String> {
    let groups = usize::try_from(node.int("group", 1)).unwrap_or(0);
    if groups == 0 || !channels.is_multiple_of(groups) {
        return Err(format!("its {channels} channels are not {groups} groups"));
    }
    Ok(groups)
}
