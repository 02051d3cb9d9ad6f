//! How far a quantized model is from the float model.

use std::fmt;

use serde_json::{Value, json};

use crate::finding::Finding;
use crate::tensor::TensorView;

use super::table::{Align, Table};

/// Sums over pairs of a float value x and the quantized model's value y, from which every figure follows.
/// Memory is constant; sums are in `f64`.
///
/// A pair with an infinity or a NaN is left out of every figure. Where the two differ (one is finite, or they
/// are different infinities) it counts in [`Metrics::non_finite`].
///
/// Whole numbers and truth values have no distance; of them is counted how many are equal.
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
    /// Adds the pairs of `reference` (the float model's values) and `other`. Only as many as both have are
    /// compared: the caller checks the shapes.
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

    /// Adds the pairs that `other` has seen.
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

    /// How many pairs were compared: finite ones, or pairs of whole numbers or truth values. Where this is 0,
    /// every figure is `None`.
    pub fn count(&self) -> u64 {
        self.count + self.discrete
    }

    /// Whether the pairs are whole numbers or truth values, which have no figure but [`Metrics::equal`].
    pub fn is_discrete(&self) -> bool {
        self.discrete > 0
    }

    /// The share of equal pairs among whole numbers or truth values, 0 to 1; `None` for floating-point
    /// numbers.
    pub fn equal(&self) -> Option<f64> {
        ratio(self.equal, self.discrete)
    }

    /// How many pairs have an infinity or a NaN on one side that the other side does not have.
    pub fn non_finite(&self) -> u64 {
        self.non_finite
    }

    /// Signal to quantization noise in decibels, 10·log10(Σx² / Σ(x-y)²). Infinite where there is no noise,
    /// minus infinity where there is noise and no signal.
    pub fn sqnr_db(&self) -> Option<f64> {
        let decibels =
            || if self.noise == 0.0 { f64::INFINITY } else { 10.0 * (self.signal / self.noise).log10() };
        self.figure(decibels)
    }

    /// Cosine of the angle between the values as vectors, Σxy / √(Σx²·Σy²). 1 where both are all zero, 0
    /// where one is.
    pub fn cosine(&self) -> Option<f64> {
        self.figure(|| match (self.signal == 0.0, self.other == 0.0) {
            (true, true) => 1.0,
            (true, false) | (false, true) => 0.0,
            (false, false) => (self.product / (self.signal.sqrt() * self.other.sqrt())).clamp(-1.0, 1.0),
        })
    }

    /// The largest |x-y|, in the tensor's unit.
    pub fn max_error(&self) -> Option<f64> {
        self.figure(|| self.max_absolute)
    }

    /// The mean of |x-y|, in the tensor's unit.
    pub fn mean_error(&self) -> Option<f64> {
        self.figure(|| self.absolute / self.count as f64)
    }

    /// Whether the SQNR is `min_db` or more, with something compared and nothing infinite or NaN in one model
    /// only. Never for whole numbers and truth values, which have no SQNR.
    pub fn reaches(&self, min_db: f64) -> bool {
        self.non_finite == 0 && self.sqnr_db().is_some_and(|decibels| decibels >= min_db)
    }

    fn figure(&self, value: impl FnOnce() -> f64) -> Option<f64> {
        (self.count > 0).then(value)
    }
}

/// The metrics of one tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedMetrics {
    /// The tensor's name.
    pub name: String,
    /// How far it is from the float model's.
    pub metrics: Metrics,
}

/// How often two classifiers choose the same class, and the right one.
///
/// The class of a sample is the index of its largest score, the first of several; NaN is never the largest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Samples whose class both models were asked for.
    pub samples: u64,
    /// Samples for which both chose the same class.
    pub same: u64,
    /// Samples whose right class is known.
    pub labelled: u64,
    /// Labelled samples that the float model classified rightly.
    pub float_right: u64,
    /// Labelled samples that the quantized model classified rightly.
    pub quantized_right: u64,
}

impl Agreement {
    /// Adds a batch of scores, `[samples, classes]` with two classes or more, and where known the right class
    /// of each sample. Outputs of another shape or type are no scores and change nothing.
    pub fn add(&mut self, float: TensorView<'_>, quantized: TensorView<'_>, labels: Option<&[i64]>) {
        let &[_, classes] = float.shape() else { return };
        if classes < 2 || float.shape() != quantized.shape() {
            return;
        }
        let (float, quantized) = (float.data(), quantized.data());
        let (Some(float), Some(quantized)) = (float.to_f32(), quantized.to_f32()) else { return };
        let pairs = float.chunks_exact(classes).zip(quantized.chunks_exact(classes));
        for (sample, (float, quantized)) in pairs.enumerate() {
            let (float, quantized) = (largest(float), largest(quantized));
            self.samples += 1;
            self.same += u64::from(float == quantized);
            if let Some(&label) = labels.and_then(|labels| labels.get(sample)) {
                let is_right = |class: Option<usize>| class.is_some_and(|class| class as i64 == label);
                self.labelled += 1;
                self.float_right += u64::from(is_right(float));
                self.quantized_right += u64::from(is_right(quantized));
            }
        }
    }

