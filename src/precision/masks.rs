//! Constants beyond the 16-bit type that mean infinity: masks such as -FLT_MAX that only a Softmax reads, and
//! bounds such as FLT_MAX.

use std::collections::BTreeSet;

use super::{Evidence, Half, Limited, MARGIN};
use crate::dtype::DataType;
use crate::graph::{Graph, Node, TensorId, TensorKind};
use crate::place::sharing;

/// Finds the masks, and all tensors between them and their Softmax.
///
/// A mask becomes the lowest number of the 16-bit type, whose exponential is 0 as well. If scores are added
/// to it, it becomes half of that, so that the sum stays finite: a Softmax of infinities alone is NaN.
pub(super) fn masks(graph: &Graph, evidence: &Evidence, half: Half) -> (Vec<Limited>, BTreeSet<TensorId>) {
    let (mut masks, mut on_the_way) = (Vec::new(), BTreeSet::new());
    for id in graph.tensor_ids() {
        let tensor = graph.tensor(id);
        let Some(facts) = evidence.get(id) else { continue };
        let is_mask = tensor.kind == TensorKind::Constant
            && tensor.dtype == Some(DataType::F32)
            && facts.largest > half.largest()
            && facts.highest < half.largest();
        if !is_mask {
            continue;
        }
        let mut way =
            Way { graph, evidence, limit: half.largest() / MARGIN, seen: BTreeSet::new(), adds: false };
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
        tensor.kind == TensorKind::Constant
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

/// A walk from a mask to its readers.
struct Way<'a> {
    graph: &'a Graph,
    evidence: &'a Evidence,
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
            if tensor.is_output || tensor.consumers.is_empty() || is_high {
                return false;
            }
            for edge in &tensor.consumers {
                let node = self.graph.node(edge.node);
                self.adds |= node.is("Add");
                if node.is("Softmax") {
                    continue;
                }
                if !passes_mask(node, edge.input) {
                    return false;
                }
                pending.extend(node.outputs.iter().flatten());
            }
        }
        true
    }
}

fn passes_mask(node: &Node, input: usize) -> bool {
    (node.is("Where") && input > 0)
        || ["Add", "Mul", "Expand", "Tile", "Concat"].iter().any(|op| node.is(op))
        || sharing::only_moves(node)
        || (sharing::selects(node) && input == 0 && !node.is("MaxPool"))
}
