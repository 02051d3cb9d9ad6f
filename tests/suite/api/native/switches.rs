//! A quantizer with every setting.

use ndarray::ArrayD;
use qdq::quant::QuantDescriptor;
use qdq::quantizer::{ClipRange, TensorQuantizer};

use crate::api::{Outcome, Setting, Switched};

pub fn switched(x: &ArrayD<f32>, descriptor: &QuantDescriptor, setting: &Setting) -> Outcome<Switched> {
    let mut quantizer = TensorQuantizer::new(descriptor.clone())?;
    quantizer.set_disabled(setting.disabled);
    quantizer.set_quantizing(setting.quantizing);
    quantizer.set_clipping(setting.clipping)?;
    quantizer.set_calibrating(setting.calibrating);
    quantizer.set_pre_quant_scale(setting.factors.clone())?;
    if let Some((min, max)) = setting.ends {
        quantizer.set_clip_range(ClipRange { min, max })?;
    }
    let values = quantizer.forward(x.view())?;
    let found = quantizer.backward(x.mapv(|_| 1.0).view(), x.view())?;
    let ends = found.clip.unwrap_or_default();
    let clip_range = quantizer.clip_range().unwrap_or(ClipRange { min: f32::NAN, max: f32::NAN });
    Ok(Switched {
        values,
        gradient: found.x,
        ends: (ends.min, ends.max),
        observed: quantizer.calibration_to_bytes()?,
        switches: [
            quantizer.is_disabled(),
            quantizer.is_quantizing(),
            quantizer.is_clipping(),
            quantizer.is_calibrating(),
            quantizer.is_dynamic(),
        ],
        clip_range: [clip_range.min, clip_range.max].map(f32::to_bits),
        numbers: [
            quantizer.amax().cloned(),
            quantizer.amax_in_use(),
            quantizer.step_size(),
            quantizer.inverse_scale().cloned(),
            quantizer.pre_quant_scale().cloned(),
        ],
        exported: quantizer.amax_for_export().map_err(Into::into),
    })
}
