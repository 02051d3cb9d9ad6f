//! The largest magnitude of a tensor, or of each position along kept axes.

use ndarray::ArrayViewD;

use crate::error::{Error, ErrorKind, Result};
use crate::kernel::parallel;
use crate::quant::abs_max;
use crate::tensor::element_count;

/// Collects the running maximum of |x| over all axes except the kept ones.
///
/// Without kept axes, the result is one number. With kept axes, it has the rank of the data, and every other
/// dimension is 1. NaN is ignored; infinities count.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AxisMax {
    pub(super) axes: Vec<i64>,
    pub(super) history: Option<Vec<Amax>>,
    pub(super) current: Option<Amax>,
}

/// Ranges with a shape that broadcasts against the data.
#[derive(Clone, Debug, PartialEq)]
pub struct Amax {
    /// Empty for one number. Otherwise the shape has the rank of the data and 1 in every axis that is not
    /// kept.
    pub shape: Vec<usize>,
    /// The values, row-major.
    pub values: Vec<f32>,
}

impl AxisMax {
    /// Creates a collector of one number for the whole tensor.
    pub fn per_tensor() -> Self {
        Self::default()
    }

    /// Creates a collector of one number for every position along `axes`.
    ///
    /// Negative axes count from the end. An axis that the data does not have is ignored; if no axis is left,
    /// the result is one number.
    pub fn keeping(axes: &[i64]) -> Self {
        Self { axes: axes.to_vec(), ..Self::default() }
    }

    /// Also keeps the result of every batch, to show how it changes.
    #[must_use]
    pub fn tracking(mut self) -> Self {
        self.history = Some(Vec::new());
        self
    }

    /// Adds one batch of row-major `values`.
    ///
    /// A batch without a number (empty or all NaN) does not count and changes nothing.
    ///
    /// # Errors
    ///
    /// If `shape` does not fit the values, or if a kept axis has another size than in earlier batches.
    pub fn observe(&mut self, shape: &[usize], values: &[f32]) -> Result<()> {
        if element_count(shape)? != values.len() {
            return Err(Error::new(
                ErrorKind::Shape,
                format!("shape {shape:?} does not fit {} elements", values.len()),
            ));
        }
        if values.iter().all(|x| x.is_nan()) {
            // The batch gives no maximum. It may have an axis of size 0, and then its kept axes may have any
            // size.
            return Ok(());
        }
        let batch = self.reduce(shape, values);
        match &mut self.current {
            None => self.current = Some(batch.clone()),
            Some(current) if current.shape == batch.shape => {
                for (old, &new) in current.values.iter_mut().zip(&batch.values) {
                    *old = old.max(new);
                }
            }
            Some(current) => {
                return Err(Error::new(
                    ErrorKind::Shape,
                    format!(
                        "the kept axes changed their size: {:?} in earlier batches, {:?} now",
                        current.shape, batch.shape
                    ),
                )
                .with_remedy("keep only axes whose size is the same in every batch"));
            }
        }
        if let Some(history) = &mut self.history {
            history.push(batch);
        }
        Ok(())
    }

    /// Returns the maximum so far; `None` before the first batch with a number.
    pub fn amax(&self) -> Option<&Amax> {
        self.current.as_ref()
    }

    /// Returns the maximum of every batch with a number, if [`tracking`](Self::tracking) is on.
    pub fn history(&self) -> &[Amax] {
        self.history.as_deref().unwrap_or_default()
    }

