//! The choice of the rows whose learned integers are kept.

use crate::emit::qdq_model::ReadyWeights;
use crate::error::Result;
use crate::graph::{NodeId, TensorId};
use crate::place::WeightGrid;
use crate::quant::weights::QuantizedWeights;
use crate::recover::beside::Segment;
use crate::recover::errors::ErrorSums;
use crate::recover::layer::Matrix;
use crate::report::recovery::{LayerRecovery, RecoveryMethod};
use crate::tensor::Tensor;

use super::Passes;
use super::measure::{Subject, measure};

/// A planned weight to be rounded.
pub(super) struct Weight {
    pub planned: usize,
    /// The nodes that read the weight, and their inputs.
    pub readers: Vec<(NodeId, TensorId)>,
    pub matrix: Matrix,
    pub value: Tensor,
    pub name: String,
}

/// The errors of a layer with the nearest integers and with the learned ones.
pub(super) type BeforeAfter = (ErrorSums, ErrorSums);

/// A weight rounded to the nearest integers, and rounded by the data that passes through its readers.
pub(super) struct Proposal<'a> {
    pub weight: &'a Weight,
    pub nearest: QuantizedWeights,
    pub learned: QuantizedWeights,
}

/// Returns the name of a weight's tensor and the scales of its plan.
pub(super) fn key(subject: Subject<'_>, weight: &Weight) -> (String, WeightGrid) {
    let planned = &subject.plan.weights[weight.planned];
    (subject.network.name(planned.tensor).to_owned(), planned.grid)
}

/// Measures the errors of each reader of each weight, with the nearest integers and with the learned ones.
pub(super) fn judge(
    subject: Subject<'_>,
    proposals: &[Proposal<'_>],
    passes: &mut Passes<'_>,
) -> Result<Vec<Option<Vec<BeforeAfter>>>> {
    let learned: ReadyWeights = (proposals.iter())
        .map(|proposal| (key(subject, proposal.weight), proposal.learned.clone()))
        .collect();
    let readers = proposals.iter().flat_map(|proposal| &proposal.weight.readers);
    let segments: Vec<Segment<'_>> = readers
        .flat_map(|&(node, _)| {
            [None, Some(&learned)].map(|ready| Segment { nodes: vec![node], ready, ..Segment::default() })
        })
        .collect();
    let mut measured = measure(subject, &segments, passes)?.into_iter();
    let mut pair = || {
        let (before, after) = (measured.next()?, measured.next()?);
        Some((before?, after?))
    };
    let errors = proposals.iter().map(|proposal| {
        let pairs: Vec<_> = proposal.weight.readers.iter().map(|_| pair()).collect();
        pairs.into_iter().collect()
    });
    Ok(errors.collect())
}

/// Keeps the learned integers of the rows that lower the error of each reader's output.
pub(super) fn keep_rows(
    weight: &Weight,
    nearest: &QuantizedWeights,
    learned: &QuantizedWeights,
    errors: &[BeforeAfter],
) -> (QuantizedWeights, LayerRecovery) {
    let Matrix { rows, columns, .. } = weight.matrix;
    let mut kept = vec![true; rows];
    for (before, after) in errors {
        let lower = after.lower_than(before);
        // The channels of a product with a vector are not the rows.
        let whole = after.mean_square() < before.mean_square();
        for (row, kept) in kept.iter_mut().enumerate() {
            *kept &= if lower.len() == rows { lower[row] } else { whole };
        }
    }
    let mut rounded = nearest.clone();
    for row in (0..rows).filter(|&row| kept[row]) {
        for at in (0..columns).map(|column| weight.matrix.at(row, column)) {
            rounded.values[at] = learned.values[at];
        }
    }
    let mean = |error: &dyn Fn(&BeforeAfter) -> Option<f64>| {
        errors.iter().filter_map(error).sum::<f64>() / errors.len() as f64
    };
    let after = |(before, after): &BeforeAfter| {
        let kept = if after.channels() == rows { kept.clone() } else { vec![kept[0]; after.channels()] };
        after.where_kept(&kept, before).mean_square()
    };
    let changed = nearest.values.iter().zip(&rounded.values).filter(|(a, b)| a != b).count();
    let of = rounded.values.len();
    let entry = LayerRecovery {
        method: RecoveryMethod::LearnedRounding,
        layer: weight.name.clone(),
        changed: (changed, of),
        error: Some((mean(&|(before, _)| before.mean_square()), mean(&after))),
        what: format!("{changed} of {of} weights rounded the other way"),
    };
    (rounded, entry)
}
