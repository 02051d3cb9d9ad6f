//! Which elements share one number.

use std::borrow::Cow;
use std::ops::Range;

use ndarray::{Array, ArrayBase, ArrayView, Data, Dimension};

use crate::error::{Error, ErrorKind, Result};
use crate::tensor::element_count;

use super::dense::dense;

/// One number (an amax or a scale) per group of elements.
///
/// The shape says how the elements are grouped: it broadcasts to the shape of the data like in NumPy, that is,
/// aligned at the last axis, 1 or missing where elements share. `[1]` is per tensor, `[8, 1, 1, 1]` per index of
/// axis 0, `[8, 4, 1, 1]` per pair of indices. With [`per_block`](Self::per_block) each number covers a block of
/// neighbours along one axis.
///
/// Numbers and arrays turn into it by themselves:
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
    block: Option<Block>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Block {
    axis: usize,
    size: usize,
}

impl<'a> PerGroup<'a> {
    /// Row-major numbers of `shape`.
    ///
    /// # Errors
    ///
    /// When the shape does not fit the numbers.
    pub fn new(values: &'a [f32], shape: &[usize]) -> Result<Self> {
        if element_count(shape)? != values.len() {
            let message = format!("shape {shape:?} does not fit {} numbers", values.len());
            return Err(Error::new(ErrorKind::Shape, message));
        }
        Ok(Self { shape: shape.to_vec(), values: values.into(), block: None })
    }

    /// Numbers that each cover `size` neighbours along `axis` (the last block may be shorter), as in ONNX's
    /// blocked quantization: `values` has ceil(n / size) elements along `axis`, where the data has n.
    ///
    /// # Errors
    ///
    /// When `size` is 0.
    pub fn per_block(values: impl Into<PerGroup<'a>>, axis: usize, size: usize) -> Result<Self> {
        if size == 0 {
            return Err(Error::new(ErrorKind::InvalidArgument, "the block size is 0"));
        }
        Ok(Self { block: Some(Block { axis, size }), ..values.into() })
    }

    /// The shape of the numbers.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The numbers, row-major.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The same grouping with other numbers, made one by one.
    pub fn map(&self, f: impl FnMut(f32) -> f32) -> PerGroup<'static> {
        let values = self.values.iter().copied().map(f).collect();
        PerGroup { shape: self.shape.clone(), values, block: self.block }
    }

    /// The groups of data of `shape`; `name` says what the numbers are.
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
                return Err(misfit(format!("size {found} along axis {axis} where it needs 1 or {expected}")));
            }
            axes.push(Axis { size, per, stride: if found == 1 { 0 } else { stride } });
            // Only the strides of empty data can be too large, and those are not used.
            stride = stride.saturating_mul(found);
        }
        axes.reverse();
        Ok(Groups { axes })
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

/// The groups of row-major data.
pub(super) struct Groups {
    axes: Vec<Axis>,
}

struct Axis {
    size: usize,
    /// How many indices share one number.
    per: usize,
    /// Distance in the numbers from one to the next; 0 where all indices share.
    stride: usize,
}

impl Groups {
    /// Calls `f` once for every stretch of elements with one number: the stretch, and the index of the number.
    /// The stretches come in order and leave nothing out.
    pub(super) fn for_each(&self, mut f: impl FnMut(Range<usize>, usize)) {
        if self.axes.iter().any(|axis| axis.size == 0) {
            return;
        }
        let count = |axes: &[Axis]| axes.iter().map(|axis| axis.size).product::<usize>();
        let Some(split) = self.axes.iter().rposition(|axis| axis.stride != 0) else {
            return f(0..count(&self.axes), 0);
        };
        let (outer, last, inner) = (&self.axes[..split], &self.axes[split], count(&self.axes[split + 1..]));
        for row in 0..count(outer) {
            let mut rest = row;
            let mut number = 0;
            for axis in outer.iter().rev() {
                number += rest % axis.size / axis.per * axis.stride;
                rest /= axis.size;
            }
            for (block, at) in (0..last.size).step_by(last.per).enumerate() {
                let length = last.per.min(last.size - at);
                let start = (row * last.size + at) * inner;
                f(start..start + length * inner, number + block * last.stride);
            }
        }
    }
}

/// The index along every axis of element `at` of a row-major array.
pub(super) fn index_of(mut at: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (index, &size) in index.iter_mut().zip(shape).rev() {
        *index = at % size.max(1);
        at /= size.max(1);
    }
    index
}
