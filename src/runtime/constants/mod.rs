//! Constants that are computed: a tensor whose ancestors are all constants is one itself.
//!
//! A model computes its weights where an exporter did not: weight normalization, one packed tensor that is
//! split, a target of Reshape put together from numbers. The embedded runtime computes them once, node by
//! node, and only what is asked for. Nothing is kept but in a runtime that is open, so that a value always
//! follows from the model as it is.

mod branches;
mod depends;
mod forms;
mod node;
mod size;
mod store;
mod sweep;

pub use branches::take_branches;
pub use depends::{Dependence, computed_constants, dependences, why_not};
pub(super) use store::store;
pub use sweep::{constant_value, each_constant, map_constants};

/// The largest constant that is computed, in bytes at four an element: the runtime computes in f32 and i32.
pub const MOST_CONSTANT_BYTES: u64 = 1 << 30;

/// So many bytes all constants together may take that one call computes, those on the way to others included;
/// or [`MOST_TIMES_STORED`] times what the model stores, where that is more. A small file could ask for any
/// amount of work.
pub const MOST_CONSTANT_BYTES_TOGETHER: u64 = 4 << 30;

/// See [`MOST_CONSTANT_BYTES_TOGETHER`]. Weights of 4 bits become eight times as large.
pub const MOST_TIMES_STORED: u64 = 16;
