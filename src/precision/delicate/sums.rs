//! Operators that are judged by what they sum.

use super::{LEAST_REST, Need, Refusal};
use crate::graph::{Node, TensorId};
use crate::precision::MARGIN;
use crate::precision::context::Context;

/// Operators that sum their input over some axes, with the largest power of the input that they add.
const SUMS: [(&str, i32); 11] = [
    ("AveragePool", 1),
    ("GlobalAveragePool", 1),
    ("GlobalLpPool", 2),
    ("InstanceNormalization", 2),
    ("LRN", 2),
    ("LpPool", 2),
    ("ReduceL1", 1),
    ("ReduceL2", 2),
    ("ReduceMean", 1),
    ("ReduceSum", 1),
    ("ReduceSumSquare", 2),
];
/// The largest share of values below the smallest normal number, of those other than zero, that a norm may
/// read. Values of a normal distribution have 0.005% of them.
const MOST_COARSE: f64 = 0.01;

/// Judges sums over many elements, which may overflow before they are divided.
pub(super) fn sum(context: &Context<'_>, node: &Node) -> Option<Refusal> {
    let (_, power) = SUMS.iter().find(|(op, _)| node.is(op))?;
    let input = node.input(0)?;
    let name = context.name(input);
    let summed = summed(context, node, input);
    let Some((facts, rms)) = context.evidence.get(input).and_then(|facts| Some((facts, facts.rms?))) else {
        return Refusal::alone(format!("sums '{name}', and nothing is known of its values"));
    };
    let mean = if *power == 2 { rms * rms } else { rms };
    let margin = f64::from(MARGIN).powi(*power);
    let single = f64::from(facts.largest).powi(*power);
    let total = (mean * summed).max(single) * margin;
    let smallest = f64::from(context.half.smallest_normal() * MARGIN);
    if *power == 2 && mean < smallest && !node.is("LRN") {
        return Refusal::alone(format!(
            "squares '{name}', whose squares are about {mean:.4e}: too small for {}",
            context.half
        ));
    }
    (total > f64::from(context.half.largest())).then(|| Refusal {
        reason: format!(
            "sums {summed:.0} elements of '{name}': the sum may reach {total:.4e} before it is divided"
        ),
        needs: Vec::new(),
    })
}

/// Returns the number of elements of each sum: the elements of the input for each element of the output.
pub(super) fn summed(context: &Context<'_>, node: &Node, input: TensorId) -> f64 {
    if node.is("LRN") {
        return node.int("size", 1) as f64;
    }
    if let Some(kernel) = node.ints("kernel_shape") {
        return kernel.iter().map(|&size| size as f64).product();
    }
    let count = |tensor: TensorId| context.evidence.get(tensor).and_then(|facts| facts.count);
    let fixed = |tensor: TensorId| {
        context.graph.tensor(tensor).fixed_shape().map(|shape| shape.iter().product::<usize>() as u64)
    };
    let ratio = |of: &dyn Fn(TensorId) -> Option<u64>| {
        let (all, kept) = (of(input)?, of(node.output(0)?)?);
        Some(all as f64 / kept.max(1) as f64)
    };
    // A normalization keeps the shape: it sums over the positions, of which there are at most as many as
    // elements in a sample.
    let keeps_shape = |ratio: &f64| *ratio > 1.0;
    ratio(&count).or_else(|| ratio(&fixed)).filter(keeps_shape).unwrap_or_else(|| {
        fixed(input).or(count(input)).map_or(1.0, |elements| elements as f64 / context.samples as f64)
    })
}

/// Judges norms of tensors with channels or rows of very different sizes. The norm makes the small ones as
/// large as the others, with their errors.
pub(super) fn uneven(context: &Context<'_>, node: &Node) -> Option<Refusal> {
    const NORMS: [&str; 4] =
        ["BatchNormalization", "GroupNormalization", "InstanceNormalization", "LayerNormalization"];
    let input = node.input(0).filter(|_| NORMS.iter().any(|op| node.is(op)))?;
    let share = context.evidence.get(input)?.coarse?;
    if share <= MOST_COARSE {
        return None;
    }
    let (name, half) = (context.name(input), context.half);
    let reason =
        format!("makes small values large: {:.1}% of '{name}' are where {half} is coarse", share * 100.0);
    Refusal::with(Need::Exact, [input], reason)
}

/// Judges sums of two tensors that cancel each other: what is left has the errors of both.
pub(super) fn cancellation(context: &Context<'_>, node: &Node) -> Option<Refusal> {
    if !["Add", "Sub", "Sum"].iter().any(|op| node.is(op)) {
        return None;
    }
    let rms =
        |tensor: TensorId| context.evidence.get(tensor).and_then(|facts| facts.rms).filter(|&rms| rms > 0.0);
    let output = node.output(0)?;
    if context.on_mask.contains(&output) {
        return None;
    }
    let operands: Vec<TensorId> = node.inputs.iter().flatten().copied().collect();
    let sizes: Option<Vec<f64>> = operands.iter().map(|&id| rms(id)).collect();
    let left_over = rms(output)?;
    let rest = left_over / sizes?.into_iter().fold(0.0, f64::max);
    (rest < LEAST_REST).then(|| Refusal {
        reason: format!(
            "leaves {:.2}% of what it adds, and the rounding of that would be larger",
            rest * 100.0
        ),
        needs: operands.into_iter().map(|id| (id, Need::Error(left_over))).collect(),
    })
}

/// Judges the variances of a batch normalization, which it divides by.
pub(super) fn variance(context: &Context<'_>, node: &Node) -> Option<Refusal> {
    let input = node.input(4).filter(|_| node.is("BatchNormalization"))?;
    let facts = context.constant(input)?;
    facts.reaches_below(context.half.smallest_normal()).then(|| Refusal {
        reason: format!("divides by variances down to {:.4e}", facts.smallest.unwrap_or(0.0)),
        needs: Vec::new(),
    })
}
