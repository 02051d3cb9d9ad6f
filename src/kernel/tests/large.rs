//! Behaviour of large tensors only: output that bypasses the caches, and work that several threads share.

use std::collections::HashSet;
use std::sync::Mutex;
use std::thread;

use super::super::*;

/// More elements than the limit for the caches, and no whole number of vectors.
const LARGE: usize = (9 << 20) + 13;

#[test]
#[cfg_attr(miri, ignore = "there is nothing beside the scalar table in Miri")]
fn output_past_the_caches_is_the_same() {
    let x: Vec<f32> = (0..LARGE).map(|i| ((i * 7919 % 10007) as f32 - 5003.0) / 100.0).collect();
    let (low, high) = (-128.0, 127.0);
    let number = |at: usize| (2.0 + at as f32 / 9.0, 3.0 + at as f32 / 5.0);
    let row = Pattern::Row(Row::new(37, number));
    let (first, second): (Vec<f32>, Vec<f32>) = (0..77).map(number).unzip();
    let runs = Pattern::Runs { run: 1000, start: 3, first: &first, second: &second };
    let all = |kernels: &Kernels| {
        // The offset of one element keeps the first vector unaligned.
        let mut out = vec![0.0; LARGE + 2];
        let mut results = Vec::new();
        let mut keep = |out: &mut [f32]| {
            assert!(out[0] == 0.0 && out[LARGE + 1] == 0.0, "{}: wrote beyond", kernels.name());
            results.push(
                out.iter()
                    .map(|y| y.to_bits())
                    .fold(0u64, |hash, bits| hash.rotate_left(5) ^ u64::from(bits)),
            );
            out.fill(0.0);
        };
        for scales in [&Pattern::one(2.5), &row, &runs] {
            kernels.fake_quantize(InOut::new(&x, &mut out[1..=LARGE]), scales, low, high);
            keep(&mut out);
        }
        results
    };
    let expected = all(&scalar::KERNELS);
    for kernels in available() {
        assert_eq!(all(kernels), expected, "{}", kernels.name());
    }
}

#[test]
#[cfg_attr(miri, ignore = "there is nothing beside the scalar table in Miri")]
fn the_largest_of_much_data_is_found_wherever_it_is() {
    let mut x: Vec<f32> = (0..LARGE).map(|i| (i * 7919 % 10007) as f32 / 100.0).collect();
    let places = (0..1 << 17).step_by(4099).chain((0..LARGE).step_by(LARGE / 50)).chain(LARGE - 80..LARGE);
    for at in places {
        let before = std::mem::replace(&mut x[at], -1000.0);
        for kernels in available().into_iter().filter(|kernels| kernels.name() != "scalar") {
            // The offset of one element keeps every vector unaligned.
            let expected = if at == 0 { 100.06 } else { 1000.0 };
            assert_eq!(kernels.abs_max(&x[1..]), expected, "{} at {at}", kernels.name());
        }
        x[at] = before;
    }
}

/// Returns the starts of the parts of a tensor, and the threads that worked on them.
fn parts(limit: Option<usize>, len: usize, unit: usize) -> (Vec<(usize, usize)>, HashSet<thread::ThreadId>) {
    let mut x = vec![0u8; len];
    let seen = Mutex::new((Vec::new(), HashSet::new()));
    parallel::within(limit, || {
        parallel::for_each(InOut::in_place(&mut x), unit, |start, part| {
            let mut seen = seen.lock().unwrap();
            seen.0.push((start, part.len()));
            seen.1.insert(thread::current().id());
        });
    });
    let (mut parts, threads) = seen.into_inner().unwrap();
    parts.sort_unstable();
    (parts, threads)
}

#[test]
#[cfg_attr(miri, ignore = "slow there")]
fn no_more_threads_than_asked_for_and_nothing_left_out() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
    pool.install(|| {
        for (limit, len, unit, expected) in [
            (None, 8 << 20, 1, 4),
            (Some(3), 8 << 20, 1, 3),
            (Some(3), (8 << 20) + 5, 700, 3),
            (Some(1), 8 << 20, 1, 1),
            (None, (2 << 20) + 1, 1, 2),
            (None, 1 << 19, 1, 1),
            (None, 0, 7, 1),
            // This unit leaves nothing to share.
            (None, 8 << 20, 8 << 20, 1),
        ] {
            let (found, threads) = parts(limit, len, unit);
            assert!(found.len() <= expected && threads.len() <= expected, "{limit:?} {len}: {found:?}");
            let mut end = 0;
            for (start, count) in found {
                assert!(start == end && start % unit == 0, "{limit:?} {len} {unit}: {start} after {end}");
                end += count;
            }
            assert_eq!(end, len);
        }
        let (_, threads) = parts(Some(1), 8 << 20, 1);
        assert_eq!(threads, HashSet::from([thread::current().id()]), "the caller's own thread");
    });
}

#[test]
#[cfg_attr(miri, ignore = "slow there")]
fn a_limit_inside_a_limit_does_not_widen_it() {
    let within = |outer, inner| parallel::within(outer, || parallel::within(inner, parallel::limit));
    assert_eq!(within(Some(2), Some(5)), 2);
    assert_eq!(within(Some(5), Some(2)), 2);
    assert_eq!(within(Some(2), None), 2);
    assert_eq!(parallel::limit(), usize::MAX, "it ends with the call");
}