    /// The part of the samples for which both models chose the same class, 0 to 1; `None` without samples.
    pub fn top1(&self) -> Option<f64> {
        ratio(self.same, self.samples)
    }

    /// The accuracy of the float and of the quantized model, 0 to 1; `None` without labels.
    pub fn accuracy(&self) -> Option<(f64, f64)> {
        ratio(self.float_right, self.labelled).zip(ratio(self.quantized_right, self.labelled))
    }
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn largest(scores: &[f32]) -> Option<usize> {
    let mut best: Option<(usize, f32)> = None;
    for (class, &score) in scores.iter().enumerate() {
        if !score.is_nan() && best.is_none_or(|(_, highest)| score > highest) {
            best = Some((class, score));
        }
    }
    best.map(|(class, _)| class)
}

/// A float model beside its quantized form.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// Samples run through both.
    pub samples: usize,
    /// The outputs that were compared, in order.
    pub outputs: Vec<NamedMetrics>,
    /// Activations that both models have, in order; empty where they were not asked for.
    pub tensors: Vec<NamedMetrics>,
    /// Classes by the first output, where it holds scores of classes: with labels, or where a softmax
    /// computes it.
    pub agreement: Agreement,
    /// What the user must know: outputs that are not compared, samples that were left out.
    /// [`crate::pipeline::compare`] has logged them.
    pub findings: Vec<Finding>,
}

impl Comparison {
    /// The outputs that have an SQNR, which is what a gate can ask for: all but whole numbers and truth
    /// values.
    pub fn gated(&self) -> impl Iterator<Item = &NamedMetrics> {
        self.outputs.iter().filter(|output| !output.metrics.is_discrete())
    }

    /// Those of [`Comparison::gated`] that do not reach `min_db`: a lower SQNR, nothing that could be
    /// compared, or an infinity or NaN that the float model does not have.
    pub fn outputs_below(&self, min_db: f64) -> Vec<&NamedMetrics> {
        self.gated().filter(|output| !output.metrics.reaches(min_db)).collect()
    }

    /// The comparison for programs: `samples`, `outputs` and `tensors` (each with `name`, `values`,
    /// `sqnr_db`, `cosine`, `max_error`, `mean_error`, `equal`, `non_finite`), `top1_agreement`, `accuracy`
    /// and `findings`.
    ///
    /// A figure that does not exist is `null`; JSON has no infinity, so an infinite SQNR is the text `"inf"`
    /// or `"-inf"`.
    pub fn to_json(&self) -> Value {
        let tensors = |tensors: &[NamedMetrics]| tensors.iter().map(tensor_json).collect::<Vec<_>>();
        json!({
            "samples": self.samples,
            "outputs": tensors(&self.outputs),
            "tensors": tensors(&self.tensors),
            "findings": self.findings,
            "top1_agreement": self.agreement.top1(),
            "accuracy": self.agreement.accuracy().map(|(float, quantized)| {
                json!({"float": float, "quantized": quantized, "samples": self.agreement.labelled})
            }),
        })
    }
}

fn tensor_json(tensor: &NamedMetrics) -> Value {
    let metrics = &tensor.metrics;
    let decibels = match metrics.sqnr_db() {
        Some(value) if value.is_infinite() => json!(value.to_string()),
        value => json!(value),
    };
    json!({
        "name": tensor.name,
        "values": metrics.count(),
        "sqnr_db": decibels,
        "cosine": metrics.cosine(),
        "max_error": metrics.max_error(),
        "mean_error": metrics.mean_error(),
        "equal": metrics.equal(),
        "non_finite": metrics.non_finite(),
    })
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "samples: {}\n", self.samples)?;
        write!(f, "{}", table("output", &self.outputs))?;
        if !self.tensors.is_empty() {
            write!(f, "\n{}", table("tensor", &self.tensors))?;
        }
        if let Some(top1) = self.agreement.top1() {
            let (same, samples) = (self.agreement.same, self.agreement.samples);
            writeln!(f, "\ntop-1 agreement: {:.2}% ({same} of {samples})", 100.0 * top1)?;
        }
        if let Some((float, quantized)) = self.agreement.accuracy() {
            writeln!(f, "accuracy: float {:.2}%, quantized {:.2}%", 100.0 * float, 100.0 * quantized)?;
        }
        Ok(())
    }
}

