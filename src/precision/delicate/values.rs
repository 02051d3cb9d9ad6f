//! Operators that are judged by the values of single elements.

use super::{Need, Refusal};
use crate::dtype::DataType;
use crate::graph::{Node, TensorId, TensorKind};
use crate::precision::context::Context;
use crate::precision::{Facts, Half, MARGIN};

/// Scores beyond this have steps above 1/16 in f16.
const MOST_SCORE: f32 = 128.0;
/// Angles beyond this have steps above 2^-8 in f16.
const LARGEST_ANGLE: f32 = 8.0;

/// Judges Casts to integers, which cut the fraction off.
pub(super) fn to_integer(context: &Context<'_>, node: &Node) -> Option<Refusal> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    let dtype = context.graph.tensor(output).dtype?;
    let is_exact = context.evidence.get(input).is_some_and(|facts| facts.sqnr == Some(f64::INFINITY));
    if !(node.is("Cast") || node.is("CastLike")) || dtype.is_float() || dtype == DataType::Bool || is_exact {
        return None;
    }
    Refusal::with(
        Need::Exact,
        [input],
        "cuts fractions off, and rounding would lift values over a whole number",
    )
}

/// Judges sines of large angles: the step of the angle is that of its magnitude.
pub(super) fn angle(context: &Context<'_>, node: &Node) -> Option<Refusal> {
    let input = node.input(0).filter(|_| ["Sin", "Cos"].iter().any(|op| node.is(op)))?;
    let name = context.name(input);
    match context.evidence.get(input) {
        Some(facts) if facts.largest <= LARGEST_ANGLE => None,
        Some(facts) => {
            let reason =
                format!("reads angles up to {:.4e} in '{name}', whose fraction would be lost", facts.largest);
            Refusal::with(Need::Exact, [input], reason)
        }
        None => Refusal::with(
            Need::Exact,
            [input],
            format!("reads angles in '{name}', and nothing is known of their size"),
        ),
    }
}

/// Judges operators whose result is large or steep at small values.
pub(super) fn small(context: &Context<'_>, node: &Node) -> Option<Refusal> {
    let index = match &*node.op {
        "Log" | "Sqrt" | "Reciprocal" => 0,
        "Div" => 1,
        "Pow" if context.constant(node.input(1)?).is_none_or(|facts| exponent(facts) < 1.0) => 0,
        _ => return None,
    };
    let input = node.input(index)?;
    let smallest = context.half.smallest_normal();
    let name = context.name(input);
    if context.half != Half::F16 || context.graph.tensor(input).kind == TensorKind::Constant {
        return None;
    }
    if let Some(added) = added(context, input).filter(|&added| added < smallest) {
        let reason =
            format!("reads '{name}', to which {added:.4e} was added, less than f16 holds with all its bits");
        return Refusal::with(Need::Small, [input], reason);
    }
    match context.evidence.get(input) {
        Some(facts) if !facts.reaches_below(smallest * MARGIN) => None,
        Some(Facts { smallest: Some(found), .. }) => {
            let reason = format!(
                "reads values down to {found:.4e} in '{name}': f16 gets coarser below {smallest:.4e}, and other \
                 data may be {MARGIN} times smaller"
            );
            Refusal::with(Need::Small, [input], reason)
        }
        _ => Refusal::with(
            Need::Small,
            [input],
            format!("reads '{name}', and nothing is known of its smallest values"),
        ),
    }
}

/// Judges logarithms of values near 1: their absolute error is the relative error of what they read.
pub(super) fn near_one(context: &Context<'_>, node: &Node) -> Option<Refusal> {
    let (input, output) = (node.input(0).filter(|_| node.is("Log"))?, node.output(0)?);
    let rms = context.evidence.get(output)?.rms?;
    let least = context.half.step(1.0) * 300.0;
    (rms < least).then(|| Refusal {
        reason: format!("reads values near 1 in '{}': its results are about {rms:.4e}", context.name(input)),
        needs: vec![(input, Need::Error(rms))],
    })
}

/// Judges operators that read the differences of their values, such as a softmax.
///
/// The step of the type at the highest value is the error of every difference. Low values count for nothing:
/// their exponentials vanish.
pub(super) fn differences(context: &Context<'_>, node: &Node) -> Option<Refusal> {
    let input = node.input(0)?;
    if !["Softmax", "LogSoftmax", "ReduceLogSumExp"].iter().any(|op| node.is(op)) {
        return None;
    }
    // The scores below a mask are those before it was added.
    let maker = context.graph.producer(input).filter(|_| context.on_mask.contains(&input));
    let before = maker.into_iter().flat_map(|node| node.inputs.iter().flatten().copied());
    let scores = before.filter(|id| !context.on_mask.contains(id)).chain([input]).next()?;
    let facts = context.evidence.get(scores)?;
    if facts.highest.abs() >= MOST_SCORE {
        let reason = format!("compares values near {:.4e} in '{}'", facts.highest, context.name(scores));
        return Refusal::with(Need::Exact, [input], reason + ", whose small differences would be lost");
    }
    let lost = context
        .evidence
        .get(node.output(0)?)
        .filter(|_| node.is("LogSoftmax") && context.half == Half::F16)?;
    let least = context.half.smallest_normal().ln().abs();
    (lost.largest > least).then(|| Refusal {
        reason: format!(
            "has results down to {:.4e}: their exponentials are too small for f16",
            -lost.largest
        ),
        needs: Vec::new(),
    })
}

/// Returns the sign and size of a constant exponent. Exponents with several values count as their highest.
fn exponent(facts: &Facts) -> f32 {
    if facts.highest < 0.0 { -facts.largest } else { facts.highest }
}

/// Returns the smallest constant that the node before added to a tensor, or by which it bounded the tensor.
pub(super) fn added(context: &Context<'_>, tensor: TensorId) -> Option<f32> {
    let node = context.graph.producer(tensor)?;
    if !["Add", "Sub", "Max", "Clip", "Where"].iter().any(|op| node.is(op)) {
        return None;
    }
    let constants = node.inputs.iter().flatten().filter_map(|&input| context.constant(input)?.smallest);
    constants.filter(|&smallest| smallest > 0.0).min_by(f32::total_cmp)
}

/// Judges powers and exponentials, which multiply the margin that other data needs.
pub(super) fn power(context: &Context<'_>, node: &Node) -> Option<Refusal> {
    let input = node.input(0)?;
    let limit = context.half.largest();
    let exponent = match &*node.op {
        "Exp" | "ReduceLogSumExp" => None,
        "Pow" => Some(context.constant(node.input(1)?).map_or(f32::INFINITY, exponent)),
        "Mul" if node.input(1) == Some(input) => Some(2.0),
        _ => return None,
    };
    let name = context.name(input);
    let Some(facts) = context.evidence.get(input) else {
        return Refusal::alone(format!("raises '{name}', and nothing is known of its largest values"));
    };
    let reached = match exponent {
        // A softmax that is written out subtracts the largest value first: its exponents are at most 0.
        None => (2.0 * facts.highest.max(0.0)).exp(),
        Some(exponent) if exponent <= 1.0 => return None,
        Some(exponent) => (facts.largest * MARGIN).powf(exponent),
    };
    if reached <= limit {
        return None;
    }
    let largest = if exponent.is_none() { facts.highest } else { facts.largest };
    Refusal::alone(format!(
        "raises values up to {largest:.4e} in '{name}': other data may exceed {limit:.4e}"
    ))
}
