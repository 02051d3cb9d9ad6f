//! The figures of one tensor.

/// Sums over pairs of a float value x and the quantized model's value y. All figures follow from them.
///
/// Memory is constant. The sums are in `f64`.
///
/// No figure includes a pair with an infinity or a NaN. If the two values differ (one is finite, or they are
/// different infinities), the pair counts in [`Metrics::non_finite`].
///
/// Whole numbers and truth values have no distance. Only the number of equal pairs is counted for them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    count: u64,
    non_finite: u64,
    product: f64,
    signal: f64,
    other: f64,
    noise: f64,
    absolute: f64,
    max_absolute: f64,
    discrete: u64,
    equal: u64,
}

impl Metrics {
    /// Adds the pairs of `reference` (the float model's values) and `other`.
    ///
    /// If one is longer, its rest is ignored: the caller checks the shapes.
    pub fn add(&mut self, reference: &[f32], other: &[f32]) {
        for (&x, &y) in reference.iter().zip(other) {
            if !(x.is_finite() && y.is_finite()) {
                self.non_finite += u64::from(x != y && !(x.is_nan() && y.is_nan()));
                continue;
            }
            let (x, y) = (f64::from(x), f64::from(y));
            let error = x - y;
            self.count += 1;
            self.product += x * y;
            self.signal += x * x;
            self.other += y * y;
            self.noise += error * error;
            self.absolute += error.abs();
            self.max_absolute = self.max_absolute.max(error.abs());
        }
    }

    /// Adds `pairs` pairs of whole numbers or truth values, of which `equal` are equal.
    pub fn add_discrete(&mut self, pairs: u64, equal: u64) {
        self.discrete += pairs;
        self.equal += equal;
    }

    /// Adds the pairs that `other` has counted.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.non_finite += other.non_finite;
        self.product += other.product;
        self.signal += other.signal;
        self.other += other.other;
        self.noise += other.noise;
        self.absolute += other.absolute;
        self.max_absolute = self.max_absolute.max(other.max_absolute);
        self.add_discrete(other.discrete, other.equal);
    }

    /// Returns the number of compared pairs: finite pairs, or pairs of whole numbers or truth values.
    ///
    /// If it is 0, every figure is `None`.
    pub fn count(&self) -> u64 {
        self.count + self.discrete
    }

    /// Whether the pairs are whole numbers or truth values. Their only figure is [`Metrics::equal`].
    pub fn is_discrete(&self) -> bool {
        self.discrete > 0
    }

    /// Returns the share of equal pairs among whole numbers or truth values, 0 to 1.
    ///
    /// Returns `None` for floating-point numbers.
    pub fn equal(&self) -> Option<f64> {
        ratio(self.equal, self.discrete)
    }

    /// Returns the number of pairs with an infinity or a NaN that the other side does not have.
    pub fn non_finite(&self) -> u64 {
        self.non_finite
    }

    /// Returns the signal-to-quantization-noise ratio in decibels, 10·log10(Σx² / Σ(x-y)²).
    ///
    /// It is infinite if there is no noise, and minus infinity if there is noise and no signal.
    pub fn sqnr_db(&self) -> Option<f64> {
        let decibels =
            || if self.noise == 0.0 { f64::INFINITY } else { 10.0 * (self.signal / self.noise).log10() };
        self.figure(decibels)
    }

    /// Returns the cosine of the angle between the values as vectors, Σxy / √(Σx²·Σy²).
    ///
    /// It is 1 if both vectors are all zero, and 0 if only one is.
    pub fn cosine(&self) -> Option<f64> {
        self.figure(|| match (self.signal == 0.0, self.other == 0.0) {
            (true, true) => 1.0,
            (true, false) | (false, true) => 0.0,
            (false, false) => (self.product / (self.signal.sqrt() * self.other.sqrt())).clamp(-1.0, 1.0),
        })
    }

    /// Returns the largest |x-y|, in the tensor's unit.
    pub fn max_error(&self) -> Option<f64> {
        self.figure(|| self.max_absolute)
    }

    /// Returns the mean of |x-y|, in the tensor's unit.
    pub fn mean_error(&self) -> Option<f64> {
        self.figure(|| self.absolute / self.count as f64)
    }

    /// Whether the SQNR is `min_db` or more.
    ///
    /// This is false if nothing was compared or if a value is infinite or NaN in one model only. It is also
    /// false for whole numbers and truth values, which have no SQNR.
    pub fn reaches(&self, min_db: f64) -> bool {
        self.shortfall(min_db).is_none()
    }

    /// Returns the reason why the metrics do not reach `min_db`; `None` if they do.
    pub fn shortfall(&self, min_db: f64) -> Option<Shortfall> {
        match self.sqnr_db() {
            _ if self.non_finite > 0 => Some(Shortfall::NonFinite),
            None => Some(Shortfall::NothingCompared),
            Some(decibels) if decibels >= min_db => None,
            Some(decibels) => Some(Shortfall::Sqnr(decibels)),
        }
    }

    fn figure(&self, value: impl FnOnce() -> f64) -> Option<f64> {
        (self.count > 0).then(value)
    }
}

