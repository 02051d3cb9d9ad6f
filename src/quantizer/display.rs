//! A quantizer as one line of text.

use std::fmt;

use ndarray::ArrayD;

use crate::quant::{CalibMethod, Mode, NumBits};

use super::TensorQuantizer;

/// Writes format, grouping, range, calibration and the switches that are on. Numbers have four digits:
/// `TensorQuantizer(8bit per-channel axis=0 amax=[0.1, 2.3](64) calibrator=max quant)`. For several amax it
/// writes the smallest, the largest and their number.
impl fmt::Display for TensorQuantizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let descriptor = &self.descriptor;
        f.write_str("TensorQuantizer(")?;
        if let Some(name) = &descriptor.name {
            write!(f, "'{name}' ")?;
        }
        if descriptor.unsigned {
            f.write_str("unsigned ")?;
        }
        match descriptor.num_bits {
            NumBits::Integer(bits) => write!(f, "{bits}bit")?,
            NumBits::Float(exponent, mantissa) => write!(f, "e{exponent}m{mantissa}")?,
        }
        if descriptor.narrow_range {
            f.write_str(" narrow")?;
        }
        if !descriptor.fake_quant {
            f.write_str(" real")?;
        }
        match descriptor.mode {
            Mode::Reference => {}
            Mode::GpuCompat => f.write_str(" mode=gpu_compat")?,
            Mode::Corrected => f.write_str(" mode=corrected")?,
        }
        match (descriptor.axis.as_deref(), descriptor.block) {
            (_, Some(block)) => write!(f, " per-block axis={} size={}", block.axis, block.size)?,
            (None, None) => f.write_str(" per-tensor")?,
            (Some([axis]), None) => write!(f, " per-channel axis={axis}")?,
            (Some(axes), None) => write!(f, " per-channel axis={axes:?}")?,
        }
        match self.amax() {
            _ if descriptor.learn_amax => {}
            Some(amax) => write!(f, " amax={}", Amax(amax))?,
            None => f.write_str(" amax=dynamic")?,
        }
        if let Some(factor) = descriptor.scale_amax {
            write!(f, " *{:?}", short(factor))?;
        }
        match self.clip_range {
            Some(range) => write!(f, " learned=[{:?}, {:?}]", short(range.min), short(range.max))?,
            None if descriptor.learn_amax => f.write_str(" learned=unset")?,
            None => {}
        }
        if self.pre_quant_scale.is_some() {
            f.write_str(" scaled")?;
        }
        f.write_str(match descriptor.calib_method {
            CalibMethod::Max => " calibrator=max",
            CalibMethod::Histogram => " calibrator=histogram",
            CalibMethod::Compat => " calibrator=compat",
        })?;
        let switches = [
            (self.disabled, " disabled"),
            (self.quantizing, " quant"),
            (self.clipping, " clip"),
            (self.calibrating, " calib"),
        ];
        for (_, name) in switches.iter().filter(|(on, _)| *on) {
            f.write_str(name)?;
        }
        f.write_str(")")
    }
}

struct Amax<'a>(&'a ArrayD<f32>);

impl fmt::Display for Amax<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let min = self.0.iter().copied().fold(f32::INFINITY, f32::min);
        let max = self.0.iter().copied().fold(0.0, f32::max);
        match self.0.len() {
            1 => write!(f, "{:?}", short(max)),
            count => write!(f, "[{:?}, {:?}]({count})", short(min), short(max)),
        }
    }
}

/// Rounds the number to four digits.
fn short(x: f32) -> f32 {
    format!("{x:.3e}").parse().unwrap_or(x)
}
