use super::*;
use crate::dtype::DataType;
use crate::graph::{Attribute, NewNode, TensorKind};
use crate::tensor::Dim;

mod attention;
mod formats;
mod front_end;
mod passing;
mod residuals;
mod weights;

/// Makes a graph from lines such as `Conv x w[8,3,3,3] -> y` or `Gemm:transB=1 ...`.
///
/// A name with a shape is a constant. `x`, `x1`, ... are inputs. Tensors without a reader are outputs.
fn graph(lines: &str) -> Graph {
    let mut graph = Graph::new();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (left, outputs) = line.split_once(" -> ").unwrap();
        let mut words = left.split_whitespace();
        let head = words.next().unwrap();
        let (op, attribute) = head.split_once(':').unwrap_or((head, ""));
        let inputs: Vec<_> = words.map(|word| Some(tensor(&mut graph, word))).collect();
        let outputs: Vec<_> = outputs.split_whitespace().map(Some).collect();
        let attributes = attribute
            .split_once('=')
            .map(|(name, value)| (name.to_owned(), Attribute::Int(value.parse().unwrap())))
            .into_iter()
            .collect();
        let node = NewNode { op, inputs: &inputs, outputs: &outputs, attributes, ..NewNode::default() };
        graph.add_node(node).unwrap();
    }
    for id in graph.tensor_ids() {
        if graph.tensor(id).consumers.is_empty() {
            graph.mark_output(id);
        }
    }
    graph
}

fn tensor(graph: &mut Graph, word: &str) -> TensorId {
    let (name, shape) = match word.split_once('[') {
        Some((name, shape)) => (name, Some(shape.trim_end_matches(']'))),
        None => (word, None),
    };
    if let Some(found) = graph.find(name) {
        return found;
    }
    let shape = shape.map(|dims| {
        dims.split(',').filter(|dim| !dim.is_empty()).map(|dim| Dim::Fixed(dim.parse().unwrap())).collect()
    });
    let kind = if shape.is_some() { TensorKind::Constant } else { TensorKind::Input };
    graph.add_tensor(name, kind, Some(DataType::F32), shape).unwrap()
}

/// Describes a plan: `x>Conv_0.0` for a quantized use, `w@0>Conv_0.1` for a weight with its axis.
fn uses(graph: &Graph, plan: &Plan) -> Vec<String> {
    let edge = |edge: &Edge| format!("{}.{}", graph.node(edge.node).name, edge.input);
    let mut found = Vec::new();
    for activation in &plan.activations {
        let name = &graph.tensor(activation.tensor).name;
        found.extend(activation.edges.iter().map(|e| format!("{name}>{}", edge(e))));
    }
    for weight in &plan.weights {
        let name = &graph.tensor(weight.tensor).name;
        let axis = weight.grid.axis.map_or("-".to_owned(), |axis| axis.to_string());
        found.extend(weight.edges.iter().map(|e| format!("{name}@{axis}>{}", edge(e))));
    }
    found
}

fn check(lines: &str, expected: &[&str]) -> (Graph, Plan) {
    let graph = graph(lines);
    let plan = plan(&graph, &Policy::default()).unwrap();
    assert_eq!(uses(&graph, &plan), expected, "{lines}");
    assert_eq!(plan.decisions.len(), graph.nodes.len());
    (graph, plan)
}

fn reason(graph: &Graph, plan: &Plan, node: &str) -> String {
    let decision = plan.decisions.iter().find(|d| graph.node(d.node).name == node).unwrap();
    decision.reason.clone()
}

#[test]
fn a_bias_stays_float() {
    check("Conv x w[8,3,3,3] b[8] -> y", &["x>Conv_0.0", "w@0>Conv_0.1"]);
}

#[test]
fn attention_products_quantize_both_inputs() {
    let (graph, plan) = check("MatMul x x1 -> s\nSoftmax s -> p", &["x>MatMul_0.0", "x1>MatMul_0.1"]);
    assert!(reason(&graph, &plan, "MatMul_0").contains("one scale each"));
}

#[test]
fn a_convolution_with_a_computed_weight_stays_float() {
    let (graph, plan) = check("Relu x1 -> w\nConv x w -> y", &[]);
    assert!(reason(&graph, &plan, "Conv_1").contains("computed at run time"));
}

#[test]
fn nothing_lies_between_convolution_batch_normalisation_and_activation() {
    check(
        "Conv x w[8,3,3,3] -> a
         BatchNormalization a s[8] b[8] m[8] v[8] -> n
         Relu n -> r
         Conv r w2[8,8,3,3] -> y",
        &["x>Conv_0.0", "r>Conv_3.0", "w@0>Conv_0.1", "w2@0>Conv_3.1"],
    );
}

