//! Replacement of QuantizeLinear in subgraphs by the operators that define it, for a runtime whose own
//! QuantizeLinear gives other results.

use super::Model;
use super::infer::Scope;
use super::node::{AttributeValue, NodeRef, NodeSpec, nested_in, subgraphs, subgraphs_mut};
use super::proto::{GraphProto, NodeProto};
use super::walk::UniqueNames;

const OP: &str = "QuantizeLinear";

impl Model {
    /// Replaces QuantizeLinear nodes in subgraphs by Div, Round, Add and Cast.
    ///
    /// The node must have a zero point, and one scale or one scale per index of an axis. Other nodes stay.
    /// The runtime's Cast must saturate: it must take the nearest number that the type has.
    pub fn define_nested_quantize(&mut self) {
        let is_it = |node: &NodeProto| node.op_type.as_deref() == Some(OP);
        if !nested_in(self.proto.graph.node.iter().flat_map(subgraphs)).any(is_it) {
            return;
        }
        let mut names = self.unique_names();
        let main = self.edited().graph.get_or_insert_default();
        let mut scope = Scope::of_graph(main, None);
        for node in &mut main.node {
            scope.learn(node);
            subgraphs_mut(node).for_each(|graph| define(graph, &scope, &mut names));
        }
    }
}

fn define(graph: &mut GraphProto, outer: &Scope<'_>, names: &mut UniqueNames) {
    let mut scope = Scope::of_graph(graph, Some(outer));
    for mut node in std::mem::take(&mut graph.node) {
        scope.learn(&node);
        subgraphs_mut(&mut node).for_each(|graph| define(graph, &scope, names));
        match defined(&node, &scope, names) {
            Some(nodes) => graph.node.extend(nodes),
            None => graph.node.push(node),
        }
    }
}

fn defined(node: &NodeProto, scope: &Scope<'_>, names: &mut UniqueNames) -> Option<Vec<NodeProto>> {
    let node = NodeRef::new(node);
    let ([x, scale, zero], [output]) = (node.inputs(), node.outputs()) else { return None };
    if node.op() != OP || !node.domain().is_empty() {
        return None;
    }
    let kind = i64::from(scope.get(zero)?.element?.code());
    let mut nodes = Vec::new();
    // The axes to add to several scales, so that each scale applies to its index of the axis.
    let others: Option<Vec<i64>> = match scope.get(scale)?.rank()? {
        0 => None,
        1 => {
            let rank = scope.get(x)?.rank()? as i64;
            let axis = node.int("axis").unwrap_or(1);
            let axis = if axis < 0 { axis + rank } else { axis };
            Some((0..rank).filter(|&other| other != axis).collect())
        }
        _ => return None,
    };
    let axes = others.filter(|others| !others.is_empty()).map(|others| {
        let name = names.fresh(&format!("{}/axes", node.name()));
        let made = NodeSpec::new("Constant", &name, &[], &[&name]);
        nodes.push(made.with("value_ints", AttributeValue::Ints(others)).into_proto());
        name
    });
    let mut add = |op: &str, inputs: &[&str], to: Option<i64>, output: Option<&str>| {
        let output = output.map_or_else(|| names.fresh(&format!("{}/{op}", node.name())), str::to_owned);
        let made = NodeSpec::new(op, &names.fresh(&output), inputs, &[&output]);
        let made = match to {
            Some(kind) => made.with("to", AttributeValue::Int(kind)),
            None => made,
        };
        nodes.push(made.into_proto());
        output
    };
    let mut scale = scale.clone();
    let mut zero = add("Cast", &[zero], Some(1), None);
    if let Some(axes) = &axes {
        scale = add("Unsqueeze", &[&scale, axes], None, None);
        zero = add("Unsqueeze", &[&zero, axes], None, None);
    }
    let steps = add("Div", &[x, &scale], None, None);
    let whole = add("Round", &[&steps], None, None);
    let shifted = add("Add", &[&whole, &zero], None, None);
    add("Cast", &[&shifted], Some(kind), Some(output));
    Some(nodes)
}
