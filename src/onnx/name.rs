//! Names for nodes that have none.

use super::Model;
use super::node::{all_in, subgraphs_mut};
use super::proto::{GraphProto, NodeProto};
use super::value::is_constant;
use super::walk::UniqueNames;

impl Model {
    /// Gives every node without a name one from its operator and position, in the main graph and in
    /// subgraphs. Returns whether there were any. Other programs refer to nodes by name.
    ///
    /// A node of the main graph gets the name that the neutral graph shows ([`Model::graph`]), such as
    /// `Conv_12`. A node of a subgraph has the name of the node that holds it in front: `If_3/Add_0`. A name
    /// that a tensor or another node has gets a number.
    pub fn name_nodes(&mut self) -> bool {
        if all_in(self.proto.graph.as_option().into_iter()).all(is_named) {
            return false;
        }
        let mut names = self.unique_names();
        if let Some(graph) = self.edited().graph.as_option_mut() {
            name_in(graph, "", &mut names);
        }
        true
    }
}

fn is_named(node: &NodeProto) -> bool {
    node.name.as_deref().is_some_and(|name| !name.is_empty())
}

fn name_in(graph: &mut GraphProto, scope: &str, names: &mut UniqueNames) {
    // The neutral graph does not count `Constant` nodes.
    let mut counts = [0, 0];
    for node in &mut graph.node {
        let count = &mut counts[usize::from(is_constant(node))];
        if !is_named(node) {
            let op = node.op_type.as_deref().unwrap_or_default();
            node.name = Some(names.fresh(&format!("{scope}{op}_{count}")));
        }
        *count += 1;
        let inner = format!("{}/", node.name.as_deref().unwrap_or_default());
        subgraphs_mut(node).for_each(|graph| name_in(graph, &inner, names));
    }
}
