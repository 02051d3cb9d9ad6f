//! Stored weights behind a Dequantize: their shapes and values need no runtime.

use crate::dtype::DataType;
use crate::graph::{Graph, Node, TensorId};
use crate::observe::TensorStats;
use crate::onnx::Network;
use crate::tensor::Data;

/// Values that are dequantized at once.
const PIECE: usize = 1 << 16;

/// Returns the Dequantize that makes a tensor of stored int8 numbers and stored float32 steps, with the zero
/// point 0.
pub(super) fn maker(graph: &Graph, tensor: TensorId) -> Option<&Node> {
    let node = graph.producer(tensor).filter(|node| node.is("DequantizeLinear") && node.inputs.len() == 2)?;
    let (integers, steps) = (graph.tensor(node.input(0)?), graph.tensor(node.input(1)?));
    let is_stored = integers.is_given() && steps.is_given();
    let fits = match steps.fixed_shape()?[..] {
        [] => true,
        [count] => {
            count > 0 && Some(count) == integers.fixed_shape()?.get(axis(node, integers.rank()?)?).copied()
        }
        _ => false,
    };
    let are_types = integers.dtype == Some(DataType::I8) && steps.dtype == Some(DataType::F32);
    (is_stored && fits && are_types).then_some(node)
}

fn axis(node: &Node, rank: usize) -> Option<usize> {
    let axis = node.int("axis", 1);
    usize::try_from(if axis < 0 { axis + rank as i64 } else { axis }).ok()
}

/// Returns the statistics of the values that such a node makes; `None` if they cannot be read.
///
/// The values are made piece by piece: a large weight as float32 would be four times its size.
pub(super) fn stats(network: &Network, node: &Node) -> Option<TensorStats> {
    let read = |index| network.model.constant(network.name(node.input(index)?)).ok().flatten();
    let (integers, steps) = (read(0)?, read(1)?);
    let (Data::I8(values), Data::F32(steps)) = (integers.data(), steps.data()) else { return None };
    let shape = integers.shape();
    let inner = match steps.len() {
        1 => values.len(),
        _ => shape.get(axis(node, shape.len())? + 1..)?.iter().product(),
    };
    let mut stats = TensorStats::new();
    let mut piece = Vec::with_capacity(PIECE);
    if inner == 1 && steps.len() > 1 {
        // Every value has another step than the one before. A row has all steps.
        let rows = (PIECE / steps.len()).max(1);
        for part in values.chunks(rows * steps.len()) {
            piece.clear();
            for row in part.chunks(steps.len()) {
                piece.extend(row.iter().zip(steps).map(|(&value, step)| f32::from(value) * step));
            }
            stats.observe(&piece);
        }
        return Some(stats);
    }
    for (run, step) in values.chunks(inner.max(1)).zip(steps.iter().cycle()) {
        for part in run.chunks(PIECE) {
            if piece.len() + part.len() > PIECE {
                stats.observe(&piece);
                piece.clear();
            }
            piece.extend(part.iter().map(|&value| f32::from(value) * step));
        }
    }
    stats.observe(&piece);
    Some(stats)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::{AttributeValue, Edits, Model, NodeSpec, Position};
    use crate::runtime::map_constants;

    /// A network that dequantizes these integers, and the result.
    fn network(
        shape: &[usize],
        values: Vec<i8>,
        steps: (&[usize], Vec<f32>),
        axis: i64,
    ) -> (Network, TensorId) {
        let mut model = Model::from_bytes(vec![0x08, 8, 0x3a, 0, 0x42, 2, 0x10, 17].into()).unwrap();
        model.add_initializer("integers", shape, values).unwrap();
        model.add_initializer("steps", steps.0, steps.1).unwrap();
        let node = NodeSpec::new("DequantizeLinear", "node", &["integers", "steps"], &["weight"]);
        let mut edits = Edits::new();
        edits.insert(Position::End, node.with("axis", AttributeValue::Int(axis)));
        model.edit(edits).unwrap();
        let network = Network::of(model).unwrap();
        let weight = network.graph.find("weight").unwrap();
        (network, weight)
    }

    #[test]
    fn the_values_are_those_of_the_runtime() {
        let values = |count: usize| (0..count).map(|k| (k * 37 % 255) as u8 as i8).collect::<Vec<i8>>();
        let steps = |count: usize| (1..=count).map(|k| 0.37 / k as f32).collect::<Vec<f32>>();
        for (shape, count, axis) in [
            (&[3, 5][..], 5, 1),
            (&[3, 5], 3, 0),
            (&[3, 5], 5, -1),
            (&[2, 3, 40_000], 3, 1),
            (&[70_000], 0, 0),
        ] {
            let own = (&[count][..usize::from(count > 0)], steps(count.max(1)));
            let (network, weight) = network(shape, values(shape.iter().product()), own, axis);
            let found = stats(&network, maker(&network.graph, weight).unwrap()).unwrap();
            let expected = map_constants(&network, &[weight], |_, value| {
                let mut stats = TensorStats::new();
                stats.observe(&value.unwrap().view().data().to_f32().unwrap());
                stats
            });
            assert_eq!([found], expected[..], "{shape:?} {axis}");
        }
    }

    #[test]
    fn steps_that_fit_no_axis_are_left_to_the_runtime() {
        for (count, axis) in [(4, 1), (5, 2), (5, -3)] {
            let (network, weight) = network(&[3, 5], vec![1; 15], (&[count], vec![0.5; count]), axis);
            assert!(maker(&network.graph, weight).is_none(), "{count} {axis}");
        }
    }
}
