//! Sources that report an error if they are read a second time.

use super::{Batch, BatchSource};
use crate::error::{Error, ErrorKind, Result};
use crate::finding::Finding;

/// A source that reports its end once. A further read is an error: otherwise the caller would mistake it for
/// data without samples.
pub(super) struct Once<S> {
    source: S,
    state: State,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// It has returned no batch yet.
    Fresh,
    /// It has returned batches.
    Begun,
    /// It failed, and its end is still to be reported.
    Failed,
    /// Its end was reported after it had returned batches or failed.
    Read,
    /// Its end was reported, and it had no batch.
    Empty,
}

impl<S> Once<S> {
    pub fn new(source: S) -> Self {
        Self { source, state: State::Fresh }
    }
}

impl<S: BatchSource> BatchSource for Once<S> {
    fn next_batch(&mut self) -> Result<Option<Batch>> {
        match self.state {
            State::Fresh | State::Begun => {
                let batch = self.source.next_batch();
                self.state = match (&batch, self.state) {
                    (Ok(Some(_)), _) => State::Begun,
                    (Ok(None), State::Fresh) => State::Empty,
                    (Ok(None), _) => State::Read,
                    (Err(_), _) => State::Failed,
                };
                batch
            }
            State::Failed => {
                self.state = State::Read;
                Ok(None)
            }
            State::Empty => Ok(None),
            State::Read => {
                Err(Error::new(ErrorKind::InvalidArgument, "the batches were read to their end already")
                    .with_remedy("open the data anew for every run over it"))
            }
        }
    }

    fn remaining(&self) -> Option<usize> {
        match self.state {
            State::Fresh | State::Begun => self.source.remaining(),
            State::Failed | State::Read | State::Empty => Some(0),
        }
    }

    fn findings(&self) -> Vec<Finding> {
        self.source.findings()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the listed results, then the end.
    struct Listed(Vec<Result<Option<Batch>>>);

    impl BatchSource for Listed {
        fn next_batch(&mut self) -> Result<Option<Batch>> {
            if self.0.is_empty() { Ok(None) } else { self.0.remove(0) }
        }

        fn remaining(&self) -> Option<usize> {
            None
        }
    }

    /// The results of four reads: a batch, the end, or the message of an error.
    fn asked(listed: Vec<Result<Option<Batch>>>) -> [String; 4] {
        let mut source = Once::new(Listed(listed));
        std::array::from_fn(|_| match source.next_batch() {
            Ok(Some(_)) => "batch".to_owned(),
            Ok(None) => "end".to_owned(),
            Err(error) => error.message().to_owned(),
        })
    }

    #[test]
    fn the_end_is_said_once_and_no_data_stays_no_data() {
        let batch = || Ok(Some(Batch::default()));
        let failed = || Err(Error::new(ErrorKind::Data, "broken"));
        let read = "the batches were read to their end already";
        assert_eq!(asked(vec![batch(), batch()]), ["batch", "batch", "end", read]);
        assert_eq!(asked(vec![batch(), failed()]), ["batch", "broken", "end", read]);
        assert_eq!(asked(vec![failed()]), ["broken", "end", read, read]);
        assert_eq!(asked(vec![]), ["end"; 4]);
    }
}
