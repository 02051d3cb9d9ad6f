//! The ranges of a quantizer: set, learned, and in use.

use ndarray::{ArrayD, arr0};
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::kernel::e4m3;
use crate::quant::{NumBits, check_clip_range};

use super::{TensorQuantizer, check_numbers};

/// Between which values a quantizer with learn_amax clips: two parameters that training moves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClipRange {
    /// The lower end.
    pub min: f32,
    /// The upper end.
    pub max: f32,
}

impl ClipRange {
    /// The amax that goes with it, max(-min, max).
    pub fn amax(self) -> f32 {
        self.max.max(-self.min)
    }
}

impl TensorQuantizer {
    /// The fixed or calibrated amax; none means a dynamic range.
    pub fn amax(&self) -> Option<&ArrayD<f32>> {
        self.descriptor.amax.as_ref()
    }

    /// Sets the amax, of a shape that groups the data; none makes the range dynamic again. A clip range
    /// stays.
    ///
    /// # Errors
    ///
    /// An amax without a number or with one that is negative or not finite, and another shape than the amax
    /// that is set already, which is to be cleared first. The amax is unchanged then.
    pub fn set_amax(&mut self, amax: Option<ArrayD<f32>>) -> Result<()> {
        if let Some(new) = &amax {
            check_numbers("amax", new).map_err(|error| self.within(error))?;
            if let Some(negative) = new.iter().find(|amax| **amax < 0.0) {
                let error = Error::new(ErrorKind::InvalidArgument, format!("amax is {negative}"))
                    .with_remedy("use a finite amax that is not negative");
                return Err(self.within(error));
            }
            if let Some(old) = self.amax().filter(|old| old.shape() != new.shape()) {
                let message = format!("amax has the shape {:?}, the new one {:?}", old.shape(), new.shape());
                let error = Error::new(ErrorKind::Shape, message);
                return Err(
                    self.within(error.with_remedy("clear the amax before setting one of another shape"))
                );
            }
        }
        self.descriptor.amax = amax;
        Ok(())
    }

    /// The amax that quantization uses whatever the data: max(-min, max) of the clip range with learn_amax,
    /// else [`amax`](Self::amax) times scale_amax. None where the range is dynamic or not learned yet.
    pub fn amax_in_use(&self) -> Option<ArrayD<f32>> {
        if self.descriptor.learn_amax {
            return self.clip_range.map(|range| arr0(range.amax()).into_dyn());
        }
        self.amax().map(|amax| amax * self.descriptor.scale_amax.unwrap_or(1.0))
    }

    /// [`amax_in_use`](Self::amax_in_use) / M, the width of one integer step, with 448 for M where the format
    /// is e4m3. None where the range is dynamic or not learned yet.
    pub fn step_size(&self) -> Option<ArrayD<f32>> {
        let high = match self.descriptor.params() {
            Ok(params) => params.high() as f32,
            Err(_) => e4m3::MAX,
        };
        self.amax_in_use().map(|amax| amax / high)
    }

    /// The amax for a Quantize/Dequantize pair in a file: that which is in use.
    ///
    /// # Errors
    ///
    /// A range that is dynamic or not learned yet, a quantizer that is still calibrating, and more than one
    /// number where the format is e4m3.
    pub fn amax_for_export(&self) -> Result<ArrayD<f32>> {
        let wrong = |message: &str, remedy: &str| {
            Err(self.within(Error::new(ErrorKind::InvalidArgument, message).with_remedy(remedy)))
        };
        if self.calibrating {
            return wrong("it is still calibrating", "load the calibrated amax and switch calibrating off");
        }
        match self.amax_in_use() {
            None => wrong("there is no fixed range to export", "load a calibrated amax or set one"),
            Some(amax) if amax.len() != 1 && matches!(self.descriptor.num_bits, NumBits::Float(..)) => {
                wrong("e4m3 is exported with one amax per tensor", "calibrate without an axis or block")
            }
            Some(amax) => Ok(amax),
        }
    }

    /// The range that learn_amax clips to.
    pub fn clip_range(&self) -> Option<ClipRange> {
        self.clip_range
    }

    /// Sets the range that learn_amax clips to, after a step of training for example.
    ///
    /// # Errors
    ///
    /// Without learn_amax, and when the minimum is above the maximum or one of them is not finite.
    pub fn set_clip_range(&mut self, range: ClipRange) -> Result<()> {
        self.check_learns("a clip range")?;
        check_clip_range(range.min, range.max).map_err(|error| self.within(error))?;
        self.clip_range = Some(range);
        Ok(())
    }

    /// Sets the clip range to ±max(amax).
    ///
    /// # Errors
    ///
    /// Without learn_amax or without an amax.
    pub fn init_learn_amax(&mut self) -> Result<()> {
        let Some(amax) = self.amax() else {
            let error = Error::new(ErrorKind::InvalidArgument, "there is no amax to start learning from");
            return Err(self.within(error.with_remedy("load a calibrated amax or set one before")));
        };
        let max = amax.iter().fold(0.0, |max: f32, &amax| max.max(amax));
        self.set_clip_range(ClipRange { min: -max, max })
    }
}
