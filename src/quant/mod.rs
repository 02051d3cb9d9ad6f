//! Work in progress.

pub mod weights;
