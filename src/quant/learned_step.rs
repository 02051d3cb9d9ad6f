//! Learned step size quantization: fake quantization whose step is a parameter of training.
//!
//! Esser, McKinstry, Bablani, Appuswamy, Modha: Learned Step Size Quantization, ICLR 2020, arXiv:1902.08153.

use ndarray::{Array, ArrayD, ArrayView, Dimension, IxDyn};

use crate::error::{Error, ErrorKind, Result};

use super::dense::{check_gradient, dense, shaped};
use super::element::{CHUNK, Element, Function};
use super::group::PerGroup;
use super::params::QuantParams;

/// The gradients of [`learned_step_quant`].
#[derive(Clone, Debug, PartialEq)]
pub struct LearnedStepGradients<T, D: Dimension> {
    /// With respect to x, in its shape.
    pub x: Array<T, D>,
    /// With respect to the step, in its shape. Gradients of several batches add up.
    pub step: ArrayD<f32>,
}

/// Fake-quantizes by the width of one integer step: y = clamp(rne(x / step), L, M) * step.
///
/// The step is the scale of ONNX and TensorRT, amax / M. All is computed in f32 and rounded once to the type
/// of the data (f64 data in f64). NaN stays NaN. Infinities become the ends, and so do negative values if the
/// integers are unsigned. The [`Mode`](super::Mode) has no effect.
///
/// Start with the step of a calibrated range, see
/// [`TensorQuantizer::step_size`](crate::quantizer::TensorQuantizer::step_size). For a file, the
/// range is amax = step * M.
///
/// # Errors
///
/// `InvalidArgument` if a step is not a positive finite number; `Shape` if it does not fit the shape of x.
///
/// ```
/// use ndarray::array;
/// use qdq::quant::{QuantParams, learned_step_quant};
///
/// let x = array![0.3f32, -0.6, 9.0];
/// assert_eq!(learned_step_quant(x.view(), 0.5, &QuantParams::new(4)?)?, array![0.5, -0.5, 3.5]);
/// # Ok::<(), qdq::error::Error>(())
/// ```
pub fn learned_step_quant<'a, T: Element, D: Dimension>(
    x: ArrayView<'_, T, D>,
    step: impl Into<PerGroup<'a>>,
    params: &QuantParams,
) -> Result<Array<T, D>> {
    let (step, dim) = (step.into(), x.raw_dim());
    check_step(&step)?;
    let x = dense(x);
    let mut out = vec![T::default(); x.len()];
    for (run, number) in step.groups(dim.slice(), "step")?.runs(0..x.len()) {
        T::map(&x[run.clone()], &mut out[run], &Fake(Steps::new(step.values()[number], params)));
    }
    shaped(dim, out)
}

