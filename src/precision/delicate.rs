//! Operators that are judged by what they compute inside, and by what they do with small values.

use super::plan::Context;
use super::{Facts, Half, MARGIN};
use crate::dtype::DataType;
use crate::graph::{Node, NodeId, TensorId, TensorKind};

/// The reason why a node stays in float32, and what it needs of the tensors that it reads.
pub(super) struct Refusal {
    pub reason: String,
    pub needs: Vec<(TensorId, Need)>,
}

/// The part of a tensor's values that a node needs in float32. It decides how far back the makers stay with it.
#[derive(Clone, Copy)]
pub(super) enum Need {
    /// The values as a product or a sum over elements computed them.
    Exact,
    /// The type: no Cast directly before.
    Type,
    /// The values below this magnitude.
    Below(f32),
    /// Errors far below this root of the mean square.
    Error(f64),
}

impl Need {
    /// Whether a tensor with these facts must be float32 too, if the needed tensor was computed from it element
    /// by element.
    pub fn reaches(self, facts: Option<&Facts>) -> bool {
        match self {
            Self::Exact => true,
            Self::Type => false,
            Self::Below(limit) => facts.is_none_or(|facts| facts.reaches_below(limit)),
            Self::Error(rest) => facts.and_then(|facts| facts.rms).is_none_or(|rms| rms * LEAST_REST > rest),
        }
    }
}

impl Refusal {
    fn alone(reason: impl Into<String>) -> Option<Self> {
        Some(Self { reason: reason.into(), needs: Vec::new() })
    }

    fn with(need: Need, of: impl IntoIterator<Item = TensorId>, reason: impl Into<String>) -> Option<Self> {
        let needs = of.into_iter().map(|tensor| (tensor, need)).collect();
        Some(Self { reason: reason.into(), needs })
    }
}

/// Operators that sum their input over some axes, with the largest power of the input that they add.
const SUMS: [(&str, i32); 13] = [
    ("AveragePool", 1),
    ("GlobalAveragePool", 1),
    ("GlobalLpPool", 2),
    ("InstanceNormalization", 2),
    ("LRN", 2),
    ("LpNormalization", 2),
    ("LpPool", 2),
    ("MeanVarianceNormalization", 2),
    ("ReduceL1", 1),
    ("ReduceL2", 2),
    ("ReduceMean", 1),
    ("ReduceSum", 1),
    ("ReduceSumSquare", 2),
];

/// Operators that order or compare values. Equal values and values beside a border decide otherwise after
/// rounding.
const ORDERING: [&str; 10] =
    ["ArgMax", "ArgMin", "Ceil", "Equal", "Floor", "Hardmax", "Mod", "Round", "TopK", "Unique"];
/// Operators that are steep where their input is near 1 or a quarter turn.
const STEEP: [&str; 5] = ["Acos", "Acosh", "Asin", "Atanh", "Tan"];
/// Operators that read coordinates.
const COORDINATES: [(&str, usize); 4] =
    [("GridSample", 1), ("RoiAlign", 1), ("MaxRoiPool", 1), ("AffineGrid", 0)];
/// Operators that carry a state over many steps.
const STEPS: [&str; 4] = ["CumSum", "GRU", "LSTM", "RNN"];
/// The largest share of values below the smallest normal number, of those other than zero, that a norm may read.
/// Values of a normal distribution have 0.005% of them.
const MOST_COARSE: f64 = 0.01;
/// Scores beyond this have steps above 1/16 in f16.
const MOST_SCORE: f32 = 128.0;
/// Angles beyond this have steps above 2^-8 in f16.
const LARGEST_ANGLE: f32 = 8.0;
/// The sum of two numbers may be this much smaller than they are: then their rounding errors are still 60 dB
/// below the sum in f16.
const LEAST_REST: f64 = 0.2;

