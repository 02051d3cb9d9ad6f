//! The scales of a weight: their axis, and the blocks along it.

use crate::graph::{Graph, Node, TensorId};

use super::format::either;
use super::forms::origin;
use super::{Policy, WeightGrid, einsum};

/// Returns the scales of a weight, or the reason why it has none in its format.
pub(super) fn weight_grid(
    graph: &Graph,
    policy: &Policy,
    node: &Node,
    input: usize,
    weight: TensorId,
) -> Result<WeightGrid, String> {
    let format = policy.format_of(node);
    let blocks = format.rules().blocks;
    if input == 0 && !format.rules().left_weights {
        return Err(format!("its weight is the left operand, which {format} does not take"));
    }
    if blocks.is_empty() {
        let axis = match policy.target.rules().per_tensor.contains(&format) {
            true => None,
            false => weight_axis(graph, policy, node, input, weight),
        };
        return Ok(WeightGrid { format, axis, block: None });
    }
    let name = &graph.tensor(weight).name;
    let Some(shape) = graph.tensor(weight).fixed_shape().filter(|shape| shape.len() >= 2) else {
        return Err(format!("weight '{name}' has no known shape of rank 2 or more, which blocks need"));
    };
    let axis = input_axis(node, shape.len());
    let (size, last) = (shape[axis], shape[shape.len() - 1]);
    let chosen = policy.block_size_of(node);
    let allowed = chosen.as_slice();
    let allowed = if allowed.is_empty() { blocks } else { allowed };
    let least = policy.target.rules().least_blocks;
    let of_at_least =
        |least: usize| allowed.iter().find(|&&block| size % block == 0 && size / block >= least);
    // A weight that is one block along the axis has no fused kernel.
    let Some(&block) = of_at_least(2).or_else(|| of_at_least(least)) else {
        let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
        let blocks = if least > 1 { "two or more blocks" } else { "a whole number of blocks" };
        return Err(format!(
            "input axis of weight '{name}' has {size} elements, not {blocks} of {}",
            either(&allowed)
        ));
    };
    if last % 2 != 0 {
        return Err(format!(
            "last axis of weight '{name}' has {last} elements, and TensorRT takes an even number of 4-bit ones"
        ));
    }
    Ok(WeightGrid { format, axis: Some(axis), block: Some(block) })
}

/// Returns the axis of the right operand of a product, of rank 2 or more, over which the product sums.
fn input_axis(node: &Node, rank: usize) -> usize {
    if node.int("transB", 0) != 0 { rank - 1 } else { rank - 2 }
}

/// Returns the axis of the output channels of a weight.
///
/// A convolution has them on its first axis, a transposed convolution with one group on its second axis. A
/// matrix product has them on the axis that the result keeps: the columns of a right operand, the rows of a
/// left operand. The equation of an Einsum gives that axis. In all other cases, and if the axis has a single
/// index, one scale serves the whole weight.
///
/// A MatMul may have transA and transB like a Gemm, for networks whose products of any rank can transpose.
fn weight_axis(graph: &Graph, policy: &Policy, node: &Node, input: usize, weight: TensorId) -> Option<usize> {
    if policy.per_tensor_weights {
        return None;
    }
    let transposed = |attribute| node.int(attribute, 0) != 0;
    let axis = match (node.op.as_str(), input) {
        ("Conv", _) => 0,
        ("Einsum", input) => einsum::kept_axis(node, input, constant_rank(graph, weight))?,
        ("ConvTranspose", _) if node.int("group", 1) == 1 => 1,
        ("Gemm", 0) => usize::from(transposed("transA")),
        ("Gemm", _) => usize::from(!transposed("transB")),
        ("MatMul", 0) => {
            constant_rank(graph, weight)?.checked_sub(if transposed("transA") { 1 } else { 2 })?
        }
        ("MatMul", _) if transposed("transB") => constant_rank(graph, weight)?.checked_sub(2)?,
        ("MatMul", _) => constant_rank(graph, weight)?.checked_sub(1).filter(|&last| last > 0)?,
        _ => return None,
    };
    let single =
        graph.tensor(weight).fixed_shape().is_some_and(|shape| shape.get(axis).is_none_or(|&n| n == 1));
    (!single).then_some(axis)
}

/// Returns the rank of a constant, or of a form of a constant, if it follows from the graph.
fn constant_rank(graph: &Graph, tensor: TensorId) -> Option<usize> {
    if let Some(rank) = graph.tensor(tensor).rank() {
        return Some(rank);
    }
    let (constant, nodes) = origin(graph, tensor)?;
    nodes.into_iter().try_fold(graph.tensor(constant).rank()?, |rank, id| {
        let node = graph.node(id);
        let listed = || {
            let parameter = graph.tensor(node.input(1)?).fixed_shape()?;
            parameter.first().copied()
        };
        let axes = || node.ints("axes").map(<[i64]>::len).or_else(listed);
        match node.op.as_str() {
            "Reshape" => listed(),
            "Flatten" => Some(2),
            "Squeeze" => rank.checked_sub(axes()?),
            "Unsqueeze" => Some(rank + axes()?),
            _ => Some(rank),
        }
    })
}
