//! Work on large tensors in several threads.
//!
//! The threads are those of the rayon pool of the caller, or of the process's global pool. A caller with
//! threads of its own limits them with [`set_threads`]. The places of the cuts never affect a result.
//!
//! The functions called from here have many types, and rayon's side of a call is more code than most of them.
//! So that side takes `dyn` functions, in `run` and `split`, and is compiled once.

use std::cell::Cell;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::{InOut, Real, active};

/// The number of bytes per thread from which on another thread is faster.
const WORTHWHILE: usize = 1 << 20;

static LIMIT: AtomicUsize = AtomicUsize::new(usize::MAX);

thread_local! {
    static LIMIT_HERE: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Limits the threads that share the work on one tensor.
///
/// 1 is the caller's thread only. `None`, the default, is as many as the pool has. The limit holds for the
/// whole process, from the next tensor on.
pub fn set_threads(limit: Option<NonZeroUsize>) {
    LIMIT.store(limit.map_or(usize::MAX, NonZeroUsize::get), Ordering::Relaxed);
}

/// Runs `f` with at most `limit` threads for each tensor that the caller's thread hands over. `None` keeps
/// the current limit.
pub fn within<R>(limit: Option<usize>, f: impl FnOnce() -> R) -> R {
    struct Restore(usize);
    impl Drop for Restore {
        fn drop(&mut self) {
            LIMIT_HERE.set(self.0);
        }
    }
    let _restore = Restore(LIMIT_HERE.get());
    LIMIT_HERE.set(limit.unwrap_or(usize::MAX).min(LIMIT_HERE.get()));
    f()
}

/// Returns the highest number of threads that may share a task of the caller's thread.
pub fn limit() -> usize {
    LIMIT.load(Ordering::Relaxed).min(LIMIT_HERE.get())
}

/// Returns the results of `f` for 0 up to `count`, in order. At most [`limit`] threads run it.
pub fn tasks<R: Send>(count: usize, f: impl Fn(usize) -> R + Send + Sync) -> Vec<R> {
    match limit() {
        1 => (0..count).map(f).collect(),
        most => results(count, count.div_ceil(most), f),
    }
}

/// Returns the number of parts for `len` elements of `size` bytes.
fn parts(len: usize, size: usize) -> usize {
    let worthwhile = len.saturating_mul(size) / WORTHWHILE;
    let limit = limit().min(worthwhile);
    // `current_num_threads` starts the pool.
    if limit <= 1 { 1 } else { limit.min(rayon::current_num_threads()) }
}

/// Returns the length of each part of `len` elements, a multiple of `unit`.
fn part_len(len: usize, parts: usize, unit: usize) -> usize {
    len.div_ceil(parts).next_multiple_of(unit)
}

/// Cuts at multiples of this length keep the alignment that vectors have in the tensor.
pub const ANYWHERE: usize = 1024;

/// Calls `f` with parts of `io` and their starts, in any order and in parallel. The cuts are at multiples of
/// `unit` elements.
pub fn for_each<X: Sync, Y: Send>(io: InOut<X, Y>, unit: usize, f: impl Fn(usize, InOut<X, Y>) + Sync) {
    let len = io.len();
    let parts = parts(len, size_of::<X>().max(size_of::<Y>()));
    if parts == 1 {
        return f(0, io);
    }
    let f = &f;
    let (mut rest, mut start) = (io, 0);
    let mut tasks: Vec<Task<'_>> = Vec::with_capacity(parts);
    while !rest.is_empty() {
        let count = part_len(len, parts, unit).min(rest.len());
        let (part, others) = rest.split_at(count);
        tasks.push(Box::new(move || f(start, part)));
        (rest, start) = (others, start + count);
    }
    run(tasks);
}

/// Returns the results of `f` for parts of `x` and their starts, in the order of the parts. The cuts are at
/// multiples of `unit` elements.
pub fn map_parts<X: Sync, R: Send>(
    x: &[X],
    unit: usize,
    f: impl Fn(usize, &[X]) -> R + Send + Sync,
) -> Vec<R> {
    let parts = parts(x.len(), size_of::<X>());
    if parts == 1 {
        return vec![f(0, x)];
    }
    let each = part_len(x.len(), parts, unit);
    results(x.len().div_ceil(each), 1, |index| {
        let start = index * each;
        f(start, &x[start..x.len().min(start + each)])
    })
}

/// Returns the results of `f` for 0 up to `count`, in order. A thread runs at least `least` of them in turn.
fn results<R: Send>(count: usize, least: usize, f: impl Fn(usize) -> R + Sync) -> Vec<R> {
    let results: Vec<Mutex<Option<R>>> = (0..count).map(|_| Mutex::default()).collect();
    split(count, least, &|index| {
        let result = f(index);
        *results[index].lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
    });
    results
        .into_iter()
        .filter_map(|result| result.into_inner().unwrap_or_else(PoisonError::into_inner))
        .collect()
}

type Task<'a> = Box<dyn FnOnce() + Send + 'a>;

/// Runs the tasks in parallel, the last one on the caller's thread.
fn run(mut tasks: Vec<Task<'_>>) {
    let Some(last) = tasks.pop() else { return };
    rayon::scope(|scope| {
        for task in tasks {
            scope.spawn(move |_| task());
        }
        last();
    });
}

/// Calls `f` with 0 up to `count`. A thread runs at least `least` of them in turn.
fn split(count: usize, least: usize, f: &(dyn Fn(usize) + Sync)) {
    (0..count).into_par_iter().with_min_len(least).for_each(f);
}

/// Returns max |x|; NaN if there is a NaN, 0 if there is no element.
pub fn abs_max<X: Real>(x: &[X]) -> f32 {
    let parts = map_parts(x, ANYWHERE, |_, part| active().abs_max(part));
    parts.into_iter().fold(0.0, |max, part| if max >= part || max.is_nan() { max } else { part })
}
