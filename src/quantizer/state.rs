//! The state of quantizers as JSON.

use ndarray::ArrayD;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};

use crate::error::{Context, Error, ErrorKind, Result};
use crate::quant::{QuantDescriptor, nested};

use super::{ClipRange, TensorQuantizer, check_numbers};

const FORMAT: &str = "qdq-quantizer";
const VERSION: u32 = 1;

/// The header, which is read first to distinguish a newer state from a damaged one.
#[derive(Deserialize)]
struct Header {
    format: String,
    version: u32,
    descriptor: serde_json::Map<String, serde_json::Value>,
}

/// All but the statistics.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    format: String,
    version: u32,
    descriptor: QuantDescriptor,
    disabled: bool,
    quantizing: bool,
    clipping: bool,
    calibrating: bool,
    // The attribute makes the field required: a missing field is not a null field.
    #[serde(deserialize_with = "Option::deserialize")]
    clip_range: Option<ClipRange>,
    #[serde(with = "nested")]
    pre_quant_scale: Option<ArrayD<f32>>,
    #[serde(with = "nested")]
    inverse_scale: Option<ArrayD<f32>>,
}

impl TensorQuantizer {
    /// Returns the state as JSON: descriptor with the amax, switches, clip range, pre_quant_scale and inverse
    /// scale.
    ///
    /// Every number is exact. The state does not contain the statistics of calibration, and no inverse scale
    /// that came from data with NaN.
    ///
    /// # Errors
    ///
    /// Only defects of qdq itself.
    pub fn to_json(&self) -> Result<String> {
        let finite = |inverse_scale: &&ArrayD<f32>| {
            inverse_scale.iter().all(|inverse_scale| inverse_scale.is_finite())
        };
        let state = State {
            format: FORMAT.into(),
            version: VERSION,
            descriptor: self.descriptor.clone(),
            disabled: self.disabled,
            quantizing: self.quantizing,
            clipping: self.clipping,
            calibrating: self.calibrating,
            clip_range: self.clip_range,
            pre_quant_scale: self.pre_quant_scale.clone(),
            inverse_scale: self.inverse_scale.as_ref().filter(finite).cloned(),
        };
        serde_json::to_string(&state).context(ErrorKind::Internal, || "the quantizer is no JSON".into())
    }

    /// Returns the quantizer with a state from [`to_json`](Self::to_json).
    ///
    /// # Errors
    ///
    /// `Format` if the text is damaged, incomplete or something else, or if its parts do not go together;
    /// `Unsupported` if its version is newer.
    pub fn from_json(text: &str) -> Result<Self> {
        let damaged = |error: serde_json::Error| {
            Error::new(ErrorKind::Format, format!("this is no state of a quantizer: {error}"))
                .with_remedy("save it again with TensorQuantizer::to_json")
        };
        let header: Header = serde_json::from_str(text).map_err(damaged)?;
        if header.format != FORMAT {
            return Err(Error::new(
                ErrorKind::Format,
                format!("the format is '{}', not '{FORMAT}'", header.format),
            )
            .with_remedy("give a state that TensorQuantizer::to_json has written"));
        }
        if header.version > VERSION {
            let message = format!("version {} of the state is newer than {VERSION}", header.version);
            return Err(Error::new(ErrorKind::Unsupported, message).with_remedy("read it with a newer qdq"));
        }
        let state: State = serde_json::from_str(text).map_err(damaged)?;
        // A descriptor by itself may leave out its amax. Here that would turn a fixed range into a dynamic
        // one.
        if !header.descriptor.contains_key("amax") {
            return Err(damaged(serde_json::Error::missing_field("amax")));
        }
        Self::restore(state)
            .context(ErrorKind::Format, || "the parts of a quantizer's state do not go together".into())
    }

    fn restore(state: State) -> Result<Self> {
        let mut quantizer = Self::new(state.descriptor)?;
        quantizer.set_disabled(state.disabled);
        quantizer.set_quantizing(state.quantizing);
        quantizer.set_clipping(state.clipping)?;
        quantizer.set_calibrating(state.calibrating);
        quantizer.clip_range = None;
        if let Some(range) = state.clip_range {
            quantizer.set_clip_range(range)?;
        }
        quantizer.set_pre_quant_scale(state.pre_quant_scale)?;
        if let Some(inverse_scale) = &state.inverse_scale {
            check_numbers("inverse_scale", inverse_scale)?;
        }
        quantizer.inverse_scale = state.inverse_scale;
        Ok(quantizer)
    }
}
