//! The tensors whose values a plan of precision needs.

use super::evidence::follows;
use super::positions::positions;
use super::{by_size, sampling};
use crate::dtype::DataType;
use crate::graph::{Graph, TensorId, TensorKind};

/// The tensors to observe for a plan of precision.
#[derive(Clone, Debug, Default)]
pub struct PrecisionTaps {
    /// The tensors whose statistics are needed.
    pub whole: Vec<TensorId>,
    /// The tensors of which a histogram of some values is enough, beside the extremes of all values: no rule
    /// asks for their smallest magnitude, or whether all of them are whole numbers.
    pub sampled: Vec<TensorId>,
    /// The tensors of which the extremes are enough: only operators make and read them that neither add two
    /// tensors nor divide by one nor order values, so that nothing but their size matters.
    pub limits: Vec<TensorId>,
}

/// Returns the tensors to observe for a plan of precision.
///
/// These are all float32 activations, except those whose facts follow from the tensors before.
pub fn taps(graph: &Graph) -> PrecisionTaps {
    let mut taps = PrecisionTaps::default();
    let positions = positions(graph);
    let may_be_sampled = sampling::enough(graph, &positions);
    for id in graph.tensor_ids() {
        let tensor = graph.tensor(id);
        let is_needed = tensor.kind != TensorKind::Constant
            && tensor.dtype == Some(DataType::F32)
            && !tensor.is_opaque
            && !graph.producer(id).is_some_and(|node| follows(graph, node));
        if !is_needed {
            continue;
        }
        let is_read_by_size = !positions[id.0] && by_size::is_enough_behind(graph, id);
        match graph.producer(id).filter(|_| is_read_by_size) {
            // Probabilities reach 1 at most. Rounding those that are too small for f16 costs less than 60 dB
            // only if a row has more than 50,000.
            Some(maker) if maker.is("Softmax") => {}
            Some(maker) if by_size::is_enough_for(graph, maker) => taps.limits.push(id),
            _ if may_be_sampled[id.0] => taps.sampled.push(id),
            _ => taps.whole.push(id),
        }
    }
    taps
}