fn table(title: &str, tensors: &[NamedMetrics]) -> Table {
    use Align::{Left, Right};
    let mut columns = vec![
        (title, Left),
        ("SQNR dB", Right),
        ("cosine", Right),
        ("max error", Right),
        ("mean error", Right),
        ("", Left),
    ];
    let has_discrete = tensors.iter().any(|tensor| tensor.metrics.is_discrete());
    if has_discrete {
        columns.insert(5, ("equal", Right));
    }
    let mut table = Table::new(&columns);
    for NamedMetrics { name, metrics } in tensors {
        let figure = |value: Option<f64>, show: fn(f64) -> String| value.map_or_else(|| "-".into(), show);
        let scientific = |value: f64| format!("{value:.3e}");
        let remark = match metrics.non_finite() {
            0 => String::new(),
            count => format!("{count} values are infinite or NaN in one model only"),
        };
        let mut row = vec![
            name.clone(),
            figure(metrics.sqnr_db(), |value| format!("{value:.2}")),
            figure(metrics.cosine(), |value| format!("{value:.6}")),
            figure(metrics.max_error(), scientific),
            figure(metrics.mean_error(), scientific),
        ];
        row.extend(has_discrete.then(|| figure(metrics.equal(), |share| format!("{:.2}%", 100.0 * share))));
        row.push(remark);
        table.row(row);
    }
    table
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tensor::Tensor;

    fn metrics(pairs: &[(f32, f32)]) -> Metrics {
        let (x, y): (Vec<f32>, Vec<f32>) = pairs.iter().copied().unzip();
        let mut metrics = Metrics::default();
        metrics.add(&x, &y);
        metrics
    }

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
        let comparison = Comparison {
            outputs: vec![NamedMetrics { name: "y".into(), metrics: found }],
            ..Comparison::default()
        };
        assert_eq!(comparison.outputs_below(10.0).len(), 1, "a NaN never passes a gate");
        assert!(comparison.to_string().contains("3 values are infinite or NaN in one model only"));
    }

    #[test]
    fn classes_agree_or_not() {
        let scores = |values: &[f32]| Tensor::new(vec![4, 2], values.to_vec()).unwrap();
        let float = scores(&[1.0, 0.0, 0.0, 1.0, 1.0, 1.0, f32::NAN, 0.0]);
        let other = scores(&[2.0, 0.0, 1.0, 0.0, 3.0, 3.0, f32::NAN, f32::NAN]);
        let mut agreement = Agreement::default();
        agreement.add(float.view(), other.view(), Some(&[0, 1, 0, 1]));
        let expected = Agreement { samples: 4, same: 2, labelled: 4, float_right: 4, quantized_right: 2 };
        assert_eq!(agreement, expected);
        assert_eq!((agreement.top1(), agreement.accuracy()), (Some(0.5), Some((1.0, 0.5))));
        let image = Tensor::new(vec![1, 1, 2, 2], vec![0f32; 4]).unwrap();
        agreement.add(image.view(), image.view(), None);
        assert_eq!(agreement, expected, "an image is no list of scores");
    }

    #[test]
    fn text_and_json() {
        let comparison = Comparison {
            samples: 2,
            outputs: vec![
                NamedMetrics { name: "logits".into(), metrics: metrics(&[(3.0, 3.5), (4.0, 4.0)]) },
                NamedMetrics { name: "same".into(), metrics: metrics(&[(1.0, 1.0)]) },
                NamedMetrics { name: "ids".into(), metrics: metrics(&[]) },
            ],
            tensors: Vec::new(),
            agreement: Agreement { samples: 2, same: 1, labelled: 2, float_right: 2, quantized_right: 1 },
            findings: Vec::new(),
        };
        let expected = "samples: 2

output  SQNR dB    cosine  max error  mean error
logits    20.00  0.997164   5.000e-1    2.500e-1
same        inf  1.000000    0.000e0     0.000e0
ids           -         -          -           -

top-1 agreement: 50.00% (1 of 2)
accuracy: float 100.00%, quantized 50.00%
";
        assert_eq!(comparison.to_string(), expected);
        let json = comparison.to_json();
        assert_eq!(json["outputs"][1]["sqnr_db"], "inf");
        assert_eq!(json["outputs"][2]["sqnr_db"], Value::Null);
        assert_eq!(json["outputs"][0]["max_error"], 0.5);
        assert_eq!(json["accuracy"]["quantized"], 0.5);
        let below: Vec<&str> =
            comparison.outputs_below(30.0).iter().map(|output| output.name.as_str()).collect();
        assert_eq!(below, ["logits", "ids"]);
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
