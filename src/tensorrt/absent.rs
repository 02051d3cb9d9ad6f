//! Replaces the TensorRT bridge in a build without TensorRT.

use std::path::Path;

use super::{EngineOptions, EngineSource, Libraries, Version, without};
use crate::error::Result;

pub fn compiled() -> Option<Version> {
    None
}

pub fn has_qdq() -> bool {
    true
}

pub fn layers(_: &[u8], _: &Libraries) -> Result<String> {
    Err(without())
}

pub fn build_engine(_: &EngineSource<'_>, _: &Path, _: &Libraries, _: &EngineOptions) -> Result<()> {
    Err(without())
}
