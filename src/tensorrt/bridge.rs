//! The bridge to the C++ code that calls TensorRT, `cpp/src/bridge.cpp`.
#![allow(unsafe_code, reason = "cxx checks both sides of the calls against one declaration")]

use std::path::Path;

use super::{EngineOptions, EngineSource, Libraries, Version};
use crate::error::{Error, ErrorKind, Result};
use crate::ffi::qdq_ranges;

#[cxx::bridge(namespace = "qdq::bridge")]
mod calls {
    /// The shapes of one input in one profile.
    struct InputShapes {
        profile: usize,
        input: String,
        min: Vec<i64>,
        opt: Vec<i64>,
        max: Vec<i64>,
    }

    /// The settings of a build.
    struct Request {
        name: String,
        output: String,
        infer: String,
        parser: String,
        half: bool,
        detailed: bool,
        workspace: u64,
        timing_cache: String,
        shapes: Vec<InputShapes>,
        compute_capabilities: Vec<i32>,
    }

    /// The result of a call. Status 0 means success.
    struct Outcome {
        status: i32,
        /// The layers of an engine as JSON.
        layers: String,
        message: String,
        remedy: String,
    }

    extern "Rust" {
        fn log(severity: i32, message: &str);
    }

    unsafe extern "C++" {
        include!("bridge.hpp");

        #[namespace = ""]
        type qdq_ranges = crate::ffi::qdq_ranges;

        fn version() -> [i32; 3];
        fn has_qdq() -> bool;

        /// # Safety
        /// `ranges`, which is taken over, is NULL or a handle.
        unsafe fn build_engine(model: &[u8], request: &Request, ranges: *mut qdq_ranges) -> Outcome;
        fn engine_layers(engine: &[u8], infer: &str) -> Outcome;
    }
}

// SAFETY: C++ has it as the struct of qdq.h, of which it sees no field.
unsafe impl cxx::ExternType for qdq_ranges {
    type Id = cxx::type_id!("qdq_ranges");
    type Kind = cxx::kind::Opaque;
}

pub fn compiled() -> Option<Version> {
    let [major, minor, patch] = calls::version();
    Some(Version { major, minor, patch })
}

pub fn has_qdq() -> bool {
    calls::has_qdq()
}

pub fn build_engine(
    &EngineSource { model, name, ranges }: &EngineSource<'_>,
    output: &Path,
    libraries: &Libraries,
    options: &EngineOptions,
) -> Result<()> {
    let shapes = options.profiles.iter().enumerate().flat_map(|(profile, inputs)| {
        inputs.iter().cloned().map(move |one| calls::InputShapes {
            profile,
            input: one.input,
            min: one.min,
            opt: one.opt,
            max: one.max,
        })
    });
    let request = calls::Request {
        name: name.to_owned(),
        output: text(output)?,
        infer: text(&libraries.infer)?,
        parser: text(&libraries.parser)?,
        half: options.half,
        detailed: options.detailed,
        workspace: options.workspace.unwrap_or(0),
        timing_cache: options.timing_cache.as_deref().map(text).transpose()?.unwrap_or_default(),
        shapes: shapes.collect(),
        compute_capabilities: options.compute_capabilities.clone(),
    };
    let ranges = ranges.map_or(std::ptr::null_mut(), |ranges| qdq_ranges::owned(ranges.clone()));
    // SAFETY: the handle is new, and nothing else has it.
    let outcome = unsafe { calls::build_engine(model, &request, ranges) };
    result(outcome).map(|_| ())
}

/// Returns the layers of an engine as the JSON of TensorRT's IEngineInspector.
pub fn layers(engine: &[u8], libraries: &Libraries) -> Result<String> {
    result(calls::engine_layers(engine, &text(&libraries.infer)?))
}

fn result(outcome: calls::Outcome) -> Result<String> {
    let Some(kind) = crate::ffi::kind_of(outcome.status) else { return Ok(outcome.layers) };
    let error = Error::new(kind, outcome.message);
    Err(if outcome.remedy.is_empty() { error } else { error.with_remedy(outcome.remedy) })
}

fn text(path: &Path) -> Result<String> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        Error::new(ErrorKind::InvalidArgument, format!("{}: the path is not UTF-8", path.display()))
            .with_remedy("give a path that is")
    })
}

/// Logs a message of TensorRT. Severities 0 and 1 are errors, which the build's error reports too.
fn log(severity: i32, message: &str) {
    match severity {
        0..=2 => tracing::warn!("TensorRT: {message}"),
        3 => tracing::debug!("TensorRT: {message}"),
        _ => tracing::trace!("TensorRT: {message}"),
    }
}
