//! Fake quantization with a learned step.

use std::mem::MaybeUninit;

use crate::error::Result;

use super::descriptor::qdq_descriptor;
use super::error::qdq_error;
use super::guard::guard;
use super::handle::{get, put};
use super::quantize::{for_float, same_type, write};
use super::status::qdq_status;
use super::tensor::{Checked, checked, qdq_tensor};

/// Fake-quantizes a tensor with a given step, the width of one integer, which training changes (learned step
/// size quantization, arXiv:1902.08153): out = clamp(rne(x / step), L, M) * step. The step is the scale of
/// ONNX and TensorRT, amax / M. Therefore qdq_quantizer_step_size() of a calibrated quantizer is a good start
/// value, and step * M is the amax for a file.
///
/// `x` and `out` have the same shape and type (f32, f16, bf16, f64) and may be the same memory. `step` (f32,
/// positive, finite) broadcasts to the shape of x, or to the blocks if the descriptor has blocks. Of the rest
/// of the descriptor only bits, sign and narrow range matter. NaN stays NaN. Infinities become the ends of
/// the range, and so do negative values if the integers are unsigned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_tensor_learned_step_quant(
    x: Option<&qdq_tensor>,
    step: Option<&qdq_tensor>,
    descriptor: Option<&qdq_descriptor>,
    out: Option<&qdq_tensor>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let descriptor = &get(descriptor, "descriptor")?.descriptor;
        // SAFETY: the header's rules for tensors.
        let (x, step, out) =
            unsafe { (checked(x, "x")?, checked(step, "step")?.f32()?, checked(out, "out")?) };
        same_type(&x, &out)?;
        for_float!(x, T => write(&out, &descriptor.learned_step_quant(x.view::<T>(), step.into())?))
    })
}

/// Computes the gradients of qdq_tensor_learned_step_quant(), with v = x / step. `out` receives the gradient
/// with respect to x: gradient if L < v < M, otherwise 0.
///
/// `step_gradient` (f32, with the shape of step) may be NULL. Otherwise it receives gradient_scale times the
/// sum of gradient * d over the elements that share a step. Here d is rne(v) - v if L < v < M, L if v <= L,
/// and M if v >= M. A NaN in x adds nothing. The results of several batches can be added up.
///
/// `gradient`, `x` and `out` have the same shape and type (f32, f16, bf16, f64). `out` may be the memory of
/// either input. `gradient_scale` is positive: 1, or the result of qdq_tensor_learned_step_gradient_scale().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_tensor_learned_step_quant_backward(
    gradient: Option<&qdq_tensor>,
    x: Option<&qdq_tensor>,
    step: Option<&qdq_tensor>,
    descriptor: Option<&qdq_descriptor>,
    gradient_scale: f32,
    out: Option<&qdq_tensor>,
    step_gradient: Option<&qdq_tensor>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let descriptor = &get(descriptor, "descriptor")?.descriptor;
        // SAFETY: the header's rules for tensors.
        let (gradient, x, step, out) = unsafe {
            (checked(gradient, "gradient")?, checked(x, "x")?, checked(step, "step")?, checked(out, "out")?)
        };
        let step_gradient = match step_gradient {
            // SAFETY: as above.
            Some(_) => Some(unsafe { checked(step_gradient, "step_gradient") }?),
            None => None,
        };
        same_type(&x, &gradient)?;
        same_type(&x, &out)?;
        if let Some(step_gradient) = &step_gradient {
            same_type(&step, step_gradient)?;
            step_gradient.check_shape(step.shape())?;
        }
        let step = step.f32()?.into();
        for_float!(x, T => {
            let (gradient, x) = (gradient.view::<T>(), x.view::<T>());
            let found = descriptor.learned_step_quant_backward(gradient, x, step, gradient_scale)?;
            write(&out, &found.x)?;
            step_gradient.as_ref().map_or(Ok(()), |place: &Checked<'_>| write(place, &found.step))
        })
    })
}

/// Computes the factor 1 / sqrt(count * M) for the gradient of a step that `count` values share. With it
/// weights and steps learn at the same pace. `count` is the size of the weight, or of its channel, or the
/// number of features of an activation.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_tensor_learned_step_gradient_scale(
    count: usize,
    descriptor: Option<&qdq_descriptor>,
    out: Option<&mut MaybeUninit<f32>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || -> Result<()> {
        put(out, get(descriptor, "descriptor")?.descriptor.learned_step_gradient_scale(count)?)
    })
}
