//! Constants that are computed: a tensor is constant if all its ancestors are.
//!
//! A model computes weights itself if the exporter did not: for example by weight normalization, by splitting
//! one packed tensor, or by building the target of a Reshape from numbers. The embedded runtime computes such
//! constants once, node by node, and only on request. Only an open runtime keeps the values, so a value
//! always matches the current model.

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

/// The largest constant that is computed, in bytes. Every element counts 4 bytes, because the runtime
/// computes in f32 and i32.
pub const MOST_CONSTANT_BYTES: u64 = 1 << 30;

/// The limit for all constants that one call computes together, in bytes.
///
/// Intermediate results count too. The limit is [`MOST_TIMES_STORED`] times the size of the model's stored
/// data if that is larger. Without a limit, a small file could demand any amount of work.
pub const MOST_CONSTANT_BYTES_TOGETHER: u64 = 4 << 30;

/// The factor in the limit of [`MOST_CONSTANT_BYTES_TOGETHER`]. Weights of 4 bits become eight times as
/// large.
pub const MOST_TIMES_STORED: u64 = 16;
