//! The histogram of pytorch-quantization, for users who need its numbers.
//!
//! The bins are linear over the magnitudes. The first batch gets a given number of bins (2048 is usual). A
//! later batch with larger magnitudes adds bins of the same width. The result depends on the order of the
//! batches.
//!
//! Counts and edges equal those of pytorch-quantization 2.2.1 on a CPU, in its float32 arithmetic, for every
//! input that it handles correctly. The other inputs give an error here:
//!
//! - NaN or infinities in any batch.
//! - An empty batch.
//! - Only zeros first and other values later (torch).
//! - Values so close to each other that f32 has no edges between them (numpy).
//! - Growth without bound.
//!
//! Counts are exact here; pytorch-quantization stops counting at 2^24 in each bin.

use crate::error::{Error, ErrorKind, Result};
use crate::kernel::{self, InOut, LinearBins, parallel};

/// The largest number of bins, 128 MiB of counts. A first batch with values far below later ones would need
/// more.
const MOST_BINS: usize = 1 << 24;

/// The number of values that are binned at once.
const BLOCK: usize = 1024;

/// The library whose histogram is reproduced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Library {
    /// `torch.histc` over \[0, max\], the default of pytorch-quantization.
    #[default]
    Torch,
    /// `numpy.histogram` over \[min, max\] of the first batch. Smaller values of later batches are dropped.
    Numpy,
}

/// Counts over linear bins. Bin i holds the magnitudes from `edges[i]` to `edges[i + 1]`.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearHistogram {
    /// The number of values in each bin.
    pub counts: Vec<u64>,
    /// The edges, usually one more than there are bins.
    ///
    /// After growth as in torch there can be two more, if the largest magnitude is nearly a multiple of the
    /// bin width. All edges are float32 numbers, except those that growth as in numpy has added.
    pub edges: Vec<f64>,
}

/// The collector: it takes batches and gives a [`LinearHistogram`].
#[derive(Clone, Debug)]
pub struct HistogramCalibrator {
    num_bins: usize,
    skip_zeros: bool,
    library: Library,
    histogram: Option<LinearHistogram>,
}

impl HistogramCalibrator {
    /// Creates a collector with `num_bins` bins for the first batch (2048 is usual).
    ///
    /// # Errors
    ///
    /// If `num_bins` is 0 or more than 2^24.
    pub fn new(num_bins: usize, skip_zeros: bool, library: Library) -> Result<Self> {
        check_bins(num_bins)?;
        Ok(Self { num_bins, skip_zeros, library, histogram: None })
    }

    /// Returns the histogram so far; `None` before the first batch.
    pub fn histogram(&self) -> Option<&LinearHistogram> {
        self.histogram.as_ref()
    }

    /// Forgets all batches.
    pub fn reset(&mut self) {
        self.histogram = None;
    }

    /// Adds one batch. With `skip_zeros`, its zeros are left out.
    ///
    /// # Errors
    ///
    /// If no histogram can be made from the batch (see the module's documentation). The histogram so far
    /// stays unchanged then.
    pub fn observe(&mut self, values: &[f32]) -> Result<()> {
        let others: Vec<f32>;
        let mut values = values;
        if self.skip_zeros {
            others = values.iter().copied().filter(|&x| x != 0.0).collect();
            values = &others;
        }
        let max = parallel::abs_max(values);
        if let Some(wrong) = values.iter().map(|x| x.abs()).find(|x| !max.is_finite() && !x.is_finite()) {
            return Err(Error::new(ErrorKind::Data, format!("a batch holds the value {wrong}"))
                .with_remedy("use the default statistics, which count such values apart"));
        }
        if values.is_empty() {
            return Err(Error::new(
                ErrorKind::Data,
                "a batch has no values (or only zeros, which are skipped)",
            )
            .with_remedy("leave empty batches out or do not skip zeros"));
        }
        let grown = match (&self.histogram, self.library) {
            (None, Library::Torch) => LinearHistogram {
                counts: histc(values, self.num_bins, max),
                edges: torch_linspace(max, self.num_bins),
            },
            (None, Library::Numpy) => {
                let min = values.iter().map(|x| x.abs()).fold(max, f32::min);
                let edges = numpy_linspace(min, max, self.num_bins);
                check_increasing(&edges)?;
                LinearHistogram { counts: between(values, &edges), edges }
            }
            (Some(old), Library::Torch) => grow_like_torch(old, values, max)?,
            (Some(old), Library::Numpy) => {
                let grown_before = old.edges.len() > self.num_bins + 1;
                grow_like_numpy(old, values, max, grown_before)?
            }
        };
        self.histogram = Some(grown);
        Ok(())
    }
}

/// Refuses a histogram without bins, and one that would fill the memory.
pub(crate) fn check_bins(num_bins: usize) -> Result<()> {
    if (1..=MOST_BINS).contains(&num_bins) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidArgument, format!("a histogram of {num_bins} bins"))
        .with_remedy("2048 bins are usual"))
}

/// Refuses edges that do not increase: f32 then has fewer numbers between the ends than there are bins.
pub(crate) fn check_increasing(edges: &[f64]) -> Result<()> {
    if edges.windows(2).all(|edge| edge[0] < edge[1]) {
        return Ok(());
    }
    let (first, bins) = (edges.first().copied().unwrap_or(0.0), edges.len().saturating_sub(1));
    Err(Error::new(
        ErrorKind::Data,
        format!("{bins} bins are too many between {first} and {}: their edges would coincide", last(edges)),
    )
    .with_remedy("use fewer bins, or the default statistics; numpy fails on these values too"))
}

