//! Other conversions.

use super::convert::Conversion;
use crate::error::Result;
use crate::onnx::node::AttributeValue;

fn text(value: &str) -> AttributeValue {
    AttributeValue::Text(value.to_owned())
}

/// The type of the mask becomes bool. A mask that nothing reads is dropped.
pub(super) fn dropout_mask(node: &mut Conversion<'_, '_>) -> Result<bool> {
    let Some(mask) = node.node.output.get(1).filter(|mask| !mask.is_empty()) else { return Ok(false) };
    if node.read.contains(mask) {
        return Err(node.refuse("its mask is used, and changes its type", "export the model for inference"));
    }
    node.node.output.truncate(1);
    Ok(true)
}

/// The interpolation modes have new names.
pub(super) fn grid_sample(node: &mut Conversion<'_, '_>) -> Result<bool> {
    let Some(mode) = node.take_text("mode")? else { return Ok(false) };
    let renamed = match mode.as_str() {
        "bilinear" => "linear",
        "bicubic" => "cubic",
        same => same,
    };
    node.set("mode", text(renamed));
    Ok(renamed != mode)
}

/// The only coordinate mode of the old version is no longer the default.
pub(super) fn roi_align(node: &mut Conversion<'_, '_>) -> Result<bool> {
    const COORDINATES: &str = "coordinate_transformation_mode";
    if node.has(COORDINATES) {
        return Ok(false);
    }
    node.set(COORDINATES, text("output_half_pixel"));
    Ok(true)
}

/// Scans lost their batch axis and their sequence lengths.
pub(super) fn scan(node: &mut Conversion<'_, '_>) -> Result<bool> {
    Err(node.refuse("a Scan with a batch axis has no direct equal", "export the model at opset 9 or later"))
}

/// `Scatter` is called `ScatterElements`.
pub(super) fn scatter(node: &mut Conversion<'_, '_>) -> Result<bool> {
    node.node.op_type = Some("ScatterElements".to_owned());
    Ok(true)
}

/// Without a list of sizes, the number of equal parts must be given.
pub(super) fn split_outputs(node: &mut Conversion<'_, '_>) -> Result<bool> {
    if node.node.input.get(1).is_some_and(|sizes| !sizes.is_empty()) || node.has("num_outputs") {
        return Ok(false);
    }
    let outputs = i64::try_from(node.node.output.len()).unwrap_or(i64::MAX);
    node.set("num_outputs", AttributeValue::Int(outputs));
    Ok(true)
}
