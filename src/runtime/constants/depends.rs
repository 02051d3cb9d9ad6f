//! Which tensors follow from constants alone.

use super::size;
use crate::graph::{BODY_DOMAIN, Edge, Graph, Node, NodeId, TensorId, TensorKind};
use crate::place::ops::Forms;

/// What a tensor depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dependence {
    /// On what is fed, or on chance.
    Data,
    /// On constants alone, by operators that are computed ahead: those that give the same result every time
    /// and whose result's size is known before. Constants that are stored are among them.
    Constants,
    /// On constants alone too, but this node is not computed ahead ([`why_not`]).
    Uncomputed(NodeId),
}

/// Operators whose results differ from run to run.
const RANDOM: [&str; 6] =
    ["Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"];

/// For each tensor of `graph` what it depends on.
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
    // Without inputs it makes something up. What the body of a Loop or Scan reads is another value in every
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

/// Whether the node's results can be computed once its inputs are.
pub(super) fn is_computed(node: &Node) -> bool {
    node.domain.is_empty() && node.captures.is_empty() && size::is_known(&node.op) && !is_random(node)
}

fn is_random(node: &Node) -> bool {
    // A Dropout with a third input may be told to train.
    node.is("Dropout") && node.input(2).is_some()
        || RANDOM.iter().any(|op| node.is(op) || node.nested.iter().any(|nested| nested == op))
}

/// Why a node with nothing but constants for inputs is not computed ahead.
pub fn why_not(node: &Node) -> String {
    match &*node.domain {
        "" => format!("operator {} is not computed ahead", node.op),
        domain => format!("operator {} of domain {domain} is not computed ahead", node.op),
    }
}

/// The tensors that follow from constants alone, that are neither stored nor only another form of one that is
/// ([`Forms`]), and that something else reads.
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
