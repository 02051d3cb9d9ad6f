//! Operators that only move or select values.

use super::*;

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
