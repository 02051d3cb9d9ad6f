//! Replaces the TensorRT bridge in a build without TensorRT.

use std::path::Path;

use super::{EngineOptions, Libraries, Version, without};
use crate::emit::Ranges;
use crate::error::Result;

pub fn compiled() -> Option<Version> {
    None
}

pub fn has_qdq() -> bool {
    true
}

pub fn build_engine(
    _: &[u8],
    _: &str,
    _: Option<&Ranges>,
    _: &Path,
    _: &Libraries,
    _: &EngineOptions,
) -> Result<()> {
    Err(without())
}
