//! Normalizations.

use super::convert::Conversion;
use crate::error::Result;

/// `spatial` is removed. Statistics are per channel, as with the old default.
pub(super) fn batch_without_spatial(node: &mut Conversion<'_, '_>) -> Result<bool> {
    match node.take_int("spatial")? {
        None => Ok(false),
        Some(1) => Ok(true),
        Some(_) => Err(node.refuse(
            "'spatial' is 0: statistics per pixel have no equal",
            "export the model with normalisation per channel",
        )),
    }
}

/// More than one output meant training mode.
pub(super) fn batch_without_statistics(node: &mut Conversion<'_, '_>) -> Result<bool> {
    if node.node.output.iter().skip(1).any(|output| !output.is_empty()) {
        return Err(
            node.refuse("it returns statistics, so it is in training mode", "export the model for inference")
        );
    }
    let changed = node.node.output.len() > 1;
    node.node.output.truncate(1);
    Ok(changed)
}

/// Scale and bias become per-channel instead of per-group: each is repeated for the channels of its group.
pub(super) fn group(node: &mut Conversion<'_, '_>) -> Result<bool> {
    let Some(groups) = node.take_int("num_groups")? else {
        return Err(node.refuse("it has no attribute 'num_groups'", "export the model again"));
    };
    node.set("num_groups", crate::onnx::AttributeValue::Int(groups));
    let data = node.node.input.first().cloned().unwrap_or_default();
    let groups = node.ints("groups", &[groups])?;
    let one = node.ints("one", &[1])?;
    let column = node.ints("column", &[-1, 1])?;
    let flat = node.ints("flat", &[-1])?;
    let channels = node.put_before("channels", "Shape", &[&data], &[("start", 1), ("end", 2)]);
    let repeats = node.put_before("repeats", "Div", &[&channels, &groups], &[]);
    let target = node.put_before("target", "Concat", &[&one, &repeats], &[("axis", 0)]);
    for (index, purpose) in [(1, "scale"), (2, "bias")] {
        let values = node.node.input.get(index).cloned().unwrap_or_default();
        let as_column = node.put_before(&format!("{purpose}_column"), "Reshape", &[&values, &column], &[]);
        let repeated = node.put_before(&format!("{purpose}_repeated"), "Expand", &[&as_column, &target], &[]);
        let per_channel = node.put_before(purpose, "Reshape", &[&repeated, &flat], &[]);
        node.set_input(index, per_channel);
    }
    Ok(true)
}
