//! The user's choices for weights.

use std::collections::HashMap;

use crate::dtype::DataType;
use crate::emit::scale;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Graph;
use crate::place::{Format, Plan, PlannedWeight};
use crate::precision::Half;
use crate::range::Method;

/// The form in which a quantized weight is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WeightForm {
    /// int8 with DequantizeLinear: a quarter of the size.
    #[default]
    Int8,
    /// The original numbers with QuantizeLinear and DequantizeLinear behind them.
    ///
    /// This form is for tools that continue training or compute weight ranges themselves.
    Float,
}

/// The way in which weights are quantized.
#[derive(Clone, Debug)]
pub struct Weights {
    /// The stored form.
    pub form: WeightForm,
    /// The bits of the integers, 2 to 8; 8 by default.
    ///
    /// Integers of fewer bits are also stored as int8, on a coarser grid, because TensorRT runs convolutions
    /// and products on int8 only and every opset from 13 has int8. The layer computes in INT8. Only a packer
    /// or another target makes the model smaller. Formats of 4 bits have at most 4, and 8-bit floats have no
    /// other number of bits.
    pub bits: u32,
    /// The method that computes the ranges from the values.
    ///
    /// The default, [`Method::Mse`], gains 0.5 to 3 dB of output SQNR over [`Method::Max`]: see
    /// [`crate::range::weights`].
    pub method: Method,
    /// The 16-bit type that will hold the steps, if the model is to be in half precision: the steps are
    /// rounded to it before the integers are computed.
    pub held_in: Option<Half>,
    /// Ranges that are already known, because training has found them.
    ///
    /// The key is the name of the tensor that the nodes read, or of the constant from which it comes. The
    /// value is amax of the whole weight, or of each index of the planned axis.
    pub amax: HashMap<String, Vec<f32>>,
}

impl Weights {
    /// Refuses options that do not fit weights stored as float.
    ///
    /// These are fewer than 8 bits, and integers other than the nearest.
    ///
    /// # Errors
    /// `InvalidArgument` for these options.
    pub fn check(&self, are_rounded: bool) -> Result<()> {
        if self.form == WeightForm::Float && (self.bits != 8 || are_rounded) {
            let message =
                "weights that are stored as float are rounded by QuantizeLinear, to the nearest of 8 bits";
            return Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_remedy("store them as int8, or leave out learned rounding and other bits"));
        }
        Ok(())
    }

    /// Returns the bits of the integers of a format.
    pub(crate) fn bits_of(&self, format: Format) -> u32 {
        if format.rules().element.is_packed() { self.bits.min(4) } else { self.bits }
    }

    /// Returns the type that will hold the steps of a weight of type `dtype` in a model of this opset.
    pub(super) fn steps_type(&self, dtype: DataType, opset: i64) -> DataType {
        self.held_in.map_or_else(|| scale::type_for(Some(dtype), opset), Half::dtype)
    }

    /// Returns the known range of a weight, one value for each of its `channels`.
    pub(super) fn known(
        &self,
        graph: &Graph,
        planned: &PlannedWeight,
        channels: usize,
    ) -> Result<Option<Vec<f32>>> {
        let mut names = [planned.tensor, planned.constant].into_iter().map(|id| &graph.tensor(id).name);
        match names.find_map(|name| self.amax.get(name)) {
            None => Ok(None),
            Some(amax) if amax.len() == channels => Ok(Some(amax.clone())),
            Some(amax) if amax.len() == 1 => Ok(Some(amax.repeat(channels))),
            Some(amax) => Err(Error::new(
                ErrorKind::Shape,
                format!("{} ranges are given for {channels} scales", amax.len()),
            )
            .with_remedy("give one amax for the weight, or one for each of its scales: per output channel, or per block")),
        }
    }
}

/// Refuses a plan whose formats a model of this opset or these options do not have.
///
/// # Errors
/// `Unsupported` if a format needs a higher opset; `InvalidArgument` if a format has other weights than the
/// options say.
pub fn check_formats(plan: &Plan, weights: &Weights, opset: i64) -> Result<()> {
    let of_weights = plan.weights.iter().map(|weight| weight.grid.format);
    for format in plan.activations.iter().map(|activation| activation.format).chain(of_weights) {
        let (rules, invalid) = (format.rules(), ErrorKind::InvalidArgument);
        if opset < rules.opset {
            let message = format!("{format} needs opset {}, and the model has {opset}", rules.opset);
            return Err(Error::new(ErrorKind::Unsupported, message)
                .with_remedy(format!("raise the opset to {} before planning, or choose int8", rules.opset)));
        }
        if format != Format::Int8 && weights.form == WeightForm::Float {
            return Err(Error::new(invalid, format!("weights of {format} are not stored as float"))
                .with_remedy("store quantized weights"));
        }
        if rules.element == DataType::F8E4M3 && weights.bits != 8 {
            return Err(Error::new(invalid, format!("{format} has no weights of {} bits", weights.bits))
                .with_remedy("leave out the number of bits"));
        }
    }
    Ok(())
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            form: WeightForm::default(),
            bits: 8,
            method: Method::default(),
            held_in: None,
            amax: HashMap::new(),
        }
    }
}
