//! Finds the tensors that follow from constants alone.

use super::size;
use crate::graph::{BODY_DOMAIN, Edge, Graph, Node, NodeId, TensorId, TensorKind};
use crate::place::ops::Forms;

/// The values that a tensor depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dependence {
    /// On the model's inputs or on random values.
    Data,
    /// Only on constants, through operators that are computed ahead. Stored constants are included.
    ///
    /// An operator is computed ahead if it always gives the same result and the size of the result is known
    /// before.
    Constants,
    /// Only on constants, but this node is not computed ahead ([`why_not`]).
    Uncomputed(NodeId),
}

/// Operators whose results differ from run to run.
const RANDOM: [&str; 6] =
    ["Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"];

/// Returns the dependence of each tensor of `graph`.
pub fn dependences(graph: &Graph) -> Vec<Dependence> {
    let of_kind = |kind| if kind == TensorKind::Constant { Dependence::Constants } else { Dependence::Data };
    let mut all: Vec<Dependence> = graph.tensors.iter().map(|tensor| of_kind(tensor.kind)).collect();
    for id in graph.node_ids() {
        let node = graph.node(id);
        let found = of_node(graph, id, &all);
        let outputs = node.outputs.iter().flatten();
        outputs.filter(|output| graph.tensor(**output).kind == TensorKind::Activation).for_each(|output| {
            all[output.0] = found;
        });
    }
    all
}

fn of_node(graph: &Graph, id: NodeId, all: &[Dependence]) -> Dependence {
    let node = graph.node(id);
    let reads = || graph.reads(id).map(|input| all[input.0]);
    // A node without inputs creates its values itself. The body of a Loop or Scan reads other values in every
    // round.
    if is_random(node)
        || node.domain == BODY_DOMAIN
        || reads().next().is_none()
        || reads().any(|input| input == Dependence::Data)
    {
        return Dependence::Data;
    }
    match reads().find(|input| *input != Dependence::Constants) {
        Some(uncomputed) => uncomputed,
        None if is_computed(node) => Dependence::Constants,
        None => Dependence::Uncomputed(id),
    }
}

/// Returns whether the node's results can be computed as soon as its inputs are.
pub(super) fn is_computed(node: &Node) -> bool {
    node.domain.is_empty() && node.captures.is_empty() && size::is_known(&node.op) && !is_random(node)
}

fn is_random(node: &Node) -> bool {
    // A third input may switch a Dropout to training mode.
    node.is("Dropout") && node.input(2).is_some()
        || RANDOM.iter().any(|op| node.is(op) || node.nested.iter().any(|nested| nested == op))
}

/// Returns the reason why a node that has only constant inputs is not computed ahead.
pub fn why_not(node: &Node) -> String {
    match &*node.domain {
        "" => format!("operator {} is not computed ahead", node.op),
        domain => format!("operator {} of domain {domain} is not computed ahead", node.op),
    }
}

/// Returns the tensors that are computed from constants alone and that are needed as values.
///
/// These tensors are neither stored constants nor another form of one ([`Forms`]), and a node outside the
/// constant computation reads them.
pub fn computed_constants(graph: &Graph) -> Vec<TensorId> {
    let (depends, forms) = (dependences(graph), Forms::of(graph));
    let follows = |id: TensorId| depends[id.0] == Dependence::Constants;
    let reads_on =
        |edge: &Edge| graph.node(edge.node).outputs.iter().flatten().all(|&output| follows(output));
    let is_asked_for = |&id: &TensorId| {
        let tensor = graph.tensor(id);
        let is_computed =
            follows(id) && tensor.kind == TensorKind::Activation && forms.constant(id).is_none();
        is_computed && !tensor.consumers.iter().all(reads_on)
    };
    graph.tensor_ids().filter(is_asked_for).collect()
}
