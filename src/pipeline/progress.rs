//! The progress of a run over data.

use std::ops::ControlFlow;

use crate::error::{Error, ErrorKind, Result};

/// The progress of a run over the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The number of finished batches.
    pub batches: usize,
    /// The number of finished samples.
    pub samples: usize,
    /// The number of all batches, if known.
    pub total_batches: Option<usize>,
}

impl Progress {
    pub(super) fn start(total_batches: Option<usize>) -> Self {
        Self { batches: 0, samples: 0, total_batches }
    }

    /// Refuses a run without data.
    pub(super) fn check_any(&self) -> Result<()> {
        if self.batches > 0 {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Data, "the data holds no sample")
            .with_remedy("give at least one sample; a few hundred make good ranges"))
    }

    /// Counts one batch and asks whether to continue.
    pub(super) fn advance(
        &mut self,
        samples: usize,
        report: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<()> {
        self.batches += 1;
        self.samples += samples;
        match report(*self) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::new(
                ErrorKind::Cancelled,
                format!("stopped by the caller after {} batches", self.batches),
            )),
        }
    }
}

/// Reports nothing and lets the run continue.
pub fn go_on(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}
