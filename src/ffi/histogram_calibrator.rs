//! `qdq_histogram_calibrator`: pytorch-quantization's own histogram and methods.

use std::mem::MaybeUninit;

use crate::error::{Error, ErrorKind};
use crate::observe::compat::{HistogramCalibrator, Library, LinearHistogram};
use crate::range::{Method, compat};

use super::error::qdq_error;
use super::guard::guard;
use super::handle::{self, get, get_mut, give, put};
use super::method::{method_of, qdq_method, target};
use super::number_set::NumberSet;
use super::status::qdq_status;
use super::tensor::{checked, qdq_tensor};
use super::tensor_stats::floats;

/// pytorch-quantization's HistogramCalibrator with its own bins, growth and methods. Use it to reproduce its
/// numbers, and qdq_tensor_stats otherwise: on discrete data the original entropy rule finds absurd ranges.
/// The result depends on the order of the batches.
pub struct qdq_histogram_calibrator {
    calibrator: HistogramCalibrator,
    search: compat::Search,
}

/// The library whose histogram is reproduced: one of the QDQ_LIBRARY_ numbers.
pub type qdq_library = i32;

/// torch.histc over 0 to max, the default of pytorch-quantization.
pub const QDQ_LIBRARY_TORCH: qdq_library = 0;
/// numpy.histogram over min to max of the first batch.
pub const QDQ_LIBRARY_NUMPY: qdq_library = 1;

const LIBRARIES: NumberSet<Library> = NumberSet::new(
    "library",
    "QDQ_LIBRARY_",
    &[(QDQ_LIBRARY_TORCH, Library::Torch), (QDQ_LIBRARY_NUMPY, Library::Numpy)],
);

/// Makes a calibrator with `num_bins` bins over the first batch (2048 is usual). With `skip_zeros` zeros are
/// left out. Free `*out` with qdq_histogram_calibrator_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_histogram_calibrator_new(
    num_bins: usize,
    skip_zeros: bool,
    library: qdq_library,
    out: Option<&mut MaybeUninit<*mut qdq_histogram_calibrator>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            let library = LIBRARIES.value(library)?;
            let calibrator = HistogramCalibrator::new(num_bins, skip_zeros, library)?;
            Ok(qdq_histogram_calibrator { calibrator, search: compat::Search::default() })
        })
    })
}

/// Frees `*calibrator` and sets it to NULL. Does nothing if `calibrator` or `*calibrator` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_histogram_calibrator_free(calibrator: Option<&mut *mut qdq_histogram_calibrator>) {
    handle::free(calibrator);
}

/// Adds a batch (f32, f16, bf16, f64). Fails if the batch is empty or holds NaN or infinities, and with
/// QDQ_LIBRARY_NUMPY if the values are too close to each other for so many bins. After an error the earlier
/// observations are unchanged.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_histogram_calibrator_observe(
    calibrator: Option<&mut qdq_histogram_calibrator>,
    x: Option<&qdq_tensor>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let calibrator = get_mut(calibrator, "calibrator")?;
        // SAFETY: the header's rules for tensors.
        let x = unsafe { checked(x, "x") }?;
        calibrator.calibrator.observe(&floats(&x)?)
    })
}

/// Sets the bins that entropy and mse try as ranges: from `start_bin` in steps of `stride`. Default: 128
/// and 1.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_histogram_calibrator_set_search(
    calibrator: Option<&mut qdq_histogram_calibrator>,
    start_bin: usize,
    stride: usize,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let calibrator = get_mut(calibrator, "calibrator")?;
        if stride == 0 {
            return Err(Error::new(ErrorKind::InvalidArgument, "a search in steps of 0 bins")
                .with_remedy("use a stride of 1 or more"));
        }
        calibrator.search = compat::Search { start_bin, stride };
        Ok(())
    })
}

/// Computes the range by pytorch-quantization's own rule for the method, for integers of `num_bits`, 2 to 16.
///
/// QDQ_METHOD_MAX is an error, because it is not one of the histogram methods; use qdq_axis_max for it.
/// QDQ_METHOD_MSE adds up in f64. If the errors of two ranges differ by less than about 5e-8 of themselves,
/// torch's sums in f32 may choose another range. Returns QDQ_ERROR_DATA if a range to try is negative, which
/// is possible for the first bins of QDQ_LIBRARY_NUMPY.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_histogram_calibrator_amax(
    calibrator: Option<&qdq_histogram_calibrator>,
    method: qdq_method,
    percentile: f64,
    num_bits: u32,
    is_unsigned: bool,
    out: Option<&mut MaybeUninit<f32>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let qdq_histogram_calibrator { calibrator, search } = get(calibrator, "calibrator")?;
        let histogram = calibrator.histogram().ok_or_else(|| {
            Error::new(ErrorKind::Data, "no range: the calibrator has seen no batch")
                .with_remedy("observe at least one batch first")
        })?;
        let target = target(num_bits, is_unsigned);
        put(
            out,
            match method_of(method, percentile)? {
                Method::Entropy => compat::entropy(histogram, target, *search)?,
                Method::Mse => compat::mse(histogram, target, *search)?,
                Method::Percentile(percentile) => compat::percentile(histogram, percentile)?,
                Method::Max => {
                    let message = "pytorch-quantization has no max over a histogram";
                    return Err(Error::new(ErrorKind::InvalidArgument, message)
                        .with_remedy("observe maxima instead, per tensor or axis"));
                }
            },
        )
    })
}

fn histogram(calibrator: Option<&qdq_histogram_calibrator>) -> Option<&LinearHistogram> {
    calibrator.and_then(|calibrator| calibrator.calibrator.histogram())
}

/// Returns the number of bins; 0 before the first batch.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_histogram_calibrator_bin_count(calibrator: Option<&qdq_histogram_calibrator>) -> usize {
    histogram(calibrator).map_or(0, |histogram| histogram.counts.len())
}

/// Returns the counts of the bins; NULL before the first batch. They are valid until the next batch or until
/// the calibrator is freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_histogram_calibrator_counts(
    calibrator: Option<&qdq_histogram_calibrator>,
) -> *const u64 {
    histogram(calibrator).map_or(std::ptr::null(), |histogram| histogram.counts.as_ptr())
}

/// Returns the number of edges, usually one more than bins. After growth in torch's way there can be two
/// more.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_histogram_calibrator_edge_count(
    calibrator: Option<&qdq_histogram_calibrator>,
) -> usize {
    histogram(calibrator).map_or(0, |histogram| histogram.edges.len())
}

/// Returns the edges: bin i holds the magnitudes from edge i to edge i + 1. They are valid as long as the
/// counts.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_histogram_calibrator_edges(
    calibrator: Option<&qdq_histogram_calibrator>,
) -> *const f64 {
    histogram(calibrator).map_or(std::ptr::null(), |histogram| histogram.edges.as_ptr())
}
