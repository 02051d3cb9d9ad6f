use super::*;
use crate::dtype::DataType;
use crate::graph::{Attribute, NewNode, TensorKind};
use crate::tensor::Dim;

mod attention;
mod formats;
mod front_end;

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
fn each_operator_has_its_weight_axis() {
    for (line, axis) in [
        ("Conv x w[8,3,3,3] -> y", "0"),
        ("Conv:group=8 x w[8,1,3,3] -> y", "0"),
        ("ConvTranspose x w[8,4,2,2] -> y", "1"),
        ("ConvTranspose:group=2 x w[8,4,2,2] -> y", "-"),
        ("Gemm x w[8,4] -> y", "1"),
        ("Gemm:transB=1 x w[8,4] -> y", "0"),
        ("MatMul x w[8,4] -> y", "1"),
        ("MatMul x w[2,8,4] -> y", "2"),
        ("MatMul x w[8] -> y", "-"),
        ("MatMul:transB=1 x w[8,4] -> y", "0"),
        ("MatMul:transB=1 x w[2,8,4] -> y", "1"),
        ("Conv x w[1,8,3,3] -> y", "-"),
    ] {
        let op = line.split([' ', ':']).next().unwrap();
        check(line, &[&format!("x>{op}_0.0"), &format!("w@{axis}>{op}_0.1")]);
    }
    check("MatMul w[8,4] x -> y", &["x>MatMul_0.1", "w@0>MatMul_0.0"]);
    check("MatMul w[2,8,4] x -> y", &["x>MatMul_0.1", "w@1>MatMul_0.0"]);
    check("Gemm:transA=1 w[8,4] x -> y", &["x>Gemm_0.1", "w@1>Gemm_0.0"]);
    check("MatMul:transA=1 w[2,8,4] x -> y", &["x>MatMul_0.1", "w@2>MatMul_0.0"]);
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
fn the_identity_branch_of_a_residual_is_quantized_once_for_both_readers() {
    let (_, plan) = check(
        "Relu x -> r
         Conv r w[8,8,3,3] -> a
         Add a r -> s
         Relu s -> y",
        &["r>Conv_1.0", "r>Add_2.1", "w@0>Conv_1.1"],
    );
    assert_eq!(plan.activations.len(), 1);
}

#[test]
fn with_a_convolution_in_both_branches_the_longer_one_fuses() {
    let backbone_first = "Relu x -> r
         Conv r w[8,8,3,3] -> a
         Relu a -> b
         Conv b w1[8,8,3,3] -> c
         Conv r w2[8,8,1,1] -> d
         Add c d -> y";
    let (graph, plan) = check(
        backbone_first,
        &[
            "r>Conv_1.0",
            "r>Conv_4.0",
            "b>Conv_3.0",
            "d>Add_5.1",
            "w@0>Conv_1.1",
            "w1@0>Conv_3.1",
            "w2@0>Conv_4.1",
        ],
    );
    assert!(reason(&graph, &plan, "Add_5").contains("input 0 fuses"));
    let swapped = graph_with_swapped_add(backbone_first);
    let plan = super::plan(&swapped, &Policy::default()).unwrap();
    assert!(uses(&swapped, &plan).contains(&"d>Add_5.0".to_owned()));
}

fn graph_with_swapped_add(lines: &str) -> Graph {
    graph(&lines.replace("Add c d", "Add d c"))
}

#[test]
fn an_add_that_is_no_residual_stays_float() {
    check("Conv x w[8,3,1,1] -> a\nAdd a b[8,1,1] -> y", &["x>Conv_0.0", "w@0>Conv_0.1"]);
    check("Relu x -> a\nRelu x1 -> b\nAdd a b -> y", &[]);
    check("Conv x w[8,3,1,1] -> a\nAdd a a -> y", &["x>Conv_0.0", "w@0>Conv_0.1"]);
}

#[test]
fn pooling_and_concat_share_one_scale_with_what_reads_them() {
    let (graph, plan) = check(
        "Relu x -> a
         Relu x1 -> b
         Concat:axis=1 a b -> c
         MaxPool c -> p
         Conv p w[8,8,3,3] -> y",
        &["a>Concat_2.0", "b>Concat_2.1", "c>MaxPool_3.0", "p>Conv_4.0", "w@0>Conv_4.1"],
    );
    assert_eq!(plan.groups.len(), 1);
    assert_eq!(plan.groups[0].len(), 4);
    assert!(reason(&graph, &plan, "Concat_2").contains("share"));
}

#[test]
fn pooling_before_a_float_reader_stays_float() {
    check("MaxPool x -> p\nConv p w[8,8,3,3] -> y\nSigmoid p -> z", &["p>Conv_1.0", "w@0>Conv_1.1"]);
    check("MaxPool x -> p\nSoftmax p -> y", &[]);
}

#[test]
fn average_pooling_computes_and_stays_float() {
    check(
        "Relu x -> a
         GlobalAveragePool a -> g
         Flatten g -> f
         Gemm:transB=1 f w[10,8] -> y",
        &["f>Gemm_3.0", "w@0>Gemm_3.1"],
    );
}

#[test]
fn one_tensor_before_and_behind_a_reshape_has_one_scale() {
    let (_, plan) = check(
        "Relu x -> a
         Conv a w[8,8,3,3] -> y
         Reshape a s[2] -> r
         Gemm r w2[8,4] -> z",
        &["a>Conv_1.0", "r>Gemm_3.0", "w@0>Conv_1.1", "w2@1>Gemm_3.1"],
    );
    assert_eq!(plan.groups, [plan.taps().collect::<Vec<_>>()]);
}

#[test]
fn a_weight_shared_on_one_axis_is_quantized_once_and_on_two_axes_twice() {
    let (_, plan) = check(
        "MatMul x w[8,8] -> a
         MatMul a w -> b
         Gemm:transB=1 b w -> y",
        &["x>MatMul_0.0", "a>MatMul_1.0", "b>Gemm_2.0", "w@0>Gemm_2.1", "w@1>MatMul_0.1", "w@1>MatMul_1.1"],
    );
    assert_eq!(plan.weights.len(), 2);
}

#[test]
fn weights_are_found_behind_operators_that_only_change_their_form() {
    check("Transpose w[8,4] -> t\nIdentity t -> i\nMatMul x i -> y", &["x>MatMul_2.0", "i@1>MatMul_2.1"]);
    check("Reshape w[32] s[2] -> r\nMatMul x r -> y", &["x>MatMul_1.0", "r@1>MatMul_1.1"]);
    check("Unsqueeze w[8,4] a[1] -> r\nMatMul x r -> y", &["x>MatMul_1.0", "r@2>MatMul_1.1"]);
    check("Relu w[8,4] -> r\nMatMul x r -> y", &["r>MatMul_1.1", "x>MatMul_1.0"]);
}

#[test]
fn a_planned_weight_knows_the_constant_that_it_is_a_form_of() {
    let (graph, plan) = check(
        "Transpose w[8,4] -> t\nIdentity t -> i\nMatMul x i -> y\nMatMul y v[8,3] -> z",
        &["x>MatMul_2.0", "y>MatMul_3.0", "i@1>MatMul_2.1", "v@1>MatMul_3.1"],
    );
    let name = |id| graph.tensor(id).name.as_str();
    let mut forms = Vec::from_iter(plan.weights.iter().map(|w| (name(w.tensor), name(w.constant))));
    forms.sort();
    assert_eq!(forms, [("i", "w"), ("v", "v")]);
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
fn a_tensor_that_a_subgraph_reads_keeps_its_float_pooling() {
    let mut graph = graph("Relu x -> a\nMaxPool a -> p\nConv p w[8,8,3,3] -> y");
    let p = graph.find("p").unwrap();
    let captures = [p];
    graph
        .add_node(NewNode { op: "If", outputs: &[Some("z")], captures: &captures, ..NewNode::default() })
        .unwrap();
    let plan = plan(&graph, &Policy::default()).unwrap();
    assert_eq!(uses(&graph, &plan), ["p>Conv_2.0", "w@0>Conv_2.1"]);
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
fn a_packed_projection_is_quantized_before_its_split() {
    let (_, plan) = check(
        "MatMul x w[8,12] -> a
         Split a -> q k
         MatMul q k -> y",
        &["x>MatMul_0.0", "a>Split_1.0", "q>MatMul_2.0", "k>MatMul_2.1", "w@1>MatMul_0.1"],
    );
    assert_eq!(plan.groups.len(), 2);
    check(
        "MatMul x w[8,12] -> a
         Split a -> q k
         MatMul q x -> y
         Softmax k -> z",
        &["x>MatMul_0.0", "x>MatMul_2.1", "a>Split_1.0", "q>MatMul_2.0", "w@1>MatMul_0.1"],
    );
    check("Relu x -> a\nSplit a -> q k\nSoftmax q -> y\nSoftmax k -> z", &[]);
}

#[test]
fn a_lookup_in_a_constant_table_is_not_quantized() {
    check("Gather t[100,8] x -> e\nMatMul e w[8,8] -> y", &["e>MatMul_1.0", "w@1>MatMul_1.1"]);
}

#[test]
fn a_constant_shared_by_both_branches_is_not_where_they_part() {
    let graph = graph(
        "Relu x -> r
         Conv r w[8,8,3,3] -> a
         Relu a -> b
         Conv b w1[8,8,3,3] -> c
         Clip c low[] -> e
         Conv r w2[8,8,1,1] -> d
         Clip d low -> f
         Add f e -> y",
    );
    let plan = plan(&graph, &Policy::default()).unwrap();
    assert!(reason(&graph, &plan, "Add_7").contains("input 1 fuses"), "{}", reason(&graph, &plan, "Add_7"));
}

#[test]
fn only_casts_between_numbers_that_qdq_computes_give_a_weight_another_form() {
    check("Cast:to=1 w[8,4] -> f\nMatMul x f -> y", &["x>MatMul_1.0", "f@1>MatMul_1.1"]);
    let through_integers = "Cast:to=7 w[8,4,3,3] -> i\nCast:to=1 i -> f\n";
    check(&format!("{through_integers}MatMul x f -> y"), &["f>MatMul_2.1", "x>MatMul_2.0"]);
    check(&format!("{through_integers}Conv x f -> y"), &[]);
    let mut graph = graph("Cast:to=1 w[8,4] -> f\nMatMul x f -> y");
    let stored = graph.find("w").unwrap();
    graph.tensors[stored.0].dtype = None;
    let plan = plan(&graph, &Policy::default()).unwrap();
    assert_eq!(uses(&graph, &plan), [""; 0]);
    assert!(reason(&graph, &plan, "MatMul_1").contains("'w'"));
}

#[test]
fn an_empty_constant_is_left_alone_behind_a_reshape_too() {
    check("Reshape w[0,8] s[2] -> r\nMatMul x r -> y", &[]);
}

#[test]
fn what_is_quantized_already_is_found_behind_operators_that_change_its_form() {
    let (graph, plan) = check("DequantizeLinear q s[] -> d\nTranspose d -> t\nMatMul x t -> y", &[]);
    assert!(reason(&graph, &plan, "MatMul_2").contains("quantized already"));
    check("DequantizeLinear q s[] -> d\nCast:to=10 d -> h\nMatMul h x -> y", &[]);
}

#[test]
fn thousands_of_residual_blocks_are_planned_in_no_time() {
    let mut lines = "Relu x -> s0\n".to_owned();
    for block in 0..4000 {
        let next = block + 1;
        lines += &format!(
            "Conv s{block} w[8,8,3,3] -> a{block}\nRelu a{block} -> b{block}\nConv b{block} w -> c{block}
             Conv s{block} w -> d{block}\nAdd c{block} d{block} -> s{next}\n"
        );
    }
    let graph = graph(&lines);
    let started = std::time::Instant::now();
    let plan = plan(&graph, &Policy::default()).unwrap();
    assert_eq!(plan.activations.len(), 3 * 4000);
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
}

/// Puts a Gemm behind every operator that passes values.
///
/// The other inputs of these operators follow from the shape of x, as exporters write `x.view(b, c * h * w)`.
/// They are never planned.
#[test]
fn what_is_no_data_of_a_passing_operator_is_never_planned() {
    let shape =
        "Shape x -> s\nGather:axis=0 s i[] -> d\nUnsqueeze d a[1] -> d1\nConcat:axis=0 d1 k[1] -> n\n";
    for op in [
        "Reshape y n -> z",
        "Slice y n n -> z",
        "Slice y b[1] e[1] n n -> z",
        "Gather y n -> z",
        "Split y n -> z",
        "Squeeze y n -> z",
        "Unsqueeze y n -> z",
        "Expand y n -> z",
        "Tile y n -> z",
        "Pad y n -> z",
        "Resize y r[1] n -> z",
    ] {
        for dtype in [None, Some(DataType::I64)] {
            let mut graph = graph(&format!("Relu x -> y\n{shape}{op}\nGemm z w[8,4] -> out"));
            for name in ["s", "d", "d1", "n"] {
                graph.describe(graph.find(name).unwrap(), dtype, None);
            }
            let plan = plan(&graph, &Policy::default()).unwrap();
            let taps: Vec<&str> = plan.taps().map(|tensor| graph.tensor(tensor).name.as_str()).collect();
            assert!(taps.contains(&"z") && taps.iter().all(|tap| ["y", "z"].contains(tap)), "{op}: {taps:?}");
            for decision in plan.decisions.iter().filter(|decision| decision.verdict == Verdict::PassesInt8) {
                let node = graph.node(decision.node);
                assert!(op.starts_with(&node.op), "{op}: '{}' passes INT8", node.name);
            }
        }
    }
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

#[test]
fn an_einsum_that_is_a_product_is_one() {
    for (equation, operand, expected) in [
        ("bik,kj->bij", "w[64,32]", &["x>Einsum_0.0", "w@1>Einsum_0.1"][..]),
        (" ik , jk -> ij ", "w[32,64]", &["x>Einsum_0.0", "w@0>Einsum_0.1"]),
        ("bthk,hkd->btd", "w[4,16,64]", &["x>Einsum_0.0", "w@2>Einsum_0.1"]),
        ("btd,dhk->bthk", "w[64,4,16]", &["x>Einsum_0.0", "w@->Einsum_0.1"]),
        ("bhik,bhjk->bhij", "x1", &["x>Einsum_0.0", "x1>Einsum_0.1"]),
        ("ij,ij->ij", "w[8,8]", &[]),
        ("ij,jk->i", "w[8,8]", &[]),
        ("ii,ij->ij", "w[8,8]", &[]),
        // Unnamed axes, and results that follow from the operands.
        ("...ij,...jk->...ik", "x1", &["x>Einsum_0.0", "x1>Einsum_0.1"]),
        ("...ij,jk->...ik", "w[64,32]", &["x>Einsum_0.0", "w@1>Einsum_0.1"]),
        ("b ... k, ... k j -> b ... j", "w[4,64,32]", &["x>Einsum_0.0", "w@2>Einsum_0.1"]),
        ("ik,k...->i...", "w[64,32]", &["x>Einsum_0.0", "w@1>Einsum_0.1"]),
        ("ik,...k->i...", "w[32,64]", &["x>Einsum_0.0", "w@0>Einsum_0.1"]),
        ("ik,k...->i...", "w[64,4,8]", &["x>Einsum_0.0", "w@->Einsum_0.1"]),
        ("ij,jk", "w[64,32]", &["x>Einsum_0.0", "w@1>Einsum_0.1"]),
        ("ij,kj", "w[32,64]", &["x>Einsum_0.0", "w@0>Einsum_0.1"]),
        ("...ij,...jk", "x1", &["x>Einsum_0.0", "x1>Einsum_0.1"]),
        ("i,j", "w[8]", &[]),
        ("ij,ij->ij", "w[8,8]", &[]),
        ("...i,...i->...i", "w[8,8]", &[]),
        ("...ij,jk->ik", "w[8,8]", &[]),
        ("i..j,jk->ik", "w[8,8]", &[]),
        ("i.j,jk->ik", "w[8,8]", &[]),
        ("......j,jk->k", "w[8,8]", &[]),
        ("ii,ij", "w[8,8]", &[]),
        ("", "w[8,8]", &[]),
    ] {
        let mut graph = graph(&format!("Einsum x {operand} -> y"));
        graph.nodes[0].attributes.insert("equation".into(), Attribute::Text(equation.into()));
        let plan = plan(&graph, &Policy::default()).unwrap();
        assert_eq!(uses(&graph, &plan), expected, "{equation}");
        let reason = &plan.decisions[0].reason;
        assert!(!expected.is_empty() || reason == "qdq does not quantize Einsum", "{equation}: {reason}");
    }
}

#[test]
fn a_sum_of_two_is_a_residual() {
    check("Conv x w[8,8,3,3] -> c\nSum c x1 -> y", &["x>Conv_0.0", "x1>Sum_1.1", "w@0>Conv_0.1"]);
    check("Conv x w[8,8,3,3] -> c\nSum c x1 x2 -> y", &["x>Conv_0.0", "w@0>Conv_0.1"]);
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

/// A residual behind SiLU, whose convolution has two readers: nothing fuses with the Add.
#[test]
fn rtx_reads_a_skip_input_that_is_quantized_for_another_reader() {
    let silu = "Relu x -> s
         Conv s w[8,8,3,3] -> c
         Sigmoid c -> g
         Mul c g -> a\n";
    let plan_for = |lines: &str, target| {
        let graph = graph(lines);
        let found = plan(&graph, &Policy { target, ..Policy::default() }).unwrap();
        (uses(&graph, &found), graph)
    };
    let without = ["s>Conv_1.0", "w@0>Conv_1.1"];
    let with = ["s>Conv_1.0", "s>Add_4.1", "w@0>Conv_1.1"];
    let swapped = ["s>Conv_1.0", "s>Add_4.0", "w@0>Conv_1.1"];
    for (add, expected) in [("Add a s -> y", with), ("Add s a -> y", swapped)] {
        let lines = format!("{silu}{add}");
        assert_eq!(plan_for(&lines, Target::TensorRt).0, without, "{add}");
        let (found, graph) = plan_for(&lines, Target::Rtx);
        assert_eq!(found, expected, "{add}");
        let rtx = plan(&graph, &Policy { target: Target::Rtx, ..Policy::default() }).unwrap();
        assert!(reason(&graph, &rtx, "Add_4").contains("so that the kernel of the Add reads INT8"));
    }
    // A pair for the Add alone does not pay, nor does one that does not stand beside a convolution.
    for add in ["Add a x1 -> y", "Relu x1 -> b\nMatMul b m[8,8] -> z\nRelu b -> d\nAdd b d -> y"] {
        let lines = format!("{silu}{add}");
        assert_eq!(plan_for(&lines, Target::Rtx).0, plan_for(&lines, Target::TensorRt).0, "{add}");
    }
    // An Add that fuses is the same for both.
    let fused = "Relu x -> r\nConv r w[8,8,3,3] -> a\nAdd a r -> y";
    assert_eq!(plan_for(fused, Target::Rtx).0, plan_for(fused, Target::TensorRt).0);
}
