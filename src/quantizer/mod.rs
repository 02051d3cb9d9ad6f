//! Quantization of one tensor of a network during calibration, training and use.
//!
//! The functions of [`quant`](crate::quant) depend only on their arguments. A [`TensorQuantizer`] belongs to
//! one tensor of a network and keeps its state: whether it quantizes or only observes, its statistics, and
//! its range.
//!
//! ```
//! use ndarray::array;
//! use qdq::quant::QuantDescriptor;
//! use qdq::quantizer::TensorQuantizer;
//! use qdq::range::Method;
//!
//! let mut input = TensorQuantizer::new(QuantDescriptor::default())?;
//! input.set_quantizing(false);
//! input.set_calibrating(true);
//! for batch in [array![0.5f32, -1.0], array![0.25, 2.0]] {
//!     assert_eq!(input.forward(batch.view())?, batch);
//! }
//! input.load_calib_amax(Method::Max, true)?;
//! input.set_calibrating(false);
//! input.set_quantizing(true);
//! assert_eq!(input.to_string(), "TensorQuantizer(8bit per-tensor amax=2.0 calibrator=max quant)");
//! assert_eq!(input.forward(array![5.0f32, 0.01].view())?, array![2.0, 2.0 / 127.0]);
//! # Ok::<(), qdq::error::Error>(())
//! ```

use ndarray::ArrayD;

use crate::error::{Error, ErrorKind, Result};
use crate::quant::{NumBits, QuantDescriptor};

mod backward;
mod calibration;
mod display;
mod forward;
mod ranges;
mod saved;
mod schedule;
mod state;
mod switches;
mod trained;

pub use backward::Gradients;
pub use calibration::Calibration;
pub use forward::Output;
pub use ranges::ClipRange;
pub use schedule::QatSchedule;
pub use trained::TrainedWeight;

/// A quantizer with its switches, its range and the statistics of its calibration.
///
/// # The order
///
/// [`forward`](Self::forward) does, in this order:
///
/// 1. x ← x · [`pre_quant_scale`](Self::pre_quant_scale), if there is one;
/// 2. if disabled: x is the result;
/// 3. if calibrating: [`observe`](Self::observe) x;
/// 4. if clipping, or quantizing with learn_amax: x ← clip(x) to the [`clip_range`](Self::clip_range);
/// 5. if quantizing: x ← quantized x. With learn_amax, the amax is max(-min, max) of the clip range.
///    Otherwise it is the [`amax`](Self::amax) times scale_amax. Without an amax the range is dynamic: max
///    |x| of this very x times scale_amax.
///
/// The switches are independent: calibrating while quantizing observes x and returns quantized values. A new
/// quantizer only quantizes.
///
/// # Threads
///
/// [`quantize`](Self::quantize) is `forward` without step 3 and needs only `&self`, so several threads can
/// use one quantizer. To calibrate in several threads, give each a clone and [`merge`](Self::merge) the
/// clones.
///
/// # Differences from pytorch-quantization
///
/// | | pytorch-quantization | here |
/// |---|---|---|
/// | clipping, then quantizing | quantizes the unclipped x; e4m3 ignores learn_amax and clipping | quantizes the clipped x in every format |
/// | integers (no fake_quant) | always in the narrow range | by narrow_range |
/// | e4m3 without fake_quant | fakes all the same | e4m3 numbers, and their inverse scale |
/// | dynamic range with a negative axis | one amax for all | one amax per index, counted from the last axis |
/// | an axis that the data does not have | one amax for all | an error |
/// | dynamic range of empty data | fails | empty data |
/// | learn_amax without an amax | starts at ±1 | an error until [`init_learn_amax`](Self::init_learn_amax) or [`set_clip_range`](Self::set_clip_range) |
/// | switching clipping off that cannot be on | fails | does nothing |
/// | lenient loading with nothing observed | amax = NaN, so NaN from then on | amax stays, and the result is `None` |
/// | an unknown calib_method, no calibrator | fails once calibration is switched on | refused in the descriptor |
/// | options of entropy and mse | stride and first bin | the same with [`CalibMethod::Compat`](crate::quant::CalibMethod::Compat), which observes the original's histogram; the default search has none |
/// | loading an amax that is infinite | accepted | an error |
/// | maxima and NaN | the maximum becomes NaN | NaN is left out |
/// | maxima of an empty batch | fails | adds nothing |
/// | setting amax to none | ignored, with a message | the range is dynamic again |
/// | amax that is NaN, infinite or negative | fails at the next use, or NaN from then on | refused |
/// | amax for f64 data | f64 | f32, and the gradient's mask compares in f32 |
/// | step size | without scale_amax or clip range; fails for e4m3 | of the range in use; amax / 448 for e4m3 |
/// | a state without some part | that part stays as it was, with a message | an error |
/// | a saved amax | is restored on a GPU, even if the rest is elsewhere | is restored |
/// | not in a saved state | descriptor, switches, inverse scale | the statistics, which have a file of their own |
/// | dynamic range at export, or still calibrating | an assertion; a warning | errors |
///
/// [`Mode`](crate::quant::Mode), a field of the descriptor, sets the arithmetic of the integers.
#[derive(Clone, Debug)]
pub struct TensorQuantizer {
    /// Its amax is the current one.
    descriptor: QuantDescriptor,
    disabled: bool,
    quantizing: bool,
    clipping: bool,
    calibrating: bool,
    clip_range: Option<ClipRange>,
    pre_quant_scale: Option<ArrayD<f32>>,
    inverse_scale: Option<ArrayD<f32>>,
    calibration: Calibration,
}

