//! The integers of a weight: the nearest ones.

use std::borrow::Cow;

use crate::dtype::DataType;
use crate::emit::scale::{self, Channels};
use crate::emit::weight_options::Weights;
use crate::emit::weights::unusable;
use crate::error::Result;
use crate::onnx::Network;
use crate::place::{Format, PlannedWeight, WeightGrid};
use crate::quant::weights::{QuantizedWeights, check_finite, quantize_weights_to, rescale};
use crate::range::{self, Method, Target};
use crate::tensor::Tensor;

/// Returns the axis of several scales; `None` if there would be only one scale along it.
pub(crate) fn used_axis(grid: WeightGrid, shape: &[usize]) -> Option<usize> {
    let is_used = |&axis: &usize| grid.block.is_some() || shape.get(axis).is_some_and(|&n| n > 1);
    grid.axis.filter(is_used)
}

/// The way in which one weight is rounded.
pub(crate) struct Rounding {
    pub grid: WeightGrid,
    pub bits: u32,
    /// The method that computes the ranges.
    pub method: Method,
    /// The type that will hold the steps.
    pub steps: DataType,
    /// The ranges, if they are known already.
    pub known: Option<Vec<f32>>,
}

impl Rounding {
    /// Returns the way in which a planned weight is rounded.
    ///
    /// # Errors
    /// `Shape` if the known ranges do not fit the weight.
    pub fn of(network: &Network, planned: &PlannedWeight, value: &Tensor, weights: &Weights) -> Result<Self> {
        let grid = planned.grid;
        Ok(Self {
            grid,
            bits: weights.bits_for(&network.graph, planned),
            method: weights.method,
            steps: weights.steps_type(value.dtype(), network.model.opset()),
            known: weights.known(&network.graph, planned, value.shape(), scale_count(grid, value.shape()))?,
        })
    }

    /// Rounds a weight to the nearest integers. The type of its scales holds the steps.
    ///
    /// # Errors
    /// `Data` if the weight is not finite.
    pub fn round(&self, floats: &[f32], shape: &[usize]) -> Result<QuantizedWeights> {
        let axis = used_axis(self.grid, shape);
        let blocks = axis.zip(self.grid.block).map(|(axis, block)| Blocks::new(shape, axis, block));
        let rows;
        let (floats, shape, axis): (Cow<'_, [f32]>, &[usize], Option<usize>) = match &blocks {
            Some(blocks) => {
                rows = [blocks.count(), blocks.block];
                (blocks.gathered(floats).into(), &rows, Some(0))
            }
            None => (floats.into(), shape, axis),
        };
        let target = Target { num_bits: self.bits, unsigned: false };
        let amax = match &self.known {
            Some(amax) => amax.clone(),
            None => range::weights(&floats, shape, axis, self.method, target)?,
        };
        let found = quantize_weights_to(&floats, shape, axis, &amax, self.bits)?;
        let channels = Channels::along(axis.unwrap_or(0), shape, amax.len());
        let steps = steps_for(self.grid.format, found.scale.clone(), &floats, (&channels, self.steps));
        let found = rescale(found, &floats, (shape, axis), self.bits, &steps)?;
        Ok(match blocks {
            Some(blocks) => QuantizedWeights { values: blocks.scattered(&found.values), ..found },
            None => found,
        })
    }
}

/// Rounds the value of a planned weight to the nearest integers. The type of its scales holds the steps.
///
/// # Errors
/// `Data` if the weight is not finite. The message names the tensor.
pub(crate) fn round_to_nearest(
    network: &Network,
    planned: &PlannedWeight,
    value: &Tensor,
    weights: &Weights,
) -> Result<QuantizedWeights> {
    let view = value.view().data();
    let floats = view.to_f32().unwrap_or_default();
    let rounded = check_finite(&floats, value.shape())
        .and_then(|()| weights.numbers(&network.graph, planned, floats, value.shape()))
        .and_then(|floats| Rounding::of(network, planned, value, weights)?.round(&floats, value.shape()));
    rounded.map_err(|error| unusable(&network.graph, planned.tensor, error))
}

/// Returns the number of scales of a weight.
fn scale_count(grid: WeightGrid, shape: &[usize]) -> usize {
    match (used_axis(grid, shape), grid.block) {
        (None, _) => 1,
        (Some(axis), None) => shape[axis],
        (Some(_), Some(block)) => shape.iter().product::<usize>() / block,
    }
}

