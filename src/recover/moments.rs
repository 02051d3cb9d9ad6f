//! Second moments of the inputs by which a layer's weights are multiplied.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, s};
use rayon::prelude::*;

use crate::graph::Node;
use crate::kernel::parallel;
use crate::tensor::TensorView;

use super::layer::Matrix;
use super::window::{Reader, Window};

/// The number of vectors that are gathered before a product: enough that the product takes the time.
const CHUNK: usize = 1024;
/// The number of rows of H to which one thread adds at a time.
const BLOCK: usize = 64;

/// The mean H of x xᵀ over the vectors x by which a layer's rows are multiplied, one matrix per group.
///
/// Memory is that of the matrices, whatever the amount of data. A vector with a NaN or infinite value does
/// not count.
#[derive(Clone, Debug)]
pub struct Moments {
    groups: Vec<Group>,
}

/// The sum of x xᵀ of one group, and the number of vectors.
#[derive(Clone, Debug)]
struct Group {
    sum: Array2<f64>,
    count: u64,
}

/// Returns the number of bytes that the moments of such a layer take.
pub fn size(matrix: &Matrix) -> usize {
    matrix.groups.saturating_mul(matrix.columns).saturating_mul(matrix.columns).saturating_mul(8)
}

impl Moments {
    /// Creates moments without data.
    pub fn new(matrix: &Matrix) -> Self {
        let empty = || Group { sum: Array2::zeros((matrix.columns, matrix.columns)), count: 0 };
        Self { groups: (0..matrix.groups).map(|_| empty()).collect() }
    }

    /// Adds the inputs that `node` reads from `x`, in as many threads as [`parallel::limit`] allows.
    ///
    /// An input that does not fit the weight changes nothing.
    pub fn add(&mut self, node: &Node, matrix: &Matrix, weight_shape: &[usize], x: TensorView<'_>) {
        let data = x.data();
        let Some(values) = data.to_f32() else { return };
        let Some(window) = Window::new(node, matrix, weight_shape, x.shape()) else { return };
        let threads = parallel::limit();
        let each = |(group, sums): (usize, &mut Group), threads| {
            sums.add(window.reader(&values, group), matrix.columns, threads);
        };
        match self.groups.as_mut_slice() {
            [only] => each((0, only), threads),
            groups if threads == 1 => groups.iter_mut().enumerate().for_each(|group| each(group, 1)),
            groups => {
                let least = groups.len().div_ceil(threads);
                groups.par_iter_mut().enumerate().with_min_len(least).for_each(|group| each(group, 1));
            }
        }
    }

    /// Returns the mean of x xᵀ of each group; `None` if there is no data or a mean is not finite.
    pub fn mean(&self) -> Option<Vec<Array2<f32>>> {
        let mean = |group: &Group| {
            let mut mean = group.sum.mapv(|sum| (sum / group.count as f64) as f32);
            for row in 0..mean.nrows() {
                for column in 0..row {
                    mean[[row, column]] = mean[[column, row]];
                }
            }
            (group.count > 0 && mean.iter().all(|value| value.is_finite())).then_some(mean)
        };
        self.groups.iter().map(mean).collect()
    }
}

impl Group {
    fn add(&mut self, mut reader: Reader<'_>, columns: usize, threads: usize) {
        let positions = reader.positions();
        let mut vectors = vec![0f32; CHUNK.min(positions) * columns];
        for start in (0..positions).step_by(CHUNK) {
            let chunk = start..positions.min(start + CHUNK);
            let vectors = &mut vectors[..chunk.len() * columns];
            for (position, vector) in chunk.zip(vectors.chunks_exact_mut(columns)) {
                reader.read(position, vector);
                if vector.iter().all(|value| value.is_finite()) {
                    self.count += 1;
                } else {
                    vector.fill(0.0);
                }
            }
            let shape = (vectors.len() / columns, columns);
            if let Ok(vectors) = ArrayView2::from_shape(shape, vectors) {
                add_products(&mut self.sum, vectors, threads);
            }
        }
    }
}

/// Adds Σ x xᵀ of the rows of `vectors`, above the diagonal only.
fn add_products(sum: &mut Array2<f64>, vectors: ArrayView2<'_, f32>, threads: usize) {
    let columns = sum.ncols();
    let blocks: Vec<_> = sum.axis_chunks_iter_mut(Axis(0), BLOCK).enumerate().collect();
    let add = |(block, mut sum): (usize, ArrayViewMut2<'_, f64>)| {
        let first = block * BLOCK;
        let mut products = Array2::<f32>::zeros((sum.nrows(), columns - first));
        let left = vectors.slice(s![.., first..first + sum.nrows()]);
        general_mat_mul(1.0, &left.t(), &vectors.slice(s![.., first..]), 0.0, &mut products);
        for (sum, product) in sum.slice_mut(s![.., first..]).iter_mut().zip(&products) {
            *sum += f64::from(*product);
        }
    };
    if threads == 1 {
        blocks.into_iter().for_each(add);
    } else {
        let least = blocks.len().div_ceil(threads);
        blocks.into_par_iter().with_min_len(least).for_each(add);
    }
}
