//! `qdq_tensor_stats`: the statistics of one tensor.

use std::borrow::Cow;
use std::mem::MaybeUninit;

use crate::error::{Error, ErrorKind, Result};
use crate::observe::TensorStats;
use crate::range;

use super::error::qdq_error;
use super::guard::{constructed, guard};
use super::handle::{self, check_place, get, get_mut, give, null, put};
use super::method::{method_of, qdq_method, target};
use super::quantize::for_float;
use super::status::qdq_status;
use super::tensor::{Checked, checked, qdq_tensor};

/// The calibrator's observer. It reads every value of one tensor once, in any number of batches, and keeps
/// counts and a histogram of magnitudes in a fixed amount of memory (80 KiB). Every method computes its range
/// from them.
///
/// The statistics do not depend on the order of the values or on their division into batches, threads or
/// machines. To use several threads, let each thread observe into its own statistics and merge them. NaN and
/// infinities are counted and otherwise left out.
pub struct qdq_tensor_stats {
    pub(super) stats: TensorStats,
}

/// Returns the elements of a floating-point tensor as f32, without a copy if they are row-major f32 already.
pub(super) fn floats<'a>(x: &Checked<'a>) -> Result<Cow<'a, [f32]>> {
    use crate::dtype::DataType;
    use crate::quant::Element;
    fn converted<T: Element + bytemuck::Pod + Into<f64>>(x: &Checked<'_>) -> Vec<f32> {
        x.view::<T>().iter().map(|&value| value.into() as f32).collect()
    }
    if x.dtype() == DataType::F32 {
        return Ok(x.dense());
    }
    for_float!(x, T => Ok(converted::<T>(x).into()))
}

/// Returns statistics without a value. Free them with qdq_tensor_stats_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_tensor_stats_new() -> *mut qdq_tensor_stats {
    constructed(|| qdq_tensor_stats { stats: TensorStats::new() })
}

/// Frees `*stats` and sets it to NULL. Does nothing if `stats` or `*stats` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_tensor_stats_free(stats: Option<&mut *mut qdq_tensor_stats>) {
    handle::free(stats);
}

/// Adds the values of `x` (f32, f16, bf16, f64). f64 is rounded to f32. `x` may be empty.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_tensor_stats_observe(
    stats: Option<&mut qdq_tensor_stats>,
    x: Option<&qdq_tensor>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let stats = get_mut(stats, "stats")?;
        // SAFETY: the header's rules for tensors.
        let x = unsafe { checked(x, "x") }?;
        stats.stats.observe(&floats(&x)?);
        Ok(())
    })
}

/// Adds the statistics of `other`: the result is that of one observer that got the values of both. Merging
/// statistics with themselves counts everything twice.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_tensor_stats_merge(
    stats: *mut qdq_tensor_stats,
    other: *const qdq_tensor_stats,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        // SAFETY: the header's rules for handles. Both may be one handle, so the copy is made before the
        // mutable reference.
        let other = unsafe { other.as_ref() }.ok_or_else(|| null("other"))?.stats.clone();
        // SAFETY: as above.
        unsafe { stats.as_mut() }.ok_or_else(|| null("stats"))?.stats.merge(&other);
        Ok(())
    })
}

/// Computes the range (amax, finite, at least 0) by a method, for integers of `num_bits`, 2 to 16. For int8
/// pass 8 and false. Fails if there is no finite value, or if the integers are unsigned and there are
/// negative values.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_tensor_stats_amax(
    stats: Option<&qdq_tensor_stats>,
    method: qdq_method,
    percentile: f64,
    num_bits: u32,
    is_unsigned: bool,
    out: Option<&mut MaybeUninit<f32>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let stats = &get(stats, "stats")?.stats;
        let method = method_of(method, percentile)?;
        put(out, range::compute(stats, method, target(num_bits, is_unsigned))?)
    })
}

/// Returns the number of observed values, including NaN and infinities.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_tensor_stats_values(stats: Option<&qdq_tensor_stats>) -> u64 {
    stats.map_or(0, |stats| stats.stats.count())
}

