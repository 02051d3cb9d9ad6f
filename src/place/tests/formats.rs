//! Placement by format.

use super::*;
use crate::error::Error;
use crate::place::Target;

fn policy(format: Format) -> Policy {
    Policy { format, ..Policy::default() }
}

/// Plans a graph in a format.
fn in_format(lines: &str, format: Format) -> (Graph, Plan) {
    let graph = graph(lines);
    let plan = plan(&graph, &policy(format)).unwrap();
    (graph, plan)
}

fn refusal(graph: &Graph, policy: &Policy) -> Error {
    plan(graph, policy).unwrap_err()
}

const MIXED: &str = "Conv x w1[8,3,3,3] -> a\nConv:group=8 a w2[8,1,3,3] -> b\nFlatten b -> c\n\
    Gemm:transB=1 c w3[16,128] -> d\nMatMul d w4[16,4] -> e\n";

#[test]
fn each_format_quantizes_what_its_table_says() {
    for (format, expected) in [
        (
            Format::Fp8,
            &[
                "x>Conv_0.0",
                "c>Gemm_3.0",
                "d>MatMul_4.0",
                "w1@0>Conv_0.1",
                "w3@0>Gemm_3.1",
                "w4@1>MatMul_4.1",
            ][..],
        ),
        (Format::Int8Weights, &["w3@0>Gemm_3.1", "w4@1>MatMul_4.1"]),
        (Format::Int4Weights, &["w3@1>Gemm_3.1"]),
    ] {
        let (graph, plan) = in_format(MIXED, format);
        assert_eq!(uses(&graph, &plan), expected, "{format}");
        assert!(plan.activations.iter().all(|planned| planned.format == format));
        assert!(plan.weights.iter().all(|planned| planned.grid.format == format));
        let is_quantized = |decision: &&Decision| decision.verdict == Verdict::Quantized;
        for decision in plan.decisions.iter().filter(is_quantized) {
            assert_eq!(decision.format, format);
            assert!(decision.reason.contains(format.name()), "{}", decision.reason);
        }
    }
}

#[test]
fn what_a_format_leaves_has_its_reason() {
    for (format, node, expected) in [
        (Format::Fp8, "Conv_1", "it is depthwise, for which there are no kernels of fp8"),
        (Format::Int8Weights, "Conv_0", "int8-weights is for Gemm, MatMul and Einsum alone"),
        (Format::Int4Weights, "Conv_0", "int4-weights is for Gemm and MatMul alone"),
        (
            Format::Int4Weights,
            "MatMul_4",
            "input axis of weight 'w4' has 16 elements, not a whole number of blocks of 128 or 64",
        ),
    ] {
        let (graph, plan) = in_format(MIXED, format);
        assert_eq!(reason(&graph, &plan, node), expected);
    }
    for (line, format, expected) in [
        (
            "MatMul x1 x2 -> y",
            Format::Int8Weights,
            "both inputs are activations, and int8-weights is for weights",
        ),
        (
            "MatMul w[8,128] x -> y",
            Format::Int4Weights,
            "its weight is the left operand, which int4-weights does not take",
        ),
        (
            "MatMul x w[128,7] -> y",
            Format::Int4Weights,
            "last axis of weight 'w' has 7 elements, and TensorRT takes an even number of 4-bit ones",
        ),
        (
            "MatMul x w[128] -> y",
            Format::Int4Weights,
            "weight 'w' has no known shape of rank 2 or more, which blocks need",
        ),
        ("ConvTranspose x w[8,4,2,2] -> y", Format::Fp8, "fp8 is for Conv, Gemm, MatMul and Einsum alone"),
    ] {
        let (_, plan) = in_format(line, format);
        assert!(plan.is_empty(), "{line}");
        assert_eq!(plan.decisions[0].reason, expected, "{line}");
    }
}