/// Returns the reason why a node stays in float32 for what it computes; `None` if it need not.
pub(super) fn refusal(context: &Context<'_>, id: NodeId) -> Option<Refusal> {
    let node = context.graph.node(id);
    let one_of = |list: &[&str]| list.iter().any(|op| node.is(op));
    if one_of(&ORDERING) {
        return Refusal::with(
            Need::Exact,
            node.input(0),
            "decides by small differences, which rounding would change",
        );
    }
    if one_of(&STEEP) {
        return Refusal::with(
            Need::Exact,
            node.input(0),
            "is steep near 1, and rounding would move its result",
        );
    }
    if let Some((_, input)) = COORDINATES.iter().find(|(op, _)| node.is(op)) {
        return Refusal::with(
            Need::Exact,
            node.input(*input),
            "reads coordinates, whose rounding would move the samples",
        );
    }
    if one_of(&STEPS) {
        // TensorRT-RTX 1.7 refuses a Cast between a Transpose and a recurrent layer: the maker stays with it.
        return Refusal::with(
            Need::Type,
            node.input(0),
            "adds up its result in many steps, each of which would round",
        );
    }
    to_integer(context, node)
        .or_else(|| angle(context, node))
        .or_else(|| small(context, node))
        .or_else(|| near_one(context, node))
        .or_else(|| differences(context, node))
        .or_else(|| power(context, node))
        .or_else(|| sum(context, node))
        .or_else(|| uneven(context, node))
        .or_else(|| cancellation(context, node))
        .or_else(|| variance(context, node))
}

/// Judges Casts to integers, which cut the fraction off.
fn to_integer(context: &Context<'_>, node: &Node) -> Option<Refusal> {
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
fn angle(context: &Context<'_>, node: &Node) -> Option<Refusal> {
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
fn small(context: &Context<'_>, node: &Node) -> Option<Refusal> {
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
        return Refusal::with(Need::Below(smallest * MARGIN), [input], reason);
    }
    match context.evidence.get(input) {
        Some(facts) if !facts.reaches_below(smallest * MARGIN) => None,
        Some(Facts { smallest: Some(found), .. }) => {
            let reason = format!(
                "reads values down to {found:.4e} in '{name}': f16 gets coarser below {smallest:.4e}, and other \
                 data may be {MARGIN} times smaller"
            );
            Refusal::with(Need::Below(smallest * MARGIN), [input], reason)
        }
        _ => Refusal::with(
            Need::Below(smallest * MARGIN),
            [input],
            format!("reads '{name}', and nothing is known of its smallest values"),
        ),
    }
}

/// Judges logarithms of values near 1: their absolute error is the relative error of what they read.
fn near_one(context: &Context<'_>, node: &Node) -> Option<Refusal> {
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
fn differences(context: &Context<'_>, node: &Node) -> Option<Refusal> {
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
fn added(context: &Context<'_>, tensor: TensorId) -> Option<f32> {
    let node = context.graph.producer(tensor)?;
    if !["Add", "Sub", "Max", "Clip", "Where"].iter().any(|op| node.is(op)) {
        return None;
    }
    let constants = node.inputs.iter().flatten().filter_map(|&input| context.constant(input)?.smallest);
    constants.filter(|&smallest| smallest > 0.0).min_by(f32::total_cmp)
}

/// Judges powers and exponentials, which multiply the margin that other data needs.
fn power(context: &Context<'_>, node: &Node) -> Option<Refusal> {
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

/// Judges sums over many elements, which may overflow before they are divided.
fn sum(context: &Context<'_>, node: &Node) -> Option<Refusal> {
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
            "squares '{name}', whose squares are about {mean:.4e}: too small for f16"
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
fn summed(context: &Context<'_>, node: &Node, input: TensorId) -> f64 {
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

/// Judges norms of tensors with channels or rows of very different sizes. The norm makes the small ones as large
/// as the others, with their errors.
fn uneven(context: &Context<'_>, node: &Node) -> Option<Refusal> {
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
fn cancellation(context: &Context<'_>, node: &Node) -> Option<Refusal> {
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
fn variance(context: &Context<'_>, node: &Node) -> Option<Refusal> {
    let input = node.input(4).filter(|_| node.is("BatchNormalization"))?;
    let facts = context.constant(input)?;
    facts.reaches_below(context.half.smallest_normal()).then(|| Refusal {
        reason: format!("divides by variances down to {:.4e}", facts.smallest.unwrap_or(0.0)),
        needs: Vec::new(),
    })
}