impl TensorQuantizer {
    /// Makes a quantizer that quantizes, by the descriptor's amax or dynamically.
    ///
    /// With learn_amax and an amax, the clip range is ±max(amax).
    ///
    /// # Errors
    ///
    /// Those of [`QuantDescriptor::validate`]; `InvalidArgument` if the amax has no number.
    pub fn new(descriptor: QuantDescriptor) -> Result<Self> {
        descriptor.validate()?;
        let calibration = Calibration::new(descriptor.calib_method)?;
        let mut quantizer = Self {
            descriptor,
            disabled: false,
            quantizing: true,
            clipping: false,
            calibrating: false,
            clip_range: None,
            pre_quant_scale: None,
            inverse_scale: None,
            calibration,
        };
        if let Some(amax) = &quantizer.descriptor.amax {
            check_numbers("amax", amax).map_err(|error| quantizer.within(error))?;
            if quantizer.descriptor.learn_amax {
                quantizer.init_learn_amax()?;
            }
        }
        Ok(quantizer)
    }

    /// Returns the descriptor of the tensor. Its amax is the current one.
    pub fn descriptor(&self) -> &QuantDescriptor {
        &self.descriptor
    }

    /// Changes the format: bits, sign and narrow range.
    ///
    /// # Errors
    ///
    /// Those of [`QuantDescriptor::validate`]. After an error the format is unchanged.
    pub fn set_format(
        &mut self,
        num_bits: impl Into<NumBits>,
        unsigned: bool,
        narrow_range: bool,
    ) -> Result<()> {
        let num_bits = num_bits.into();
        let descriptor = QuantDescriptor { num_bits, unsigned, narrow_range, ..self.descriptor.clone() };
        descriptor.validate()?;
        self.descriptor = descriptor;
        Ok(())
    }

    /// Returns the factors of the first step.
    pub fn pre_quant_scale(&self) -> Option<&ArrayD<f32>> {
        self.pre_quant_scale.as_ref()
    }

    /// Sets the factors by which the first step multiplies x, or removes them. Their shape groups the data.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if the factors have no number or one that is not finite.
    pub fn set_pre_quant_scale(&mut self, factors: Option<ArrayD<f32>>) -> Result<()> {
        if let Some(factors) = &factors {
            check_numbers("pre_quant_scale", factors).map_err(|error| self.within(error))?;
        }
        self.pre_quant_scale = factors;
        Ok(())
    }

    /// Returns the inverse scale, M / amax, of the last integers that [`forward`](Self::forward) returned.
    ///
    /// It is grouped like amax: x is about value / inverse_scale. With blocks, pass it through
    /// [`QuantDescriptor::per_group`]. It is `None` before the first integers.
    pub fn inverse_scale(&self) -> Option<&ArrayD<f32>> {
        self.inverse_scale.as_ref()
    }

    fn check_learns(&self, what: &str) -> Result<()> {
        if self.descriptor.learn_amax {
            return Ok(());
        }
        let error = Error::new(ErrorKind::InvalidArgument, format!("{what} needs learn_amax"));
        Err(self.within(error.with_remedy("set learn_amax in the descriptor")))
    }

    /// Returns the error with the quantizer's name.
    fn within(&self, error: Error) -> Error {
        match &self.descriptor.name {
            Some(name) => error.within(format!("quantizer '{name}'")),
            None => error.within("quantizer"),
        }
    }
}

/// Refuses arrays without a number, and numbers that are not finite.
fn check_numbers(name: &str, numbers: &ArrayD<f32>) -> Result<()> {
    let wrong = match numbers.iter().find(|number| !number.is_finite()) {
        Some(bad) => format!("{name} is {bad}"),
        None if numbers.is_empty() => format!("{name} of shape {:?} has no number", numbers.shape()),
        None => return Ok(()),
    };
    Err(Error::new(ErrorKind::InvalidArgument, wrong).with_remedy(format!("give a finite {name}")))
}
