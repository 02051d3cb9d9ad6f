//! The choice of changes that are worth keeping, by trials of groups of them.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;

use super::Score;
use crate::error::Result;

/// The changes that were kept, and their score.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// The indices of the changes.
    pub changes: BTreeSet<usize>,
    /// The score with these changes.
    pub score: Score,
    /// The number of trials.
    pub trials: usize,
}

/// Chooses among `count` changes those that are the best that `trials` trials find.
///
/// The search begins without any change and `score`. It tries all changes at once, and then halves, quarters
/// and so on in order. Each trial toggles one group: changes of the group that are kept are taken back, and
/// others are made. If the score is better ([`Score::is_better_than`]), the result is the new start. So
/// harmful changes are taken back although the others stay, and useful ones are made although all together do
/// harm. Put changes with the greatest effect first.
///
/// # Errors
/// Those of `judge`, which returns the score of a set of changes.
pub fn keep_best(
    count: usize,
    score: Score,
    trials: usize,
    mut judge: impl FnMut(&BTreeSet<usize>) -> Result<Score>,
) -> Result<Kept> {
    let mut best = Kept { changes: BTreeSet::new(), score, trials: 0 };
    let mut groups: VecDeque<Range<usize>> = std::iter::once(0..count).collect();
    while let Some(group) = groups.pop_front().filter(|_| best.trials < trials) {
        if group.is_empty() {
            continue;
        }
        let toggled: BTreeSet<usize> = group.clone().collect();
        let changes: BTreeSet<usize> = best.changes.symmetric_difference(&toggled).copied().collect();
        let score = judge(&changes)?;
        best.trials += 1;
        if score.is_better_than(&best.score) {
            best = Kept { changes, score, ..best };
        }
        if group.len() > 1 {
            let middle = group.start + group.len() / 2;
            groups.extend([group.start..middle, middle..group.end]);
        }
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(figure: f64) -> Score {
        [figure].into_iter().collect()
    }

    fn of(gains: &[f64], trials: usize) -> Kept {
        let judge = |kept: &BTreeSet<usize>| Ok(one(kept.iter().map(|&at| gains[at]).sum()));
        keep_best(gains.len(), one(0.0), trials, judge).unwrap()
    }

    #[test]
    fn one_harmful_change_is_taken_back() {
        let kept = of(&[3.0, 1.0, -2.0, 1.0], 7);
        assert_eq!((kept.changes, kept.score), ([0, 1, 3].into(), one(5.0)));
    }

    #[test]
    fn one_useful_change_is_found() {
        let kept = of(&[-3.0, -1.0, 2.0, -1.0], 7);
        assert_eq!((kept.changes, kept.score), ([2].into(), one(2.0)));
    }

    #[test]
    fn nothing_is_tried_of_nothing() {
        assert_eq!(of(&[], 5), Kept { changes: BTreeSet::new(), score: one(0.0), trials: 0 });
    }

    proptest! {
        #[test]
        fn the_score_never_falls_and_the_trials_end(
            gains in prop::collection::vec(-1.0f64..1.0, 0..20),
            trials in 0usize..12,
        ) {
            let kept = of(&gains, trials);
            prop_assert!(kept.score.mean() >= 0.0 && kept.trials <= trials);
            let sum: f64 = kept.changes.iter().map(|&at| gains[at]).sum();
            prop_assert!((kept.score.mean() - sum).abs() < 1e-9);
        }

        /// With trials enough, changes that do not depend on each other are all decided rightly.
        #[test]
        fn independent_changes_are_decided_rightly(gains in prop::collection::vec(-1.0f64..1.0, 0..20)) {
            let kept = of(&gains, 100);
            let best: f64 = gains.iter().filter(|&&gain| gain > 0.0).sum();
            prop_assert!((kept.score.mean() - best).abs() < 1e-9);
        }
    }
}
