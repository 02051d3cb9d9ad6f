//! The groups of elements that share one number.

use std::borrow::Cow;
use std::ops::Range;

use ndarray::{Array, ArrayBase, ArrayView, Data, Dimension};

use crate::error::{Error, ErrorKind, Result};
use crate::kernel::{self, InOut, Pattern, Row, parallel};
use crate::tensor::element_count;

use super::dense::{check_lengths, dense};
use super::element::{Element, larger};

/// One number (an amax or a scale) per group of elements.
///
/// The shape groups the elements. It broadcasts to the shape of the data as in NumPy: it is aligned at the
/// last axis, and a size is 1 or missing if the elements along that axis share a number. `[1]` is per tensor,
/// `[8, 1, 1, 1]` per index of axis 0, `[8, 4, 1, 1]` per pair of indices. With
/// [`per_block`](Self::per_block) each number covers a block of neighbours along one axis.
///
/// Numbers and arrays convert to it:
///
/// ```
/// use ndarray::array;
/// use qdq::quant::{QuantParams, fake_tensor_quant};
///
/// let (x, params) = (array![[1.0f32, 0.3], [40.0, 12.3]], QuantParams::new(4)?);
/// let per_tensor = fake_tensor_quant(x.view(), 7.0, &params)?;
/// let per_row = fake_tensor_quant(x.view(), &array![[0.7], [70.0]], &params)?;
/// assert_eq!(per_tensor, array![[1.0, 0.0], [7.0, 7.0]]);
/// assert_eq!(per_row, array![[0.7, 0.3], [40.0, 10.0]]);
/// # Ok::<(), qdq::error::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PerGroup<'a> {
    shape: Vec<usize>,
    values: Cow<'a, [f32]>,
    block: Option<ResolvedBlock>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct ResolvedBlock {
    axis: usize,
    size: usize,
}

impl<'a> PerGroup<'a> {
    /// Groups data by row-major numbers of `shape`.
    ///
    /// # Errors
    ///
    /// `Shape` if the shape does not fit the numbers.
    pub fn new(values: &'a [f32], shape: &[usize]) -> Result<Self> {
        if element_count(shape)? != values.len() {
            let message = format!("shape {shape:?} does not fit {} numbers", values.len());
            return Err(Error::new(ErrorKind::Shape, message));
        }
        Ok(Self { shape: shape.to_vec(), values: values.into(), block: None })
    }

    /// Groups data by blocks along `axis`, as in ONNX's blocked quantization.
    ///
    /// Each number covers `size` neighbours; the last block may be shorter. If the data has n elements along
    /// `axis`, `values` has ceil(n / size) there.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if `size` is 0.
    pub fn per_block(values: impl Into<PerGroup<'a>>, axis: usize, size: usize) -> Result<Self> {
        if size == 0 {
            return Err(Error::new(ErrorKind::InvalidArgument, "the block size is 0"));
        }
        Ok(Self { block: Some(ResolvedBlock { axis, size }), ..values.into() })
    }

    /// Returns the shape of the numbers.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns the numbers, row-major.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Returns the same grouping with other numbers, each made by `f`.
    pub fn map(&self, f: impl FnMut(f32) -> f32) -> PerGroup<'static> {
        let values = self.values.iter().copied().map(f).collect();
        PerGroup { shape: self.shape.clone(), values, block: self.block }
    }

    /// Applies to each element of data of `shape` what `f` returns for the index of its group's number.
    ///
    /// # Errors
    ///
    /// `Shape` if the numbers do not fit the shape.
    pub fn map_elements<X: Copy + Sync, Y: Copy + Default + Send, F: Fn(X) -> Y>(
        &self,
        x: &[X],
        shape: &[usize],
        f: impl Fn(usize) -> F + Sync,
    ) -> Result<Vec<Y>> {
        check_lengths(shape, &[x.len()])?;
        let mut out = vec![Y::default(); x.len()];
        self.groups(shape, "scale")?.for_each(InOut::new(x, &mut out), |_, io, number| io.map(f(number)));
        Ok(out)
    }

    /// Returns the groups of data of `shape`. Error messages call the numbers `name`.
    pub(super) fn groups(&self, shape: &[usize], name: &str) -> Result<Groups> {
        let misfit = |why: String| {
            let message = format!("{name} of shape {:?} does not fit data of shape {shape:?}", self.shape);
            Error::new(ErrorKind::Shape, format!("{message}: {why}")).with_remedy(format!(
                "give {name} the rank of the data, with size 1 in every axis that shares it"
            ))
        };
        let given = &self.shape[..];
        let extra = given.len().saturating_sub(shape.len());
        if given[..extra].iter().any(|&size| size != 1) {
            return Err(misfit("it has more axes".into()));
        }
        let given = &given[extra..];
        let missing = shape.len() - given.len();
        if let Some(block) = self.block.filter(|block| block.axis >= shape.len()) {
            return Err(misfit(format!("there is no axis {} for blocks", block.axis)));
        }
        let mut axes = Vec::with_capacity(shape.len());
        let mut stride = 1usize;
        for (axis, &size) in shape.iter().enumerate().rev() {
            let found = if axis < missing { 1 } else { given[axis - missing] };
            let per = self.block.filter(|block| block.axis == axis).map_or(1, |block| block.size);
            let expected = size.div_ceil(per);
            if found != expected && (found != 1 || per != 1) {
                return Err(misfit(format!("size {found} along axis {axis}, which needs 1 or {expected}")));
            }
            axes.push(Axis { size, per, stride: if found == 1 { 0 } else { stride } });
            // Only the strides of empty data can be too large, and nothing uses those.
            stride = stride.saturating_mul(found);
        }
        axes.reverse();
        Ok(Groups::new(axes))
    }
}

