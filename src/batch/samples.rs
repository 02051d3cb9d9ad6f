//! Samples of one input, from one or several files.

use std::collections::VecDeque;
use std::ops::Range;

use super::array::Array;
use super::convert;
use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::{Data, Tensor, TensorSpec, element_count};

/// The division of a part: `count` items of this shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Items {
    pub count: usize,
    pub shape: Vec<usize>,
}

/// Samples with the type and shape of an input.
pub(super) trait Samples: Send {
    /// Returns the file and array, for messages.
    fn label(&self) -> &str;
    /// Returns the element type of the data.
    fn dtype(&self) -> DataType;
    /// Returns the number of samples.
    fn count(&self) -> usize;
    /// Returns the shape of one sample.
    fn shape(&self) -> &[usize];
    /// Reads samples. Ranges must ascend from call to call.
    fn read(&mut self, range: Range<usize>) -> Result<Data>;
}

/// An array's samples, converted to the input's type.
pub(super) struct ArraySamples {
    array: Array,
    dtype: DataType,
    count: usize,
    shape: Vec<usize>,
    sample_bytes: u64,
}

impl ArraySamples {
    /// Divides the array into items for the input `spec`. Its type must convert to the input's.
    pub fn new(array: Array, Items { count, shape }: Items, spec: &TensorSpec) -> Result<Self> {
        let dtype = spec.dtype.unwrap_or(array.dtype);
        let sample_bytes = (element_count(&shape)? * array.dtype.size()) as u64;
        Ok(Self { array, dtype, count, shape, sample_bytes })
    }
}

impl Samples for ArraySamples {
    fn label(&self) -> &str {
        &self.array.label
    }

    fn dtype(&self) -> DataType {
        self.dtype
    }

    fn count(&self) -> usize {
        self.count
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn read(&mut self, range: Range<usize>) -> Result<Data> {
        let bytes =
            self.array.read(range.start as u64 * self.sample_bytes..range.end as u64 * self.sample_bytes)?;
        let elements = bytes.len() / self.array.dtype.size();
        let tensor = Tensor::from_bytes(self.array.dtype, vec![elements], &bytes)?;
        convert::convert(&self.array.label, tensor.into_data(), self.dtype)
    }
}

/// All samples of one input, from several files in a row.
pub(super) struct Column {
    pub name: String,
    pub count: usize,
    /// The number of samples in one step of the stream, which counts samples or feeds.
    step: usize,
    /// Whether each sample is a whole tensor, so that no axis counts samples.
    is_whole: bool,
    /// The parts, each with the position of its first sample. A part is dropped after its last sample, which
    /// closes its file and frees its memory.
    parts: VecDeque<(usize, Box<dyn Samples>)>,
}

impl Column {
    /// Puts `parts` in a row. All must have one element type. If several samples are read `together`, they
    /// must also have one shape.
    pub fn new(name: &str, parts: Vec<Box<dyn Samples>>, together: bool) -> Result<Self> {
        let mut column =
            Self { name: name.to_owned(), count: 0, step: 1, is_whole: false, parts: VecDeque::new() };
        for part in parts {
            if let Some((_, first)) = column.parts.front() {
                check_alike(first.as_ref(), part.as_ref(), together)?;
            }
            let start = column.count;
            column.count = start
                .checked_add(part.count())
                .ok_or_else(|| Error::new(ErrorKind::Data, format!("input '{name}': too many samples")))?;
            column.parts.push_back((start, part));
        }
        Ok(column)
    }

    /// Sets the number of samples in each step of the stream.
    pub fn in_steps_of(self, step: usize) -> Self {
        Self { step, ..self }
    }

    /// Marks the samples as whole tensors with every axis of the input; one is read at a time.
    pub fn of_whole_tensors(self) -> Self {
        Self { is_whole: true, ..self }
    }

    /// Reads the samples of these steps of the stream as one tensor. Steps must ascend from call to call.
    pub fn read(&mut self, steps: &[Range<usize>]) -> Result<Tensor> {
        let mut pieces = Vec::new();
        let mut shape = Vec::new();
        for steps in steps {
            let mut start = steps.start * self.step;
            let last = steps.end * self.step;
            while start < last {
                let (first, part) = self.part_at(start)?;
                let end = last.min(first + part.count());
                pieces.push(part.read(start - first..end - first)?);
                shape = part.shape().to_vec();
                if end == first + part.count() {
                    self.parts.pop_front();
                }
                start = end;
            }
        }
        if !self.is_whole {
            shape.insert(0, steps.iter().map(ExactSizeIterator::len).sum::<usize>() * self.step);
        }
        join(pieces, shape)
    }

    /// Returns the part that holds the sample, and the position of the part's first sample.
    fn part_at(&mut self, sample: usize) -> Result<(usize, &mut Box<dyn Samples>)> {
        while self.parts.front().is_some_and(|(first, part)| first + part.count() <= sample) {
            self.parts.pop_front();
        }
        match self.parts.front_mut() {
            Some((first, part)) if *first <= sample => Ok((*first, part)),
            _ => Err(Error::new(ErrorKind::Internal, format!("input '{}': no sample {sample}", self.name))),
        }
    }
}

fn check_alike(first: &dyn Samples, other: &dyn Samples, together: bool) -> Result<()> {
    let (a, b) = (first.label(), other.label());
    if first.dtype() != other.dtype() {
        let message = format!("{a} is {}, but {b} is {}", first.dtype(), other.dtype());
        return Err(Error::new(ErrorKind::Type, message).with_remedy("save all files with one element type"));
    }
    if together && first.shape() != other.shape() {
        let message = format!("samples of {a} are {:?}, those of {b} are {:?}", first.shape(), other.shape());
        return Err(Error::new(ErrorKind::Shape, message)
            .with_remedy("use a batch size of 1 for samples of different shapes"));
    }
    Ok(())
}

fn join(mut pieces: Vec<Data>, shape: Vec<usize>) -> Result<Tensor> {
    if pieces.len() == 1 {
        return Tensor::new(shape, pieces.remove(0));
    }
    let dtype = pieces.first().map_or(DataType::F32, |piece| piece.view().dtype());
    let bytes = pieces.iter().map(|piece| piece.view().as_bytes()).collect::<Vec<_>>().concat();
    Tensor::from_bytes(dtype, shape, &bytes)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Two samples, with a counter of the parts in memory.
    struct Counted(Arc<AtomicUsize>);

    impl Samples for Counted {
        fn label(&self) -> &str {
            "counted"
        }

        fn dtype(&self) -> DataType {
            DataType::F32
        }

        fn count(&self) -> usize {
            2
        }

        fn shape(&self) -> &[usize] {
            &[]
        }

        fn read(&mut self, range: Range<usize>) -> Result<Data> {
            Ok(Data::F32(range.map(|sample| sample as f32).collect()))
        }
    }

    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn parts_are_dropped_with_their_last_sample() {
        let left = Arc::new(AtomicUsize::new(4));
        let part = || Box::new(Counted(left.clone())) as Box<dyn Samples>;
        let mut column = Column::new("x", (0..4).map(|_| part()).collect(), true).unwrap();
        for (range, expected) in [(0..1, 4), (1..3, 3), (3..4, 2), (6..7, 1), (7..8, 0)] {
            column.read(std::slice::from_ref(&range)).unwrap();
            assert_eq!(left.load(Ordering::Relaxed), expected, "after {range:?}");
        }
    }
}
