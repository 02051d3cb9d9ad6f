//! The inputs by which a layer's rows are multiplied at each position of its output.

use crate::graph::{Attribute, Node};

use super::layer::Matrix;

/// More spatial axes than any convolution has.
const MOST_AXES: usize = 8;

/// The positions of the vectors in a layer's input.
pub(super) struct Window {
    /// The number of outer positions: samples of a convolution, rows of a product.
    outer: usize,
    /// The steps from one outer position to the next and from one channel to the next.
    outer_step: usize,
    channel_step: usize,
    /// The number of channels of one group.
    channels: usize,
    axes: Vec<Axis>,
}

/// One spatial axis of a convolution.
struct Axis {
    size: usize,
    output: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    /// The number of zeros before the first element.
    before: usize,
    /// The step from one element to the next.
    step: usize,
    /// Whether the convolution is transposed, so that its stride is that of the input.
    is_transposed: bool,
}

impl Axis {
    /// Returns the input by which element `tap` of the kernel is multiplied at a position of the output.
    ///
    /// Returns `None` for a zero.
    fn input(&self, position: usize, tap: usize) -> Option<usize> {
        let at = if self.is_transposed {
            let at = (position + self.before).checked_sub(tap * self.dilation)?;
            if at % self.stride != 0 {
                return None;
            }
            at / self.stride
        } else {
            (position * self.stride + tap * self.dilation).checked_sub(self.before)?
        };
        (at < self.size).then_some(at)
    }
}

impl Window {
    /// Creates the window of `node` over an input; `None` if they do not fit.
    ///
    /// `matrix` is the matrix of the node's weight, and `weight` its shape.
    pub fn new(node: &Node, matrix: &Matrix, weight: &[usize], input: &[usize]) -> Option<Self> {
        if node.op.starts_with("Conv") {
            Self::convolution(node, matrix, weight, input)
        } else {
            product(node, matrix, input)
        }
    }

    fn convolution(node: &Node, matrix: &Matrix, weight: &[usize], input: &[usize]) -> Option<Self> {
        let (&[samples, all, ref sizes @ ..], &[_, _, ref kernel @ ..]) = (input, weight) else {
            return None;
        };
        let is_transposed = node.op == "ConvTranspose";
        let channels = matrix.columns.checked_div(kernel.iter().product())?;
        if sizes.len() != kernel.len()
            || sizes.len() > MOST_AXES
            || all != channels.checked_mul(matrix.groups)?
        {
            return None;
        }
        let rank = sizes.len();
        let listed = |name, default| -> Option<Vec<usize>> {
            let Some(values) = node.ints(name) else { return Some(vec![default; rank]) };
            let values: Option<Vec<usize>> =
                values.iter().map(|&value| usize::try_from(value).ok()).collect();
            values.filter(|values| values.len() == rank)
        };
        let (strides, dilations) = (listed("strides", 1)?, listed("dilations", 1)?);
        let extra = listed("output_padding", 0)?;
        let pads: Vec<usize> = match node.ints("pads") {
            Some(pads) => pads.iter().map(|&pad| usize::try_from(pad).ok()).collect::<Option<_>>()?,
            None => vec![0; 2 * rank],
        };
        if pads.len() != 2 * rank || strides.contains(&0) {
            return None;
        }
        let auto = match node.attributes.get("auto_pad") {
            Some(Attribute::Text(text)) => text.as_str(),
            _ => "NOTSET",
        };
        let mut step = 1;
        let mut axes = Vec::with_capacity(rank);
        for at in (0..rank).rev() {
            let (size, stride, dilation) = (sizes[at], strides[at], dilations[at]);
            let extent = (kernel[at].checked_sub(1)?).checked_mul(dilation)?.checked_add(1)?;
            let (before, output) = match auto {
                _ if is_transposed => {
                    let full = size.checked_sub(1)?.checked_mul(stride)?.checked_add(extent)?;
                    (pads[at], (full + extra[at]).checked_sub(pads[at] + pads[rank + at])?)
                }
                "SAME_UPPER" | "SAME_LOWER" => {
                    let output = size.div_ceil(stride);
                    let needed = (output.checked_sub(1)? * stride + extent).saturating_sub(size);
                    (if auto == "SAME_UPPER" { needed / 2 } else { needed.div_ceil(2) }, output)
                }
                _ => {
                    let (before, after) = if auto == "VALID" { (0, 0) } else { (pads[at], pads[rank + at]) };
                    (before, (size + before + after).checked_sub(extent)? / stride + 1)
                }
            };
            axes.push(Axis {
                size,
                output,
                kernel: kernel[at],
                stride,
                dilation,
                before,
                step,
                is_transposed,
            });
            step *= size;
        }
        axes.reverse();
        Some(Self { outer: samples, outer_step: all * step, channel_step: step, channels, axes })
    }

    /// Returns the number of vectors.
    fn positions(&self) -> usize {
        self.outer * self.axes.iter().map(|axis| axis.output).product::<usize>()
    }

    /// Creates a reader of the vectors of one group of channels, from the values of an input.
    pub fn reader<'a>(&'a self, values: &'a [f32], group: usize) -> Reader<'a> {
        Reader { window: self, values, group, taps: Vec::new() }
    }
}

/// A reader of the vectors of one group.
pub(super) struct Reader<'a> {
    window: &'a Window,
    values: &'a [f32],
    group: usize,
    /// The position at which each element of the kernel reads a channel.
    taps: Vec<Option<usize>>,
}

impl Reader<'_> {
    /// Returns the number of vectors.
    pub fn positions(&self) -> usize {
        self.window.positions()
    }

    /// Writes the vector at `position`, in the order of a weight's row.
    pub fn read(&mut self, position: usize, vector: &mut [f32]) {
        let Self { window, values, group, taps } = self;
        let mut rest = position;
        let mut places = [0usize; MOST_AXES];
        for (axis, place) in window.axes.iter().zip(&mut places).rev() {
            *place = rest % axis.output;
            rest /= axis.output;
        }
        let count = vector.len() / window.channels;
        taps.clear();
        taps.extend((0..count).map(|tap| {
            let mut left = tap;
            window.axes.iter().zip(&places).rev().try_fold(0, |at, (axis, &place)| {
                let tap = left % axis.kernel;
                left /= axis.kernel;
                Some(at + axis.input(place, tap)? * axis.step)
            })
        }));
        for (channel, vector) in vector.chunks_exact_mut(count).enumerate() {
            let base = rest * window.outer_step + (*group * window.channels + channel) * window.channel_step;
            for (value, tap) in vector.iter_mut().zip(taps.iter()) {
                *value = tap.map_or(0.0, |at| values[base + at]);
            }
        }
    }
}

/// Creates the window of a product: the rows of its left side, or the columns if a Gemm transposes it.
fn product(node: &Node, matrix: &Matrix, input: &[usize]) -> Option<Window> {
    let count: usize = input.iter().product();
    let is_transposed = node.int("transA", 0) != 0;
    let inner = if is_transposed { input.first() } else { input.last() };
    if inner != Some(&matrix.columns) || (is_transposed && input.len() != 2) {
        return None;
    }
    let outer = count.checked_div(matrix.columns)?;
    let (outer_step, channel_step) = if is_transposed { (1, outer) } else { (matrix.columns, 1) };
    Some(Window { outer, outer_step, channel_step, channels: matrix.columns, axes: Vec::new() })
}
