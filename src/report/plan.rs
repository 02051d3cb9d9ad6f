//! The verdicts on the nodes of a network and their reasons.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::finding::listed;
use crate::graph::Graph;
use crate::place::ops::all_nested_weighted;
use crate::place::{Coverage, Decision, Format, Plan, Verdict};

use super::table::{Align, Table};

/// Returns the word for a verdict in text and JSON, such as `int8`, `passes fp8` or `float`.
pub fn verdict_name(decision: &Decision) -> String {
    match decision.verdict {
        Verdict::Quantized => decision.format.name().to_owned(),
        Verdict::PassesInt8 => format!("passes {}", decision.format),
        Verdict::Float => "float".to_owned(),
    }
}

/// Describes in one sentence how much of a network is quantized, by format.
///
/// It counts the convolutions and products that are, and the other nodes that stay in float.
pub fn totals(graph: &Graph, plan: &Plan) -> String {
    let Coverage { quantized, total } = plan.coverage(graph);
    let usual = plan.policy.format;
    let others = Format::ALL.into_iter().filter(|&format| format != usual);
    let others = others.map(|format| (format, plan.count_in(graph, format))).filter(|&(_, count)| count > 0);
    let others: Vec<(Format, usize)> = others.collect();
    let in_usual = plan.count_in(graph, usual);
    let further = others.iter().map(|(format, count)| format!(", {count} {}", format.rules().effect));
    let further: String = further.collect();
    let float = plan.decisions.iter().filter(|decision| decision.verdict == Verdict::Float).count();
    let (rest, rest_float) = (plan.decisions.len() - total, float - (total - quantized));
    let inside = all_nested_weighted(graph).map_or_else(String::new, |inside| {
        format!("; {inside} lie in subgraphs inside the body of a Scan, where nothing is quantized")
    });
    format!(
        "{in_usual} of {total} convolutions and products {}{further}; {rest_float} of {rest} other nodes stay in \
         float{inside}",
        usual.rules().effect
    )
}

/// Returns one line per node, then the totals.
pub fn text(graph: &Graph, plan: &Plan) -> String {
    let columns = ["node", "op", "runs in", "why"].map(|title| (title, Align::Left));
    let mut table = Table::new(&columns);
    for decision in &plan.decisions {
        let node = graph.node(decision.node);
        table.row([node.name.as_str(), &node.op, &verdict_name(decision), &decision.reason]);
    }
    format!("{table}\n{}", quantities(graph, plan))
}

