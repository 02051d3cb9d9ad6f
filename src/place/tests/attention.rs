use super::*;
use crate::place::attention::MOST_KEYS;
use crate::place::{Attention, PlannedAttention};

/// The parts of an attention before and behind its scores.
const PROJECTIONS: &str = "MatMul x wq[64,64] -> q
     MatMul x wk[64,64] -> k
     MatMul x wv[64,64] -> v\n";

/// Makes a graph with the attributes of nodes: `n perm=0,2,1`, `n axis=1`, `n equation=ij,jk->ik`.
fn attributed(lines: &str, attributes: &[(&str, &str)]) -> Graph {
    let mut graph = graph(lines);
    for (name, attribute) in attributes {
        let (key, value) = attribute.split_once('=').unwrap();
        let numbers: Option<Vec<i64>> = value.split(',').map(|number| number.parse().ok()).collect();
        let value = match numbers {
            Some(numbers) if key == "perm" => Attribute::Ints(numbers),
            Some(numbers) => Attribute::Int(numbers[0]),
            None => Attribute::Text(value.to_owned()),
        };
        let node = graph.find_node(name).unwrap();
        graph.nodes[node.0].attributes.insert(key.to_owned(), value);
    }
    graph
}

fn shape(graph: &mut Graph, tensor: &str, shape: &[usize]) {
    let dims = shape.iter().map(|&size| Dim::Fixed(size)).collect();
    graph.describe(graph.find(tensor).unwrap(), None, Some(dims));
}

/// Describes the attentions as `scores+scores>context(probabilities)`.
fn attentions(graph: &Graph, plan: &Plan) -> Vec<String> {
    let name = |&id: &NodeId| graph.node(id).name.clone();
    let described =
        plan.attentions.iter().map(|PlannedAttention { scores, context, probabilities, .. }| {
            let scores = Vec::from_iter(scores.iter().map(name)).join("+");
            format!("{scores}>{}({})", name(context), graph.tensor(*probabilities).name)
        });
    described.collect()
}

fn verdict(graph: &Graph, plan: &Plan, node: &str) -> Verdict {
    plan.decisions[graph.find_node(node).unwrap().0].verdict
}