/// Returns the gradients of [`learned_step_quant`], with rounding counted as the identity.
///
/// With v = x / step:
///
/// - the gradient of x is `gradient` if L < v < M, else 0;
/// - the gradient of the step is `gradient_scale` * Σ `gradient` * d over the elements that share the step;
///   d is rne(v) - v if L < v < M, L if v <= L and M if v >= M.
///
/// A NaN in x counts for nothing. Sums are in f64. [`learned_step_gradient_scale`] computes a
/// `gradient_scale`; with 1 the gradient stays unscaled.
///
/// # Errors
///
/// Those of [`learned_step_quant`]; `InvalidArgument` if `gradient_scale` is not a positive finite number;
/// `Shape` if x and `gradient` differ in shape.
///
/// ```
/// use ndarray::array;
/// use qdq::quant::{QuantParams, learned_step_quant_backward};
///
/// let (x, gradient) = (array![0.375f32, -0.5, 9.0], array![1.0f32, 10.0, 100.0]);
/// let found = learned_step_quant_backward(gradient.view(), x.view(), 0.5, &QuantParams::new(4)?, 1.0)?;
/// assert_eq!(found.x, array![1.0, 10.0, 0.0]);
/// assert_eq!(found.step[[]], 0.25 + 700.0);
/// # Ok::<(), qdq::error::Error>(())
/// ```
pub fn learned_step_quant_backward<'a, T: Element, D: Dimension>(
    gradient: ArrayView<'_, T, D>,
    x: ArrayView<'_, T, D>,
    step: impl Into<PerGroup<'a>>,
    params: &QuantParams,
    gradient_scale: f32,
) -> Result<LearnedStepGradients<T, D>> {
    let (step, dim) = (step.into(), x.raw_dim());
    check_step(&step)?;
    check_positive("gradient_scale", gradient_scale, "give 1 to leave gradients as they are")?;
    check_gradient(gradient.shape(), x.shape())?;
    let (x, gradient) = (dense(x), dense(gradient));
    let mut to_x = vec![T::default(); x.len()];
    let mut to_step = vec![0.0f64; step.values().len()];
    for (run, number) in step.groups(dim.slice(), "step")?.runs(0..x.len()) {
        let steps = Steps::new(step.values()[number], params);
        let (x, gradient, to_x) = (&x[run.clone()], &gradient[run.clone()], &mut to_x[run]);
        let (mut slope, mut inside) = ([0.0; CHUNK], [0.0; CHUNK]);
        for ((x, gradient), to_x) in x.chunks(CHUNK).zip(gradient.chunks(CHUNK)).zip(to_x.chunks_mut(CHUNK)) {
            T::map_to_f32(x, &mut slope[..x.len()], &Slope(steps));
            T::map_to_f32(x, &mut inside[..x.len()], &Inside(steps));
            for (at, (to_x, &gradient)) in to_x.iter_mut().zip(gradient).enumerate() {
                if inside[at] != 0.0 {
                    *to_x = gradient;
                }
                if !slope[at].is_nan() {
                    to_step[number] += gradient.to_f64() * f64::from(slope[at]);
                }
            }
        }
    }
    let to_step = to_step.into_iter().map(|sum| (sum * f64::from(gradient_scale)) as f32).collect();
    Ok(LearnedStepGradients { x: shaped(dim, to_x)?, step: shaped(IxDyn(step.shape()), to_step)? })
}

/// Returns 1 / √(N M), the factor on the gradient of a step that N values share.
///
/// With it, weights and steps learn at the same pace. N is the size of the weight, or of its channel, or the
/// number of features of an activation.
pub fn learned_step_gradient_scale(count: usize, params: &QuantParams) -> f32 {
    (1.0 / (count.max(1) as f64 * f64::from(params.high())).sqrt()) as f32
}

fn check_step(step: &PerGroup<'_>) -> Result<()> {
    let remedy = "hold the step above 0 while training";
    step.values().iter().try_for_each(|&step| check_positive("step", step, remedy))
}

fn check_positive(name: &str, number: f32, remedy: &str) -> Result<()> {
    if number.is_finite() && number > 0.0 {
        return Ok(());
    }
    let message = format!("{name} is {number}, not a positive finite number");
    Err(Error::new(ErrorKind::InvalidArgument, message).with_remedy(remedy))
}

/// The numbers that determine the functions of one group.
#[derive(Clone, Copy)]
struct Steps {
    step: f32,
    low: f32,
    high: f32,
}

impl Steps {
    fn new(step: f32, params: &QuantParams) -> Self {
        Self { step, low: params.low() as f32, high: params.high() as f32 }
    }
}

/// A function of v = x / step, in f32 and in f64.
macro_rules! function {
    ($name:ident, |$v:ident, $step:ident, $low:ident, $high:ident| $y:expr) => {
        struct $name(Steps);

        impl Function for $name {
            fn f32(&self, x: &[f32], out: &mut [f32]) {
                let Steps { step: $step, low: $low, high: $high } = self.0;
                for (out, &x) in out.iter_mut().zip(x) {
                    let $v = x / $step;
                    *out = $y;
                }
            }

            fn f64(&self, x: f64) -> f64 {
                let Steps { step, low, high } = self.0;
                let ($step, $low, $high) = (f64::from(step), f64::from(low), f64::from(high));
                let $v = x / $step;
                $y
            }
        }
    };
}

function!(Fake, |v, step, low, high| v.round_ties_even().clamp(low, high) * step);
function!(Slope, |v, _step, low, high| {
    let rounding = v.round_ties_even() - v;
    if v <= low {
        low
    } else if v >= high {
        high
    } else {
        rounding
    }
});
function!(Inside, |v, _step, low, high| if low < v && v < high { 1.0 } else { 0.0 });
