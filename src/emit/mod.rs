//! Files that are made from a plan and its ranges.

pub mod cast;
mod one_scale;
pub mod qdq_model;
pub mod ranges;
pub mod scale;
mod text;
pub mod trt_cache;
mod weights;

pub use one_scale::store_one_scale;
pub use ranges::Ranges;
pub use trt_cache::Cache;
pub use weights::check_weights;
