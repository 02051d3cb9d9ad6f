//! The least number of the first items of a list for which something holds.

use crate::error::Result;

/// The answer of [`fewest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fewest {
    /// The number of items; `None` if it does not hold even for all of them.
    pub count: Option<usize>,
    /// The number of trials.
    pub trials: usize,
}

/// Finds the smallest count from 0 to `most` for which `holds` is true, if more items never make it false.
///
/// The counts 0, 1, 2, 4 and so on are tried first, since the answer is usually small. Bisection follows.
/// There are at most 2·log2(`most`) + 3 trials. If more items do make it false sometimes, the answer is still
/// a count that was tried and for which it held.
///
/// # Errors
/// Those of `holds`.
pub fn fewest(most: usize, mut holds: impl FnMut(usize) -> Result<bool>) -> Result<Fewest> {
    let mut trials = 0;
    let mut tried = |count| {
        trials += 1;
        holds(count)
    };
    if tried(0)? {
        return Ok(Fewest { count: Some(0), trials });
    }
    let (mut low, mut high) = (0, 1.min(most));
    while high > low && !tried(high)? {
        (low, high) = (high, (2 * high).min(most));
    }
    if high == low {
        return Ok(Fewest { count: None, trials });
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        match tried(middle)? {
            true => high = middle,
            false => low = middle,
        }
    }
    Ok(Fewest { count: Some(high), trials })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, ErrorKind};

    #[test]
    fn every_answer_is_found_in_few_trials() {
        for most in [0, 1, 2, 3, 7, 64, 300] {
            for answer in 0..=most {
                let found = fewest(most, |count| Ok(count >= answer)).unwrap();
                assert_eq!(found.count, Some(answer), "{answer} of {most}");
                let bound = 2.0 * (most.max(1) as f64).log2() + 3.0;
                assert!(found.trials as f64 <= bound, "{answer} of {most}: {} trials", found.trials);
            }
            let never = fewest(most, |_| Ok(false)).unwrap();
            assert_eq!(never.count, None);
        }
    }

    /// A budget searches twice: in the order of worth, and in that of noise.
    #[test]
    fn two_searches_over_300_layers_take_at_most_40_trials() {
        let most = (0..=300).map(|answer| fewest(300, |count| Ok(count >= answer)).unwrap().trials).max();
        assert!(2 * most.unwrap() <= 40, "{most:?}");
    }

    #[test]
    fn an_answer_was_tried_even_if_more_items_make_it_false() {
        let mut held = Vec::new();
        let found = fewest(40, |count| {
            let holds = count == 3 || count > 11;
            held.extend(holds.then_some(count));
            Ok(holds)
        });
        assert!(held.contains(&found.unwrap().count.unwrap()));
    }

    #[test]
    fn errors_end_the_search() {
        let failed = fewest(8, |count| match count {
            2 => Err(Error::new(ErrorKind::Cancelled, "stopped")),
            _ => Ok(false),
        });
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::Cancelled);
    }
}
