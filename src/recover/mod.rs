//! Recovery of accuracy that rounding costs, without training.
//!
//! The methods use the weights of a layer and the data that passes through it in calibration.
//!
//! | | changes | by |
//! |---|---|---|
//! | [`equalize`] | the scale of each channel between two layers | the channel's range in both |
//! | [`smooth`] | the scale of each channel of a layer's input | the channel's range and the weight's |
//! | [`awq`] | the scale of each input channel of weights in blocks | the mean magnitude of the channel |
//! | [`rounding`] | up or down, for each weight | second moments of the layer's input |
//! | [`bias`] | the bias of each channel | the mean error of the layer's output |
//!
//! Every proposal of a method is tried in the form in which it would be written. A quantized copy of the
//! layer with the change and one without it read the same float input, side by side in one model
//! ([`beside`]). If the error of the output does not become smaller, the change is dropped. So no method
//! makes the error larger than plain rounding does. The [`report`](crate::report::recovery) lists the change
//! of each layer, or the reason why nothing changed. Everything here is a function of its arguments.
//! [`pipeline`](crate::pipeline) runs the model.

pub mod awq;
pub mod beside;
pub mod bias;
mod channels;
pub mod equalize;
pub mod errors;
mod factors;
pub mod layer;
pub mod moments;
pub mod pair;
mod refusal;
pub mod rounding;
mod search;
pub mod smooth;
mod window;

pub use channels::ByChannel;
pub use refusal::Refusal;

/// The methods that are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Cross-layer equalization ([`equalize`]).
    pub equalization: bool,
    /// Smoothing of quantized activations ([`smooth`]).
    pub smooth: bool,
    /// Activation-aware scaling of weights in blocks ([`awq`]).
    pub awq: bool,
    /// Learned rounding ([`rounding`]).
    pub learned_rounding: bool,
    /// Bias correction ([`bias`]).
    pub bias_correction: bool,
}

impl Recovery {
    /// Whether no method is used.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}
