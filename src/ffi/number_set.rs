//! The sets of numbers: what C passes as an integer and Rust has as a value.

use crate::error::{Error, ErrorKind, Result};

/// One set: the only table of its numbers, read in both directions.
pub(super) struct NumberSet<T: 'static> {
    /// The name of such a number in messages.
    what: &'static str,
    /// The beginning of the constants' names.
    prefix: &'static str,
    entries: &'static [(i32, T)],
}

impl<T: Copy> NumberSet<T> {
    pub(super) const fn new(what: &'static str, prefix: &'static str, entries: &'static [(i32, T)]) -> Self {
        Self { what, prefix, entries }
    }

    /// The value of a number; an unknown one is an error.
    pub(super) fn value(&self, number: i32) -> Result<T> {
        self.find(number).ok_or_else(|| {
            Error::new(ErrorKind::InvalidArgument, format!("{} {number} is not known", self.what))
                .with_remedy(format!("use one of the {} numbers", self.prefix))
        })
    }

    /// The value of a number, if it is one of the set.
    pub(super) fn find(&self, number: i32) -> Option<T> {
        self.entries.iter().find(|(known, _)| *known == number).map(|(_, value)| *value)
    }

    /// The number of the first value that is the one.
    pub(super) fn number_where(&self, is_it: impl Fn(&T) -> bool) -> Option<i32> {
        self.entries.iter().find(|(_, value)| is_it(value)).map(|(number, _)| *number)
    }
}

impl<T: Copy + PartialEq> NumberSet<T> {
    /// The number of a value, if it has one.
    pub(super) fn number(&self, value: T) -> Option<i32> {
        self.number_where(|known| *known == value)
    }
}