/// Returns one line for all nodes of an operator that have the same reason, then the totals.
///
/// The lines have the order of their first nodes.
pub fn summary(graph: &Graph, plan: &Plan) -> String {
    let columns = ["op", "nodes", "runs in", "why", "which"];
    let mut table =
        Table::new(&columns.map(|title| (title, if title == "nodes" { Align::Right } else { Align::Left })));
    type Key<'a> = (&'a str, String, &'a str);
    let mut groups: Vec<(Key<'_>, Vec<&str>)> = Vec::new();
    let mut positions = HashMap::new();
    for decision in &plan.decisions {
        let node = graph.node(decision.node);
        let key = (node.op.as_str(), verdict_name(decision), decision.reason.as_str());
        let position = *positions.entry(key.clone()).or_insert_with(|| {
            groups.push((key, Vec::new()));
            groups.len() - 1
        });
        groups[position].1.push(&node.name);
    }
    for ((op, verdict, reason), names) in groups {
        let count = names.len().to_string();
        table.row([op, &count, &verdict, reason, &listed(&names, 1)]);
    }
    format!("{table}\n{}", quantities(graph, plan))
}

fn quantities(graph: &Graph, plan: &Plan) -> String {
    format!(
        "{}\nquantized: activations {} (scales {}), weights {}\n",
        totals(graph, plan),
        plan.activations.len(),
        plan.groups.len(),
        plan.weights.len(),
    )
}

/// Returns the plan as JSON, for programs.
///
/// - `nodes` have `name`, `op`, `verdict` and `reason`.
/// - `activations` have `tensor`, `readers`, `group` and `format`. The tensors of a group share a scale.
/// - `weights` have `tensor`, `readers`, `format`, `axis`, which is `null` for one scale, and `block`, the
///   number of weights in a row along the axis that share a scale, which is `null` without blocks.
/// - `in_subgraphs` describes the convolutions and products inside subgraphs.
///
/// A reader is the name of a node and the number of its input.
pub fn to_json(graph: &Graph, plan: &Plan) -> Value {
    let nodes = plan.decisions.iter().map(|decision| {
        let node = graph.node(decision.node);
        json!({
            "name": node.name,
            "op": node.op,
            "verdict": verdict_name(decision),
            "reason": decision.reason,
        })
    });
    let readers = |edges: &[crate::graph::Edge]| {
        let reader = |edge: &crate::graph::Edge| json!([graph.node(edge.node).name, edge.input]);
        edges.iter().map(reader).collect::<Vec<_>>()
    };
    let activations = plan.activations.iter().map(|activation| {
        json!({
            "tensor": graph.tensor(activation.tensor).name,
            "readers": readers(&activation.edges),
            "group": activation.group,
            "format": activation.format.name(),
        })
    });
    let weights = plan.weights.iter().map(|weight| {
        json!({
            "tensor": graph.tensor(weight.tensor).name,
            "readers": readers(&weight.edges),
            "axis": weight.grid.axis,
            "block": weight.grid.block,
            "format": weight.grid.format.name(),
        })
    });
    json!({
        "nodes": nodes.collect::<Vec<_>>(),
        "activations": activations.collect::<Vec<_>>(),
        "weights": weights.collect::<Vec<_>>(),
        "in_subgraphs": all_nested_weighted(graph),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::DataType;
    use crate::graph::{NewNode, TensorKind};
    use crate::place::{self, Policy};
    use crate::tensor::Dim;

    fn convolution() -> (Graph, Plan) {
        let mut graph = Graph::new();
        let fixed = |dims: &[usize]| Some(dims.iter().map(|&dim| Dim::Fixed(dim)).collect());
        let float = Some(DataType::F32);
        let x = graph.add_tensor("x", TensorKind::Input, float, fixed(&[1, 3, 8, 8])).unwrap();
        let w = graph.add_tensor("w", TensorKind::Constant, float, fixed(&[4, 3, 3, 3])).unwrap();
        let inputs = [Some(x), Some(w)];
        let node = NewNode {
            name: "conv",
            op: "Conv",
            inputs: &inputs,
            outputs: &[Some("y")],
            ..NewNode::default()
        };
        let conv = graph.add_node(node).unwrap();
        let y = graph.node(conv).output(0).unwrap();
        graph
            .add_node(NewNode { op: "Relu", inputs: &[Some(y)], outputs: &[Some("z")], ..NewNode::default() })
            .unwrap();
        let plan = place::plan(&graph, &Policy::default()).unwrap();
        (graph, plan)
    }

    #[test]
    fn text_names_every_node_and_its_reason() {
        let (graph, plan) = convolution();
        let text = text(&graph, &plan);
        for decision in &plan.decisions {
            let name = &graph.node(decision.node).name;
            let line = text.lines().find(|line| line.starts_with(name)).unwrap();
            assert!(line.ends_with(&decision.reason), "{line}");
        }
        let totals = "1 of 1 convolutions and products compute in INT8; 1 of 1 other nodes stay in float\n\
            quantized: activations 1 (scales 1), weights 1\n";
        assert!(text.ends_with(totals), "{text}");
    }

    #[test]
    fn a_summary_says_each_reason_once() {
        let (mut graph, _) = convolution();
        for (x, y) in [("z", "z1"), ("z1", "z2")] {
            let x = graph.find(x);
            graph
                .add_node(NewNode { op: "Relu", inputs: &[x], outputs: &[Some(y)], ..NewNode::default() })
                .unwrap();
        }
        let plan = place::plan(&graph, &Policy::default()).unwrap();
        let summary = summary(&graph, &plan);
        let relus: Vec<&str> = summary.lines().filter(|line| line.starts_with("Relu")).collect();
        assert!(
            relus.len() == 1 && relus[0].contains("3") && relus[0].ends_with("Relu_1 and 2 more"),
            "{summary}"
        );
        assert!(summary.lines().any(|line| line.starts_with("Conv") && line.ends_with("conv")), "{summary}");
    }

    #[test]
    fn json_has_readers_and_axes() {
        let (graph, plan) = convolution();
        let json = to_json(&graph, &plan);
        assert_eq!(json["nodes"][0]["verdict"], "int8");
        assert_eq!(
            json["activations"][0],
            json!({"tensor": "x", "readers": [["conv", 0]], "group": 0, "format": "int8"})
        );
        assert_eq!(
            json["weights"][0],
            json!({"tensor": "w", "readers": [["conv", 1]], "axis": 0, "block": null, "format": "int8"})
        );
    }
}
