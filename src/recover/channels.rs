//! The output and input channel of each element of a weight, and the channel of each of an activation.

use crate::graph::{Graph, NodeId};
use crate::tensor::TensorView;

/// Something with channels in an activation that can be divided.
pub trait ByChannel {
    /// Returns the number of channels.
    fn channels(&self) -> usize;

    /// Calls `f` with the channel and the value of each element, in order.
    ///
    /// Does nothing if the activation has other channels.
    fn each(&self, x: TensorView<'_>, f: impl FnMut(usize, f32));

    /// Updates `maxima` with the largest finite magnitude of each channel.
    fn add_maxima(&self, maxima: &mut Vec<f32>, x: TensorView<'_>) {
        maxima.resize(self.channels(), 0.0);
        self.each(x, |channel, value| {
            if value.is_finite() {
                maxima[channel] = maxima[channel].max(value.abs());
            }
        });
    }

    /// Returns the activation with its channels divided by `scales`.
    fn divided(&self, scales: &[f32], x: TensorView<'_>) -> Vec<f32> {
        let mut divided = Vec::new();
        self.each(x, |channel, value| divided.push(value / scales[channel]));
        divided
    }
}

/// An initializer, and the channel and row of each of its elements.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Weight {
    pub name: String,
    pub channel: Axis,
    pub row: Axis,
}

/// The part of a row-major position that counts.
///
/// It is position / step % size / span, plus group * channels per group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Axis {
    pub step: usize,
    pub size: usize,
    pub span: usize,
    /// The elements of one group, and its channels. The former is 0 without groups.
    pub group: (usize, usize),
}

impl Axis {
    pub fn new(shape: &[usize], axis: usize) -> Self {
        Self { step: shape[axis + 1..].iter().product(), size: shape[axis], span: 1, group: (0, 0) }
    }

    pub fn of(&self, position: usize) -> usize {
        let (elements, channels) = self.group;
        position / self.step % self.size / self.span + position.checked_div(elements).unwrap_or(0) * channels
    }
}

/// Returns the axes of the output and the input channels of a weight.
///
/// If `inputs` is not 0, the weight must read that number of channels, of one or several elements each.
pub(super) fn axes(graph: &Graph, node: NodeId, shape: &[usize], inputs: usize) -> Option<(Axis, Axis)> {
    let node = graph.node(node);
    let groups = usize::try_from(node.int("group", 1)).ok().filter(|&groups| groups > 0)?;
    let (mut row, mut column) = match (node.op.as_str(), shape.len()) {
        ("Conv", 3..) => (Axis::new(shape, 0), Axis::new(shape, 1)),
        ("ConvTranspose", 3..) if groups == 1 => (Axis::new(shape, 1), Axis::new(shape, 0)),
        ("Gemm", 2) if node.int("transB", 0) != 0 => (Axis::new(shape, 0), Axis::new(shape, 1)),
        ("Gemm", 2) => (Axis::new(shape, 1), Axis::new(shape, 0)),
        _ => return None,
    };
    if node.op == "Gemm" && node.int("transA", 0) != 0 {
        return None;
    }
    if inputs > 0 {
        let read = column.size * groups;
        column.span = read.checked_div(inputs).filter(|span| span * inputs == read)?;
        if column.span != 1 && node.op != "Gemm" {
            return None;
        }
    }
    if groups > 1 {
        let elements = shape.iter().product::<usize>() / groups;
        column.group = (elements, column.size);
        row.group = (0, 0);
    }
    (row.size > 0 && column.size > 0).then_some((row, column))
}
