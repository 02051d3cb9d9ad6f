//! The classes that two models choose.

use super::metrics::ratio;
use crate::tensor::TensorView;

/// The numbers of samples for which two classifiers choose the same class, and the right class.
///
/// The class of a sample is the index of its largest score, or of the first of several equal ones. NaN is
/// never the largest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// The samples for which both models chose a class.
    pub samples: u64,
    /// The samples for which both models chose the same class.
    pub same: u64,
    /// Samples whose right class is known.
    pub labelled: u64,
    /// Labelled samples that the float model classified rightly.
    pub float_right: u64,
    /// Labelled samples that the quantized model classified rightly.
    pub quantized_right: u64,
}

impl Agreement {
    /// Adds a batch of scores, `[samples, classes]` with two classes or more.
    ///
    /// `labels` holds the right class of each sample, if known. Outputs of another shape or type are no
    /// scores and change nothing.
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

    /// Returns the share of samples with the same class in both models, 0 to 1; `None` without samples.
    pub fn top1(&self) -> Option<f64> {
        ratio(self.same, self.samples)
    }

    /// Returns the accuracy of the float model and of the quantized model, 0 to 1; `None` without labels.
    pub fn accuracy(&self) -> Option<(f64, f64)> {
        ratio(self.float_right, self.labelled).zip(ratio(self.quantized_right, self.labelled))
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Tensor;

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
}
