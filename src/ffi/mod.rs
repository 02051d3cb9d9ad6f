//! The C ABI. `include/qdq/qdq.h` is generated from this module; its preamble, in `cbindgen.toml`, holds the rules that every
//! function keeps: names, ownership, NULL, threads, errors, texts.
//!
//! One file per C object. `handle` makes and takes back what C owns, `guard` turns errors and panics into statuses. The
//! functions are thin: they turn arguments into Rust's, call one function of the library, and hand over the result.
#![allow(non_camel_case_types, reason = "these are C's names")]
#![allow(clippy::missing_safety_doc, reason = "the header's preamble states the rules for every function")]
#![allow(unsafe_code, reason = "C's pointers are read here and nowhere else")]

mod handle;
mod guard;
mod version;
mod status;
mod error;
mod buffer;
mod dtype;
mod tensor;
mod array;
mod method;
mod tensor_stats;
mod stats;
mod axis_max;
mod histogram_calibrator;
mod ranges;

pub use array::*;
pub use axis_max::*;
pub use buffer::*;
pub use dtype::*;
pub use error::*;
pub use histogram_calibrator::*;
pub use method::*;
pub use ranges::*;
pub use stats::*;
pub use status::*;
pub use tensor::*;
pub use tensor_stats::*;
pub use version::*;
