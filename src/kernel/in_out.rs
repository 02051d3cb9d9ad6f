//! Where the kernels that work element by element read and write.

use std::marker::PhantomData;

use super::pattern::Pattern;

/// Elements in and as many elements out: two slices, or one that is overwritten.
#[derive(Debug)]
pub struct InOut<'a, X, Y = X> {
    x: *const X,
    out: *mut Y,
    len: usize,
    borrowed: PhantomData<(&'a [X], &'a mut [Y])>,
}

// SAFETY: it stands for a shared slice and one of its own, which may go to another thread.
unsafe impl<X: Sync, Y: Send> Send for InOut<'_, X, Y> {}

impl<'a, X, Y> InOut<'a, X, Y> {
    /// From `x` to `out`.
    ///
    /// # Panics
    ///
    /// When their lengths differ.
    pub fn new(x: &'a [X], out: &'a mut [Y]) -> Self {
        assert_eq!(x.len(), out.len(), "as many elements out as in");
        Self { x: x.as_ptr(), out: out.as_mut_ptr(), len: x.len(), borrowed: PhantomData }
    }

    /// How many elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first `count` elements and the others.
    ///
    /// # Panics
    ///
    /// When there are fewer.
    pub fn split_at(self, count: usize) -> (Self, Self) {
        assert!(count <= self.len, "no {count} elements of {}", self.len);
        let Self { x, out, len, borrowed } = self;
        // SAFETY: within the slices.
        let (rest_x, rest_out) = unsafe { (x.add(count), out.add(count)) };
        let rest = Self { x: rest_x, out: rest_out, len: len - count, borrowed };
        (Self { x, out, len: count, borrowed }, rest)
    }

    /// The elements from `start` up to `end`, for as long as this is not used otherwise.
    ///
    /// # Panics
    ///
    /// When there are fewer.
    pub fn part(&mut self, range: std::ops::Range<usize>) -> InOut<'_, X, Y> {
        assert!(range.start <= range.end && range.end <= self.len, "no {range:?} of {} elements", self.len);
        // SAFETY: within the slices.
        let (x, out) = unsafe { (self.x.add(range.start), self.out.add(range.start)) };
        InOut { x, out, len: range.len(), borrowed: PhantomData }
    }

    /// What is read, as long as nothing is written.
    pub fn input(&self) -> &[X] {
        // SAFETY: a slice that was borrowed for as long; writing takes `self` or borrows it mutably.
        unsafe { std::slice::from_raw_parts(self.x, self.len) }
    }

    /// out = f(x), element by element.
    pub fn map(self, f: impl Fn(X) -> Y)
    where
        X: Copy,
        Y: Copy,
    {
        for at in 0..self.len {
            // SAFETY: within the slices.
            unsafe { self.out.add(at).write(f(self.x.add(at).read())) };
        }
    }

    /// out = f(x, first number of x, second number of x), element by element.
    pub fn map_by(self, numbers: &Pattern, f: impl Fn(X, f32, f32) -> Y)
    where
        X: Copy,
        Y: Copy,
    {
        self.map_at(numbers, |_, x, first, second| f(x, first, second));
    }

    /// out = f(x, other, first number of x, second number of x), element by element.
    pub fn zip_by<Z: Copy>(self, others: &[Z], numbers: &Pattern, f: impl Fn(X, Z, f32, f32) -> Y)
    where
        X: Copy,
        Y: Copy,
    {
        assert_eq!(others.len(), self.len, "as many elements beside them");
        self.map_at(numbers, |at, x, first, second| f(x, others[at], first, second));
    }

    fn map_at(self, numbers: &Pattern, f: impl Fn(usize, X, f32, f32) -> Y)
    where
        X: Copy,
        Y: Copy,
    {
        assert!(numbers.is_complete(), "numbers for every element");
        // SAFETY: within the slices.
        let write = |at: usize, first, second| unsafe {
            self.out.add(at).write(f(at, self.x.add(at).read(), first, second));
        };
        match *numbers {
            Pattern::Same(first, second) => (0..self.len).for_each(|at| write(at, first, second)),
            _ => {
                let pairs = (0..self.len).zip(numbers.iter());
                pairs.for_each(|(at, (first, second))| write(at, first, second));
            }
        }
    }

    /// Where to read, where to write, and how many elements. Both are good for that many; they are the same
    /// address or do not overlap.
    pub(super) fn pointers(&self) -> (*const X, *mut Y, usize) {
        (self.x, self.out, self.len)
    }

    /// Whether what is read is overwritten.
    pub(super) fn is_in_place(&self) -> bool {
        self.x.cast::<u8>() == self.out.cast_const().cast::<u8>()
    }
}

impl<'a, X> InOut<'a, X> {
    /// Overwrites `x`.
    pub fn in_place(x: &'a mut [X]) -> Self {
        let len = x.len();
        let out = x.as_mut_ptr();
        Self { x: out, out, len, borrowed: PhantomData }
    }
}
