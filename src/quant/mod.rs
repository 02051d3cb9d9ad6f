//! Conversion of floats to integers and back.
//!
//! | to | use |
//! |---|---|
//! | find ranges | [`abs_max`], [`abs_max_per_block`], or `range` for calibrated ones |
//! | get integers | [`quantize`], and [`dequantize`] for the way back |
//! | see the effect of quantization on the data | [`fake_tensor_quant`], [`fake_affine_tensor_quant`], [`scaled_e4m3`] |
//! | train through it | [`fake_tensor_quant_backward`], [`fake_affine_tensor_quant_backward`] |
//! | learn a clip range | [`clip`] and [`clip_backward`] |
//! | learn a step | [`learned_step_quant`] and [`learned_step_quant_backward`] |
//! | get int8 weights for an ONNX file | [`weights::quantize_weights`] |
//! | store 4-bit integers | [`pack`] |
//!
//! [`QuantDescriptor`] holds the choice for a tensor, and its methods call these functions. Fake quantization
//! is `descriptor.fake_quantize(x, None)` for every format, block and range.
//!
//! [`PerGroup`] groups the elements that share one amax or inverse scale (per tensor, axis or block).
//!
//! NaN: functions that return floats keep it (exceptions are listed at [`Mode`]). Functions that return
//! integers refuse it, because no integer represents it. Infinities become the lowest and the highest value.
//!
//! ```
//! use ndarray::Array4;
//! use qdq::quant::QuantDescriptor;
//!
//! // 4 bits, unsigned, one range per index of axis 0, integers instead of fake quantization.
//! let descriptor = QuantDescriptor {
//!     num_bits: 4.into(),
//!     unsigned: true,
//!     axis: Some(vec![0]),
//!     fake_quant: false,
//!     ..QuantDescriptor::default()
//! };
//! let x = Array4::from_shape_fn((10, 9, 8, 7), |(n, c, h, w)| ((n + 1) * (c * 56 + h * 7 + w)) as f32 / 503.0);
//! let amax = descriptor.amax_of(x.view())?;
//! assert_eq!(amax.shape(), [10, 1, 1, 1]);
//! let found = descriptor.tensor_quant(x.view(), Some((&amax).into()))?;
//! assert_eq!(found.values[[9, 8, 7, 6]], 15.0);
//! assert_eq!(found.values[[9, 4, 4, 0]], 8.0); // 252 / 503 * 15 = 7.51
//! assert_eq!(found.inverse_scale.values()[9], 1.5);
//! # Ok::<(), qdq::error::Error>(())
//! ```

mod affine;
mod amax;
mod apply;
mod backward;
mod by_descriptor;
mod clip;
pub(crate) mod dense;
mod descriptor;
mod element;
mod fp8;
mod group;
mod learned_step;
mod multiply;
pub(crate) mod nested;
pub mod pack;
mod params;
mod step;
mod stored;
pub mod weights;

pub use affine::{fake_affine_tensor_quant, fake_affine_tensor_quant_backward};
pub(crate) use amax::from_first;
pub use amax::{abs_max, abs_max_per_block};
pub use apply::{
    Quantized, dequantize, fake_tensor_quant, fake_tensor_quant_in_place, fake_tensor_quant_slice, quantize,
    quantize_slice, tensor_quant,
};
pub use backward::fake_tensor_quant_backward;
pub(crate) use clip::check_clip_range;
pub use clip::{ClipGradient, clip, clip_backward};
pub use descriptor::{Block, CalibMethod, NumBits, QuantDescriptor};
pub use element::{Element, Storage};
pub use fp8::{dequantize_e4m3, quantize_e4m3, scaled_e4m3};
pub use group::PerGroup;
pub use learned_step::{
    LearnedStepGradients, learned_step_gradient_scale, learned_step_quant, learned_step_quant_backward,
};
pub use multiply::multiply;
pub use params::{EPSILON, Mode, QuantParams};
pub use step::step;
pub use stored::{Stored, StoredMut};