impl<'a, S: Data<Elem = f32>, D: Dimension> From<&'a ArrayBase<S, D>> for PerGroup<'a> {
    fn from(values: &'a ArrayBase<S, D>) -> Self {
        values.view().into()
    }
}

impl<'a, D: Dimension> From<ArrayView<'a, f32, D>> for PerGroup<'a> {
    fn from(values: ArrayView<'a, f32, D>) -> Self {
        Self { shape: values.shape().to_vec(), values: dense(values), block: None }
    }
}

impl<D: Dimension> From<Array<f32, D>> for PerGroup<'_> {
    fn from(values: Array<f32, D>) -> Self {
        PerGroup::from(values.view()).map(|x| x)
    }
}

impl From<f32> for PerGroup<'_> {
    fn from(value: f32) -> Self {
        Self { shape: Vec::new(), values: vec![value].into(), block: None }
    }
}

impl<'a> From<&'a PerGroup<'_>> for PerGroup<'a> {
    fn from(other: &'a PerGroup<'_>) -> Self {
        Self { shape: other.shape.clone(), values: other.values[..].into(), block: other.block }
    }
}

/// The groups of row-major data. Each row has `blocks` runs of `run` elements that share a number; the last
/// run of a row may be shorter.
pub(super) struct Groups {
    /// The axes before the last one along which numbers differ.
    outer: Vec<Axis>,
    run: usize,
    row: usize,
    rows: usize,
}

struct Axis {
    size: usize,
    /// The number of indices that share one number.
    per: usize,
    /// The distance in the numbers from one to the next; 0 if all indices share one.
    stride: usize,
}

/// A row of numbers is made if it serves at least so many rows and has at most `LONGEST_ROW` elements.
const ROWS_SERVED: usize = 4;
const LONGEST_ROW: usize = 1 << 16;
/// From this length on, the maximum of each run is found by itself.
const LONG_RUN: usize = 256;
/// A shorter run is less than a vector.
const SHORT_RUN: usize = 16;

impl Groups {
    fn new(mut axes: Vec<Axis>) -> Self {
        let count = |axes: &[Axis]| axes.iter().map(|axis| axis.size).product::<usize>();
        if axes.iter().any(|axis| axis.size == 0) {
            return Self { outer: Vec::new(), run: 1, row: 1, rows: 0 };
        }
        let Some(split) = axes.iter().rposition(|axis| axis.stride != 0) else {
            return Self { outer: Vec::new(), run: count(&axes), row: count(&axes), rows: 1 };
        };
        let inner = count(&axes[split + 1..]);
        axes.truncate(split + 1);
        let Some(last) = axes.pop() else { unreachable!("the axis at `split`") };
        let rows = count(&axes);
        Self { outer: axes, run: last.per.min(last.size) * inner, row: last.size * inner, rows }
    }

    /// Whether all elements share one number.
    pub(super) fn is_single(&self) -> bool {
        self.rows == 1 && self.run == self.row
    }

    /// Returns the index of the first number of a row.
    fn number(&self, row: usize) -> usize {
        let (mut rest, mut number) = (row, 0);
        for axis in self.outer.iter().rev() {
            number += rest % axis.size / axis.per * axis.stride;
            rest /= axis.size;
        }
        number
    }

