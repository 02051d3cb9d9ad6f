//! The search for the best of several quantizations of a network: the order of trials, and their end.
//!
//! | | finds | by |
//! |---|---|---|
//! | [`grid`] | the ranges to try for a tensor | the ranges of all methods, and steps between them |
//! | [`fewest`](fn@fewest) | the least number of layers to leave in float | bisection over their order |
//! | [`toggles`] | the changes that are worth keeping | trials of ever smaller groups of them |
//!
//! A [`Score`] says how good a network is.
//!
//! Everything here is a function of its arguments and of a judgement that the caller supplies.
//! [`pipeline`](crate::pipeline) runs the models.

mod fewest;
pub mod grid;
mod score;
pub mod toggles;

pub use fewest::{Fewest, fewest};
pub use score::Score;