#[test]
fn the_user_includes_and_excludes_by_name_and_operator() {
    let graph = graph("Conv x w[8,3,3,3] -> a\nConv a w2[8,8,3,3] -> b\nGemm b w3[8,4] -> y");
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let quantized = |policy: Policy| {
        let plan = plan(&graph, &policy).unwrap();
        let quantized = plan.decisions.iter().filter(|d| d.verdict == Verdict::Quantized);
        quantized.map(|d| graph.node(d.node).name.clone()).collect::<Vec<_>>()
    };
    let exclude = Selection { names: names(&["Conv_*"]), ops: vec![] };
    assert_eq!(quantized(Policy { exclude, ..Policy::default() }), ["Gemm_2"]);
    let include = Selection { names: vec![], ops: names(&["Conv"]) };
    let exclude = Selection { names: names(&["Conv_1"]), ops: vec![] };
    assert_eq!(quantized(Policy { include, exclude, ..Policy::default() }), ["Conv_0"]);
    let exclude = Selection { names: names(&["conv*"]), ops: vec![] };
    let error = plan(&graph, &Policy { exclude, ..Policy::default() }).unwrap_err();
    assert!(error.to_string().contains("'conv*' matches no node"), "{error}");
}

#[test]
fn integers_and_what_is_quantized_already_are_left_alone() {
    let mut ints = graph("MatMul x x1 -> y");
    let x = ints.find("x").unwrap();
    ints.tensors[x.0].dtype = Some(DataType::I32);
    let planned = plan(&ints, &Policy::default()).unwrap();
    assert!(planned.activations.is_empty());
    assert!(reason(&ints, &planned, "MatMul_0").contains("i32"));
    let (graph, plan) = check("DequantizeLinear x s[] -> d\nConv d w[8,3,3,3] -> y", &[]);
    assert!(reason(&graph, &plan, "Conv_1").contains("quantized already"));
}

#[test]
fn a_node_whose_activation_has_no_range_stays_float() {
    let graph = graph("Conv x w[8,3,3,3] -> a\nMaxPool a -> p\nConv p w2[8,8,3,3] -> y");
    let ranged = Some(["x", "p"].map(str::to_owned).into());
    let plan = plan(&graph, &Policy { ranged, ..Policy::default() }).unwrap();
    assert_eq!(uses(&graph, &plan), ["x>Conv_0.0", "p>Conv_2.0", "w@0>Conv_0.1", "w2@0>Conv_2.1"]);
    assert_eq!(reason(&graph, &plan, "MaxPool_1"), "there is no range for 'a'");
}

#[test]
fn a_lookup_in_a_constant_table_is_not_quantized() {
    check("Gather t[100,8] x -> e\nMatMul e w[8,8] -> y", &["e>MatMul_1.0", "w@1>MatMul_1.1"]);
}

#[test]
fn what_is_quantized_already_is_found_behind_operators_that_change_its_form() {
    let (graph, plan) = check("DequantizeLinear q s[] -> d\nTranspose d -> t\nMatMul x t -> y", &[]);
    assert!(reason(&graph, &plan, "MatMul_2").contains("quantized already"));
    check("DequantizeLinear q s[] -> d\nCast:to=10 d -> h\nMatMul h x -> y", &[]);
}

#[test]
fn integers_are_never_planned() {
    let mut graph = graph("Flatten x -> f\nConcat f f -> c\nCast c -> g\nGemm g w[8,4] -> out");
    for name in ["x", "f", "c"] {
        graph.describe(graph.find(name).unwrap(), Some(DataType::I32), None);
    }
    let plan = plan(&graph, &Policy::default()).unwrap();
    assert_eq!(uses(&graph, &plan), ["g>Gemm_3.0", "w@1>Gemm_3.1"]);
}

