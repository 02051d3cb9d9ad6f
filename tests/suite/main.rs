//! Tests through the public API and the command-line tool, in one binary so that they link once.

mod api;
mod architecture;
mod attention;
mod batch;
mod calibration;
#[cfg(feature = "tool")]
mod cli;
mod comments;
mod emit;
mod emit_model;
mod emit_trained;
mod environment;
mod golden;
#[cfg(feature = "tool")]
mod half_cases;
mod header;
mod messages;
mod models;
mod names;
mod numbers;
mod onnx;
mod prepare;
mod quantizer;
mod recover;
mod release;
mod runtime;
mod subgraphs;
mod target;
