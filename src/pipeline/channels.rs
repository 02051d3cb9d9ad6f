//! The largest magnitude of each channel of the tensors that convolutions and products read.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::graph::{Edge, Graph, Node};
use crate::observe::axis_max::AxisMax;
use crate::tensor::Tensor;

/// Collects the maxima of the channels of several tensors.
pub(super) struct Channels {
    names: Vec<String>,
    /// `None` for a tensor without channels, or whose number of channels changes.
    maxima: Mutex<Vec<Option<AxisMax>>>,
}

impl Channels {
    /// Makes empty collectors for tensors of a graph.
    pub fn of(graph: &Graph, names: &[String]) -> Self {
        let collector = |name: &String| {
            let consumers = &graph.tensor(graph.find(name)?).consumers;
            let axis = consumers.iter().find_map(|edge| summed_axis(graph.node(edge.node), edge))?;
            Some(AxisMax::keeping(&[axis]))
        };
        Self { names: names.to_vec(), maxima: Mutex::new(names.iter().map(collector).collect()) }
    }

    /// Adds the values of tensor `index`.
    pub fn add(&self, index: usize, value: &Tensor) {
        let mut maxima = self.maxima.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = &mut maxima[index];
        let Some(collector) = slot else { return };
        let is_added = (value.view().data().to_f32())
            .is_some_and(|values| collector.observe(value.shape(), &values).is_ok());
        if !is_added {
            *slot = None;
        }
    }

    /// Adds the values of a tensor that may be among the names.
    pub fn add_named(&self, name: &str, value: &Tensor) {
        if let Some(index) = self.names.iter().position(|known| known == name) {
            self.add(index, value);
        }
    }

    /// Returns the maxima by the name of the tensor.
    pub fn maxima(&self) -> BTreeMap<String, Vec<f32>> {
        let maxima = self.maxima.lock().unwrap_or_else(PoisonError::into_inner);
        let found = self.names.iter().zip(maxima.iter()).filter_map(|(name, collector)| {
            let amax = collector.as_ref()?.amax()?;
            (amax.values.len() > 1).then(|| (name.clone(), amax.values.clone()))
        });
        found.collect()
    }
}

/// Returns the axis of an activation that a node sums over; it counts from the end if it is negative.
fn summed_axis(node: &Node, edge: &Edge) -> Option<i64> {
    match (node.op.as_str(), edge.input) {
        ("Conv" | "ConvTranspose", 0) => Some(1),
        ("Gemm", 0) => Some(1 - node.int("transA", 0).signum()),
        ("MatMul", 0) => Some(-1),
        ("MatMul", 1) => Some(-2),
        _ => None,
    }
}

/// Returns the axes of the output and of the input channels of the weight that is operand `input` of a node.
pub(super) fn weight_axes(node: &Node, input: usize, rank: usize) -> Option<(i64, i64)> {
    match (node.op.as_str(), input) {
        ("Conv", 1) if rank > 2 => Some((0, 1)),
        ("ConvTranspose", 1) if rank > 2 && node.int("group", 1) == 1 => Some((1, 0)),
        ("Gemm", 1) if node.int("transB", 0) != 0 => Some((0, 1)),
        ("Gemm", 1) => Some((1, 0)),
        ("MatMul", 1) if rank > 1 => Some((-1, -2)),
        ("MatMul", 0) if rank > 1 => Some((-2, -1)),
        _ => None,
    }
}
