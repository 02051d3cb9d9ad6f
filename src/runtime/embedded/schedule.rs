//! The order in which the embedded runtime runs a graph in pieces, and the last use of each tensor.

use std::collections::BTreeSet;

use crate::graph::{Graph, NodeId, TensorId, TensorKind};

/// The number of nodes that run together.
///
/// rten plans every piece again at each run, which is cheap for eight nodes. Only the activations of one
/// piece stay in memory beyond their last use.
const NODES_PER_STEP: usize = 8;

/// Nodes that run together.
#[derive(Debug, PartialEq)]
pub(super) struct Step {
    /// The nodes, in order.
    pub nodes: Vec<NodeId>,
    /// The activations and inputs that the nodes read. The flag is true if no later step reads the tensor.
    pub inputs: Vec<(TensorId, bool)>,
    /// The results that are needed. The flag is true if a later step or the model's output needs the tensor.
    pub outputs: Vec<(TensorId, bool)>,
}

/// Returns whether `tensor` is stored in the model, so that the caller need not supply it.
pub(super) fn is_constant(graph: &Graph, tensor: TensorId) -> bool {
    let tensor = graph.tensor(tensor);
    tensor.kind == TensorKind::Constant && tensor.producer.is_none()
}

/// Returns the steps that compute `outputs` and `taps`, without nodes that neither of them needs.
///
/// A node for which `alone` returns true gets a step of its own.
pub(super) fn steps(
    graph: &Graph,
    outputs: &[TensorId],
    taps: &[TensorId],
    alone: impl Fn(NodeId) -> bool,
) -> Vec<Step> {
    let pieces = pieces(graph, &needed(graph, outputs, taps), alone);
    let mut last_reader = vec![None; graph.tensors.len()];
    for (position, piece) in pieces.iter().enumerate() {
        for tensor in piece.iter().flat_map(|&node| graph.reads(node)) {
            last_reader[tensor.0] = Some(position);
        }
    }
    for output in outputs {
        last_reader[output.0] = Some(pieces.len());
    }
    let tapped: BTreeSet<TensorId> = taps.iter().copied().collect();
    let describe = |(position, nodes): (usize, Vec<NodeId>)| {
        let made: BTreeSet<TensorId> = nodes.iter().flat_map(|&node| writes(graph, node)).collect();
        let read: BTreeSet<TensorId> = nodes
            .iter()
            .flat_map(|&node| graph.reads(node))
            .filter(|&tensor| !made.contains(&tensor) && !is_constant(graph, tensor))
            .collect();
        let last = |tensor: TensorId| last_reader[tensor.0];
        Step {
            inputs: read.into_iter().map(|tensor| (tensor, last(tensor) == Some(position))).collect(),
            outputs: made
                .into_iter()
                .map(|tensor| (tensor, last(tensor) > Some(position)))
                .filter(|(tensor, kept)| *kept || tapped.contains(tensor))
                .collect(),
            nodes,
        }
    };
    pieces.into_iter().enumerate().map(describe).collect()
}

/// Returns for each node whether `outputs` or `taps` need it.
fn needed(graph: &Graph, outputs: &[TensorId], taps: &[TensorId]) -> Vec<bool> {
    let mut needed = vec![false; graph.nodes.len()];
    let mut pending: Vec<TensorId> = outputs.iter().chain(taps).copied().collect();
    while let Some(tensor) = pending.pop() {
        if let Some(node) = graph.tensor(tensor).producer
            && !std::mem::replace(&mut needed[node.0], true)
        {
            pending.extend(graph.reads(node));
        }
    }
    needed
}

fn pieces(graph: &Graph, needed: &[bool], alone: impl Fn(NodeId) -> bool) -> Vec<Vec<NodeId>> {
    let mut pieces: Vec<Vec<NodeId>> = Vec::new();
    let mut open = false;
    for node in graph.node_ids().filter(|node| needed[node.0]) {
        let alone = alone(node);
        match pieces.last_mut() {
            Some(piece) if open && !alone && piece.len() < NODES_PER_STEP => piece.push(node),
            _ => pieces.push(vec![node]),
        }
        open = !alone;
    }
    pieces
}

fn writes(graph: &Graph, node: NodeId) -> impl Iterator<Item = TensorId> + '_ {
    graph.node(node).outputs.iter().flatten().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::NewNode;

    /// x -> n0 -> t0 -> n1 -> ... Every node also reads the weight. `dead` reads t0, and nothing reads
    /// `dead`.
    fn chain(length: usize) -> Graph {
        let mut graph = Graph::new();
        let weight = graph.add_tensor("w", TensorKind::Constant, None, None).unwrap();
        let mut previous = graph.add_tensor("x", TensorKind::Input, None, None).unwrap();
        for index in 0..length {
            let output = format!("t{index}");
            let inputs = [Some(previous), Some(weight)];
            let node =
                NewNode { op: "Add", inputs: &inputs, outputs: &[Some(&output)], ..Default::default() };
            let node = graph.add_node(node).unwrap();
            previous = graph.node(node).output(0).unwrap();
        }
        let inputs = [graph.find("t0")];
        graph
            .add_node(NewNode {
                op: "Relu",
                inputs: &inputs,
                outputs: &[Some("dead")],
                captures: &[weight],
                ..Default::default()
            })
            .unwrap();
        graph
    }

    #[test]
    fn every_tensor_lives_from_its_step_to_its_last_reader() {
        let graph = chain(20);
        let id = |name: &str| graph.find(name).unwrap();
        let steps = steps(&graph, &[id("t19")], &[id("t3"), id("t7"), id("x")], |_| false);
        let sizes: Vec<usize> = steps.iter().map(|step| step.nodes.len()).collect();
        assert_eq!(sizes, [8, 8, 4], "the node that nothing needs is left out");
        assert_eq!(steps[0].inputs, [(id("x"), true)]);
        assert_eq!(steps[0].outputs, [(id("t3"), false), (id("t7"), true)]);
        assert_eq!(steps[1].inputs, [(id("t7"), true)]);
        assert_eq!(steps[2].outputs, [(id("t19"), true)]);
    }

    #[test]
    fn a_tensor_read_again_later_is_kept() {
        let graph = chain(20);
        let id = |name: &str| graph.find(name).unwrap();
        let steps = steps(&graph, &[id("dead"), id("t19")], &[], |_| false);
        assert!(steps[0].outputs.contains(&(id("t0"), true)));
        assert_eq!(steps[2].inputs, [(id("t0"), true), (id("t15"), true)]);
    }

    #[test]
    fn nodes_that_stand_alone_split_the_steps() {
        let graph = chain(5);
        let steps = steps(&graph, &[graph.find("t4").unwrap()], &[], |node| node.0 == 2);
        let nodes: Vec<Vec<usize>> =
            steps.iter().map(|step| step.nodes.iter().map(|node| node.0).collect()).collect();
        assert_eq!(nodes, [vec![0, 1], vec![2], vec![3, 4]]);
    }
}
