//! The quality of a quantized network on several batches, and the question whether one is better than
//! another.

/// The lowest and highest figure of a batch, in decibels. Beyond them a batch is as bad or as good as can be.
const LIMITS: (f64, f64) = (-20.0, 100.0);

/// The quality of a quantized network: one figure in decibels for each batch.
///
/// The mean over batches counts each batch alike. A sum of squares over all of them would be decided by the
/// few whose error is the greatest, such as a sample on the border between two classes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Score {
    batches: Vec<f64>,
}

impl Score {
    /// Adds the figure of one batch. NaN counts as the worst.
    pub fn add(&mut self, decibels: f64) {
        let decibels = if decibels.is_nan() { LIMITS.0 } else { decibels };
        self.batches.push(decibels.clamp(LIMITS.0, LIMITS.1));
    }

    /// Returns the score on the first batches alone.
    #[must_use]
    pub fn of_first(&self, batches: usize) -> Self {
        Self { batches: self.batches.iter().take(batches).copied().collect() }
    }

    /// Returns the mean in decibels; the worst figure if there is no batch.
    pub fn mean(&self) -> f64 {
        if self.batches.is_empty() {
            return LIMITS.0;
        }
        self.batches.iter().sum::<f64>() / self.batches.len() as f64
    }

    /// Whether this network is better than another on the same batches, beyond chance.
    ///
    /// The mean of the differences must be positive and exceed its standard error. One batch has none.
    pub fn is_better_than(&self, other: &Self) -> bool {
        let differences: Vec<f64> =
            self.batches.iter().zip(&other.batches).map(|(ours, theirs)| ours - theirs).collect();
        let count = differences.len() as f64;
        let mean = differences.iter().sum::<f64>() / count.max(1.0);
        let squares: f64 = differences.iter().map(|difference| (difference - mean).powi(2)).sum();
        let error = if count > 1.0 { (squares / (count - 1.0) / count).sqrt() } else { 0.0 };
        mean > 0.0 && mean > error
    }
}

impl FromIterator<f64> for Score {
    fn from_iter<T: IntoIterator<Item = f64>>(figures: T) -> Self {
        let mut score = Self::default();
        figures.into_iter().for_each(|figure| score.add(figure));
        score
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_must_exceed_chance() {
        let of = |figures: &[f64]| figures.iter().copied().collect::<Score>();
        let base = of(&[30.0, 20.0, 40.0, 30.0]);
        assert!(of(&[30.5, 20.4, 40.6, 30.5]).is_better_than(&base), "a little better everywhere");
        assert!(!of(&[36.0, 16.0, 41.0, 27.5]).is_better_than(&base), "better and worse");
        assert!(!base.is_better_than(&base));
        assert!(of(&[31.0]).is_better_than(&of(&[30.0])));
        assert!(!of(&[29.0]).is_better_than(&of(&[30.0])));
    }

    #[test]
    fn one_ruined_batch_does_not_decide_alone() {
        let score: Score = [f64::NEG_INFINITY, f64::INFINITY, f64::NAN].into_iter().collect();
        assert_eq!(score.mean(), 20.0);
        assert_eq!(Score::default().mean(), -20.0);
    }
}
