//! The numbers through the public API.

mod descriptor;
mod golden;
mod hard;
mod properties;
