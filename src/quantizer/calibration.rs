//! Calibration of a quantizer: from observed data to a range.

use std::borrow::Cow;

use ndarray::{ArrayD, ArrayViewD, IxDyn, arr0};

use crate::error::{Context, Error, ErrorKind, Result};
use crate::observe::TensorStats;
use crate::observe::axis_max::AxisMax;
use crate::observe::compat::{HistogramCalibrator, Library};
use crate::quant::dense::{dense, shaped};
use crate::quant::{CalibMethod, Element, NumBits, QuantDescriptor};
use crate::range::{self, Method, Target, compat};

use super::TensorQuantizer;

/// The statistics of a quantizer.
#[derive(Clone, Debug)]
pub enum Calibration {
    /// The largest magnitudes, in the shape of the amax; none before the first batch.
    Max(AxisMax),
    /// Statistics of all values.
    Histogram(TensorStats),
    /// pytorch-quantization's histogram.
    Compat(HistogramCalibrator),
}

/// The initial number of bins of pytorch-quantization's histogram.
const COMPAT_BINS: usize = 2048;

impl Calibration {
    pub(super) fn new(method: CalibMethod) -> Result<Self> {
        Ok(match method {
            CalibMethod::Max => Self::Max(AxisMax::default()),
            CalibMethod::Histogram => Self::Histogram(TensorStats::default()),
            CalibMethod::Compat => {
                Self::Compat(HistogramCalibrator::new(COMPAT_BINS, false, Library::default())?)
            }
        })
    }

    pub(super) fn observe<T: Element>(
        &mut self,
        descriptor: &QuantDescriptor,
        x: ArrayViewD<'_, T>,
    ) -> Result<()> {
        let shape = x.shape().to_vec();
        let values = dense(x);
        let values = T::to_f32s(&values);
        match self {
            Self::Histogram(stats) => stats.observe(&values),
            Self::Compat(_) if values.is_empty() => {}
            Self::Compat(calibrator) => calibrator.observe(&values)?,
            Self::Max(max) if values.iter().any(|x| !x.is_nan()) => {
                let numbers: Cow<'_, [f32]> = match values.iter().any(|x| x.is_nan()) {
                    true => values.iter().map(|&x| if x.is_nan() { 0.0 } else { x }).collect(),
                    false => values,
                };
                let numbers = ArrayViewD::from_shape(IxDyn(&shape), &numbers)
                    .context(ErrorKind::Internal, || "a batch lost its shape".into())?;
                add_maxima(max, &descriptor.dynamic_amax(numbers)?)?;
            }
            Self::Max(_) => {}
        }
        Ok(())
    }
}

/// Merges the maxima of one batch, each of which is its own group, into the earlier ones.
pub(super) fn add_maxima(max: &mut AxisMax, batch: &ArrayD<f32>) -> Result<()> {
    if max.amax().is_none() {
        *max = AxisMax::keeping(&(0..batch.ndim() as i64).collect::<Vec<_>>());
    }
    max.observe(batch.shape(), &dense(batch.view()))
}

impl TensorQuantizer {
    /// Returns the statistics of the observed data.
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// Returns the statistics of all observed values.
    ///
    /// # Errors
    ///
    /// `Unsupported` if the descriptor's `calib_method` is no histogram.
    pub fn stats(&self) -> Result<&TensorStats> {
        match &self.calibration {
            Calibration::Histogram(stats) => Ok(stats),
            Calibration::Max(_) | Calibration::Compat(_) => {
                let message = "no statistics of all values are observed";
                let error = Error::new(ErrorKind::Unsupported, message);
                Err(self.within(error.with_remedy("set calib_method to histogram in the descriptor")))
            }
        }
    }

    /// Clears the statistics. The amax stays.
    pub fn reset_calibration(&mut self) {
        match &mut self.calibration {
            Calibration::Max(max) => *max = AxisMax::default(),
            Calibration::Histogram(stats) => *stats = TensorStats::default(),
            Calibration::Compat(calibrator) => calibrator.reset(),
        }
    }

