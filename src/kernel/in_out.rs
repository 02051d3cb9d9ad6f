//! The input and output of kernels that work element by element.

use std::marker::PhantomData;

use super::pattern::Pattern;

/// Elements to read and as many to write: two slices, or one slice that is overwritten.
#[derive(Debug)]
pub struct InOut<'a, X, Y = X> {
    x: *const X,
    out: *mut Y,
    len: usize,
    borrowed: PhantomData<(&'a [X], &'a mut [Y])>,
}

// SAFETY: it represents a shared and an exclusive slice, which another thread may use.
unsafe impl<X: Sync, Y: Send> Send for InOut<'_, X, Y> {}

impl<'a, X, Y> InOut<'a, X, Y> {
    /// Makes a pair that reads `x` and writes `out`.
    ///
    /// # Panics
    ///
    /// If their lengths differ.
    pub fn new(x: &'a [X], out: &'a mut [Y]) -> Self {
        assert_eq!(x.len(), out.len(), "as many elements out as in");
        Self { x: x.as_ptr(), out: out.as_mut_ptr(), len: x.len(), borrowed: PhantomData }
    }

    /// Returns the number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Splits into the first `count` elements and the others.
    ///
    /// # Panics
    ///
    /// If there are fewer elements.
    pub fn split_at(self, count: usize) -> (Self, Self) {
        assert!(count <= self.len, "no {count} elements of {}", self.len);
        let Self { x, out, len, borrowed } = self;
        // SAFETY: within the slices.
        let (rest_x, rest_out) = unsafe { (x.add(count), out.add(count)) };
        let rest = Self { x: rest_x, out: rest_out, len: len - count, borrowed };
        (Self { x, out, len: count, borrowed }, rest)
    }

    /// Returns the elements in `range`. `self` cannot be used while they are in use.
    ///
    /// # Panics
    ///
    /// If there are fewer elements.
    pub fn part(&mut self, range: std::ops::Range<usize>) -> InOut<'_, X, Y> {
        assert!(range.start <= range.end && range.end <= self.len, "no {range:?} of {} elements", self.len);
        // SAFETY: within the slices.
        let (x, out) = unsafe { (self.x.add(range.start), self.out.add(range.start)) };
        InOut { x, out, len: range.len(), borrowed: PhantomData }
    }

    /// Returns the input, as long as nothing is written.
    pub fn input(&self) -> &[X] {
        // SAFETY: the slice was borrowed for this lifetime; writing takes `self` or borrows it mutably.
        unsafe { std::slice::from_raw_parts(self.x, self.len) }
    }

    /// Writes out = f(x), element by element.
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

    /// Writes out = f(x, first number of x, second number of x), element by element.
    pub fn map_by(self, numbers: &Pattern, f: impl Fn(X, f32, f32) -> Y)
    where
        X: Copy,
        Y: Copy,
    {
        self.map_at(numbers, |_, x, first, second| f(x, first, second));
    }

    /// Writes out = f(x, other, first number of x, second number of x), element by element.
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

    /// Returns the address of the input, the address of the output and the number of elements.
    ///
    /// Both addresses are valid for that many elements. They are equal or the memory does not overlap.
    pub(super) fn pointers(&self) -> (*const X, *mut Y, usize) {
        (self.x, self.out, self.len)
    }

    /// Whether the output overwrites the input.
    pub(super) fn is_in_place(&self) -> bool {
        self.x.cast::<u8>() == self.out.cast_const().cast::<u8>()
    }
}

impl<'a, X> InOut<'a, X> {
    /// Makes a pair that overwrites `x`.
    pub fn in_place(x: &'a mut [X]) -> Self {
        let len = x.len();
        let out = x.as_mut_ptr();
        Self { x: out, out, len, borrowed: PhantomData }
    }
}