/// The reason why metrics do not reach an SQNR.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shortfall {
    /// A value is infinite or NaN in one model only.
    NonFinite,
    /// There is no SQNR.
    NothingCompared,
    /// The SQNR, which is too low.
    Sqnr(f64),
}

/// Returns the share of `part` in `whole`; `None` if `whole` is 0.
pub(super) fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Measures pairs of a value and its quantized form, for tests.
#[cfg(test)]
pub(super) fn of_pairs(pairs: &[(f32, f32)]) -> Metrics {
    let (x, y): (Vec<f32>, Vec<f32>) = pairs.iter().copied().unzip();
    let mut metrics = Metrics::default();
    metrics.add(&x, &y);
    metrics
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::of_pairs as metrics;
    use super::*;

    #[test]
    fn known_numbers() {
        // Signal 9 + 16 = 25, noise 0.25 + 0 = 0.25: a ratio of 100 is 20 dB.
        let found = metrics(&[(3.0, 3.5), (4.0, 4.0)]);
        assert!((found.sqnr_db().unwrap() - 20.0).abs() < 1e-12);
        assert_eq!((found.max_error(), found.mean_error(), found.count()), (Some(0.5), Some(0.25), 2));
        let cosine = (3.0 * 3.5 + 16.0) / (5.0 * (3.5f64 * 3.5 + 16.0).sqrt());
        assert!((found.cosine().unwrap() - cosine).abs() < 1e-12);
    }

    #[test]
    fn edge_cases_have_an_answer() {
        for (pairs, sqnr, cosine) in [
            (&[][..], None, None),
            (&[(0.0, 0.0)][..], Some(f64::INFINITY), Some(1.0)),
            (&[(0.0, 1.0)], Some(f64::NEG_INFINITY), Some(0.0)),
            (&[(1.0, 0.0)], Some(0.0), Some(0.0)),
            (&[(1.0, -1.0)], Some(10.0 * 0.25f64.log10()), Some(-1.0)),
            (&[(f32::MAX, f32::MAX)], Some(f64::INFINITY), Some(1.0)),
        ] {
            let found = metrics(pairs);
            assert_eq!((found.sqnr_db(), found.cosine()), (sqnr, cosine), "{pairs:?}");
        }
    }

    #[test]
    fn non_finite_pairs_count_apart() {
        const INF: f32 = f32::INFINITY;
        let found = metrics(&[
            (1.0, 1.0),
            (INF, INF),
            (f32::NAN, f32::NAN),
            (-INF, 1.0),
            (1.0, f32::NAN),
            (INF, -INF),
        ]);
        assert_eq!((found.count(), found.non_finite()), (1, 3));
        assert_eq!(found.sqnr_db(), Some(INF.into()));
        assert_eq!(found.shortfall(10.0), Some(Shortfall::NonFinite), "a NaN never passes a gate");
    }

    proptest! {
        #[test]
        fn merging_equals_one_pass(
            pairs in prop::collection::vec((-1e3f32..1e3, -1e3f32..1e3), 1..40),
            cut in 0usize..40,
        ) {
            let (first, second) = pairs.split_at(cut.min(pairs.len()));
            let mut merged = metrics(first);
            merged.merge(&metrics(second));
            let whole = metrics(&pairs);
            prop_assert_eq!((merged.count(), merged.max_error()), (whole.count(), whole.max_error()));
            for (a, b) in [
                (merged.sqnr_db(), whole.sqnr_db()),
                (merged.cosine(), whole.cosine()),
                (merged.mean_error(), whole.mean_error()),
            ] {
                let (a, b) = (a.unwrap(), b.unwrap());
                prop_assert!(a == b || (a - b).abs() <= 1e-9 * a.abs().max(1.0), "{} {}", a, b);
            }
        }
    }
}
