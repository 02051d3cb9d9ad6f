//! Residual additions, and the branches that fuse into convolutions.

use super::*;

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

#[test]
fn a_sum_of_two_is_a_residual() {
    check("Conv x w[8,8,3,3] -> c\nSum c x1 -> y", &["x>Conv_0.0", "x1>Sum_1.1", "w@0>Conv_0.1"]);
    check("Conv x w[8,8,3,3] -> c\nSum c x1 x2 -> y", &["x>Conv_0.0", "w@0>Conv_0.1"]);
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
