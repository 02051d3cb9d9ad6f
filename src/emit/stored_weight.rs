//! Weights in the form in which a model stores them: quantized numbers of their format, and scales.

use crate::dtype::DataType;
use crate::e4m3;
use crate::emit::round_weights::{Rounding, steps_for, used_axis};
use crate::emit::scale::Channels;
use crate::emit::weight_options::Weights;
use crate::emit::weights::unusable;
use crate::error::{Error, ErrorKind, Result};
use crate::onnx::Network;
use crate::place::{PlannedWeight, WeightGrid};
use crate::quant::weights::{QuantizedWeights, check_finite};
use crate::range;
use crate::tensor::{Data, Tensor};

/// A quantized weight.
pub(crate) struct StoredWeight {
    pub shape: Vec<usize>,
    /// The type of the weight in the original model.
    pub dtype: DataType,
    pub values: Data,
    pub steps: Vec<f32>,
    /// The shape of the scales.
    pub steps_shape: Vec<usize>,
    /// The axis of several scales.
    pub axis: Option<usize>,
    /// The number of weights in a row along the axis that share a scale.
    pub block: Option<usize>,
    /// The numbers of a weight that stays float, if rounding the original to 8 bits does not give them.
    pub float: Option<Data>,
}

/// Quantizes the value of a planned weight, or takes `ready`, integers that it already has.
///
/// # Errors
/// `Data` if the weight is not finite. The message names the tensor.
pub(super) fn store(
    network: &Network,
    planned: &PlannedWeight,
    value: &Tensor,
    weights: &Weights,
    ready: Option<&QuantizedWeights>,
) -> Result<StoredWeight> {
    let view = value.view().data();
    let floats = view.to_f32().unwrap_or_default();
    let stored = check_finite(&floats, value.shape())
        .and_then(|()| weights.numbers(&network.graph, planned, floats, value.shape()))
        .and_then(|floats| {
            let rounding = Rounding::of(network, planned, value, weights)?;
            store_rounded(&rounding, (&floats, value.shape()), value.dtype(), ready)
        });
    let stored = stored.map_err(|error| unusable(&network.graph, planned.tensor, error))?;
    Ok(StoredWeight { float: weights.float(&network.graph, planned, value)?, ..stored })
}

/// Quantizes a weight of type `dtype` that belongs to no plan.
///
/// # Errors
/// `Data` if the weight is not finite; `InvalidArgument` or `Shape` if the weight cannot have such scales.
pub(crate) fn store_alone(
    rounding: &Rounding,
    (floats, shape): (&[f32], &[usize]),
    dtype: DataType,
) -> Result<StoredWeight> {
    check_grid(rounding.grid, shape)?;
    store_rounded(rounding, (floats, shape), dtype, None)
}

fn store_rounded(
    rounding: &Rounding,
    (floats, shape): (&[f32], &[usize]),
    dtype: DataType,
    ready: Option<&QuantizedWeights>,
) -> Result<StoredWeight> {
    let (axis, block) = (used_axis(rounding.grid, shape), rounding.grid.block);
    let (values, steps) = match rounding.grid.format.rules().element {
        DataType::F8E4M3 => as_e4m3(rounding, floats, shape)?,
        element => {
            let rounded = match ready {
                Some(ready) => ready.clone(),
                None => rounding.round(floats, shape)?,
            };
            let values = rounded.values;
            (if element == DataType::I4 { Data::I4(values) } else { Data::I8(values) }, rounded.scale)
        }
    };
    let steps_shape = match (axis, block) {
        (None, _) => Vec::new(),
        (Some(_), None) => vec![steps.len()],
        (Some(axis), Some(block)) => {
            let mut shape = shape.to_vec();
            shape[axis] /= block;
            shape
        }
    };
    Ok(StoredWeight { shape: shape.to_vec(), dtype, values, steps, steps_shape, axis, block, float: None })
}

/// Rounds a weight to the nearest e4m3 numbers.
fn as_e4m3(rounding: &Rounding, floats: &[f32], shape: &[usize]) -> Result<(Data, Vec<f32>)> {
    let (format, axis) = (rounding.grid.format, used_axis(rounding.grid, shape));
    check_finite(floats, shape)?;
    let amax = match &rounding.known {
        Some(amax) => amax.clone(),
        None => range::weights_e4m3(floats, shape, axis, rounding.method)?,
    };
    let steps: Vec<f32> = amax.iter().map(|&amax| format.step(amax)).collect();
    let channels = Channels::along(axis.unwrap_or(0), shape, amax.len());
    let steps = steps_for(format, steps, floats, (&channels, rounding.steps));
    let code = |(at, &value): (usize, &f32)| match channels.at(at) {
        channel if amax[channel] == 0.0 => 0,
        channel => e4m3::encode(value / steps[channel]),
    };
    Ok((Data::F8E4M3(floats.iter().enumerate().map(code).collect()), steps))
}

/// Refuses scales that a format or a weight cannot have. Plans have none of them.
fn check_grid(grid: WeightGrid, shape: &[usize]) -> Result<()> {
    let WeightGrid { format, axis, block } = grid;
    let (blocks, invalid) = (format.rules().blocks, ErrorKind::InvalidArgument);
    match (axis, block) {
        (_, None) if !blocks.is_empty() => Err(Error::new(invalid, format!("{format} has scales of blocks"))
            .with_remedy(format!("give an axis and a block, such as {}", blocks[0]))),
        (_, None) => Ok(()),
        (_, Some(_)) if blocks.is_empty() => {
            Err(Error::new(invalid, format!("{format} has no blocks")).with_remedy("give 0 for the block"))
        }
        (None, Some(block)) => Err(Error::new(invalid, format!("blocks of {block} need an axis"))
            .with_remedy("give the axis over which a product sums")),
        (Some(axis), Some(block)) if block == 0 || !shape[axis].is_multiple_of(block) => {
            let message =
                format!("axis {axis} of weights of shape {shape:?} is no whole number of blocks of {block}");
            Err(Error::new(ErrorKind::Shape, message).with_remedy("give a block that divides the axis"))
        }
        (Some(_), Some(_)) if shape.last().is_none_or(|last| last % 2 != 0) => {
            let message = format!(
                "the last axis of weights of shape {shape:?} is odd, and two 4-bit integers share a byte"
            );
            Err(Error::new(ErrorKind::Shape, message).with_remedy("leave the weight in float"))
        }
        _ => Ok(()),
    }
}
