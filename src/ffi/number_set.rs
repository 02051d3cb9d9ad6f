//! Sets of numbers: integers that C passes for values of Rust.

use crate::error::{Error, ErrorKind, Result};

/// A set of numbers: the only table of these numbers, used in both directions.
pub(super) struct NumberSet<T: 'static> {
    /// The name of these numbers in messages.
    what: &'static str,
    /// The common beginning of the names of the constants.
    prefix: &'static str,
    entries: &'static [(i32, T)],
}

impl<T: Copy> NumberSet<T> {
    pub(super) const fn new(what: &'static str, prefix: &'static str, entries: &'static [(i32, T)]) -> Self {
        Self { what, prefix, entries }
    }

    /// Returns the value of a number; an unknown number is an error.
    pub(super) fn value(&self, number: i32) -> Result<T> {
        self.find(number).ok_or_else(|| {
            Error::new(ErrorKind::InvalidArgument, format!("{} {number} is not known", self.what))
                .with_remedy(format!("use one of the {} numbers", self.prefix))
        })
    }

    /// Returns the value of a number, if it is one of the set.
    pub(super) fn find(&self, number: i32) -> Option<T> {
        self.entries.iter().find(|(known, _)| *known == number).map(|(_, value)| *value)
    }

    /// Returns the number of the first value for which `is_it` is true.
    pub(super) fn number_where(&self, is_it: impl Fn(&T) -> bool) -> Option<i32> {
        self.entries.iter().find(|(_, value)| is_it(value)).map(|(number, _)| *number)
    }
}

impl<T: Copy + PartialEq> NumberSet<T> {
    /// Returns the number of a value, if it has one.
    pub(super) fn number(&self, value: T) -> Option<i32> {
        self.number_where(|known| *known == value)
    }
}