    /// Splits a stretch of elements, which begins with a run, into parts of one row each. Each part comes
    /// with the index of the number of its first element.
    fn rows(&self, stretch: Range<usize>) -> impl Iterator<Item = (Range<usize>, usize)> + '_ {
        let rows =
            if stretch.is_empty() { 0..0 } else { stretch.start / self.row..stretch.end.div_ceil(self.row) };
        rows.map(move |row| {
            let start = stretch.start.max(row * self.row);
            let end = stretch.end.min((row + 1) * self.row);
            (start..end, self.number(row) + (start - row * self.row) / self.run)
        })
    }

    /// Returns the runs of a stretch of elements, which begins with a run, and their numbers.
    pub(super) fn runs(&self, stretch: Range<usize>) -> impl Iterator<Item = (Range<usize>, usize)> + '_ {
        self.rows(stretch).flat_map(move |(row, first)| {
            let starts = row.clone().step_by(self.run).enumerate();
            starts.map(move |(index, at)| (at..row.end.min(at + self.run), first + index))
        })
    }

    /// Returns the unit of cuts of the data: a cut at a multiple of it begins with a run.
    fn unit(&self) -> usize {
        match self.row % self.run {
            _ if self.is_single() => parallel::ANYWHERE,
            0 => self.run,
            _ => self.row,
        }
    }

    /// Whether all rows have the same numbers.
    fn is_repeating(&self) -> bool {
        self.outer.iter().all(|axis| axis.stride == 0)
    }

    /// Whether laying out the numbers of a row once, one per element, is faster than a look-up per run. This
    /// holds for runs shorter than `longest`.
    fn is_pattern(&self, longest: usize) -> bool {
        let pays = self.rows >= ROWS_SERVED && self.run < longest || self.run < SHORT_RUN;
        self.is_repeating() && pays && self.row <= LONGEST_ROW && !self.is_single()
    }

    /// Calls `f` with every run, or parts of it, the place of its beginning and its number. Uses several
    /// threads if that is faster.
    pub(super) fn for_each<X: Sync, Y: Send>(
        &self,
        io: InOut<X, Y>,
        f: impl Fn(usize, InOut<X, Y>, usize) + Sync,
    ) {
        parallel::for_each(io, self.unit(), |start, mut io| {
            for (run, number) in self.runs(start..start + io.len()) {
                f(run.start, io.part(run.start - start..run.end - start), number);
            }
        });
    }

    /// Calls `f` with parts of the data, the place of their beginning, and two numbers for every element,
    /// made of the given numbers. Uses several threads if that is faster.
    pub(super) fn for_each_by<X: Sync, Y: Send>(
        &self,
        io: InOut<X, Y>,
        (first, second): (&[f32], &[f32]),
        f: impl Fn(usize, InOut<X, Y>, &Pattern) + Sync,
    ) {
        if self.rows == 0 {
            return;
        }
        if self.is_single() {
            let same = Pattern::Same(first[0], second[0]);
            return parallel::for_each(io, self.unit(), |start, io| f(start, io, &same));
        }
        if self.is_pattern(SHORT_RUN) {
            let row = Row::new(self.row, |at| (first[at / self.run], second[at / self.run]));
            return parallel::for_each(io, parallel::ANYWHERE, |start, io| {
                f(start, io, &Pattern::Row(row.from(start)));
            });
        }
        let blocks = self.row.div_ceil(self.run);
        if self.is_repeating() && self.row.is_multiple_of(self.run) {
            let (first, second) = (&first[..blocks], &second[..blocks]);
            return parallel::for_each(io, self.unit(), |at, io| {
                let start = at / self.run % blocks;
                f(at, io, &Pattern::Runs { run: self.run, start, first, second });
            });
        }
        parallel::for_each(io, self.unit(), |start, mut io| {
            for (row, number) in self.rows(start..start + io.len()) {
                let numbers = number..self.number(row.start / self.row) + blocks;
                let (first, second) = (&first[numbers.clone()], &second[numbers]);
                let part = io.part(row.start - start..row.end - start);
                f(row.start, part, &Pattern::Runs { run: self.run, start: 0, first, second });
            }
        });
    }

    /// Returns the largest magnitude of each of `count` groups. NaN is the largest; an empty group has 0.
    pub(super) fn abs_max<T: Element>(&self, x: &[T], count: usize) -> Vec<f32> {
        let mut maxima = vec![0.0; count];
        let mut add = |number: usize, found: f32| maxima[number] = larger(maxima[number], found);
        if self.is_pattern(LONG_RUN) {
            // Several short rows together fill the vectors.
            let width = self.row * LONG_RUN.div_ceil(self.row);
            let found = parallel::map_parts(x, width, |_, x| {
                let mut largest = vec![0.0; width.min(x.len())];
                kernel::active().abs_max_rows(x, &mut largest);
                largest
            });
            for (at, found) in found.iter().flat_map(|found| found.iter().enumerate()) {
                add(at % self.row / self.run, *found);
            }
            return maxima;
        }
        let found = parallel::map_parts(x, self.unit(), |start, x| {
            let runs = self.runs(start..start + x.len());
            runs.map(|(run, number)| {
                (number, kernel::active().abs_max(&x[run.start - start..run.end - start]))
            })
            .collect::<Vec<_>>()
        });
        found.into_iter().flatten().for_each(|(number, found)| add(number, found));
        maxima
    }
}

/// Returns the index along every axis of element `at` of a row-major array.
pub(super) fn index_of(mut at: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (index, &size) in index.iter_mut().zip(shape).rev() {
        *index = at % size.max(1);
        at /= size.max(1);
    }
    index
}
