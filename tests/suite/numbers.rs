//! The functions of `quant` through the public API.

mod clip;
mod by_descriptor;
mod descriptor;
pub mod golden;
mod groups;
mod hard;
mod learned_step;
mod properties;
