//! The ranges of a quantizer: set, learned and in use.

use ndarray::{ArrayD, arr0};
use serde::{Deserialize, Serialize};

use crate::e4m3;
use crate::error::{Error, ErrorKind, Result};
use crate::quant::{NumBits, check_clip_range};

use super::{TensorQuantizer, check_numbers};

/// The ends of the clip range of a quantizer with learn_amax: two parameters of training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClipRange {
    /// The lower end.
    pub min: f32,
    /// The upper end.
    pub max: f32,
}

impl ClipRange {
    /// Returns the amax of the range, max(-min, max).
    pub fn amax(self) -> f32 {
        self.max.max(-self.min)
    }
}

impl TensorQuantizer {
    /// Returns the fixed or calibrated amax; `None` if the range is dynamic.
    pub fn amax(&self) -> Option<&ArrayD<f32>> {
        self.descriptor.amax.as_ref()
    }

    /// Sets the amax, whose shape groups the data. `None` makes the range dynamic again. A clip range stays.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if the amax has no number, or one that is negative or not finite; `Shape` if its
    /// shape differs from that of the current amax, which must be cleared first. After an error the amax is
    /// unchanged.
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

    /// Returns the amax that quantization uses for all data, if there is one.
    ///
    /// With learn_amax it is max(-min, max) of the clip range, otherwise [`amax`](Self::amax) times
    /// scale_amax. Returns `None` if the range is dynamic or not learned yet.
    pub fn amax_in_use(&self) -> Option<ArrayD<f32>> {
        if self.descriptor.learn_amax {
            return self.clip_range.map(|range| arr0(range.amax()).into_dyn());
        }
        self.amax().map(|amax| amax * self.descriptor.scale_amax.unwrap_or(1.0))
    }

    /// Returns the width of one integer step: [`amax_in_use`](Self::amax_in_use) / M.
    ///
    /// M is 448 if the format is e4m3. Returns `None` if the range is dynamic or not learned yet.
    pub fn step_size(&self) -> Option<ArrayD<f32>> {
        let high = match self.descriptor.params() {
            Ok(params) => params.high() as f32,
            Err(_) => e4m3::MAX,
        };
        self.amax_in_use().map(|amax| amax / high)
    }

    /// Returns the amax for a Quantize/Dequantize pair in a file: the amax in use.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if the range is dynamic or not learned yet, if the quantizer is still calibrating,
    /// or if the format is e4m3 with blocks, which no format of models has.
    pub fn amax_for_export(&self) -> Result<ArrayD<f32>> {
        let wrong = |message: &str, remedy: &str| {
            Err(self.within(Error::new(ErrorKind::InvalidArgument, message).with_remedy(remedy)))
        };
        if self.calibrating {
            return wrong("it is still calibrating", "load the calibrated amax and switch calibrating off");
        }
        match self.amax_in_use() {
            None => wrong("there is no fixed range to export", "load a calibrated amax or set one"),
            Some(_) if self.descriptor.block.is_some() && self.descriptor.num_bits == NumBits::E4M3 => {
                wrong("e4m3 is exported with one amax per tensor or axis", "calibrate it without blocks")
            }
            Some(amax) => Ok(amax),
        }
    }

    /// Returns the clip range of learn_amax.
    pub fn clip_range(&self) -> Option<ClipRange> {
        self.clip_range
    }

    /// Sets the clip range of learn_amax, for example after a step of training.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` without learn_amax, and if the minimum is above the maximum or one of them is not
    /// finite.
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
    /// `InvalidArgument` without learn_amax or without an amax.
    pub fn init_learn_amax(&mut self) -> Result<()> {
        let Some(amax) = self.amax() else {
            let error = Error::new(ErrorKind::InvalidArgument, "there is no amax to start learning from");
            return Err(self.within(error.with_remedy("load a calibrated amax or set one before")));
        };
        let max = amax.iter().fold(0.0, |max: f32, &amax| max.max(amax));
        self.set_clip_range(ClipRange { min: -max, max })
    }
}
