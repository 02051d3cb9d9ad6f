//! The storage of a tensor in 16 bits: its values must fit, and rounding them must cost little.

use super::context::Context;
use super::{Facts, MARGIN};
use crate::graph::{TensorId, TensorKind};

/// The error of rounding may be this many dB below the error that a tensor gets by INT8 anyway. 20 dB are 1%
/// of its power.
const BELOW_INT8: f64 = 20.0;

/// If nothing but the largest magnitude is known, it must be this many times the smallest normal number. Then
/// the values around it keep all their bits.
const SMALL: f32 = 256.0;

/// Returns the reason why a tensor must not be stored in 16 bits; `None` if it may, or if nothing is known.
pub(super) fn refusal(context: &Context<'_>, tensor: TensorId) -> Option<String> {
    if context.on_mask.contains(&tensor) || context.limited.contains(&tensor) {
        return None;
    }
    let facts = context.evidence.get(tensor)?;
    too_large(context, tensor, facts)
        .or_else(|| too_whole(context, tensor, facts))
        .or_else(|| too_coarse(context, tensor, facts))
}

fn too_large(context: &Context<'_>, tensor: TensorId, facts: &Facts) -> Option<String> {
    let (largest, limit, name) = (facts.largest, context.half.largest(), context.name(tensor));
    let is_constant = context.graph.tensor(tensor).kind == TensorKind::Constant;
    if largest > limit {
        return Some(format!("'{name}' reaches {largest:.4e}, beyond {limit:.4e}"));
    }
    (!is_constant && largest > limit / MARGIN).then(|| {
        format!(
            "'{name}' reaches {largest:.4e}: other data may exceed that {MARGIN} times, beyond {limit:.4e}"
        )
    })
}

fn too_whole(context: &Context<'_>, tensor: TensorId, facts: &Facts) -> Option<String> {
    let limit = context.half.whole_numbers();
    let are_exact = facts.sqnr == Some(f64::INFINITY);
    (context.positions[tensor.0] && facts.largest > limit && !are_exact).then(|| {
        let (name, largest) = (context.name(tensor), facts.largest);
        format!(
            "'{name}' holds positions up to {largest}, and {} has whole numbers up to {limit}",
            context.half
        )
    })
}

fn too_coarse(context: &Context<'_>, tensor: TensorId, facts: &Facts) -> Option<String> {
    // Dequantized values are multiples of steps, which the rule for pairs judges.
    if context.graph.producer(tensor).is_some_and(|maker| maker.is("DequantizeLinear")) {
        return None;
    }
    if facts.sqnr.is_none() && facts.largest > 0.0 && facts.largest < context.half.smallest_normal() * SMALL {
        let (name, half) = (context.name(tensor), context.half);
        return Some(format!("'{name}' reaches only {:.4e}, where {half} is coarse", facts.largest));
    }
    let least = context.half.least_sqnr();
    let least = context.evidence.int8_sqnr(tensor).map_or(least, |int8| least.min(int8 + BELOW_INT8));
    facts.sqnr.filter(|&sqnr| sqnr < least).map(|sqnr| {
        let (name, half) = (context.name(tensor), context.half);
        format!("'{name}' would have an SQNR of {sqnr:.0} dB in {half}, less than {least:.0}: its values are too small")
    })
}