/// Checks that bins of `width` can span `max` without filling the memory.
fn check_growth(width: f64, max: f32) -> Result<()> {
    // The quotient may also be infinite or NaN: a first batch of zeros has width 0.
    if f64::from(max) / width <= MOST_BINS as f64 {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Data,
        format!("a batch reaches {max}, too far for bins of the width {width} that the first batch gave"),
    )
    .with_remedy("use the default statistics, or begin with a batch whose values are of usual size"))
}

fn grow_like_torch(old: &LinearHistogram, values: &[f32], max: f32) -> Result<LinearHistogram> {
    let mut edges = old.edges.clone();
    let mut bins = old.counts.len();
    if f64::from(max) > last(&edges) {
        let width = edges[1] as f32 - edges[0] as f32;
        check_growth(f64::from(width), max)?;
        bins = (max / width).ceil() as usize;
        edges = torch_arange(max + width, width);
    }
    let mut counts = histc(values, bins, last(&edges) as f32);
    add(&mut counts, &old.counts);
    Ok(LinearHistogram { counts, edges })
}

/// Extends the histogram as numpy does.
///
/// The first growth uses float32 up to the first new edge, as numpy's scalars do. Later all edges are
/// float64.
fn grow_like_numpy(
    old: &LinearHistogram,
    values: &[f32],
    max: f32,
    grown_before: bool,
) -> Result<LinearHistogram> {
    let mut edges = old.edges.clone();
    if f64::from(max) > last(&edges) {
        let rounded = |x: f64| if grown_before { x } else { f64::from(x as f32) };
        let width = rounded(edges[1] - edges[0]);
        check_growth(width, max)?;
        let start = rounded(last(&edges) + width);
        let end = rounded(f64::from(max) + width);
        let count = rounded(rounded(end - start) / width).ceil();
        let step = rounded(start + width) - start;
        edges.extend((0..count as usize).map(|i| start + i as f64 * step));
    }
    let mut counts = between(values, &edges);
    add(&mut counts, &old.counts);
    Ok(LinearHistogram { counts, edges })
}

fn last(edges: &[f64]) -> f64 {
    edges.last().copied().unwrap_or(0.0)
}

fn add(counts: &mut [u64], old: &[u64]) {
    for (count, old) in counts.iter_mut().zip(old) {
        *count += old;
    }
}

/// Computes `torch.histc` of magnitudes in \[0, `max`\]. If `max` is 0, torch widens the range to \[-1, 1\].
fn histc(values: &[f32], bins: usize, max: f32) -> Vec<u64> {
    let (low, width) = if max > 0.0 { (0.0, max) } else { (-1.0, 2.0) };
    let spread = LinearBins { low, width, count: bins as f32 };
    let (mut counts, mut found) = (vec![0; bins], [0.0; BLOCK]);
    for block in values.chunks(BLOCK) {
        let found = &mut found[..block.len()];
        kernel::active().linear_bins(InOut::new(block, found), spread);
        found.iter().for_each(|&bin| counts[bin as usize] += 1);
    }
    counts
}

/// Counts magnitudes between given edges, the last edge included, as numpy's histogram does. Drops values
/// outside the edges.
pub(crate) fn between(values: &[f32], edges: &[f64]) -> Vec<u64> {
    let bins = edges.len() - 1;
    let mut counts = vec![0; bins];
    for x in values.iter().map(|x| f64::from(x.abs())) {
        let above = edges.partition_point(|&edge| edge <= x);
        if above > 0 && x <= edges[bins] {
            counts[(above - 1).min(bins - 1)] += 1;
        }
    }
    counts
}

/// Computes `torch.linspace(0, max, bins + 1)`: from both ends towards the middle, with one rounding for each
/// value.
fn torch_linspace(max: f32, bins: usize) -> Vec<f64> {
    let step = max / bins as f32;
    let half = bins.div_ceil(2);
    (0..=bins)
        .map(|i| if i < half { step * i as f32 } else { (-step).mul_add((bins - i) as f32, max) })
        .map(f64::from)
        .collect()
}

/// Computes `torch.arange(0, end, width)`.
///
/// torch works in blocks of sixteen. Each half of a block starts from a base that is rounded first. The
/// values after the last block are computed one by one.
fn torch_arange(end: f32, width: f32) -> Vec<f64> {
    let width = f64::from(width);
    let count = (f64::from(end) / width).ceil() as usize;
    let blocks = count - count % 16;
    let value = |i: usize| {
        let lane = if i < blocks { i % 8 } else { 0 };
        let base = (width * (i - lane) as f64) as f32;
        f64::from((f64::from(base) + width * lane as f64) as f32)
    };
    (0..count).map(value).collect()
}

/// Returns the edges of numpy's histogram for float32 data in \[`min`, `max`\].
fn numpy_linspace(min: f32, max: f32, bins: usize) -> Vec<f64> {
    let (min, max) = if min == max { (min - 0.5, max + 0.5) } else { (min, max) };
    let step = (max - min) / bins as f32;
    (0..=bins).map(|i| f64::from(if i == bins { max } else { i as f32 * step + min })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_that_coincide_are_refused_as_by_numpy() {
        let close = [1.0, 1.0 + 100.0 * f32::EPSILON];
        let observe = |num_bins, library, values: &[f32]| {
            HistogramCalibrator::new(num_bins, false, library).unwrap().observe(values)
        };
        let refused = observe(2048, Library::Numpy, &close).unwrap_err();
        assert!(refused.message().contains("2048 bins are too many between 1 and"), "{refused}");
        assert!(observe(100, Library::Numpy, &close).is_ok());
        assert!(observe(2048, Library::Torch, &close).is_ok());
    }
}
