//! `Upsample` and `Resize`. Before opset 11, the mapping of output pixels to input pixels was not specified.

use super::convert::Conversion;
use crate::error::Result;
use crate::onnx::node::AttributeValue;
use crate::tensor::Data;

fn text(value: &str) -> AttributeValue {
    AttributeValue::Text(value.to_owned())
}

/// `Upsample` is `Resize` with scales of at least 1.
///
/// If the target is opset 11 or later, it gets that form at once, because the form depends on having no scale
/// below 1.
pub(super) fn from_upsample(node: &mut Conversion<'_, '_>) -> Result<bool> {
    node.node.op_type = Some("Resize".to_owned());
    if node.target >= 11 {
        make_explicit(node, "floor")?;
    }
    Ok(true)
}

/// Pixels map without an offset (`asymmetric`). The nearest pixel is the one below if the image grows, and
/// the one above if it shrinks.
pub(super) fn explicit_coordinates(node: &mut Conversion<'_, '_>) -> Result<bool> {
    if node.has("coordinate_transformation_mode") {
        return Ok(false);
    }
    let mode = node.take_text("mode")?.unwrap_or_else(|| "nearest".to_owned());
    let nearest = if mode == "nearest" { nearest_mode(node)? } else { "floor" };
    node.set("mode", text(&mode));
    make_explicit(node, nearest)?;
    Ok(true)
}

fn make_explicit(node: &mut Conversion<'_, '_>, nearest_mode: &str) -> Result<()> {
    let scales = node.node.input.get(1).cloned().unwrap_or_default();
    // Opset 11 requires the region of interest, even if no mode reads it.
    let region = node.constant("roi", &[0], Vec::<f32>::new())?;
    node.set_input(1, region);
    node.set_input(2, scales);
    node.set("coordinate_transformation_mode", text("asymmetric"));
    node.set("nearest_mode", text(nearest_mode));
    Ok(())
}

fn nearest_mode(node: &Conversion<'_, '_>) -> Result<&'static str> {
    let scales = node.node.input.get(1).map_or(Ok(None), |name| node.model.constant(name))?;
    let scales = match scales.as_ref().map(|tensor| tensor.data()) {
        Some(Data::F32(scales)) => scales,
        _ => {
            return Err(node.refuse(
                "its scales are computed, and whether the image grows or shrinks decides which pixel is nearest",
                "export the model at opset 11 or later, or with fixed sizes",
            ));
        }
    };
    let shrinks = scales.iter().any(|&scale| scale < 1.0);
    let grows = scales.iter().any(|&scale| scale > 1.0);
    match (shrinks, grows) {
        (true, true) => Err(node.refuse(
            "it makes one axis larger and another smaller with the nearest pixel",
            "export the model at opset 11 or later",
        )),
        (true, false) => Ok("ceil"),
        _ => Ok("floor"),
    }
}

/// `tf_half_pixel_for_nn` is removed. Its rounding down equals rounding to the nearest with an offset of half
/// a pixel.
pub(super) fn without_tensorflow_mode(node: &mut Conversion<'_, '_>) -> Result<bool> {
    const COORDINATES: &str = "coordinate_transformation_mode";
    let coordinates = node.take_text(COORDINATES)?;
    if coordinates.as_deref() != Some("tf_half_pixel_for_nn") {
        if let Some(coordinates) = coordinates {
            node.set(COORDINATES, AttributeValue::Text(coordinates));
        }
        return Ok(false);
    }
    let mode = node.take_text("mode")?.unwrap_or_else(|| "nearest".to_owned());
    let nearest = node.take_text("nearest_mode")?;
    if mode != "nearest" || nearest.as_deref() != Some("floor") {
        return Err(node.refuse(
            "its coordinate mode 'tf_half_pixel_for_nn' has an equal only with the nearest mode 'floor'",
            "export the model at opset 13 or later",
        ));
    }
    node.set("mode", text("nearest"));
    node.set("nearest_mode", text("round_prefer_ceil"));
    node.set(COORDINATES, text("half_pixel"));
    Ok(true)
}
