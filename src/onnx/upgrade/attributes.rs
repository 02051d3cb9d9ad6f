//! Operators whose attributes became inputs.

use super::convert::Conversion;
use crate::error::Result;

/// `axes` becomes input 1. An empty list and a missing attribute both mean all axes.
pub(super) fn axes(node: &mut Conversion<'_, '_>) -> Result<bool> {
    list_as_input(node, "axes", 1)
}

/// `split` becomes input 1.
pub(super) fn split(node: &mut Conversion<'_, '_>) -> Result<bool> {
    list_as_input(node, "split", 1)
}

fn list_as_input(node: &mut Conversion<'_, '_>, name: &str, index: usize) -> Result<bool> {
    let Some(values) = node.take_ints(name)? else { return Ok(false) };
    if !values.is_empty() {
        let input = node.ints(name, &values)?;
        node.set_input(index, input);
    }
    Ok(true)
}

/// `starts`, `ends` and `axes` become inputs 1 to 3.
pub(super) fn slice(node: &mut Conversion<'_, '_>) -> Result<bool> {
    for (index, name) in [(1, "starts"), (2, "ends"), (3, "axes")] {
        list_as_input(node, name, index)?;
    }
    Ok(true)
}

/// `k` becomes input 1, a list with one element.
pub(super) fn top_k(node: &mut Conversion<'_, '_>) -> Result<bool> {
    let Some(k) = node.take_int("k")? else {
        return Err(node.refuse("it has no attribute 'k'", "export the model again"));
    };
    let k = node.ints("k", &[k])?;
    node.set_input(1, k);
    Ok(true)
}

/// `pads` and `value` become inputs 1 and 2. A missing value means zero padding in both versions.
pub(super) fn pad(node: &mut Conversion<'_, '_>) -> Result<bool> {
    let pads = node.take_ints("pads")?.unwrap_or_default();
    let pads = node.ints("pads", &pads)?;
    node.set_input(1, pads);
    if let Some(value) = node.take_float("value")?.filter(|&value| value != 0.0) {
        let value = node.scalar_like_input("value", value)?;
        node.set_input(2, value);
    }
    Ok(true)
}

/// `min` and `max` become inputs 1 and 2. Without them, both versions clip nothing.
pub(super) fn clip(node: &mut Conversion<'_, '_>) -> Result<bool> {
    let mut changed = false;
    for (index, name) in [(1, "min"), (2, "max")] {
        if let Some(bound) = node.take_float(name)? {
            let bound = node.scalar_like_input(name, bound)?;
            node.set_input(index, bound);
            changed = true;
        }
    }
    Ok(changed)
}

/// `ratio` becomes input 1, a single f32 for every data type.
pub(super) fn dropout(node: &mut Conversion<'_, '_>) -> Result<bool> {
    let Some(ratio) = node.take_float("ratio")? else { return Ok(false) };
    let ratio = node.constant("ratio", &[], vec![ratio])?;
    node.set_input(1, ratio);
    Ok(true)
}

/// `axis` becomes input 2. Its default changes from axis 1 to the last axis but one.
pub(super) fn dft(node: &mut Conversion<'_, '_>) -> Result<bool> {
    let axis = node.take_int("axis")?.unwrap_or(1);
    let axis = node.constant("axis", &[], vec![axis])?;
    node.set_input(2, axis);
    Ok(true)
}

/// `scales` becomes input 1.
pub(super) fn upsample(node: &mut Conversion<'_, '_>) -> Result<bool> {
    let scales = node.take_floats("scales")?.unwrap_or_default();
    let scales = node.constant("scales", &[scales.len()], scales)?;
    node.set_input(1, scales);
    Ok(true)
}
