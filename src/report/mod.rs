//! Results as text for people and as JSON for programs.

pub mod compare;
pub mod plan;
pub mod table;
