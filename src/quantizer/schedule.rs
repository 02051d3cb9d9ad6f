//! The length and the learning rate of fine-tuning a quantized network.

use std::f64::consts::PI;

use crate::error::{Error, ErrorKind, Result};

/// The learning rate of quantization-aware training: half a cosine from `start` down to `end`.
///
/// rate(t) = end + (start - end) (1 + cos(π t / steps)) / 2, and `end` from t = steps on. The caller chooses
/// epochs or batches as steps.
///
/// ```
/// use qdq::quantizer::QatSchedule;
///
/// // The float network was trained for 90 epochs, at first with a learning rate of 0.1.
/// let schedule = QatSchedule::from_original(90, 0.1)?;
/// assert_eq!((schedule.steps(), schedule.learning_rate(0)), (9, 0.001));
/// assert_eq!(schedule.learning_rate(9), 0.00001);
/// # Ok::<(), qdq::error::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QatSchedule {
    steps: u64,
    start: f64,
    end: f64,
}

impl QatSchedule {
    /// Makes a schedule of `steps` from the learning rate `start` down to `end`.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if there are no steps, or if the rates are not finite, are negative or rise.
    pub fn new(steps: u64, start: f64, end: f64) -> Result<Self> {
        if steps == 0 {
            let error = Error::new(ErrorKind::InvalidArgument, "a schedule of 0 steps trains nothing");
            return Err(error.with_remedy("give at least one step"));
        }
        if !(start.is_finite() && start > 0.0 && (0.0..=start).contains(&end)) {
            let message = format!("there is no learning rate that falls from {start} to {end}");
            return Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_remedy("give a positive finite rate, and an end from 0 to that rate"));
        }
        Ok(Self { steps, start, end })
    }

    /// Makes the schedule that the user guide of pytorch-quantization recommends.
    ///
    /// For a network trained for `steps` from the learning rate `rate`, it has a tenth of the steps (rounded
    /// up), from 1% of the rate down to 1% of that.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub fn from_original(steps: u64, rate: f64) -> Result<Self> {
        let start = rate / 100.0;
        Self::new(steps.div_ceil(10), start, start / 100.0)
    }

    /// Returns the number of steps.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Returns the learning rate of step `step`, counted from 0.
    pub fn learning_rate(&self, step: u64) -> f64 {
        if step >= self.steps {
            return self.end;
        }
        let fallen = (1.0 - (PI * step as f64 / self.steps as f64).cos()) / 2.0;
        self.start - (self.start - self.end) * fallen
    }
}
