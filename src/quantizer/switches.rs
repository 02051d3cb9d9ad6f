//! What a quantizer does and leaves out.

use crate::error::Result;

use super::TensorQuantizer;

/// The switches.
impl TensorQuantizer {
    /// Whether x is returned without anything but the pre_quant_scale.
    pub fn is_disabled(&self) -> bool {
        self.disabled
    }

    /// Switches everything but the pre_quant_scale off, or on again.
    pub fn set_disabled(&mut self, disabled: bool) {
        self.disabled = disabled;
    }

    /// Whether results are quantized.
    pub fn is_quantizing(&self) -> bool {
        self.quantizing
    }

    /// Switches quantization.
    pub fn set_quantizing(&mut self, quantizing: bool) {
        self.quantizing = quantizing;
    }

    /// Whether results are clipped to the clip range even while not quantizing.
    pub fn is_clipping(&self) -> bool {
        self.clipping
    }

    /// Switches clipping. While quantizing, learn_amax clips in any case.
    ///
    /// # Errors
    ///
    /// Switching it on without learn_amax.
    pub fn set_clipping(&mut self, clipping: bool) -> Result<()> {
        if clipping {
            self.check_learns("clipping")?;
        }
        self.clipping = clipping;
        Ok(())
    }

    /// Whether [`forward`](Self::forward) observes what it sees.
    pub fn is_calibrating(&self) -> bool {
        self.calibrating
    }

    /// Switches calibration. What was observed stays.
    pub fn set_calibrating(&mut self, calibrating: bool) {
        self.calibrating = calibrating;
    }

    /// Whether quantization takes its range from the data of the moment.
    pub fn is_dynamic(&self) -> bool {
        self.descriptor.amax.is_none() && !self.descriptor.learn_amax
    }
}
