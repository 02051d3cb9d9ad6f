//! Operators that are judged by what they compute inside, and by what they do with small values.

mod sums;
mod values;

use super::context::Context;
use super::{Facts, Half, MARGIN};
use crate::graph::{NodeId, TensorId};

/// The reason why a node stays in float32, and what it needs of the tensors that it reads.
pub(super) struct Refusal {
    pub reason: String,
    pub needs: Vec<(TensorId, Need)>,
}

/// The part of a tensor's values that a node needs in float32. It decides how far back the makers stay with
/// it.
#[derive(Clone, Copy)]
pub(super) enum Need {
    /// The values as a product or a sum over elements computed them.
    Exact,
    /// The type: no Cast directly before.
    Type,
    /// The values below the smallest normal number times [`MARGIN`].
    Small,
    /// Errors far below this root of the mean square.
    Error(f64),
}

impl Need {
    /// The number of kinds that mean the same for every reader.
    pub const KINDS: usize = 3;

    /// Returns the number of the kind, if it means the same for every reader.
    pub fn kind(self) -> Option<usize> {
        match self {
            Self::Exact => Some(0),
            Self::Type => Some(1),
            Self::Small => Some(2),
            Self::Error(_) => None,
        }
    }

    /// Whether a tensor with these facts must be float32 too, if the needed tensor was computed from it
    /// element by element.
    pub fn reaches(self, half: Half, facts: Option<&Facts>) -> bool {
        match self {
            Self::Exact => true,
            Self::Type => false,
            Self::Small => facts.is_none_or(|facts| facts.reaches_below(half.smallest_normal() * MARGIN)),
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

/// Operators that order or compare values. Equal values and values beside a border decide otherwise after
/// rounding.
const ORDERING: [&str; 10] =
    ["ArgMax", "ArgMin", "Ceil", "Equal", "Floor", "Hardmax", "Mod", "Round", "TopK", "Unique"];
/// The sum of two numbers may be this much smaller than they are: then their rounding errors are still 60 dB
/// below the sum in f16.
const LEAST_REST: f64 = 0.2;

/// Operators that are steep where their input is near 1 or a quarter turn.
const STEEP: [&str; 5] = ["Acos", "Acosh", "Asin", "Atanh", "Tan"];
/// Operators that read coordinates.
const COORDINATES: [(&str, usize); 4] =
    [("GridSample", 1), ("RoiAlign", 1), ("MaxRoiPool", 1), ("AffineGrid", 0)];
/// Operators that carry a state over many steps.
const STEPS: [&str; 4] = ["CumSum", "GRU", "LSTM", "RNN"];

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
    values::to_integer(context, node)
        .or_else(|| values::angle(context, node))
        .or_else(|| values::small(context, node))
        .or_else(|| values::near_one(context, node))
        .or_else(|| values::differences(context, node))
        .or_else(|| values::power(context, node))
        .or_else(|| sums::sum(context, node))
        .or_else(|| sums::uneven(context, node))
        .or_else(|| sums::cancellation(context, node))
        .or_else(|| sums::variance(context, node))
}