/// Returns the scale of an element of a weight, by its place in the row-major weight.
pub(crate) fn scale_of(planned: &PlannedWeight, shape: &[usize], place: usize) -> usize {
    match (used_axis(planned.grid, shape), planned.grid.block) {
        (None, _) => 0,
        (Some(axis), None) => Channels::along(axis, shape, shape[axis]).at(place),
        (Some(axis), Some(block)) => {
            let behind: usize = shape[axis + 1..].iter().product();
            // No block crosses an index of the axes before, because blocks divide the axis.
            place / behind / block * behind + place % behind
        }
    }
}

/// Returns the steps of a weight as a type of scales holds them, if it can.
///
/// A step that the type does not hold is raised if that costs the format nothing, or hardly any accuracy.
pub(super) fn steps_for(
    format: Format,
    steps: Vec<f32>,
    values: &[f32],
    (channels, dtype): (&Channels, DataType),
) -> Vec<f32> {
    let headroom = format.rules().headroom;
    let is_free = |step: f32| scale::raised(step, dtype) <= step * headroom;
    if headroom > 1.0 && steps.iter().all(|&step| scale::held(step, dtype).is_some() || is_free(step)) {
        return steps.into_iter().map(|step| scale::raised(step, dtype)).collect();
    }
    scale::of_weights(&steps, values, channels, dtype).unwrap_or(steps)
}

/// The blocks of a weight: weights in a row along an axis that share a scale.
struct Blocks {
    block: usize,
    /// The number of blocks along the axis, and of the indices of all axes before it.
    before: usize,
    /// The number of indices of all axes behind it.
    behind: usize,
}

impl Blocks {
    /// Divides an axis, whose size is a multiple of `block`.
    fn new(shape: &[usize], axis: usize, block: usize) -> Self {
        let count = |sizes: &[usize]| sizes.iter().product::<usize>();
        Self { block, before: count(&shape[..=axis]) / block, behind: count(&shape[axis + 1..]) }
    }

    fn count(&self) -> usize {
        self.before * self.behind
    }

    /// Returns the place of each element, block after block. The blocks have the order of the scales.
    fn places(&self) -> impl Iterator<Item = usize> + '_ {
        let Self { block, before, behind } = *self;
        (0..before).flat_map(move |row| {
            (0..behind).flat_map(move |at| (0..block).map(move |own| (row * block + own) * behind + at))
        })
    }

    fn gathered(&self, values: &[f32]) -> Vec<f32> {
        self.places().map(|at| values[at]).collect()
    }

    fn scattered(&self, values: &[i8]) -> Vec<i8> {
        let mut scattered = vec![0; values.len()];
        self.places().zip(values).for_each(|(at, &value)| scattered[at] = value);
        scattered
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::TensorId;

    #[test]
    fn blocks_lie_in_the_order_of_their_scales() {
        // Two stacked matrices with 4 rows and 3 columns, in blocks of 2 rows.
        let blocks = Blocks::new(&[2, 4, 3], 1, 2);
        let values: Vec<f32> = (0..24u8).map(f32::from).collect();
        assert_eq!(blocks.count(), 12);
        let gathered = blocks.gathered(&values);
        assert_eq!(gathered[..8], [0.0, 3.0, 1.0, 4.0, 2.0, 5.0, 6.0, 9.0]);
        let integers: Vec<i8> = gathered.iter().map(|&value| value as i8).collect();
        assert_eq!(blocks.scattered(&integers), (0..24).collect::<Vec<i8>>());
        let grid = WeightGrid { format: Format::Int4Weights, axis: Some(1), block: Some(2) };
        let planned = PlannedWeight { tensor: TensorId(0), constant: TensorId(0), edges: Vec::new(), grid };
        let scales = blocks.places().map(|place| scale_of(&planned, &[2, 4, 3], place));
        assert_eq!(scales.collect::<Vec<_>>(), (0..24).map(|at| at / 2).collect::<Vec<_>>());
        // Along the last axis, blocks are rows as they are.
        assert_eq!(Blocks::new(&[2, 4], 1, 2).gathered(&values[..8]), values[..8]);
    }
}