    /// Adds the maxima of another collector with the same kept axes.
    ///
    /// # Errors
    ///
    /// If its kept axes have other sizes.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        match other.amax() {
            Some(amax) => self.observe(&amax.shape, &amax.values),
            None => Ok(()),
        }
    }

    /// Returns the kept axes of data with `rank` axes.
    pub(super) fn keeps(&self, rank: usize) -> Vec<usize> {
        let is_kept = |&axis: &usize| {
            self.axes.iter().any(|&given| given == axis as i64 || given + rank as i64 == axis as i64)
        };
        (0..rank).filter(is_kept).collect()
    }

    fn reduce(&self, shape: &[usize], values: &[f32]) -> Amax {
        let keeps = self.keeps(shape.len());
        let kept = |axis: usize| keeps.contains(&axis);
        let reduced: Vec<usize> =
            shape.iter().enumerate().map(|(axis, &size)| if kept(axis) { size } else { 1 }).collect();
        if !(0..shape.len()).any(kept) {
            let max = match parallel::abs_max(values) {
                max if max.is_nan() => values.iter().fold(0.0f32, |max, x| max.max(x.abs())),
                max => max,
            };
            return Amax { shape: Vec::new(), values: vec![max] };
        }
        if let Some(maxima) = quick(shape, values, &keeps) {
            return Amax { shape: reduced, values: maxima };
        }
        let mut maxima = vec![0.0f32; reduced.iter().product()];
        let mut position = vec![0usize; shape.len()];
        for x in values {
            let target = position
                .iter()
                .zip(&reduced)
                .fold(0, |index, (&at, &size)| index * size + if size == 1 { 0 } else { at });
            maxima[target] = maxima[target].max(x.abs());
            for (at, &size) in position.iter_mut().zip(shape).rev() {
                *at += 1;
                if *at < size {
                    break;
                }
                *at = 0;
            }
        }
        Amax { shape: reduced, values: maxima }
    }
}

/// Computes the maxima with the kernels. NaN wins there, so the result is `None` if there is a NaN.
fn quick(shape: &[usize], values: &[f32], keeps: &[usize]) -> Option<Vec<f32>> {
    let axes: Vec<isize> = keeps.iter().map(|&axis| axis as isize).collect();
    let view = ArrayViewD::from_shape(shape, values).ok()?;
    let maxima = abs_max(view, Some(&axes)).ok()?.into_raw_vec_and_offset().0;
    (!maxima.iter().any(|max| max.is_nan())).then_some(maxima)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_axes_keep_their_size() {
        let values = [1.0, -2.0, 3.0, 4.0, -5.0, 0.5];
        let amax = |axes: &[i64]| {
            let mut max = AxisMax::keeping(axes);
            max.observe(&[2, 3], &values).unwrap();
            max.amax().cloned().unwrap()
        };
        assert_eq!(amax(&[0]), Amax { shape: vec![2, 1], values: vec![3.0, 5.0] });
        assert_eq!(amax(&[-1]), Amax { shape: vec![1, 3], values: vec![4.0, 5.0, 3.0] });
        assert_eq!(amax(&[0, 1]).values, values.map(f32::abs));
        assert_eq!(amax(&[7]), Amax { shape: vec![], values: vec![5.0] });
    }

    #[test]
    fn batches_are_joined_and_remembered() {
        let mut max = AxisMax::per_tensor().tracking();
        assert_eq!(max.amax(), None);
        max.observe(&[2], &[1.0, f32::NAN]).unwrap();
        max.observe(&[0], &[]).unwrap();
        max.observe(&[1], &[-3.0]).unwrap();
        assert_eq!(max.amax().unwrap().values, [3.0]);
        let history: Vec<f32> = max.history().iter().map(|amax| amax.values[0]).collect();
        assert_eq!(history, [1.0, 3.0]);
    }

    #[test]
    fn a_batch_without_a_number_is_none() {
        for axes in [&[][..], &[0], &[1]] {
            let mut max = AxisMax::keeping(axes).tracking();
            max.observe(&[0, 2], &[]).unwrap();
            max.observe(&[2, 0], &[]).unwrap();
            max.observe(&[2, 2], &[f32::NAN; 4]).unwrap();
            assert_eq!((max.amax(), max.history().len()), (None, 0), "{axes:?}");
            max.observe(&[2, 2], &[f32::NAN, -1.0, f32::NAN, f32::NAN]).unwrap();
            assert_eq!(max.amax().unwrap().values.iter().copied().fold(0.0, f32::max), 1.0, "{axes:?}");
        }
    }

    #[test]
    fn a_changed_kept_axis_is_an_error() {
        let mut max = AxisMax::keeping(&[0]);
        max.observe(&[2, 1], &[1.0, 2.0]).unwrap();
        let error = max.observe(&[3, 1], &[1.0, 2.0, 3.0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Shape);
        assert!(error.message().contains("[2, 1]") && error.message().contains("[3, 1]"), "{error}");
    }
}
