//! The numbers through the public API.

mod clip;
mod descriptor;
mod golden;
mod hard;
mod properties;
