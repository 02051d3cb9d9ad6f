//! Topological sorting of nodes. ONNX requires this order, but not every writer produces it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::node::{subgraphs, subgraphs_mut};
use super::proto::{GraphProto, ModelProto, NodeProto};
use super::walk::free_names;
use super::walk::graphs_mut;

/// Sorts the nodes of every graph, subgraph and function so that each tensor is computed before it is read.
/// Returns whether a node moved.
///
/// Nodes that need not move keep their order. A graph with a cycle stays unchanged; [`cycle`] finds it.
pub(super) fn sort(model: &mut ModelProto) -> bool {
    let mut moved = false;
    graphs_mut(model).for_each(|graph| moved |= sort_graph(graph));
    for function in &mut model.functions {
        moved |= sort_nodes(&mut function.node);
    }
    moved
}

fn sort_graph(graph: &mut GraphProto) -> bool {
    sort_nodes(&mut graph.node)
}

fn sort_nodes(nodes: &mut Vec<NodeProto>) -> bool {
    let mut moved = false;
    nodes.iter_mut().flat_map(subgraphs_mut).for_each(|graph| moved |= sort_graph(graph));
    if is_sorted(nodes) {
        return moved;
    }
    let Ok(order) = order(nodes) else { return moved };
    let mut old: Vec<Option<NodeProto>> = std::mem::take(nodes).into_iter().map(Some).collect();
    nodes.extend(order.into_iter().filter_map(|at| old[at].take()));
    true
}

/// Returns the nodes of a cycle, each of which reads an output of the next one. Empty if the nodes can be
/// sorted.
pub(super) fn cycle(nodes: &[NodeProto]) -> Vec<&NodeProto> {
    order(nodes).err().unwrap_or_default().into_iter().map(|at| &nodes[at]).collect()
}

/// Returns the node that computes each tensor.
fn producers(nodes: &[NodeProto]) -> HashMap<&str, usize> {
    let outputs =
        nodes.iter().enumerate().flat_map(|(at, node)| node.output.iter().map(move |name| (name, at)));
    outputs.filter(|(name, _)| !name.is_empty()).map(|(name, at)| (name.as_str(), at)).collect()
}

/// Iterates over the nodes that compute the tensors read by `node` and its subgraphs.
fn sources<'a>(node: &'a NodeProto, producers: &'a HashMap<&str, usize>) -> impl Iterator<Item = usize> + 'a {
    let captured = subgraphs(node).flat_map(free_names);
    node.input.iter().map(String::as_str).chain(captured).filter_map(|name| producers.get(name).copied())
}

fn is_sorted(nodes: &[NodeProto]) -> bool {
    let producers = producers(nodes);
    nodes.iter().enumerate().all(|(at, node)| sources(node, &producers).all(|source| source < at))
}

/// Returns the positions of the nodes in an executable order. Fails with the positions of a cycle.
fn order(nodes: &[NodeProto]) -> Result<Vec<usize>, Vec<usize>> {
    let producers = producers(nodes);
    let sources: Vec<Vec<usize>> = nodes.iter().map(|node| sources(node, &producers).collect()).collect();
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (at, sources) in sources.iter().enumerate() {
        sources.iter().for_each(|&source| readers[source].push(at));
    }
    let mut waiting: Vec<usize> = sources.iter().map(Vec::len).collect();
    // Among the nodes that can run, the first in the file comes first: nodes move as little as possible.
    let mut ready: BinaryHeap<Reverse<usize>> =
        waiting.iter().enumerate().filter(|(_, count)| **count == 0).map(|(at, _)| Reverse(at)).collect();
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(Reverse(at)) = ready.pop() {
        order.push(at);
        for &reader in &readers[at] {
            waiting[reader] -= 1;
            if waiting[reader] == 0 {
                ready.push(Reverse(reader));
            }
        }
    }
    if order.len() == nodes.len() { Ok(order) } else { Err(some_cycle(&sources, &waiting)) }
}

/// Walks from a waiting node to a node that it waits for, until a node repeats.
fn some_cycle(sources: &[Vec<usize>], waiting: &[usize]) -> Vec<usize> {
    let mut path: Vec<usize> = Vec::new();
    let mut step = HashMap::new();
    let mut next = waiting.iter().position(|&count| count > 0);
    while let Some(at) = next {
        if let Some(start) = step.insert(at, path.len()) {
            return path.split_off(start);
        }
        path.push(at);
        next = sources[at].iter().copied().find(|&source| waiting[source] > 0);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::node::NodeSpec;

    fn node(name: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
        NodeSpec::new("Add", name, inputs, outputs).into_proto()
    }

    fn names(nodes: &[NodeProto]) -> Vec<&str> {
        nodes.iter().filter_map(|node| node.name.as_deref()).collect()
    }

    #[test]
    fn nodes_move_only_as_far_as_they_must() {
        let mut nodes = vec![
            node("last", &["b", "c"], &["d"]),
            node("free", &["x"], &["e"]),
            node("second", &["a"], &["b"]),
            node("first", &["x"], &["a"]),
            node("also", &["x"], &["c"]),
        ];
        sort_nodes(&mut nodes);
        assert_eq!(names(&nodes), ["free", "first", "second", "also", "last"]);
        let sorted = nodes.clone();
        sort_nodes(&mut nodes);
        assert_eq!(nodes, sorted);
    }

    #[test]
    fn a_cycle_is_found_among_nodes_that_only_wait_for_it() {
        let mut nodes = vec![
            node("behind", &["b"], &["z"]),
            node("one", &["b", "x"], &["a"]),
            node("two", &["a"], &["b"]),
            node("free", &["x"], &["f"]),
        ];
        let before = nodes.clone();
        sort_nodes(&mut nodes);
        assert_eq!(nodes, before);
        let found: Vec<&str> = cycle(&nodes).into_iter().filter_map(|node| node.name.as_deref()).collect();
        assert_eq!(found, ["two", "one"]);
        assert!(cycle(&nodes[3..]).is_empty());
        let own = [node("own", &["s"], &["s"])];
        assert_eq!(cycle(&own).len(), 1);
    }
}
