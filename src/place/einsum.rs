//! Einsum that is a matrix product.

use crate::graph::{Attribute, Node};

/// The two operands of an equation such as `bik,kj->bij` and its result, a character for each axis.
struct Equation {
    operands: [Vec<char>; 2],
    result: Vec<char>,
}

impl Equation {
    /// `None` for what is no product of two operands with every axis spelt out.
    fn of(node: &Node) -> Option<Self> {
        let Some(Attribute::Text(text)) = node.attributes.get("equation").filter(|_| node.is("Einsum"))
        else {
            return None;
        };
        let text: String = text.chars().filter(|character| !character.is_whitespace()).collect();
        let (operands, result) = text.split_once("->")?;
        let (left, right) = operands.split_once(',')?;
        let axes = |text: &str| {
            let axes: Vec<char> = text.chars().collect();
            let is_plain = axes
                .iter()
                .enumerate()
                .all(|(at, axis)| axis.is_ascii_alphabetic() && !axes[..at].contains(axis));
            is_plain.then_some(axes)
        };
        Some(Self { operands: [axes(left)?, axes(right)?], result: axes(result)? })
    }

    /// Whether axes that both operands have are summed over, and no axis that only one of them has.
    fn is_product(&self) -> bool {
        let [left, right] = &self.operands;
        let shared = |axis: &&char| left.contains(axis) && right.contains(axis);
        let summed = |axis: &&char| !self.result.contains(axis);
        left.iter().any(|axis| shared(&axis) && summed(&axis))
            && left.iter().chain(right).filter(summed).all(|axis| shared(&axis))
    }
}

/// Whether the node computes a matrix product of its two inputs, in any order of axes.
pub fn is_product(node: &Node) -> bool {
    Equation::of(node).is_some_and(|equation| equation.is_product())
}

/// The one axis of operand `input` that only it has and that the result keeps; `None` where there are none or several, which
/// TensorRT-RTX runs in float with a scale per index (`tests/trt_rtx/FINDINGS.md`).
pub(super) fn kept_axis(node: &Node, input: usize) -> Option<usize> {
    let equation = Equation::of(node)?;
    let (own, other) = (equation.operands.get(input)?, equation.operands.get(1 - input)?);
    let mut kept =
        (0..own.len()).filter(|&at| !other.contains(&own[at]) && equation.result.contains(&own[at]));
    let axis = kept.next()?;
    kept.next().is_none().then_some(axis)
}
