//! Stored constants in 16 bits.

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

use super::Caster;
use super::uses::Uses;
use crate::error::Result;
use crate::graph::TensorId;
use crate::precision::Half;
use crate::tensor::{Data, Tensor};

impl Caster<'_> {
    /// Converts a stored constant. Returns false if it is not stored: the value of a fixed input.
    pub(super) fn constant(&mut self, id: TensorId, uses: &Uses) -> Result<bool> {
        let name = self.network.name(id).to_owned();
        if !self.model.is_stored(&name) {
            return Ok(false);
        }
        if uses.half.is_empty() {
            return Ok(true);
        }
        let Some(value) = self.model.constant(&name)? else { return Ok(false) };
        let value = self.masked(id, value);
        let stays = uses.needs_float32() || uses.is_output;
        let value = self.step(id, value, stays)?;
        let shape = value.shape().to_vec();
        let converted = Tensor::new(shape.clone(), to_half(&value, self.plan.half))?;
        if !stays {
            self.types.insert(name.clone(), self.half.into());
            return self.model.replace_constant(&name, converted);
        }
        let copy = self.fresh(&name, self.half);
        self.model.add_initializer(&copy, &shape, converted.into_data())?;
        self.rewire(uses.half.iter(), &name, &copy);
        self.replace_casts(uses, &copy);
        Ok(true)
    }

    /// Raises the numbers of a mask to the lowest number that the plan gives it.
    fn masked(&self, id: TensorId, value: Tensor) -> Tensor {
        let Some((_, lowest)) = self.plan.masks.iter().find(|(mask, _)| *mask == id) else { return value };
        let shape = value.shape().to_vec();
        let raised = match value.data() {
            Data::F32(values) => values.iter().map(|&x| x.max(*lowest)).collect::<Vec<f32>>(),
            _ => return value,
        };
        Tensor::new(shape, raised).unwrap_or(value)
    }
}

/// Converts float32 elements. Other elements stay.
fn to_half(value: &Tensor, half: Half) -> Data {
    match (value.data(), half) {
        (Data::F32(values), Half::F16) => {
            let mut converted = vec![f16::ZERO; values.len()];
            converted.convert_from_f32_slice(values);
            converted.into()
        }
        (Data::F32(values), Half::Bf16) => {
            let mut converted = vec![bf16::ZERO; values.len()];
            converted.convert_from_f32_slice(values);
            converted.into()
        }
        (other, _) => other.clone(),
    }
}
