//! Replacement of QuantizeLinear in subgraphs by the operators that define it, for a runtime whose own
//! QuantizeLinear gives other results, and of DequantizeLinear from e4m3, which that runtime lacks.

use super::Model;
use super::element::ElementType;
use super::infer::Scope;
use super::node::{AttributeValue, NodeRef, NodeSpec, nested_in, subgraphs, subgraphs_mut};
use super::proto::{GraphProto, NodeProto};
use super::walk::UniqueNames;

impl Model {
    /// Replaces QuantizeLinear nodes in subgraphs by Div, Round, Add, Clip and Cast, and DequantizeLinear
    /// nodes there that read e4m3 as f32 by Mul.
    ///
    /// The node must have one scale, or one scale per index of an axis. Other nodes stay. The runtime's Cast
    /// must saturate: it must take the nearest number that the type has.
    pub fn define_nested_quantize(&mut self) {
        let is_it = |node: &NodeProto| is_pair(NodeRef::new(node));
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

fn is_pair(node: NodeRef<'_>) -> bool {
    matches!(node.op(), "QuantizeLinear" | "DequantizeLinear") && node.domain().is_empty()
}

fn define(graph: &mut GraphProto, outer: &Scope<'_>, names: &mut UniqueNames) {
    let mut scope = Scope::of_graph(graph, Some(outer));
    for mut node in std::mem::take(&mut graph.node) {
        scope.learn(&node);
        subgraphs_mut(&mut node).for_each(|graph| define(graph, &scope, names));
        match defined(NodeRef::new(&node), &scope, names) {
            Some(nodes) => graph.node.extend(nodes),
            None => graph.node.push(node),
        }
    }
}

/// Whether [`Model::define_nested_quantize`] replaces a Quantize or Dequantize of a twin in plain types
/// ([`Model::in_plain_types`]).
pub(super) fn is_definable(node: NodeRef<'_>, scope: &Scope<'_>) -> bool {
    scales_of(node, scope).is_some()
}

/// The scales of a node: one, or one for each index of an axis, with the axes to add for that.
fn scales_of(node: NodeRef<'_>, scope: &Scope<'_>) -> Option<Option<Vec<i64>>> {
    let [x, scale, ..] = node.inputs() else { return None };
    if node.int("block_size").is_some_and(|size| size != 0) {
        return None;
    }
    match scope.get(scale)?.rank()? {
        0 => Some(None),
        1 => {
            let rank = scope.get(x)?.rank()? as i64;
            let axis = node.int("axis").unwrap_or(1);
            let axis = if axis < 0 { axis + rank } else { axis };
            Some(
                Some((0..rank).filter(|&other| other != axis).collect())
                    .filter(|it: &Vec<i64>| !it.is_empty()),
            )
        }
        _ => None,
    }
}

/// Returns the type to quantize to.
fn element_of(node: NodeRef<'_>, scope: &Scope<'_>) -> Option<ElementType> {
    let stated = node.int("output_dtype").filter(|&code| code != 0);
    match stated {
        Some(code) => i32::try_from(code).ok().and_then(ElementType::from_code),
        None => match node.inputs().get(2).filter(|zero| !zero.is_empty()) {
            Some(zero) => scope.get(zero)?.element,
            None => Some(ElementType::U8),
        },
    }
}

fn defined(node: NodeRef<'_>, scope: &Scope<'_>, names: &mut UniqueNames) -> Option<Vec<NodeProto>> {
    let ([x, scale, ..], [output]) = (node.inputs(), node.outputs()) else { return None };
    if !is_pair(node) {
        return None;
    }
    let axes = scales_of(node, scope)?;
    let mut made = Made { name: node.name(), names, nodes: Vec::new() };
    if node.op() == "DequantizeLinear" {
        if scope.get(x)?.element != Some(ElementType::F32) {
            return None;
        }
        let scale = made.along(scale.clone(), axes.as_deref());
        made.add("Mul", &[x, &scale], None, Some(output));
        return Some(made.nodes);
    }
    let element = element_of(node, scope)?;
    let zero = node.inputs().get(2).filter(|zero| !zero.is_empty() && element != ElementType::F8E4M3Fn);
    let zero = zero.map(|zero| made.add("Cast", &[zero], Some(ElementType::F32), None));
    let scale = made.along(scale.clone(), axes.as_deref());
    let zero = zero.map(|zero| made.along(zero, axes.as_deref()));
    let mut steps = made.add("Div", &[x, &scale], None, None);
    if element == ElementType::F8E4M3Fn {
        let saturate = AttributeValue::Int(node.int("saturate").unwrap_or(1));
        made.cast(&steps, element, output, Some(("saturate", saturate)));
        return Some(made.nodes);
    }
    steps = made.add("Round", &[&steps], None, None);
    if let Some(zero) = zero {
        steps = made.add("Add", &[&steps, &zero], None, None);
    }
    let (limits, stored) = match element {
        ElementType::I4 => (Some([-8.0, 7.0]), ElementType::I8),
        ElementType::U4 => (Some([0.0, 15.0]), ElementType::U8),
        ElementType::I16 => (Some([-32768.0, 32767.0]), ElementType::I32),
        ElementType::U16 => (Some([0.0, 65535.0]), ElementType::I32),
        other => (None, other),
    };
    if let Some(limits) = limits {
        let [least, most] = limits.map(|limit| made.number(limit));
        steps = made.add("Clip", &[&steps, &least, &most], None, None);
    }
    made.cast(&steps, stored, output, None);
    Some(made.nodes)
}

/// The nodes in place of one.
struct Made<'a> {
    name: &'a str,
    names: &'a mut UniqueNames,
    nodes: Vec<NodeProto>,
}

impl Made<'_> {
    fn add(&mut self, op: &str, inputs: &[&str], to: Option<ElementType>, output: Option<&str>) -> String {
        let fresh = |names: &mut UniqueNames| names.fresh(&format!("{}/{op}", self.name));
        let output = output.map_or_else(|| fresh(self.names), str::to_owned);
        let made = NodeSpec::new(op, &self.names.fresh(&output), inputs, &[&output]);
        let made = match to {
            Some(element) => made.with("to", AttributeValue::Int(element.code().into())),
            None => made,
        };
        self.nodes.push(made.into_proto());
        output
    }

    fn cast(&mut self, x: &str, to: ElementType, output: &str, more: Option<(&str, AttributeValue)>) {
        let name = self.names.fresh(output);
        let made = NodeSpec::new("Cast", &name, &[x], &[output]);
        let made = made.with("to", AttributeValue::Int(to.code().into()));
        let made = match more {
            Some((name, value)) => made.with(name, value),
            None => made,
        };
        self.nodes.push(made.into_proto());
    }

    fn constant(&mut self, purpose: &str, attribute: &str, value: AttributeValue) -> String {
        let name = self.names.fresh(&format!("{}/{purpose}", self.name));
        let made = NodeSpec::new("Constant", &name, &[], &[&name]).with(attribute, value);
        self.nodes.push(made.into_proto());
        name
    }

    fn number(&mut self, number: f32) -> String {
        self.constant("limit", "value_float", AttributeValue::Float(number))
    }

    /// Adds axes to one number per index of an axis, so that each applies to its index.
    fn along(&mut self, numbers: String, axes: Option<&[i64]>) -> String {
        let Some(axes) = axes else { return numbers };
        let axes = self.constant("axes", "value_ints", AttributeValue::Ints(axes.to_vec()));
        self.add("Unsqueeze", &[&numbers, &axes], None, None)
    }
}