/// Forms of attention between the projections and the output, and the products that belong to it.
#[test]
fn attentions_of_every_form_are_found() {
    type Form = (&'static str, &'static [(&'static str, &'static str)], &'static str);
    let forms: [Form; 15] = [
        ("MatMul q k -> s\nSoftmax s -> p\nMatMul p v -> y", &[], "MatMul_3>MatMul_5(p)"),
        // Scale and mask before the Softmax, in both orders.
        (
            "MatMul q k -> s\nDiv s c[] -> d\nAdd d m[1,1,8] -> a\nSoftmax a -> p\nMatMul p v -> y",
            &[],
            "MatMul_3>MatMul_7(p)",
        ),
        (
            "Mul q c[] -> e\nMatMul e k -> s\nWhere x1 f[] s -> a\nSoftmax a -> p\nMatMul p v -> y",
            &[],
            "MatMul_4>MatMul_7(p)",
        ),
        // A guard against rows without keys, a scale per head, and a type of its own for the Softmax.
        (
            "MatMul q k -> s\nCast:to=1 s -> a\nSoftmax a -> p\nIsNaN p -> n\nWhere n z[] p -> g
             Mul g h[4,1,1] -> b\nCast:to=10 b -> d\nDropout d -> e\nMatMul e v -> y",
            &[],
            "MatMul_3>MatMul_11(e)",
        ),
        // A cap on the scores, and a mask of a largest number.
        (
            "MatMul q k -> s\nDiv s c[] -> d\nTanh d -> t\nMul t c -> u\nMax u f[] -> a\nSoftmax a -> p\nMatMul p v -> y",
            &[],
            "MatMul_3>MatMul_9(p)",
        ),
        // Heads that share keys and values.
        (
            "Unsqueeze k n[1] -> k1\nExpand k1 e[5] -> k2\nReshape k2 r[4] -> k3\nTranspose k3 -> k4
             Unsqueeze v n -> v1\nExpand v1 e -> v2\nReshape v2 r -> v3
             MatMul q k4 -> s\nSoftmax s -> p\nMatMul p v3 -> y",
            &[("Transpose_6", "perm=0,1,3,2")],
            "MatMul_10>MatMul_12(p)",
        ),
        // All query heads of a group in one product, with reshapes around the Softmax.
        (
            "Reshape q r[5] -> q1\nMatMul q1 k -> s\nReshape s r2[4] -> s1\nSoftmax s1 -> p\nReshape p r -> p1\nMatMul p1 v -> y",
            &[],
            "MatMul_4>MatMul_8(p1)",
        ),
        // Relative positions: two products make the scores.
        (
            "MatMul q k -> s\nMatMul q x1 -> t\nAdd s t -> a\nSoftmax a -> p\nMatMul p v -> y",
            &[],
            "MatMul_3+MatMul_4>MatMul_7(p)",
        ),
        // Positions that are shifted by padding and slicing, and a column of a sink.
        (
            "MatMul q k -> s\nMatMul q x1 -> t\nPad t n[8] -> t1\nReshape t1 r[4] -> t2\nSlice t2 b[1] e[1] -> t3\nAdd s t3 -> a
             Concat:axis=-1 a x2 -> c\nSoftmax c -> p0\nSlice p0 b e -> p\nMatMul p v -> y",
            &[],
            "MatMul_3+MatMul_4>MatMul_12(p)",
        ),
        // The probabilities on the right.
        (
            "MatMul q k -> s\nSoftmax s -> p\nTranspose p -> t\nMatMul v t -> y",
            &[("Transpose_5", "perm=0,2,1")],
            "MatMul_3>MatMul_6(t)",
        ),
        ("MatMul q k -> s\nSoftmax s -> p\nMatMul:transB=1 v p -> y", &[], "MatMul_3>MatMul_5(p)"),
        (
            "MatMul k q -> s\nSoftmax s -> p\nMatMul v p -> y",
            &[("Softmax_4", "axis=-2")],
            "MatMul_3>MatMul_5(p)",
        ),
        // Einsum, with the keys on any axis.
        (
            "Einsum q k -> s\nSoftmax s -> p\nEinsum p v -> y",
            &[("Einsum_3", "equation=bqhd,bkhd->bhqk"), ("Einsum_5", "equation=bhqk,bkhd->bqhd")],
            "Einsum_3>Einsum_5(p)",
        ),
        (
            "Einsum q k -> s\nSoftmax s -> p\nEinsum v p -> y",
            &[
                ("Einsum_3", "equation=...qd,...kd->...kq"),
                ("Softmax_4", "axis=-2"),
                ("Einsum_5", "equation=...kd,...kq->...qd"),
            ],
            "Einsum_3>Einsum_5(p)",
        ),
        // A cache of keys and values.
        (
            "Concat:axis=1 x1 k -> k1\nConcat:axis=1 x2 v -> v1\nMatMul:transB=1 q k1 -> s\nSoftmax s -> p\nMatMul p v1 -> y",
            &[],
            "MatMul_5>MatMul_7(p)",
        ),
    ];
    for (lines, attributes, expected) in forms {
        let lines = format!("{PROJECTIONS}{lines}");
        let graph = attributed(&lines, attributes);
        let auto = plan(&graph, &Policy::default()).unwrap();
        assert_eq!(attentions(&graph, &auto), [expected], "{lines}");
        let float = Policy { attention: Attention::Float, ..Policy::default() };
        let float = plan(&graph, &float).unwrap();
        for product in auto.attentions[0].products() {
            let name = &graph.node(product).name;
            assert_eq!(verdict(&graph, &auto, name), Verdict::Quantized, "{lines}: {name}");
            assert_eq!(verdict(&graph, &float, name), Verdict::Float, "{lines}: {name}");
            assert!(reason(&graph, &float, name).contains("attention=float"), "{lines}: {name}");
        }
        for projection in ["MatMul_0", "MatMul_1", "MatMul_2"] {
            let found = [&auto, &float].map(|plan| verdict(&graph, plan, projection));
            let is_projection = !auto.attentions[0].products().any(|id| graph.node(id).name == projection);
            assert!(is_projection && found == [Verdict::Quantized; 2], "{lines}: {projection}");
        }
    }
}

/// Products and Softmax that are no attention are quantized whatever the policy says of attentions.
#[test]
fn what_only_looks_like_an_attention_is_none() {
    let forms: [(&str, &[(&str, &str)]); 9] = [
        // The probabilities weigh constants.
        ("MatMul q k -> s\nSoftmax s -> p\nMatMul p w[8,8] -> y", &[]),
        // The scores come from constants, or are given.
        ("MatMul q w[64,8] -> s\nSoftmax s -> p\nMatMul p v -> y", &[]),
        ("Softmax x1 -> p\nMatMul p v -> y", &[]),
        // Something is computed between.
        ("MatMul q k -> s\nRelu s -> r\nSoftmax r -> p\nMatMul p v -> y", &[]),
        ("MatMul q k -> s\nSoftmax s -> p\nRelu p -> r\nMatMul r v -> y", &[]),
        ("MatMul q k -> s\nSoftmax s -> p\nMul p v -> y", &[]),
        // The Softmax is over queries.
        ("MatMul q k -> s\nSoftmax s -> p\nMatMul p v -> y", &[("Softmax_4", "axis=-2")]),
        ("MatMul q k -> s\nSoftmax s -> p\nMatMul v p -> y", &[]),
        // Linear attention: each Softmax is before the products.
        ("Softmax q -> q1\nSoftmax k -> k1\nMatMul k1 v -> c\nMatMul q1 c -> y", &[]),
    ];
    for (lines, attributes) in forms {
        let graph = attributed(&format!("{PROJECTIONS}{lines}"), attributes);
        let float = Policy { attention: Attention::Float, ..Policy::default() };
        let float = plan(&graph, &float).unwrap();
        assert_eq!(attentions(&graph, &float), [""; 0], "{lines}");
        assert_eq!(float.coverage(&graph).quantized, float.coverage(&graph).total, "{lines}");
    }
}

const PLAIN: &str = "MatMul q k -> s\nSoftmax s -> p\nMatMul p v -> y";

#[test]
fn the_number_of_keys_decides() {
    let cases = [
        (Attention::Auto, Some(MOST_KEYS), Verdict::Quantized, "attention over 512 keys is quantized"),
        (Attention::Auto, Some(MOST_KEYS + 8), Verdict::Float, "attention over 520 keys stays in float"),
        (Attention::Auto, Some(1), Verdict::Quantized, "attention over 1 key is quantized"),
        (Attention::Auto, None, Verdict::Quantized, "an open number of keys is quantized if the data"),
        (Attention::Int8, Some(1024), Verdict::Quantized, "attention=int8"),
        (Attention::Int8, None, Verdict::Quantized, "attention=int8"),
        (Attention::Float, Some(16), Verdict::Float, "attention=float"),
        (Attention::Float, None, Verdict::Float, "attention=float"),
    ];
    for (attention, keys, expected, part) in cases {
        let mut graph = graph(&format!("{PROJECTIONS}{PLAIN}"));
        if let Some(keys) = keys {
            shape(&mut graph, "p", &[1, 4, 16, keys as usize]);
        }
        let found = plan(&graph, &Policy { attention, ..Policy::default() }).unwrap();
        for (node, which) in [("MatMul_3", "the score of"), ("MatMul_5", "the result of")] {
            let reason = reason(&graph, &found, node);
            assert_eq!(verdict(&graph, &found, node), expected, "{attention:?} {keys:?}: {reason}");
            assert!(reason.contains(part) && reason.contains(which), "{attention:?} {keys:?}: {reason}");
        }
        let is_open = keys.is_none() && attention == Attention::Auto;
        assert_eq!(found.open_attentions().count(), usize::from(is_open));
        assert_eq!(found.attentions[0].keys, keys);
    }
}

/// The keys are counted on the axis over which the product sums, wherever it is.
#[test]
fn keys_are_counted_along_the_axis_that_is_summed() {
    let last = format!("{PROJECTIONS}MatMul k q -> s\nSoftmax s -> p\nMatMul v p -> y");
    let mut right = attributed(&last, &[("Softmax_4", "axis=-2")]);
    shape(&mut right, "p", &[1, 1024, 16]);
    let einsum = format!("{PROJECTIONS}Einsum q k -> s\nSoftmax s -> p\nEinsum p v -> y");
    let equations = [("Einsum_3", "equation=bqd,bkd->bkq"), ("Einsum_5", "equation=bk...,bkd->bd...")];
    let mut einsum = attributed(&einsum, &equations);
    einsum.nodes[4].attributes.insert("axis".into(), Attribute::Int(1));
    shape(&mut einsum, "p", &[1, 1024, 16, 2]);
    for graph in [right, einsum] {
        let found = plan(&graph, &Policy::default()).unwrap();
        assert_eq!(found.attentions[0].keys, Some(1024));
        assert_eq!(verdict(&graph, &found, &graph.nodes[3].name), Verdict::Float);
    }
}

/// Only products of the attention leave the plan, with the Split that was quantized for them.
#[test]
fn data_decides_an_open_number_of_keys() {
    let graph = graph(
        "MatMul x w[64,192] -> a
         Split:axis=2 a -> q k v
         MatMul:transB=1 q k -> s
         Softmax s -> p
         MatMul p v -> c
         MatMul c o[64,64] -> y",
    );
    let open = plan(&graph, &Policy::default()).unwrap();
    let quantized = ["x>MatMul_0.0", "w@1>MatMul_0.1", "c>MatMul_5.0", "o@1>MatMul_5.1"];
    let keys = |keys: u64| [("p".to_owned(), keys)].into();
    let few = open.with_keys(&graph, &keys(MOST_KEYS));
    assert_eq!((uses(&graph, &few), few.attentions[0].keys), (uses(&graph, &open), Some(MOST_KEYS)));
    assert!(reason(&graph, &few, "MatMul_4").contains("over 512 keys"));
    let many = open.with_keys(&graph, &keys(MOST_KEYS + 1));
    let mut found = uses(&graph, &many);
    found.sort_by_key(|used| quantized.iter().position(|expected| expected == used));
    assert_eq!(found, quantized);
    assert!(reason(&graph, &many, "MatMul_2").contains("over 513 keys stays in float"));
    // A decision is final, and a tensor that is no probabilities decides nothing.
    assert_eq!(uses(&graph, &many.with_keys(&graph, &keys(1))).len(), quantized.len());
    let other = open.with_keys(&graph, &[("q".to_owned(), 1024)].into());
    assert_eq!(uses(&graph, &other), uses(&graph, &open));
    // The user's choice does not wait for data.
    let forced = plan(&graph, &Policy { attention: Attention::Int8, ..Policy::default() }).unwrap();
    assert_eq!(uses(&graph, &forced.with_keys(&graph, &keys(1024))), uses(&graph, &forced));
}

#[test]
fn the_least_share_does_not_count_products_that_the_policy_leaves_in_float() {
    let mut graph = graph(&format!("{PROJECTIONS}{PLAIN}"));
    shape(&mut graph, "p", &[1, 4, 16, 1024]);
    let least = Policy { min_quantized: 1.0, ..Policy::default() };
    let found = plan(&graph, &least).unwrap();
    assert_eq!((found.coverage(&graph).quantized, found.coverage(&graph).total), (3, 5));
    let ranged = Some(["q".to_owned()].into());
    assert!(plan(&graph, &Policy { ranged, ..least }).is_err());
}

#[test]
fn an_operator_that_is_a_whole_attention_stays_float() {
    let graph = graph(&format!("{PROJECTIONS}Attention q k v -> c\nMatMul c o[64,64] -> y"));
    let found = plan(&graph, &Policy { attention: Attention::Int8, ..Policy::default() }).unwrap();
    assert_eq!(verdict(&graph, &found, "Attention_3"), Verdict::Float);
    assert!(reason(&graph, &found, "Attention_3").contains("lie inside the operator"));
    let coverage = found.coverage(&graph);
    assert_eq!((coverage.quantized, coverage.total), (4, 4));
}

/// FP8 products keep an attention of any length whole, if there is a kernel for its heads.
#[test]
fn the_size_of_the_heads_decides_for_fp8() {
    for (attention, size, expected, part) in [
        (Attention::Auto, Some(64), Verdict::Quantized, "with heads of 64 elements, is quantized"),
        (Attention::Auto, Some(9), Verdict::Quantized, "with heads of 9 elements"),
        (Attention::Auto, Some(256), Verdict::Quantized, "with heads of 256 elements"),
        (
            Attention::Auto,
            Some(8),
            Verdict::Float,
            "its heads have 8 elements, and FP8 kernels are for more than 8",
        ),
        (Attention::Auto, Some(257), Verdict::Float, "its heads have 257 elements"),
        (Attention::Auto, None, Verdict::Quantized, "with heads of unknown size"),
        (Attention::Int8, Some(257), Verdict::Quantized, "attention=int8"),
        (Attention::Float, Some(64), Verdict::Float, "attention=float"),
    ] {
        let mut graph = graph(&format!("{PROJECTIONS}{PLAIN}"));
        if let Some(size) = size {
            shape(&mut graph, "q", &[1, 4, 2048, size]);
        }
        shape(&mut graph, "p", &[1, 4, 2048, 2048]);
        let found = plan(&graph, &Policy { attention, format: Format::Fp8, ..Policy::default() }).unwrap();
        for node in ["MatMul_3", "MatMul_5"] {
            let reason = reason(&graph, &found, node);
            assert_eq!(verdict(&graph, &found, node), expected, "{attention:?} {size:?}: {reason}");
            assert!(reason.contains(part), "{attention:?} {size:?}: {reason}");
        }
        assert_eq!(found.open_attentions().count(), 0);
    }
}
