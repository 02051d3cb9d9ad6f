//! Einsum nodes that are matrix products.

use std::collections::BTreeMap;

use crate::graph::{Attribute, Node};

/// The character of the axes that an equation writes as `...`.
const UNNAMED: char = '.';

/// The two operands of an equation such as `bik,kj->bij`, and its result.
///
/// Each axis has one character. [`UNNAMED`] stands for the axes that are written as `...`.
struct Equation {
    operands: [Vec<char>; 2],
    result: Vec<char>,
}

impl Equation {
    /// Parses the equation of a node; `None` if it is no product of two operands.
    fn of(node: &Node) -> Option<Self> {
        let Some(Attribute::Text(text)) = node.attributes.get("equation").filter(|_| node.is("Einsum"))
        else {
            return None;
        };
        let text: String = text.chars().filter(|character| !character.is_whitespace()).collect();
        let (operands, result) =
            text.split_once("->").map_or((&*text, None), |(operands, result)| (operands, Some(result)));
        let (left, right) = operands.split_once(',')?;
        let operands = [axes(left)?, axes(right)?];
        let result = match result {
            Some(result) => axes(result)?,
            None => implicit_result(&operands),
        };
        Some(Self { operands, result })
    }

    /// Whether the equation is a matrix product.
    ///
    /// It sums over a named axis that both operands have, and over no axis that only one of them has.
    fn is_product(&self) -> bool {
        let [left, right] = &self.operands;
        let shared = |axis: &&char| left.contains(axis) && right.contains(axis);
        let summed = |axis: &&char| !self.result.contains(axis);
        left.iter().any(|axis| *axis != UNNAMED && shared(&axis) && summed(&axis))
            && left.iter().chain(right).filter(summed).all(|axis| shared(&axis))
    }
}

/// Returns the axes of one term; `None` if the term is not valid or has an axis twice (a diagonal).
fn axes(term: &str) -> Option<Vec<char>> {
    let axes: Vec<char> = term.replacen("...", &UNNAMED.to_string(), 1).chars().collect();
    // A `.` is valid only as part of `...`.
    let is_written = |axis: char| axis.is_ascii_alphabetic() || (axis == UNNAMED && term.contains("..."));
    let is_plain = axes.iter().enumerate().all(|(at, &axis)| is_written(axis) && !axes[..at].contains(&axis));
    is_plain.then_some(axes)
}

/// Returns the result axes of an equation without `->`, in no particular order.
///
/// These are the unnamed axes and the axes that only one operand has.
fn implicit_result([left, right]: &[Vec<char>; 2]) -> Vec<char> {
    let all = left.iter().chain(right.iter().filter(|axis| !left.contains(axis)));
    let is_kept = |axis: &char| *axis == UNNAMED || left.contains(axis) != right.contains(axis);
    all.copied().filter(is_kept).collect()
}

/// Returns the largest possible number of products of elements for an Einsum with inputs of these shapes.
///
/// It is the number of ways to choose an index of each axis. No result has more elements. Returns `None` if
/// equation and shapes do not fit.
pub fn work(node: &Node, shapes: &[&[usize]]) -> Option<u64> {
    let Some(Attribute::Text(text)) = node.attributes.get("equation") else { return None };
    let text: String = text.chars().filter(|character| !character.is_whitespace()).collect();
    let operands: Vec<&str> =
        text.split_once("->").map_or(&*text, |(operands, _)| operands).split(',').collect();
    let mut sizes: BTreeMap<char, u64> = BTreeMap::new();
    for (operand, shape) in operands.iter().zip(shapes) {
        let named: Vec<char> = operand.chars().filter(|&axis| axis != UNNAMED).collect();
        let unnamed =
            shape.len().checked_sub(named.len()).filter(|&count| count == 0 || operand.contains("..."))?;
        let before = operand.chars().position(|axis| axis == UNNAMED).unwrap_or(named.len());
        // Unnamed axes get characters of the private use area, counted from the last axis.
        let private =
            (1..=unnamed).rev().map(|at| u32::try_from(at).ok().and_then(|at| char::from_u32(0xE000 + at)));
        let named = |range: std::ops::Range<usize>| named[range].iter().copied().map(Some);
        let axes = named(0..before).chain(private).chain(named(before..shape.len() - unnamed));
        for (axis, &size) in axes.zip(*shape) {
            let axis = axis?;
            let known = sizes.entry(axis).or_insert(1);
            *known = if size == 0 { 0 } else { (*known).max(size as u64) };
        }
    }
    (operands.len() == shapes.len()).then(|| sizes.values().fold(1u64, |all, &size| all.saturating_mul(size)))
}

/// Whether the node computes a matrix product of its two inputs, in any order of axes.
pub fn is_product(node: &Node) -> bool {
    Equation::of(node).is_some_and(|equation| equation.is_product())
}

/// Returns the one axis of operand `input` that only this operand has and that the result keeps.
///
/// `rank` is the number of axes of the operand, if known. Returns `None` if there is no such axis or if there
/// are several: with a scale per index of one of several axes, TensorRT-RTX runs the Einsum in float
/// (`tests/trt_rtx/FINDINGS.md`). Returns `None` too if unnamed axes may be among them.
pub(super) fn kept_axis(node: &Node, input: usize, rank: Option<usize>) -> Option<usize> {
    let equation = Equation::of(node)?;
    let (own, other) = (equation.operands.get(input)?, equation.operands.get(1 - input)?);
    let mut all = Vec::with_capacity(own.len());
    for &axis in own {
        let count = if axis == UNNAMED { (rank? + 1).checked_sub(own.len())? } else { 1 };
        all.extend(std::iter::repeat_n(axis, count));
    }
    let is_kept = |axis: char| !other.contains(&axis) && equation.result.contains(&axis);
    let mut kept = (0..all.len()).filter(|&at| is_kept(all[at]));
    let axis = kept.next()?;
    kept.next().is_none().then_some(axis)
}

/// Returns the one axis of operand `input` over which the product sums, counted from the last, which is 0.
///
/// `rank` is the number of axes of the operand, if known. Returns `None` if there are several such axes, or
/// if their place is not known.
pub(super) fn summed_axis(node: &Node, input: usize, rank: Option<usize>) -> Option<usize> {
    let equation = Equation::of(node)?;
    let own = equation.operands.get(input)?;
    let mut summed = (0..own.len()).filter(|&at| !equation.result.contains(&own[at]));
    let at = summed.next()?;
    if summed.next().is_some() {
        return None;
    }
    let behind = &own[at + 1..];
    match behind.contains(&UNNAMED) {
        // All named axes but this one are counted, and the unnamed ones are the others.
        true => (rank? + 1).checked_sub(own.len()).map(|unnamed| behind.len() - 1 + unnamed),
        false => Some(behind.len()),
    }
}
