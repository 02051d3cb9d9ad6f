//! The reasons why a method cannot change a layer.

use crate::error::Error;

/// The reason why a method proposes nothing for a layer.
#[derive(Debug)]
pub enum Refusal {
    /// The method leaves this form of layer alone. The text names the form.
    LeftAlone(String),
    /// The model could not be read.
    Failed(Error),
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self::LeftAlone(reason)
    }
}

impl From<&str> for Refusal {
    fn from(reason: &str) -> Self {
        Self::LeftAlone(reason.to_owned())
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}