#[test]
fn what_is_quantized_by_half_gets_the_other_half() {
    let pair = "QuantizeLinear x s[] -> q\nDequantizeLinear q s -> d\n";
    let typed = |lines: &str, integers: &[&str], dtype| {
        let mut graph = graph(lines);
        for name in integers {
            graph.describe(graph.find(name).unwrap(), Some(dtype), None);
        }
        let plan = plan(&graph, &Policy::default()).unwrap();
        (uses(&graph, &plan), plan.coverage(&graph).quantized)
    };
    let i8 = DataType::I8;
    let (found, quantized) = typed(&format!("{pair}Conv d w[8,3,3,3] -> y"), &["q"], i8);
    assert_eq!((found, quantized), (vec!["w@0>Conv_2.1".to_owned()], 1));
    let weight = "DequantizeLinear k[8,4] s[8] -> w\nTranspose w -> t\n";
    let (found, quantized) = typed(&format!("{weight}MatMul x t -> y"), &["k"], i8);
    assert_eq!((found, quantized), (vec!["x>MatMul_2.0".to_owned()], 1));
    let (found, quantized) = typed(&format!("{pair}{weight}MatMul d t -> y"), &["q", "k"], i8);
    assert_eq!((found, quantized), (vec![], 1));
    // A residual whose branch is already quantized needs nothing.
    let residual = format!("{pair}Conv d w[8,8,3,3] -> c\nAdd c d -> y");
    assert_eq!(typed(&residual, &["q"], i8), (vec!["w@0>Conv_2.1".to_owned()], 1));
    // TensorRT refuses a zero point. So the readers of the dequantized values stay in float.
    let mut shifted = graph(&format!("{pair}Conv d w[8,8,3,3] -> c\nAdd c d -> y\nConv y v[8,8,3,3] -> z"));
    let integers = shifted.find("q").unwrap();
    shifted.describe(integers, Some(DataType::I8), None);
    (0..2).for_each(|node| existing::refuse(&mut shifted, NodeId(node)));
    let refused = plan(&shifted, &Policy::default()).unwrap();
    assert_eq!(uses(&shifted, &refused), ["y>Conv_4.0", "v@0>Conv_4.1"]);
    assert!(reason(&shifted, &refused, "Conv_2").contains("with a zero point that TensorRT refuses"));
    assert_eq!((refused.decisions[0].verdict, refused.coverage(&shifted).quantized), (Verdict::Float, 1));
    // TensorRT accepts no uint8, and other integers have another format.
    let (found, quantized) = typed(&format!("{pair}Conv d w[8,3,3,3] -> y"), &["q"], DataType::U8);
    assert_eq!((found, quantized), (vec![], 0));
}

/// Every reason is true of its operator: only operators that TensorRT fuses have "fuses" in their reason.
#[test]
fn reasons_are_those_of_the_operator() {
    for (line, part) in [
        ("Relu x -> y", "element-wise: TensorRT fuses it"),
        ("BatchNormalization x a[8] b[8] c[8] d[8] -> y", "part of the convolution before it"),
        ("Softmax x -> y", "qdq does not quantize Softmax"),
        ("Einsum x x1 x2 -> y", "qdq does not quantize Einsum"),
        ("LSTM x w[1,8,4] r[1,8,4] -> y", "qdq does not quantize LSTM"),
        ("AveragePool x -> y", "averages in float"),
        ("MaxPool x -> y", "only selects values, and not all that reads them is INT8"),
        ("Reshape x n[2] -> y", "only moves values, and not all that reads them is INT8"),
        ("QLinearConv x s[] z[] w[8,3,3,3] s z s z -> y", "which TensorRT's ONNX parser does not take"),
        ("Mul a[8] b[8] -> y", "is constant"),
        ("If x -> y", "only decides what runs"),
    ] {
        let graph = graph(line);
        let plan = plan(&graph, &Policy::default()).unwrap();
        assert!(plan.decisions[0].reason.contains(part), "{line}: {}", plan.decisions[0].reason);
    }
    let mut shapes = graph("Shape x -> y");
    shapes.describe(shapes.find("y").unwrap(), Some(DataType::I64), None);
    let shapes_plan = plan(&shapes, &Policy::default()).unwrap();
    assert_eq!(shapes_plan.decisions[0].reason, "computes no floating-point numbers");
}

#[test]
fn a_plan_below_the_least_share_is_an_error() {
    let graph = graph("Conv x w[8,3,3,3] -> c\nConv c v[8,8,3,3] -> y");
    let ranged = |names: &[&str], min_quantized| Policy {
        ranged: Some(names.iter().map(|&name| name.to_owned()).collect()),
        min_quantized,
        ..Policy::default()
    };
    assert!(plan(&graph, &ranged(&["x"], 0.5)).is_ok());
    let error = plan(&graph, &ranged(&["x"], 0.51)).unwrap_err();
    assert_eq!(error.kind(), crate::error::ErrorKind::Data);
    let parts =
        ["1 of 2 convolutions and products", "'Conv_1' stays in float: there is no range for 'c'", "0.51"];
    assert!(parts.iter().all(|part| error.message().contains(part)), "{error}");
    // Nodes that the user excludes do not count.
    let mut policy = ranged(&["x"], 1.0);
    policy.exclude.names.push("Conv_1".into());
    assert!(plan(&graph, &policy).is_ok());
    for share in [-0.1, 1.1, f32::NAN] {
        assert!(plan(&graph, &ranged(&["x"], share)).is_err(), "{share}");
    }
}
