//! Conversion of pixels to the values of an input.

use half::{bf16, f16};

use super::options::ImageOptions;
use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::TensorSpec;

/// The mapping of pixels to values.
#[derive(Debug)]
pub(super) enum Values {
    /// The pixel itself.
    Pixel,
    /// The value of every pixel, by channel in the model's order.
    Table(Vec<[f32; 256]>),
    /// The same, with each value rounded to the nearest f16.
    HalfTable(Vec<[f16; 256]>),
    /// The same, with each value rounded to the nearest bf16.
    BrainTable(Vec<[bf16; 256]>),
}

impl Values {
    /// Makes the mapping for the input `spec`. Fails if the input takes no such values.
    pub fn new(spec: &TensorSpec, options: &ImageOptions) -> Result<Self> {
        match spec.dtype {
            Some(DataType::U8) => {
                let plain = ImageOptions::default();
                if (options.scale, &options.mean, &options.std) != (plain.scale, &plain.mean, &plain.std) {
                    let message = format!("input '{}' is u8 and takes pixels as they are", spec.name);
                    return Err(Error::new(ErrorKind::InvalidArgument, message)
                        .with_remedy("leave scale, mean and std out"));
                }
                Ok(Self::Pixel)
            }
            None | Some(DataType::F32) => Ok(Self::Table(tables(options, DataType::F32, f32::MAX)?)),
            Some(DataType::F16) => {
                let tables = tables(options, DataType::F16, f16::MAX.to_f32())?;
                Ok(Self::HalfTable(tables.into_iter().map(|table| table.map(f16::from_f32)).collect()))
            }
            Some(DataType::Bf16) => {
                let tables = tables(options, DataType::Bf16, bf16::MAX.to_f32())?;
                Ok(Self::BrainTable(tables.into_iter().map(|table| table.map(bf16::from_f32)).collect()))
            }
            Some(other) => {
                let message =
                    format!("images become f32, f16, bf16 or u8, but input '{}' takes {other}", spec.name);
                Err(Error::new(ErrorKind::Type, message)
                    .with_remedy("give its samples as .npz, .npy or raw files"))
            }
        }
    }

    /// Returns the type of the values.
    pub fn dtype(&self) -> DataType {
        match self {
            Self::Pixel => DataType::U8,
            Self::Table(_) => DataType::F32,
            Self::HalfTable(_) => DataType::F16,
            Self::BrainTable(_) => DataType::Bf16,
        }
    }
}

/// Computes the value of every pixel by channel. Fails if one exceeds `largest`, the largest number of
/// `dtype`.
fn tables(options: &ImageOptions, dtype: DataType, largest: f32) -> Result<Vec<[f32; 256]>> {
    let channels = options.channels.count();
    let mean = per_channel("mean", &options.mean, 0.0, channels)?;
    let std = per_channel("std", &options.std, 1.0, channels)?;
    if !options.scale.is_finite() || std.contains(&0.0) {
        return Err(Error::new(ErrorKind::InvalidArgument, "scale or std cannot be used")
            .with_remedy("use a finite scale and a std that is not 0"));
    }
    let table =
        |(mean, std): (f32, f32)| std::array::from_fn(|pixel| (pixel as f32 * options.scale - mean) / std);
    let tables: Vec<[f32; 256]> = mean.into_iter().zip(std).map(table).collect();
    match tables.iter().flatten().find(|value| value.is_nan() || value.abs() > largest) {
        None => Ok(tables),
        Some(beyond) => {
            let message = format!("scale, mean and std make {beyond} of a pixel, which {dtype} cannot hold");
            Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_remedy("use those that the model was trained with"))
        }
    }
}

fn per_channel(name: &str, given: &[f32], default: f32, channels: usize) -> Result<Vec<f32>> {
    let values = match given {
        [] => vec![default; channels],
        [one] => vec![*one; channels],
        _ => given.to_vec(),
    };
    if values.len() != channels || values.iter().any(|value| !value.is_finite()) {
        let message = format!("{name} {given:?} for {channels} channels");
        return Err(Error::new(ErrorKind::InvalidArgument, message)
            .with_remedy(format!("give one finite number, or one per channel ({channels})")));
    }
    Ok(values)
}
