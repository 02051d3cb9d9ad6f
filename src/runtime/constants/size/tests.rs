use super::*;
use crate::graph::Attribute;

fn node(op: &str, attributes: &[(&str, i64)]) -> Node {
    Node {
        name: String::new(),
        op: op.to_owned(),
        domain: String::new(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        attributes: attributes
            .iter()
            .map(|&(name, value)| (name.to_owned(), Attribute::Int(value)))
            .collect(),
        captures: Vec::new(),
        nested: Vec::new(),
    }
}

fn einsum(equation: &str) -> Node {
    let mut node = node("Einsum", &[]);
    node.attributes.insert("equation".into(), Attribute::Text(equation.into()));
    node
}

fn zeros(shape: &[usize]) -> Option<Tensor> {
    Tensor::new(shape.to_vec(), vec![0f32; shape.iter().product()]).ok()
}

fn ints(values: &[i64]) -> Option<Tensor> {
    Tensor::new(vec![values.len()], values.to_vec()).ok()
}

#[test]
fn sizes_are_bounded_before_anything_is_computed() {
    let cases: Vec<(Node, Vec<Option<Tensor>>, u64)> = vec![
        (node("Mul", &[]), vec![zeros(&[4, 1]), zeros(&[3, 1, 5])], 60),
        (node("Reshape", &[]), vec![zeros(&[4, 6]), ints(&[-1])], 24),
        (node("Concat", &[]), vec![zeros(&[4]), zeros(&[5])], 9),
        (node("ConstantOfShape", &[]), vec![ints(&[1 << 40, 1 << 40])], u64::MAX),
        (node("Expand", &[]), vec![zeros(&[3, 1]), ints(&[2, 1, 7])], 42),
        (node("Tile", &[]), vec![zeros(&[3, 2]), ints(&[2, 4])], 48),
        (node("Gather", &[("axis", -1)]), vec![zeros(&[3, 2]), ints(&[0, 1, 0, 1])], 12),
        (node("MatMul", &[]), vec![zeros(&[2, 3, 4]), zeros(&[4, 5])], 30),
        (node("Gemm", &[("transA", 1), ("transB", 1)]), vec![zeros(&[4, 6]), zeros(&[5, 4])], 30),
        (node("Range", &[]), vec![ints(&[0]), ints(&[10]), ints(&[3])], 4),
        (node("NonZero", &[]), vec![zeros(&[3, 4])], 24),
        (node("Det", &[]), vec![zeros(&[2, 3, 3])], 18),
        (node("GatherND", &[]), vec![zeros(&[4, 5, 6]), zeros(&[7, 2])], 42),
        (node("GatherND", &[("batch_dims", 1)]), vec![zeros(&[4, 5, 6]), zeros(&[4, 7, 1])], 4 * 7 * 6),
        (node("Conv", &[]), vec![zeros(&[2, 3, 8, 8]), zeros(&[5, 3, 3, 3])], 2 * 5 * 64),
        (node("Resize", &[]), vec![zeros(&[1, 2, 3]), None, zeros(&[0]), ints(&[1, 2, 12])], 24),
        (einsum("bij,bjk->bik"), vec![zeros(&[2, 3, 4]), zeros(&[2, 4, 5])], 120),
        (einsum("...ij,jk->...ik"), vec![zeros(&[7, 2, 3, 4]), zeros(&[4, 5])], 840),
        (einsum("i...j,jk"), vec![zeros(&[3, 7, 2, 4]), zeros(&[4, 5])], 840),
    ];
    for (node, inputs, expected) in cases {
        assert_eq!(elements(&node, &inputs), Some(expected), "{}", node.op);
    }
    assert!(check(&node("ConstantOfShape", &[]), &[ints(&[1 << 20, 1 << 20])]).is_err());
    assert!(!is_known("RandomNormal") && !is_known("SequenceAt") && !is_known("Loop"));
}