    /// Adds the statistics of `other`, which observed the same tensor, for example in another thread.
    ///
    /// The result is that of one quantizer that observed both.
    ///
    /// # Errors
    ///
    /// - `InvalidArgument` if the two observe by different methods, axes or blocks.
    /// - `Shape` if the maxima have different shapes.
    /// - `Unsupported` for pytorch-quantization's histogram, which depends on the order of the batches.
    ///
    /// After an error nothing is added.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        let (ours, theirs) = (&self.descriptor, &other.descriptor);
        let alike = ours.axis == theirs.axis && ours.block == theirs.block;
        match (&mut self.calibration, &other.calibration) {
            (Calibration::Histogram(ours), Calibration::Histogram(theirs)) => {
                ours.merge(theirs);
                Ok(())
            }
            (Calibration::Max(ours), Calibration::Max(theirs)) if alike => {
                let Some(theirs) = theirs.amax() else { return Ok(()) };
                let batch = shaped(IxDyn(&theirs.shape), theirs.values.clone())?;
                add_maxima(ours, &batch).map_err(|error| self.within(error))
            }
            (Calibration::Compat(_), Calibration::Compat(_)) => {
                let message =
                    "pytorch-quantization's histograms depend on the order of batches and do not merge";
                let error = Error::new(ErrorKind::Unsupported, message);
                Err(self.within(error.with_remedy("set calib_method to histogram in the descriptors")))
            }
            _ => {
                let message = "the other quantizer observes by another method, axis or block";
                let error = Error::new(ErrorKind::InvalidArgument, message);
                Err(self.within(error.with_remedy("merge quantizers with the same descriptor")))
            }
        }
    }

    /// Computes amax from the statistics, sets it and returns it.
    ///
    /// Maxima are the amax themselves. For the histogram see [`range::compute`] and [`range::compute_e4m3`],
    /// for that of pytorch-quantization [`range::compat`]. Without statistics and without `strict`, it
    /// returns `None` and amax stays unchanged.
    ///
    /// # Errors
    ///
    /// - `Data` if nothing was observed and `strict` is set, or if a maximum is infinite;
    /// - `InvalidArgument` for maxima and another method than [`Method::Max`], and for [`Method::Max`] with
    ///   pytorch-quantization's histogram;
    /// - `Unsupported` for entropy and mse for e4m3 with pytorch-quantization's histogram;
    /// - those of [`range::compute`] and, if the format is e4m3, [`range::compute_e4m3`];
    /// - `Shape` if the current amax has another shape, unless both are a single number.
    ///
    /// After an error amax is unchanged.
    pub fn load_calib_amax(&mut self, method: Method, strict: bool) -> Result<Option<&ArrayD<f32>>> {
        let amax = self.calibrated_amax(method, compat::Search::default());
        self.take_over(amax, strict)
    }

    /// Computes amax like [`load_calib_amax`](Self::load_calib_amax), with the options of
    /// pytorch-quantization's entropy and mse. These are the bins of its histogram that are tried as ranges.
    ///
    /// # Errors
    ///
    /// Those of [`load_calib_amax`](Self::load_calib_amax). `InvalidArgument` if the calib_method is not
    /// [`Compat`](CalibMethod::Compat), or if the method is not [`Method::Entropy`] or [`Method::Mse`]:
    /// others try no bins. An error for a stride of 0 and for a start behind the last bin.
    pub fn load_calib_amax_searching(
        &mut self,
        method: Method,
        search: compat::Search,
        strict: bool,
    ) -> Result<Option<&ArrayD<f32>>> {
        let searches = matches!(self.calibration, Calibration::Compat(_));
        let amax = match method {
            Method::Entropy | Method::Mse if searches => self.calibrated_amax(method, search),
            Method::Entropy | Method::Mse => {
                let message = "start_bin and stride are options of pytorch-quantization's histogram, which was not observed";
                Err(Error::new(ErrorKind::InvalidArgument, message)
                    .with_remedy("set calib_method to compat in the descriptor, or leave them out"))
            }
            Method::Max | Method::Percentile(_) => {
                let message = format!("{method} has no start_bin and stride");
                Err(Error::new(ErrorKind::InvalidArgument, message)
                    .with_remedy("leave them out, or use entropy or mse"))
            }
        };
        self.take_over(amax, strict)
    }

    fn take_over(&mut self, amax: Result<Option<ArrayD<f32>>>, strict: bool) -> Result<Option<&ArrayD<f32>>> {
        match amax.map_err(|error| self.within(error))? {
            Some(amax) => {
                // A single number fits any shape that the user gave it.
                let amax = match self.amax() {
                    Some(old) if old.len() == 1 && amax.len() == 1 => {
                        shaped(old.raw_dim(), amax.into_iter().collect())?
                    }
                    _ => amax,
                };
                self.set_amax(Some(amax))?;
                Ok(self.amax())
            }
            None if strict => {
                let error = Error::new(ErrorKind::Data, "nothing was observed to compute amax from");
                Err(self.within(
                    error.with_remedy("run batches through it while it is calibrating, or load leniently"),
                ))
            }
            None => Ok(None),
        }
    }

    /// Computes amax. Only pytorch-quantization's histogram uses `search`.
    fn calibrated_amax(&self, method: Method, search: compat::Search) -> Result<Option<ArrayD<f32>>> {
        match &self.calibration {
            Calibration::Max(_) if method != Method::Max => {
                let message = format!("{method} needs a histogram, but only maxima were observed");
                Err(Error::new(ErrorKind::InvalidArgument, message)
                    .with_remedy("set calib_method to histogram in the descriptor, or use the method max"))
            }
            Calibration::Max(max) => {
                let Some(max) = max.amax() else { return Ok(None) };
                if max.values.iter().any(|max| max.is_infinite()) {
                    return Err(Error::new(ErrorKind::Data, "infinity was observed").with_remedy(
                        "find out where it comes from, or observe a histogram, which leaves it out",
                    ));
                }
                shaped(IxDyn(&max.shape), max.values.clone()).map(Some)
            }
            Calibration::Compat(calibrator) => {
                let Some(histogram) = calibrator.histogram() else { return Ok(None) };
                let amax = match (method, self.descriptor.num_bits) {
                    (Method::Percentile(percentile), _) => compat::percentile(histogram, percentile),
                    (Method::Max, _) => Err(Error::new(
                        ErrorKind::InvalidArgument,
                        "pytorch-quantization has no max over a histogram",
                    )
                    .with_remedy("set calib_method to max or histogram in the descriptor")),
                    (_, NumBits::Float(..)) => {
                        let message =
                            format!("{method} over pytorch-quantization's histogram knows integers only");
                        Err(Error::new(ErrorKind::Unsupported, message).with_remedy(
                            "set calib_method to histogram in the descriptor, or use a percentile",
                        ))
                    }
                    (Method::Entropy, NumBits::Integer(num_bits)) => compat::entropy(
                        histogram,
                        Target { num_bits, unsigned: self.descriptor.unsigned },
                        search,
                    ),
                    (Method::Mse, NumBits::Integer(num_bits)) => compat::mse(
                        histogram,
                        Target { num_bits, unsigned: self.descriptor.unsigned },
                        search,
                    ),
                };
                amax.map(|amax| Some(arr0(amax).into_dyn()))
            }
            Calibration::Histogram(stats) if stats.count() == 0 => Ok(None),
            Calibration::Histogram(stats) => {
                let amax = match self.descriptor.num_bits {
                    NumBits::Integer(num_bits) => {
                        let target = Target { num_bits, unsigned: self.descriptor.unsigned };
                        range::compute(stats, method, target)
                    }
                    NumBits::Float(..) => range::compute_e4m3(stats, method),
                };
                amax.map(|amax| Some(arr0(amax).into_dyn()))
            }
        }
    }
}
