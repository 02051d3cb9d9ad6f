//! Weights: their axes, their forms, and the constants behind them.

use super::*;

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