#[test]
fn blocks_lie_along_the_input_axis() {
    for (line, axis) in [
        ("MatMul x w[256,6] -> y", 0),
        ("MatMul x w[3,256,6] -> y", 1),
        ("Gemm x w[256,6] -> y", 0),
        ("Gemm:transB=1 x w[6,256] -> y", 1),
    ] {
        let (_, plan) = in_format(line, Format::Int4Weights);
        let grid = plan.weights[0].grid;
        assert_eq!((grid.axis, grid.block), (Some(axis), Some(128)), "{line}");
    }
    for (size, target, expected) in [
        (128, Target::TensorRt, Some(64)),
        (192, Target::TensorRt, Some(64)),
        (64, Target::TensorRt, Some(64)),
        (64, Target::Rtx, None),
        (96, Target::TensorRt, None),
    ] {
        let graph = graph(&format!("MatMul x w[{size},6] -> y"));
        let found = plan(&graph, &Policy { target, ..policy(Format::Int4Weights) }).unwrap();
        assert_eq!(found.weights.first().and_then(|weight| weight.grid.block), expected, "{size} {target:?}");
        assert_eq!(found.findings.is_empty(), expected.is_some());
    }
    let graph = graph("MatMul x w[192,6] -> y");
    let policy = Policy { block_size: Some(64), ..policy(Format::Int4Weights) };
    assert_eq!(plan(&graph, &policy).unwrap().weights[0].grid.block, Some(64));
}

#[test]
fn nodes_have_block_sizes_of_their_own() {
    let graph = graph("MatMul x w1[128,128] -> a\nMatMul a w2[128,128] -> b\nMatMul b w3[128,8] -> c");
    let block_sizes = vec![("MatMul_1".to_owned(), 64), ("MatMul_?".to_owned(), 128)];
    let own = Policy { block_sizes, block_size: Some(64), ..policy(Format::Int4Weights) };
    let blocks: Vec<_> = plan(&graph, &own).unwrap().weights.iter().map(|weight| weight.grid.block).collect();
    let names: Vec<&str> = graph.nodes.iter().map(|node| node.name.as_str()).collect();
    let expected = names.iter().map(|&name| Some(if name == "MatMul_1" { 64 } else { 128 }));
    assert_eq!(blocks, expected.collect::<Vec<_>>(), "{names:?}");
    let typo = Policy { block_sizes: vec![("typo*".to_owned(), 64)], ..policy(Format::Int4Weights) };
    assert_eq!(refusal(&graph, &typo).message(), "block size pattern 'typo*' matches no node");
    let odd = Policy { block_sizes: vec![("MatMul_1".to_owned(), 48)], ..policy(Format::Int4Weights) };
    assert_eq!(refusal(&graph, &odd).message(), "48 is no block size");
}

#[test]
fn block_sizes_that_no_format_has_are_refused() {
    let graph = graph("MatMul x w[192,6] -> y");
    let error = refusal(&graph, &Policy { block_size: Some(48), ..policy(Format::Int4Weights) });
    assert_eq!((error.message(), error.remedy()), ("48 is no block size", Some("choose 128 or 64")));
    let error = refusal(&graph, &Policy { block_size: Some(64), ..policy(Format::Fp8) });
    assert_eq!(error.message(), "fp8 has no blocks, so there is no block size");
    assert_eq!(error.remedy(), Some("leave the block size out, or choose int4-weights"));
}

#[test]
fn the_first_pattern_decides_and_none_may_match_nothing() {
    let graph = graph("MatMul x w1[128,128] -> a\nMatMul a w2[128,128] -> b\nMatMul b w3[128,8] -> c");
    let formats = vec![
        ("MatMul_1".to_owned(), Format::Fp8),
        ("MatMul_?".to_owned(), Format::Int4Weights),
        ("MatMul_2".to_owned(), Format::Int8),
    ];
    let mixed = Policy { formats, ..Policy::default() };
    let found = plan(&graph, &mixed).unwrap();
    assert_eq!(
        uses(&graph, &found),
        ["a>MatMul_1.0", "w1@0>MatMul_0.1", "w2@1>MatMul_1.1", "w3@0>MatMul_2.1"]
    );
    let formats: Vec<Format> = found.decisions.iter().map(|decision| decision.format).collect();
    assert_eq!(formats, [Format::Int4Weights, Format::Fp8, Format::Int4Weights]);
    let typo = Policy { formats: vec![("matmul*".to_owned(), Format::Fp8)], ..Policy::default() };
    assert_eq!(refusal(&graph, &typo).message(), "fp8 pattern 'matmul*' matches no node");
    assert_eq!(mixed.least_opset(), 21);
}

