//! The C ABI. `include/qdq/qdq.h` is generated from this module. The preamble of the header is in
//! `cbindgen.toml`. It holds the rules that every function keeps: names, ownership, NULL, threads, errors,
//! texts.
//!
//! One file per C object. `handle` makes the objects that C owns and takes them back. `guard` turns errors
//! and panics into statuses. The functions are thin: they convert C's arguments to Rust values, call one
//! function of the library, and hand over the result.
#![allow(non_camel_case_types, reason = "these are C's names")]
#![allow(clippy::missing_safety_doc, reason = "the header's preamble states the rules for every function")]
#![allow(unsafe_code, reason = "C's pointers are read here and nowhere else")]

mod handle;
mod guard;
mod number_set;
mod version;
mod status;
mod error;
mod buffer;
mod texts;
mod findings;
mod dtype;
mod tensor;
mod array;
mod method;
mod descriptor;
mod quantize;
mod clip;
mod convert;
mod learned_step;
mod weights;
mod stored_weights;
mod tensor_stats;
mod stats;
mod axis_max;
mod histogram_calibrator;
mod quantizer;
mod quantizer_calibration;
mod qat_schedule;
mod ranges;
mod cache;
mod node;
mod graph;
mod graph_tensors;
mod graph_nodes;
mod policy;
mod plan;
mod callback;
mod specs;
mod data_options;
mod batch;
mod batches;
mod cancel;
mod run_options;
mod quantize_options;
mod precision_options;
mod precision_plan;
mod graph_precision;
mod recover_options;
mod model;
mod model_inputs;
mod model_quantize;
mod open_batches;
mod recover;
mod search;
mod session;
mod onnxruntime;
mod comparison;
mod engine_cost;
mod log;

pub use array::*;
pub use axis_max::*;
pub use batch::*;
pub use batches::*;
pub use buffer::*;
pub use cache::*;
pub use cancel::*;
pub use clip::*;
pub use comparison::*;
pub use convert::*;
pub use data_options::*;
pub use descriptor::*;
pub use dtype::*;
pub use engine_cost::*;
pub use error::*;
pub use findings::*;
pub use graph::*;
pub use graph_nodes::*;
pub use graph_precision::*;
pub use graph_tensors::*;
pub use histogram_calibrator::*;
pub use learned_step::*;
pub use log::*;
pub use method::*;
pub use model::*;
pub use model_quantize::*;
pub use node::*;
pub use onnxruntime::*;
pub use open_batches::*;
pub use plan::*;
pub use policy::*;
pub use precision_options::*;
pub use precision_plan::*;
pub use qat_schedule::*;
pub use quantize::*;
pub use quantize_options::*;
pub use quantizer::*;
pub use quantizer_calibration::*;
pub use ranges::*;
pub use recover::*;
pub use recover_options::*;
pub use run_options::*;
pub use search::*;
pub use session::*;
pub use specs::*;
pub use stats::*;
pub use status::*;
pub use tensor::*;
pub use tensor_stats::*;
pub use texts::*;
pub use version::*;
pub use weights::*;

/// A handle may move from one thread to another, and several threads may read one handle.
const _: () = {
    const fn is_send_and_sync<T: Send + Sync>() {}
    const fn is_send<T: Send>() {}
    is_send_and_sync::<qdq_array>();
    is_send_and_sync::<qdq_axis_max>();
    is_send_and_sync::<qdq_batch>();
    is_send::<qdq_batches>();
    is_send_and_sync::<qdq_buffer>();
    is_send_and_sync::<qdq_cache>();
    is_send_and_sync::<qdq_cancel>();
    is_send_and_sync::<qdq_comparison>();
    is_send_and_sync::<qdq_data_options>();
    is_send_and_sync::<qdq_descriptor>();
    is_send_and_sync::<qdq_engine_cost>();
    is_send_and_sync::<qdq_error>();
    is_send_and_sync::<qdq_findings>();
    is_send_and_sync::<qdq_graph>();
    is_send_and_sync::<qdq_histogram_calibrator>();
    is_send_and_sync::<qdq_model>();
    is_send_and_sync::<qdq_node>();
    is_send_and_sync::<qdq_plan>();
    is_send_and_sync::<qdq_policy>();
    is_send_and_sync::<qdq_qat_schedule>();
    is_send_and_sync::<qdq_quantize_options>();
    is_send_and_sync::<qdq_quantizer>();
    is_send_and_sync::<qdq_ranges>();
    is_send_and_sync::<qdq_precision_options>();
    is_send_and_sync::<qdq_precision_plan>();
    is_send_and_sync::<qdq_recover_options>();
    is_send_and_sync::<qdq_run_options>();
    is_send_and_sync::<qdq_session>();
    is_send_and_sync::<qdq_specs>();
    is_send_and_sync::<qdq_stats>();
    is_send_and_sync::<qdq_tensor_stats>();
    is_send_and_sync::<qdq_texts>();
};

#[cfg(test)]
mod tests;
