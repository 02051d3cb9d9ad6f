//! A plan for a network to which nodes were added.

use super::{Decision, Format, Plan, PlannedActivation, PlannedAttention, PlannedWeight, Verdict};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Edge, Graph, NodeId, TensorId};

impl Plan {
    /// Returns the same plan for `new`, which has the tensors of `old` and more.
    ///
    /// `nodes` are the nodes of `old` in `new`. The other nodes of `new` stay in float, for this reason.
    ///
    /// # Errors
    /// `Internal` if a tensor or node is missing.
    pub(crate) fn moved(&self, old: &Graph, new: &Graph, nodes: &[NodeId], reason: &str) -> Result<Self> {
        let missing = || Error::new(ErrorKind::Internal, "a planned tensor or node is gone");
        let tensor = |id: TensorId| new.find(&old.tensor(id).name).ok_or_else(missing);
        let node = |id: NodeId| nodes.get(id.0).copied().ok_or_else(missing);
        let edges = |edges: &[Edge]| -> Result<Vec<Edge>> {
            edges.iter().map(|edge| Ok(Edge { node: node(edge.node)?, input: edge.input })).collect()
        };
        let mut plan = self.clone();
        for PlannedActivation { tensor: id, edges: own, .. } in &mut plan.activations {
            (*id, *own) = (tensor(*id)?, edges(own)?);
        }
        for PlannedWeight { tensor: id, constant, edges: own, .. } in &mut plan.weights {
            (*id, *constant, *own) = (tensor(*id)?, tensor(*constant)?, edges(own)?);
        }
        for id in plan.groups.iter_mut().flatten() {
            *id = tensor(*id)?;
        }
        for PlannedAttention { scores, context, probabilities, .. } in &mut plan.attentions {
            for id in scores {
                *id = node(*id)?;
            }
            (*context, *probabilities) = (node(*context)?, tensor(*probabilities)?);
        }
        plan.activations.sort_by_key(|planned| planned.tensor);
        plan.weights.sort_by_key(|planned| planned.tensor);
        let float = |node| Decision {
            node,
            verdict: Verdict::Float,
            format: Format::default(),
            reason: reason.to_owned(),
        };
        let mut decisions: Vec<Decision> = new.node_ids().map(float).collect();
        for decision in &self.decisions {
            let id = node(decision.node)?;
            let place = decisions.get_mut(id.0).ok_or_else(missing)?;
            *place = Decision { node: id, ..decision.clone() };
        }
        Ok(Self { decisions, ..plan })
    }

    /// Lets `edges` read `to` quantized instead of `from`, with a scale of its own.
    pub(crate) fn redirect(&mut self, from: TensorId, to: TensorId, edges: &[Edge]) {
        let is_it = |planned: &&mut PlannedActivation| {
            planned.tensor == from && planned.edges.iter().any(|edge| edges.contains(edge))
        };
        let Some(planned) = self.activations.iter_mut().find(is_it) else { return };
        planned.edges.retain(|edge| !edges.contains(edge));
        let format = planned.format;
        self.activations.retain(|planned| !planned.edges.is_empty());
        let group = self.groups.len();
        self.groups.push(vec![to]);
        self.activations.push(PlannedActivation { tensor: to, edges: edges.to_vec(), group, format });
        self.activations.sort_by_key(|planned| planned.tensor);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Policy, plan};
    use super::*;
    use crate::dtype::DataType;
    use crate::graph::{NewNode, TensorKind};
    use crate::tensor::Dim;

    /// Makes a product, behind a Mul if there is one.
    fn network(has_mul: bool) -> Graph {
        let mut graph = Graph::new();
        let mut tensor = |name: &str, kind, shape: &[usize]| {
            let shape = shape.iter().map(|&size| Dim::Fixed(size)).collect();
            Some(graph.add_tensor(name, kind, Some(DataType::F32), Some(shape)).unwrap())
        };
        let mut read = tensor("x", TensorKind::Input, &[2, 4]);
        let factors = tensor("factors", TensorKind::Constant, &[4]);
        let weight = tensor("weight", TensorKind::Constant, &[4, 3]);
        if has_mul {
            let inputs = [read, factors];
            let mul =
                NewNode { op: "Mul", inputs: &inputs, outputs: &[Some("product")], ..NewNode::default() };
            let mul = graph.add_node(mul).unwrap();
            read = graph.node(mul).output(0);
        }
        let inputs = [read, weight];
        let node = NewNode { op: "MatMul", inputs: &inputs, outputs: &[Some("y")], ..NewNode::default() };
        graph.add_node(node).unwrap();
        graph
    }

    #[test]
    fn a_plan_moves_to_the_network_with_an_added_node() {
        let (old, new) = (network(false), network(true));
        let before = plan(&old, &Policy::default()).unwrap();
        let mut moved = before.moved(&old, &new, &[NodeId(1)], "it was added").unwrap();
        let [edge, weight_edge] = [0, 1].map(|input| Edge { node: NodeId(1), input });
        assert_eq!(
            (moved.activations[0].edges.clone(), moved.weights[0].edges.clone()),
            (vec![edge], vec![weight_edge])
        );
        let verdicts: Vec<_> = moved.decisions.iter().map(|one| (one.node.0, one.verdict)).collect();
        assert_eq!(verdicts, [(0, Verdict::Float), (1, Verdict::Quantized)]);
        assert_eq!(moved.decisions[0].reason, "it was added");

        let [x, product] = ["x", "product"].map(|name| new.find(name).unwrap());
        moved.redirect(x, product, &[edge]);
        let read: Vec<_> = moved.activations.iter().map(|one| (one.tensor, one.group)).collect();
        assert_eq!(read, [(product, before.groups.len())]);
        assert_eq!(moved.groups.last(), Some(&vec![product]));
        // Nothing reads x quantized any more, so this changes nothing.
        moved.redirect(x, product, &[edge]);
        assert_eq!(moved.groups.len(), before.groups.len() + 1);
    }

    #[test]
    fn a_network_without_the_planned_tensors_or_nodes_is_refused() {
        let (old, new) = (network(false), network(true));
        let plan = plan(&old, &Policy::default()).unwrap();
        for (new, nodes) in [(&Graph::new(), vec![NodeId(1)]), (&new, vec![])] {
            let error = plan.moved(&old, new, &nodes, "it was added").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Internal);
        }
    }
}