/// Returns the number of zeros.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_tensor_stats_zeros(stats: Option<&qdq_tensor_stats>) -> u64 {
    stats.map_or(0, |stats| stats.stats.zeros())
}

/// Returns the number of NaN values.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_tensor_stats_nans(stats: Option<&qdq_tensor_stats>) -> u64 {
    stats.map_or(0, |stats| stats.stats.nans())
}

/// Returns the number of infinities, of either sign.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_tensor_stats_infinities(stats: Option<&qdq_tensor_stats>) -> u64 {
    stats.map_or(0, |stats| stats.stats.infinities())
}

/// Returns the smallest finite value; NaN if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_tensor_stats_min(stats: Option<&qdq_tensor_stats>) -> f32 {
    stats.and_then(|stats| stats.stats.min()).unwrap_or(f32::NAN)
}

/// Returns the largest finite value; NaN if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_tensor_stats_max(stats: Option<&qdq_tensor_stats>) -> f32 {
    stats.and_then(|stats| stats.stats.max()).unwrap_or(f32::NAN)
}

/// Returns the largest magnitude of the finite values; NaN if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_tensor_stats_abs_max(stats: Option<&qdq_tensor_stats>) -> f32 {
    stats.and_then(|stats| stats.stats.abs_max()).unwrap_or(f32::NAN)
}

/// Returns the number of values below the histogram's window of 20 octaves: values other than zero that are a
/// million times smaller than the largest. They are in the first bin, which then begins at 0.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_tensor_stats_below(stats: Option<&qdq_tensor_stats>) -> u64 {
    stats.map_or(0, |stats| stats.stats.histogram().below())
}

/// Returns the number of magnitudes that differ from the lower edge of their bin. 0 means discrete data such
/// as integers and pixels: the lower edges are the values themselves.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_tensor_stats_between(stats: Option<&qdq_tensor_stats>) -> u64 {
    stats.map_or(0, |stats| stats.stats.histogram().between())
}

/// Returns the number of occupied bins of the histogram.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_tensor_stats_bin_count(stats: Option<&qdq_tensor_stats>) -> usize {
    stats.map_or(0, |stats| stats.stats.histogram().bins().count())
}

/// Fills three arrays of `count` = qdq_tensor_stats_bin_count() elements with the occupied bins in ascending
/// order: bin i holds `counts[i]` magnitudes from `lower[i]` up to, not including, `upper[i]`. Zeros are in
/// no bin. Values a million times smaller than the largest (see qdq_tensor_stats_below()) are all in the
/// first bin, which then begins at 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_tensor_stats_bins(
    stats: Option<&qdq_tensor_stats>,
    lower: *mut f32,
    upper: *mut f32,
    counts: *mut u64,
    count: usize,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let bins: Vec<_> = get(stats, "stats")?.stats.histogram().bins().collect();
        if bins.len() != count {
            let message = format!("there are {} bins, but the arrays have {count} elements", bins.len());
            return Err(Error::new(ErrorKind::Shape, message)
                .with_remedy("give arrays of as many elements as there are bins"));
        }
        if bins.is_empty() {
            return Ok(());
        }
        check_place(lower, "lower")?;
        check_place(upper, "upper")?;
        check_place(counts, "counts")?;
        // SAFETY: the header's rules for arrays.
        unsafe {
            handle::fill(lower, bins.iter().map(|bin| bin.lower));
            handle::fill(upper, bins.iter().map(|bin| bin.upper));
            handle::fill(counts, bins.iter().map(|bin| bin.count));
        }
        Ok(())
    })
}

/// Returns a copy of the statistics. Free `*out` with qdq_tensor_stats_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_tensor_stats_clone(
    stats: Option<&qdq_tensor_stats>,
    out: Option<&mut MaybeUninit<*mut qdq_tensor_stats>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || Ok(qdq_tensor_stats { stats: get(stats, "stats")?.stats.clone() })))
}