/// A tensor has a pair for each format that reads it, and groups are of one format.
#[test]
fn two_formats_do_not_share_a_scale() {
    let lines = "Relu x -> r\nConcat:axis=1 r x -> c\nMatMul c w1[8,8] -> a\nMatMul c w2[8,8] -> b";
    let graph = graph(lines);
    let formats = vec![("MatMul_3".to_owned(), Format::Fp8)];
    let found = plan(&graph, &Policy { formats, ..Policy::default() }).unwrap();
    assert_eq!(uses(&graph, &found)[..2], ["c>MatMul_2.0", "c>MatMul_3.0"]);
    let pairs: Vec<(Format, usize)> =
        found.activations.iter().map(|planned| (planned.format, planned.group)).collect();
    assert_eq!(pairs, [(Format::Int8, 0), (Format::Fp8, 1)]);
    assert_eq!(
        reason(&graph, &found, "Concat_1"),
        "only selects values, and not all that reads them is INT8"
    );
    // In one format, the Concat passes it on.
    let (graph, found) = in_format(lines, Format::Fp8);
    assert_eq!(found.groups.len(), 1);
    assert!(reason(&graph, &found, "Concat_1").contains("fp8"));
}

#[test]
fn fp8_does_not_pass_through_pooling() {
    let (graph, plan) = in_format("MaxPool x -> a\nConv a w[8,3,3,3] -> y", Format::Fp8);
    assert_eq!(reason(&graph, &plan, "MaxPool_0"), "fp8 does not pass through MaxPool");
    assert_eq!(uses(&graph, &plan), ["a>Conv_1.0", "w@0>Conv_1.1"]);
}

#[test]
fn rtx_has_one_scale_a_product_and_no_convolution_in_fp8() {
    let graph = graph("Conv x w1[8,3,3,3] -> a\nFlatten a -> b\nMatMul b w2[16,8] -> c");
    let policy = Policy { target: Target::Rtx, ..policy(Format::Fp8) };
    let found = plan(&graph, &policy).unwrap();
    assert_eq!(uses(&graph, &found), ["b>MatMul_2.0", "w2@->MatMul_2.1"]);
    assert_eq!(reason(&graph, &found, "Conv_0"), "TensorRT-RTX runs it in float in every form");
}

#[test]
fn weights_of_convolutions_are_taken_on_request_with_a_warning() {
    let graph = graph("Conv x w1[8,3,3,3] -> a");
    let policy = Policy { conv_weights: true, ..policy(Format::Int8Weights) };
    let found = plan(&graph, &policy).unwrap();
    assert_eq!(uses(&graph, &found), ["w1@0>Conv_0.1"]);
    let finding = &found.findings[0];
    assert!(finding.message.contains("computes in float"), "{finding}");
    assert_eq!(finding.tensors, ["Conv_0"]);
}

/// Products without weights do not count for the least share of a format of weights.
#[test]
fn the_least_share_is_of_what_the_format_takes() {
    let graph = graph("MatMul x w[128,128] -> a\nMatMul a x2 -> b");
    let least = Policy { min_quantized: 1.0, ..policy(Format::Int8Weights) };
    assert!(plan(&graph, &least).is_ok());
    let short = super::graph("MatMul x w[96,128] -> a");
    let least = Policy { min_quantized: 1.0, ..policy(Format::Int4Weights) };
    assert!(refusal(&short, &least).message().contains("not a whole number of blocks"));
}
