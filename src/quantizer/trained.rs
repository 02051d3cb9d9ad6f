//! Trained quantizers in a model: the format of a layer, and the numbers of its weight.

use ndarray::{ArrayD, ArrayViewD};

use crate::e4m3;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::place::{Format, WeightGrid};
use crate::quant::{NumBits, from_first};

use super::TensorQuantizer;

/// The quantizer of a weight, whose numbers a format of models holds.
///
/// 8-bit floats have one range, or one per index of an axis. Integers have the same and up to 8 bits, or up
/// to 4 bits in the blocks of [`Format::Int4Weights`]. A format holds integers of fewer bits with the same
/// step.
///
/// ```
/// use ndarray::array;
/// use qdq::place::Format;
/// use qdq::quant::{NumBits, QuantDescriptor};
/// use qdq::quantizer::{TensorQuantizer, TrainedWeight};
///
/// let floats = QuantDescriptor { num_bits: NumBits::E4M3, ..QuantDescriptor::default() };
/// let mut quantizer = TensorQuantizer::new(floats)?;
/// quantizer.set_amax(Some(array![2.0].into_dyn()))?;
/// let weight = TrainedWeight::new(&quantizer)?;
/// assert_eq!(weight.format(Some(&quantizer))?, Format::Fp8);
/// assert!(weight.format(None).unwrap_err().message().contains("no format"));
/// # Ok::<(), qdq::error::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TrainedWeight {
    quantizer: TensorQuantizer,
    /// The format in which the numbers are stored. That of a layer depends on its input too.
    stored: Format,
    /// The ranges, which stand for the largest number of that format. Their shape groups the weight.
    amax: ArrayD<f32>,
}

impl TrainedWeight {
    /// Takes the quantizer of a weight.
    ///
    /// # Errors
    /// `InvalidArgument` if the quantizer is disabled, is calibrating, has no fixed range, or scales its data
    /// first; `Unsupported` if no format has its numbers.
    pub fn new(quantizer: &TensorQuantizer) -> Result<Self> {
        if quantizer.is_disabled() {
            return Err(quantizer.unfit("is disabled, so that the weight is not quantized", "enable it"));
        }
        let amax = quantizer.fixed_range()?;
        let stored = quantizer.stored_weight(&amax)?;
        let largest = quantizer.descriptor.params().map_or(e4m3::MAX, |params| params.high() as f32);
        let ratio = f64::from(stored.rules().largest) / f64::from(largest);
        let amax = amax.mapv(|amax| (f64::from(amax) * ratio) as f32);
        Ok(Self { quantizer: quantizer.clone(), stored, amax })
    }

    /// Returns the format of a layer with this weight, whose input has the quantizer `input`. Without one, or
    /// with a disabled one, the input stays in floating point.
    ///
    /// # Errors
    /// Those of [`new`](Self::new) for the input; `Unsupported` if no format has these activations, or has
    /// them beside this weight.
    pub fn format(&self, input: Option<&TensorQuantizer>) -> Result<Format> {
        let input = match input {
            Some(input) if !input.is_disabled() => Some(input),
            Some(input) if input.pre_quant_scale().is_some() => return Err(input.scales_first()),
            _ => None,
        };
        if let Some(input) = input {
            input.check_activation()?;
        }
        let is_float = |quantizer: &TensorQuantizer| quantizer.descriptor.num_bits == NumBits::E4M3;
        let beside = match (self.stored, input) {
            (Format::Int8, None) => return Ok(Format::Int8Weights),
            (Format::Int8, Some(input)) if !is_float(input) => return Ok(Format::Int8),
            (Format::Fp8, Some(input)) if is_float(input) => return Ok(Format::Fp8),
            (Format::Int4Weights, None) => return Ok(Format::Int4Weights),
            (_, None) => "inputs in floating point",
            (_, Some(input)) if is_float(input) => "inputs in e4m3",
            _ => "inputs in integers",
        };
        let (weights, remedy) = match self.stored {
            Format::Int4Weights => ("integers in blocks", "disable the quantizer of the input"),
            Format::Fp8 => ("e4m3", "quantize the input to e4m3 too"),
            _ => ("integers", "quantize the input to 8-bit integers, or both to e4m3"),
        };
        let message = format!("its weights are {weights}, and no format has {beside} beside them");
        Err(self.quantizer.no_form(message, remedy))
    }

    /// Returns the number of weights in a row that share a range, if the weight has blocks.
    pub fn block(&self) -> Option<usize> {
        self.quantizer.descriptor.block.map(|block| block.size)
    }

    /// Whether the numbers are all integers of 8 bits, so that rounding by the range alone gives them.
    pub(crate) fn has_every_integer(&self) -> bool {
        let descriptor = &self.quantizer.descriptor;
        descriptor.num_bits == NumBits::Integer(8) && !descriptor.narrow_range && !descriptor.learn_amax
    }

