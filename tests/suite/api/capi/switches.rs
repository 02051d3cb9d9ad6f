//! A quantizer with every setting.

use std::mem::MaybeUninit;

use ndarray::ArrayD;
use qdq::ffi::*;
use qdq::quant::QuantDescriptor;

use super::{ErrorOut, Out, Owned, array, buffer, call, descriptor, floats, make};
use crate::api::{Outcome, Setting, Switched};

type Numbers =
    for<'a, 'b, 'c> extern "C" fn(Option<&'a qdq_quantizer>, Out<'b, qdq_array>, ErrorOut<'c>) -> qdq_status;

/// Returns numbers of the quantizer, or none.
fn numbers(quantizer: &Owned<qdq_quantizer>, function: Numbers) -> Outcome<Option<ArrayD<f32>>> {
    let found = make(qdq_array_free, |out, error| function(quantizer.get(), out, error))?;
    Ok(found.get().is_some().then(|| array(&found)))
}

pub fn switched(x: &ArrayD<f32>, how: &QuantDescriptor, setting: &Setting) -> Outcome<Switched> {
    let how = descriptor(how)?;
    let mut quantizer = make(qdq_quantizer_free, |out, error| qdq_quantizer_new(how.get(), out, error))?;
    call(|error| qdq_quantizer_set_disabled(quantizer.get_mut(), setting.disabled, error))?;
    call(|error| qdq_quantizer_set_quantizing(quantizer.get_mut(), setting.quantizing, error))?;
    call(|error| qdq_quantizer_set_clipping(quantizer.get_mut(), setting.clipping, error))?;
    call(|error| qdq_quantizer_set_calibrating(quantizer.get_mut(), setting.calibrating, error))?;
    let factors = setting.factors.as_ref().map(floats);
    // SAFETY: here and below views are of live memory.
    call(|error| unsafe {
        let factors = factors.as_ref().map(|factors| &factors.tensor);
        qdq_quantizer_set_pre_quant_scale(quantizer.get_mut(), factors, error)
    })?;
    if let Some((min, max)) = setting.ends {
        call(|error| qdq_quantizer_set_clip_range(quantizer.get_mut(), min, max, error))?;
    }
    // The gradient of x replaces the gradient.
    let (values, gradient) = (x.clone(), x.mapv(|_| 1.0));
    let (x, y, ones) = (floats(x), floats(&values), floats(&gradient));
    call(|error| unsafe {
        qdq_quantizer_forward(quantizer.get_mut(), Some(&x.tensor), Some(&y.tensor), error)
    })?;
    let mut ends = (f64::NAN, f64::NAN);
    call(|error| unsafe {
        let (gradient, x) = (Some(&ones.tensor), Some(&x.tensor));
        qdq_quantizer_backward(
            quantizer.get(),
            gradient,
            x,
            gradient,
            &raw mut ends.0,
            &raw mut ends.1,
            error,
        )
    })?;
    let mut clip_range = [0.0f32; 2];
    call(|error| unsafe {
        let [min, max] = &mut clip_range;
        qdq_quantizer_clip_range(quantizer.get(), min, max, error)
    })?;
    let mut exported = MaybeUninit::new(std::ptr::null_mut());
    let has_range = call(|error| qdq_quantizer_amax_for_export(quantizer.get(), Some(&mut exported), error));
    // SAFETY: it was initialised above.
    let exported = Owned { pointer: unsafe { exported.assume_init() }, free: qdq_array_free };
    Ok(Switched {
        values,
        gradient,
        ends,
        observed: buffer(|out, error| qdq_quantizer_calibration_to_bytes(quantizer.get(), out, error))?,
        switches: [
            qdq_quantizer_is_disabled(quantizer.get()),
            qdq_quantizer_is_quantizing(quantizer.get()),
            qdq_quantizer_is_clipping(quantizer.get()),
            qdq_quantizer_is_calibrating(quantizer.get()),
            qdq_quantizer_is_dynamic(quantizer.get()),
        ],
        clip_range: clip_range.map(f32::to_bits),
        numbers: [
            numbers(&quantizer, qdq_quantizer_amax)?,
            numbers(&quantizer, qdq_quantizer_amax_in_use)?,
            numbers(&quantizer, qdq_quantizer_step_size)?,
            numbers(&quantizer, qdq_quantizer_inverse_scale)?,
            numbers(&quantizer, qdq_quantizer_pre_quant_scale)?,
        ],
        exported: has_range.map(|()| array(&exported)),
    })
}
