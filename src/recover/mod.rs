//! Getting back accuracy that rounding costs, without training: from a layer's weights and what passes through it over the
//! calibration data.
//!
//! | | changes | by |
//! |---|---|---|
//! | [`equalize`] | the scale of each channel between two layers | the channel's range in both |
//! | [`rounding`] | up or down, for each weight | second moments of the layer's input |
//! | [`bias`] | the bias of each channel | the mean error of the layer's output |
//!
//! Each measures the error of the layer's output with and without its change and keeps what lowers it, so none makes it
//! larger than plain rounding does. What was done to each layer, and why nothing was done to another, is in the
//! [`report`](crate::report::recovery). Everything here is a function of its arguments; [`pipeline`](crate::pipeline) runs
//! the model.

pub mod beside;
pub mod bias;
pub mod equalize;
pub mod layer;
pub mod moments;
pub mod pair;
pub mod rounding;
mod window;

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
