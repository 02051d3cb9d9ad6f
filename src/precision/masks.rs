//! Constants beyond the 16-bit type that mean infinity: masks such as -FLT_MAX that only a Softmax reads, and
//! bounds such as FLT_MAX.

use std::collections::BTreeSet;

use super::{Evidence, Half, Limited, MARGIN};
use crate::dtype::DataType;
use crate::graph::{Graph, Node, TensorId};
use crate::place::sharing;

/// Finds the masks, and all tensors between them and their Softmax.
///
/// A mask becomes the lowest number of the 16-bit type, whose exponential is 0 as well. If scores are added
/// to it, it becomes half of that, so that the sum stays finite: a Softmax of infinities alone is NaN.
pub(super) fn masks(graph: &Graph, evidence: &Evidence, half: Half) -> (Vec<Limited>, BTreeSet<TensorId>) {
    let (mut masks, mut on_the_way) = (Vec::new(), BTreeSet::new());
    let captured = graph.captured();
    for id in graph.tensor_ids() {
        let tensor = graph.tensor(id);
        let Some(facts) = evidence.get(id) else { continue };
        let is_mask = is_stored(graph, evidence, id)
            && tensor.dtype == Some(DataType::F32)
            && facts.largest > half.largest()
            && facts.highest < half.largest();
        if !is_mask {
            continue;
        }
        let mut way = Way {
            captured: &captured,
            graph,
            evidence,
            limit: half.largest() / MARGIN,
            seen: BTreeSet::new(),
            adds: false,
        };
        if way.ends_in_softmax(id) {
            let lowest = if way.adds { half.round(-half.largest() / 2.0) } else { -half.largest() };
            masks.push(Limited { tensor: id, lowest, highest: half.largest(), is_mask: true });
            on_the_way.extend(way.seen);
        }
    }
    (masks, on_the_way)
}

/// Finds the bounds of Clip, Max and Min that lie beyond the 16-bit type. They bound none of its numbers.
pub(super) fn bounds(graph: &Graph, evidence: &Evidence, half: Half) -> Vec<Limited> {
    let is_beyond = |id: TensorId| evidence.get(id).is_some_and(|facts| facts.largest > half.largest());
    let is_bound = |id: TensorId| {
        let tensor = graph.tensor(id);
        let readers = &tensor.consumers;
        is_stored(graph, evidence, id)
            && tensor.dtype == Some(DataType::F32)
            && !readers.is_empty()
            && readers.iter().all(|edge| {
                let node = graph.node(edge.node);
                (node.is("Clip") && edge.input > 0) || node.is("Max") || node.is("Min")
            })
    };
    let found = graph.tensor_ids().filter(|&id| is_beyond(id) && is_bound(id));
    let (lowest, highest) = (-half.largest(), half.largest());
    found.map(|tensor| Limited { tensor, lowest, highest, is_mask: false }).collect()
}

/// The least factor other than 0 by which a mask may be multiplied.
const LEAST_FACTOR: f32 = 1.0 / 32.0;

/// A walk from a mask to its readers.
struct Way<'a> {
    graph: &'a Graph,
    evidence: &'a Evidence,
    captured: &'a BTreeSet<TensorId>,
    /// The largest number that may be on the way.
    limit: f32,
    seen: BTreeSet<TensorId>,
    adds: bool,
}

impl Way<'_> {
    fn ends_in_softmax(&mut self, from: TensorId) -> bool {
        let mut pending = vec![from];
        while let Some(id) = pending.pop() {
            if !self.seen.insert(id) {
                continue;
            }
            let tensor = self.graph.tensor(id);
            let is_high = self.evidence.get(id).is_some_and(|facts| facts.highest > self.limit);
            if tensor.is_output || tensor.consumers.is_empty() || is_high || self.captured.contains(&id) {
                return false;
            }
            for edge in &tensor.consumers {
                let node = self.graph.node(edge.node);
                self.adds |= node.is("Add");
                if node.is("Softmax") {
                    continue;
                }
                if !passes_mask(node, edge.input) || !self.stays_low(node, edge.input) {
                    return false;
                }
                pending.extend(node.outputs.iter().flatten());
            }
        }
        true
    }
}

impl Way<'_> {
    /// Whether a factor leaves the lowest numbers so low that their exponentials vanish.
    fn stays_low(&self, node: &Node, input: usize) -> bool {
        let factor = || self.evidence.get(node.input(1 - input)?)?.smallest;
        !node.is("Mul") || factor().is_some_and(|smallest| smallest >= LEAST_FACTOR)
    }
}

/// Whether the value of a constant is stored, so that it can be changed.
fn is_stored(graph: &Graph, evidence: &Evidence, id: TensorId) -> bool {
    graph.tensor(id).is_given() && !evidence.is_fixed(id)
}

/// Whether a mask that the node reads is still one behind it.
pub(super) fn passes_mask(node: &Node, input: usize) -> bool {
    (node.is("Where") && input > 0)
        || ["Add", "Mul", "Expand", "Tile", "Concat"].iter().any(|op| node.is(op))
        || sharing::only_moves(node)
        || (sharing::selects(node) && input == 0 && !node.is("MaxPool"))
}
