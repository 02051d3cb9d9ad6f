//! The switches of a quantizer.

use crate::error::Result;

use super::TensorQuantizer;

/// The switches.
impl TensorQuantizer {
    /// Whether the quantizer only applies the pre_quant_scale.
    pub fn is_disabled(&self) -> bool {
        self.disabled
    }

    /// Disables everything but the pre_quant_scale, or enables it again.
    pub fn set_disabled(&mut self, disabled: bool) {
        self.disabled = disabled;
    }

    /// Whether results are quantized.
    pub fn is_quantizing(&self) -> bool {
        self.quantizing
    }

    /// Sets whether results are quantized.
    pub fn set_quantizing(&mut self, quantizing: bool) {
        self.quantizing = quantizing;
    }

    /// Whether results are clipped to the clip range, even without quantizing.
    pub fn is_clipping(&self) -> bool {
        self.clipping
    }

    /// Sets whether results are clipped. While quantizing, learn_amax clips in any case.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if clipping is switched on without learn_amax.
    pub fn set_clipping(&mut self, clipping: bool) -> Result<()> {
        if clipping {
            self.check_learns("clipping")?;
        }
        self.clipping = clipping;
        Ok(())
    }

    /// Whether [`forward`](Self::forward) observes its input.
    pub fn is_calibrating(&self) -> bool {
        self.calibrating
    }

    /// Sets whether `forward` observes its input. The statistics stay.
    pub fn set_calibrating(&mut self, calibrating: bool) {
        self.calibrating = calibrating;
    }

    /// Whether quantization takes its range from the current data.
    pub fn is_dynamic(&self) -> bool {
        self.descriptor.amax.is_none() && !self.descriptor.learn_amax
    }
}
