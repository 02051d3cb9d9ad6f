//! Stored constants in 16 bits.

use super::Caster;
use super::steps::{readers_of_steps, rounded_steps};
use super::uses::Uses;
use crate::dtype::DataType;
use crate::error::Result;
use crate::finding::{Finding, counted};
use crate::graph::{Graph, TensorId};
use crate::precision::{Limited, PrecisionPlan};
use crate::tensor::{Data, Tensor};

impl Caster<'_> {
    /// Converts a stored constant. Returns false if it is not stored: the value of a fixed input.
    pub(super) fn constant(&mut self, id: TensorId, uses: &Uses) -> Result<bool> {
        let name = self.network.name(id).to_owned();
        if !self.model.is_stored(&name) {
            return Ok(false);
        }
        let limited = self.plan.limited.iter().find(|limited| limited.tensor == id).copied();
        let is_mask = limited.is_some_and(|limited| limited.is_mask);
        let becomes_half = uses.is_output && self.plan.half_io;
        if uses.half.is_empty() && !is_mask && !becomes_half {
            return Ok(true);
        }
        let Some(mut value) = self.model.constant(&name)? else { return Ok(false) };
        if let Some(limited) = limited {
            value = limit(value, limited);
        }
        if is_mask && uses.needs_float32() {
            self.model.replace_constant(&name, value.clone())?;
        }
        if uses.half.is_empty() && !becomes_half {
            return Ok(true);
        }
        let stays = match becomes_half {
            true => uses.needs_float32() || !uses.others.is_empty(),
            false => uses.keeps_float32(),
        };
        let value = self.step(id, value, stays)?;
        if becomes_half && stays {
            // The output has the name, so the float32 form gets another one.
            let copy = self.fresh(&name, DataType::F32);
            self.model.add_initializer(&copy, value.shape(), value.data().clone())?;
            self.rewire(uses.float32.iter().chain(&uses.others), &name, &copy);
            self.recapture(uses, &name, &copy);
        }
        let converted = self.finite(&name, value).rounded_to(self.half);
        if becomes_half || !stays {
            self.types.insert(name.clone(), self.half.into());
            self.replace_casts(uses, &name);
            return self.model.replace_constant(&name, converted);
        }
        let copy = self.fresh(&name, self.half);
        self.model.add_initializer(&copy, converted.shape(), converted.data().clone())?;
        self.rewire(uses.half.iter(), &name, &copy);
        self.replace_casts(uses, &copy);
        Ok(true)
    }

    /// Limits finite numbers to those of the 16-bit type. Only a node that the user forced reads larger ones.
    fn finite(&mut self, name: &str, value: Tensor) -> Tensor {
        let largest = self.plan.half.largest();
        let (value, count) = finite(value, largest);
        if count == 0 {
            return value;
        }
        let numbers = counted(count, "number");
        let what = format!("{numbers} too large for {} became its largest, {largest:.4e}", self.plan.half);
        let remedy = "keep the nodes that read them in float32";
        self.findings.push(Finding::warning(what).about([name]).with_remedy(remedy));
        value
    }
}

/// Limits finite numbers to those up to `largest`, and returns how many were larger.
fn finite(value: Tensor, largest: f32) -> (Tensor, usize) {
    let Data::F32(values) = value.data() else { return (value, 0) };
    let count = values.iter().filter(|x| x.is_finite() && x.abs() > largest).count();
    if count == 0 {
        return (value, 0);
    }
    let limit = |&x: &f32| if x.is_finite() { x.clamp(-largest, largest) } else { x };
    let limited: Vec<f32> = values.iter().map(limit).collect();
    (Tensor::new(value.shape().to_vec(), limited).unwrap_or(value), count)
}

/// Returns the float32 numbers that constant `id` has in a network that carries the plan out: those of its
/// 16-bit form with `in_half`, else those of its float32 form.
///
/// Masks and bounds are limited. Steps are rounded in both forms, because a Quantize and its Dequantize need
/// equal ones.
pub(crate) fn stored(
    graph: &Graph,
    plan: &PrecisionPlan,
    id: TensorId,
    value: Tensor,
    in_half: bool,
) -> Tensor {
    let limited = plan.limited.iter().find(|limited| limited.tensor == id);
    let value = match limited.filter(|limited| in_half || limited.is_mask) {
        Some(limited) => limit(value, *limited),
        None => value,
    };
    let value = match value.data() {
        Data::F32(steps) if !readers_of_steps(graph, id).is_empty() => {
            let rounded = rounded_steps(steps, plan.half.dtype());
            Tensor::new(value.shape().to_vec(), rounded).unwrap_or(value)
        }
        _ => value,
    };
    if in_half { finite(value, plan.half.largest()).0 } else { value }
}

/// Limits the numbers of a constant to those that the plan gives it.
fn limit(value: Tensor, Limited { lowest, highest, .. }: Limited) -> Tensor {
    let Data::F32(values) = value.data() else { return value };
    let limited: Vec<f32> = values.iter().map(|&x| x.clamp(lowest, highest)).collect();
    Tensor::new(value.shape().to_vec(), limited).unwrap_or(value)
}
