//! The steps that need only a graph, for networks that are no ONNX model.
//!
//! [`Prepared`](super::Prepared) has these steps for models.

mod findings;
mod plan;
mod precision;
mod ranges;

pub(super) use findings::not_held;
pub use plan::{plan, plan_for_ranges, taps, without_range};
pub use precision::{OPSET, plan_precision};
pub(super) use ranges::of_tensor;
pub use ranges::{amax, check_method, ranges};
