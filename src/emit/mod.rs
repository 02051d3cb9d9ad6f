//! Files made from a plan and its ranges.

pub mod qdq_model;
pub mod ranges;
pub mod trt_cache;

pub use ranges::Ranges;
pub use trt_cache::Cache;
