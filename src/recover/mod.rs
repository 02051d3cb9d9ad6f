//! Getting back accuracy that rounding costs, without training: from a layer's weights and what passes
//! through it over the calibration data.
//!
//! | | changes | by |
//! |---|---|---|
//! | [`equalize`] | the scale of each channel between two layers | the channel's range in both |
//! | [`rounding`] | up or down, for each weight | second moments of the layer's input |
//! | [`bias`] | the bias of each channel | the mean error of the layer's output |
//!
//! Whatever a method proposes is tried as it would be written: a quantized copy of the layer with the change
//! and one without it read the same float input, side by side in one model ([`beside`]), and what is not
//! smaller is the error of the output that is dropped. So none makes it larger than plain rounding does. What
//! was done to each layer, and why nothing was done to another, is in the
//! [`report`](crate::report::recovery). Everything here is a function of its arguments;
//! [`pipeline`](crate::pipeline) runs the model.

pub mod beside;
pub mod bias;
mod channels;
pub mod equalize;
pub mod errors;
pub mod layer;
pub mod moments;
pub mod pair;
mod refusal;
pub mod rounding;
mod search;
mod window;

pub use refusal::Refusal;

/// Which methods are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Cross-layer equalization ([`equalize`]).
    pub equalization: bool,
    /// Learned rounding ([`rounding`]).
    pub learned_rounding: bool,
    /// Bias correction ([`bias`]).
    pub bias_correction: bool,
}

impl Recovery {
    /// Whether nothing is to be done.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}