    /// Returns the ranges of a weight of `shape`, one for each scale of `grid`, in row-major order.
    ///
    /// They stand for the largest number of the format.
    ///
    /// # Errors
    /// `Unsupported` if the weight was trained with another grid.
    pub fn ranges(&self, grid: WeightGrid, shape: &[usize]) -> Result<Vec<f32>> {
        let mut scales = vec![1; shape.len()];
        if let Some(axis) = grid.axis {
            scales[axis] = shape[axis];
            if let Some(block) = grid.block {
                scales = shape.to_vec();
                scales[axis] = shape[axis].div_ceil(block);
            }
        }
        let block = self.quantizer.descriptor.block;
        let axis = block.map(|block| from_first(block.axis, shape.len())).transpose()?;
        let is_same = self.stored.rules().element == grid.format.rules().element
            && grid.block == self.block()
            && (block.is_none() || axis == grid.axis);
        let count = scales.iter().product();
        match self.amax.broadcast(scales.as_slice()) {
            Some(amax) if is_same => Ok(amax.iter().copied().collect()),
            None if is_same && self.amax.len() == 1 => Ok(vec![self.amax.sum(); count]),
            _ => {
                let blocks = |block: Option<usize>| {
                    block.map_or(String::new(), |size| format!(" in blocks of {size}"))
                };
                let message = format!(
                    "has ranges of shape {:?} for {}{}, but its weight of shape {shape:?} is quantized as {}{} with \
                     scales of shape {scales:?}",
                    self.amax.shape(),
                    self.stored,
                    blocks(self.block()),
                    grid.format,
                    blocks(grid.block),
                );
                Err(self
                    .quantizer
                    .no_form(message, "train it with the axis of the scales, or with one range"))
            }
        }
    }

    /// Returns the numbers of the quantizer for row-major weights.
    ///
    /// # Errors
    /// Those of [`TensorQuantizer::quantize`].
    pub fn quantized(&self, values: &[f32], shape: &[usize]) -> Result<Vec<f32>> {
        let values = ArrayViewD::from_shape(shape, values)
            .context(ErrorKind::Shape, || format!("the weight does not fill the shape {shape:?}"))?;
        Ok(self.quantizer.quantize(values)?.values.into_raw_vec_and_offset().0)
    }
}

impl TensorQuantizer {
    /// Returns the range by which all data is quantized in training and in a model.
    fn fixed_range(&self) -> Result<ArrayD<f32>> {
        if !self.descriptor.fake_quant {
            let message = "gives integers, not the numbers that they stand for";
            return Err(self.no_form(message, "train with fake quantization"));
        }
        if self.pre_quant_scale.is_some() {
            return Err(self.scales_first());
        }
        if self.is_calibrating() {
            return Err(self.unfit("is calibrating", "load the calibrated amax and switch calibrating off"));
        }
        if !self.is_quantizing() {
            return Err(self.unfit("does not quantize", "switch quantizing on, or disable it"));
        }
        let none = || self.unfit("has no fixed range", "load a calibrated amax or set one");
        self.amax_in_use().ok_or_else(none)
    }

    fn scales_first(&self) -> Error {
        self.unfit("scales its data first", "fold the pre_quant_scale into the weights")
    }

    fn unfit(&self, message: &str, remedy: &str) -> Error {
        self.within(Error::new(ErrorKind::InvalidArgument, message).with_remedy(remedy))
    }

    fn no_form(&self, message: impl Into<String>, remedy: impl Into<String>) -> Error {
        self.within(Error::new(ErrorKind::Unsupported, message.into()).with_remedy(remedy))
    }

    /// Returns the format that holds the numbers of this quantizer of a weight.
    fn stored_weight(&self, amax: &ArrayD<f32>) -> Result<Format> {
        let descriptor = &self.descriptor;
        if descriptor.block.is_none() && amax.shape().iter().filter(|&&size| size > 1).count() > 1 {
            let message = format!("keeps several axes, with ranges of shape {:?}", amax.shape());
            return Err(self.no_form(message, "train it with one range, or one per output channel"));
        }
        let sizes = Format::Int4Weights.rules().blocks;
        let in_blocks = format!("train integers of up to 4 bits in blocks of {} or {}", sizes[0], sizes[1]);
        match (descriptor.num_bits, descriptor.block) {
            (NumBits::Float(..), None) => Ok(Format::Fp8),
            (NumBits::Float(..), Some(_)) => {
                Err(self.no_form("has blocks of e4m3, which no format has", in_blocks))
            }
            (NumBits::Integer(_), _) if descriptor.unsigned => {
                Err(self.no_form("is unsigned, and formats have signed weights", "train it with a sign"))
            }
            (NumBits::Integer(bits), None) if bits > 8 => {
                Err(self
                    .no_form(format!("has {bits} bits, and formats have up to 8"), "train it with 8 bits"))
            }
            (NumBits::Integer(_), None) => Ok(Format::Int8),
            (NumBits::Integer(bits), Some(_)) if bits > 4 => Err(self.no_form(
                format!("has blocks of {bits}-bit integers, and formats have up to 4 bits"),
                in_blocks,
            )),
            (NumBits::Integer(_), Some(block)) if !sizes.contains(&block.size) => {
                Err(self.no_form(format!("has blocks of {}, which no format has", block.size), in_blocks))
            }
            (NumBits::Integer(_), Some(_)) => Ok(Format::Int4Weights),
        }
    }

    /// Refuses a quantizer of activations that no format has.
    fn check_activation(&self) -> Result<()> {
        let amax = self.fixed_range()?;
        let descriptor = &self.descriptor;
        if descriptor.block.is_some() || amax.len() != 1 {
            let message = format!("has {} ranges, and the activations of formats have one", amax.len());
            return Err(self.no_form(message, "train it with one range"));
        }
        let is_known = match descriptor.num_bits {
            NumBits::Integer(bits) => bits == 8 && !descriptor.unsigned && !descriptor.narrow_range,
            NumBits::Float(..) => true,
        };
        if is_known {
            return Ok(());
        }
        let message = "is no signed 8-bit quantizer with its whole range, and no e4m3 one";
        Err(self.no_form(message, "train it in the format that the engine computes in"))
    }
}
