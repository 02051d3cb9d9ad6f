//! The numbers.

mod group;
pub mod weights;
