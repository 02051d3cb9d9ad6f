//! Bias correction of a whole model.

use crate::dtype::DataType;
use crate::emit::qdq_model::ReadyWeights;
use crate::error::Result;
use crate::recover::Refusal;
use crate::recover::beside::Segment;
use crate::recover::bias::{self, Bias, BiasInput};
use crate::recover::errors::ErrorSums;
use crate::recover::layer::{Layer, layers};
use crate::report::recovery::{LayerRecovery, RecoveryMethod};

use super::Passes;
use super::measure::{NOT_MEASURED, Subject, measure};

/// Biases and their new values.
pub(super) type NewBiases = Vec<(Bias, Vec<f32>)>;

/// A bias that was moved, and the error of its layer before.
struct Moved {
    layer: Layer,
    bias: Bias,
    values: Vec<f32>,
    before: ErrorSums,
}

/// Measures the mean error of each layer, moves its bias, and measures again.
pub(super) fn correct_biases(
    subject: Subject<'_>,
    ready: &ReadyWeights,
    passes: &mut Passes<'_>,
) -> Result<(NewBiases, Vec<LayerRecovery>)> {
    let graph = &subject.network.graph;
    let left_alone = |layer: &Layer, why: &str| {
        LayerRecovery::left_alone(RecoveryMethod::BiasCorrection, &graph.node(layer.node).name, why)
    };
    let mut entries = Vec::new();
    let (mut found, mut segments): (Vec<(Layer, BiasInput)>, Vec<Segment<'_>>) = Default::default();
    for layer in layers(graph, subject.plan) {
        match bias::bias_input(graph, &layer) {
            Ok(place) => {
                let mut nodes = vec![layer.node, place.node];
                nodes.dedup();
                segments.push(Segment { nodes, ready: Some(ready), ..Segment::default() });
                found.push((layer, place));
            }
            Err(reason) => entries.push(left_alone(&layer, &reason)),
        }
    }
    let (mut moved, mut trials) = (Vec::new(), Vec::new());
    let measured = measure(subject, &segments, passes)?;
    for (((layer, place), before), segment) in found.into_iter().zip(measured).zip(segments) {
        let Some(before) = before else {
            entries.push(left_alone(&layer, NOT_MEASURED));
            continue;
        };
        if before.mean_square().is_none() {
            entries.push(left_alone(&layer, "no finite output was seen"));
            continue;
        }
        let dtype = graph.tensor(subject.plan.weights[layer.planned].tensor).dtype.unwrap_or(DataType::F32);
        match bias::find(subject.network, place, before.channels(), dtype) {
            Ok(bias) => {
                let values = bias::correct(&bias.values, &before, bias.factor, |value| bias.stored(value));
                trials.push(Segment { constants: vec![(bias.edge(), bias.tensor(&values)?)], ..segment });
                moved.push(Moved { layer, bias, values, before });
            }
            Err(Refusal::LeftAlone(reason)) => entries.push(left_alone(&layer, &reason)),
            Err(Refusal::Failed(error)) => return Err(error),
        }
    }
    let mut biases = Vec::new();
    for (Moved { layer, bias, values, before }, after) in
        moved.into_iter().zip(measure(subject, &trials, passes)?)
    {
        let after = after.unwrap_or_default();
        let kept = after.lower_than(&before);
        let kept = |at: usize| kept.get(at).copied().unwrap_or(false);
        let flags: Vec<bool> = (0..values.len()).map(kept).collect();
        let (changed, of) = (flags.iter().filter(|&&kept| kept).count(), values.len());
        let error_after = after.where_kept(&flags, &before).mean_square();
        let values: Vec<f32> =
            (0..of).map(|at| if flags[at] { values[at] } else { bias.values[at] }).collect();
        entries.push(LayerRecovery {
            method: RecoveryMethod::BiasCorrection,
            layer: graph.node(layer.node).name.clone(),
            changed: (changed, of),
            error: before.mean_square().map(|before| (before, error_after.unwrap_or(before))),
            what: format!("{changed} of {of} biases moved"),
        });
        if changed > 0 {
            biases.push((bias, values));
        }
    }
    Ok((biases, entries))
}
