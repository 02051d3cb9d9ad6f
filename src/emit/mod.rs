//! Files that are made from a plan and its ranges.

pub mod cast;
pub(crate) mod channel_factors;
mod one_scale;
mod ready_weights;
pub mod qdq_model;
pub mod ranges;
pub(crate) mod round_weights;
pub mod scale;
pub(crate) mod stored_weight;
mod text;
pub mod trt_cache;
mod weight_options;
mod weights;

pub use one_scale::store_one_scale;
pub use ranges::Ranges;
pub use ready_weights::ready_weights;
pub use trt_cache::Cache;
pub use weight_options::{WeightForm, Weights};
pub use weight_options::{check_formats, check_trained};
pub use weights::check_weights;
