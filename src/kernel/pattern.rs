//! Two numbers for every element: an inverse scale and a divisor, or the ends of a range.

use std::borrow::Cow;

use super::vector::WIDEST;

/// The two numbers of each element, by its place in the data.
#[derive(Clone, Debug)]
pub enum Pattern<'a> {
    /// All elements have the same numbers.
    Same(f32, f32),
    /// Element i has the numbers at `i % period`: a repeated row of numbers.
    Row(Row<'a>),
    /// Element i has the numbers at `(start + i / run) % count`: `run` neighbours share one, and the numbers
    /// repeat.
    Runs {
        /// The number of neighbours that share numbers, at least 1.
        run: usize,
        /// The index of the number of the first run, below the count of numbers.
        start: usize,
        /// The first number of each run.
        first: &'a [f32],
        /// The second number of each run.
        second: &'a [f32],
    },
}

/// A row of numbers, and the place in it at which the data begins.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    start: usize,
    period: usize,
    /// The row, and its beginning once more so that a vector can be read at any place of the row. The same
    /// holds for `second`.
    first: Cow<'a, [f32]>,
    second: Cow<'a, [f32]>,
}

impl Row<'static> {
    /// Makes a row of `period` elements, at least 1.
    pub fn new(period: usize, numbers: impl Fn(usize) -> (f32, f32)) -> Self {
        assert!(period > 0, "a row without elements");
        // A vector at any place ends at most in the beginning of the next row.
        let period_read = period * WIDEST.div_ceil(period);
        let pairs = (0..period_read + WIDEST).map(|at| numbers(at % period));
        let (first, second): (Vec<f32>, Vec<f32>) = pairs.unzip();
        Self { start: 0, period: period_read, first: first.into(), second: second.into() }
    }
}

impl Row<'_> {
    /// Returns the same row for data that begins at the element `start`.
    pub fn from(&self, start: usize) -> Row<'_> {
        let (first, second) = ((*self.first).into(), (*self.second).into());
        Row { start: (self.start + start) % self.period, period: self.period, first, second }
    }
}

impl Pattern<'static> {
    /// Makes a pattern of one number for all elements, for functions that need only the first or two equal
    /// ones.
    pub fn one(number: f32) -> Self {
        Self::Same(number, number)
    }
}

impl Pattern<'_> {
    /// Lists the numbers of the elements in order.
    pub fn iter(&self) -> Box<dyn Iterator<Item = (f32, f32)> + '_> {
        let pairs = |first: &'_ [f32], second: &'_ [f32]| -> Vec<(f32, f32)> {
            first.iter().copied().zip(second.iter().copied()).collect()
        };
        match self {
            &Self::Same(first, second) => Box::new(std::iter::repeat((first, second))),
            Self::Row(row) => {
                let pairs = pairs(&row.first[..row.period], &row.second[..row.period]);
                Box::new((row.start..).map(move |at| pairs[at % pairs.len()]))
            }
            Self::Runs { run, start, first, second } => {
                let pairs = pairs(first, second).into_iter().cycle().skip(*start);
                Box::new(pairs.flat_map(|pair| std::iter::repeat_n(pair, *run)))
            }
        }
    }

    /// Returns the first and the second numbers in the order of memory.
    pub(super) fn numbers(&self) -> (&[f32], &[f32]) {
        match self {
            Self::Same(first, second) => (std::slice::from_ref(first), std::slice::from_ref(second)),
            Self::Row(row) => (&row.first, &row.second),
            Self::Runs { first, second, .. } => (first, second),
        }
    }

    /// Returns the same pattern with other second numbers, as many as [`numbers`](Self::numbers) gives.
    pub(super) fn with_second<'b>(&'b self, second: &'b [f32]) -> Pattern<'b> {
        match self {
            &Self::Same(first, _) => Pattern::Same(first, second[0]),
            Self::Row(Row { start, period, first, .. }) => {
                let (start, period) = (*start, *period);
                Pattern::Row(Row { start, period, first: (&**first).into(), second: second.into() })
            }
            &Self::Runs { run, start, first, .. } => Pattern::Runs { run, start, first, second },
        }
    }

    /// Whether every element has numbers.
    pub(super) fn is_complete(&self) -> bool {
        match self {
            Self::Same(..) | Self::Row(_) => true,
            Self::Runs { run, start, first, second } => {
                first.len() == second.len() && *run > 0 && *start < first.len()
            }
        }
    }
}

/// A place in a row that repeats.
pub(super) struct RowPosition<'a> {
    row: &'a Row<'a>,
    at: usize,
    element: usize,
}

impl<'a> RowPosition<'a> {
    pub fn new(row: &'a Row<'a>) -> Self {
        Self { row, at: row.start, element: 0 }
    }

    /// Returns the addresses of the numbers of `element`, which is at most a vector after the previous one.
    /// They are valid for a whole vector.
    #[inline(always)]
    pub fn pointers(&mut self, element: usize) -> (*const f32, *const f32) {
        self.at += element - self.element;
        self.element = element;
        if self.at >= self.row.period {
            self.at -= self.row.period;
        }
        // SAFETY: the place is below the period, and the numbers of a vector follow the period.
        unsafe { (self.row.first.as_ptr().add(self.at), self.row.second.as_ptr().add(self.at)) }
    }
}
