//! Bias correction of a whole model.

use std::sync::Arc;

use crate::dtype::DataType;
use crate::emit::Ranges;
use crate::emit::qdq_model::{ReadyWeights, Weights};
use crate::error::Result;
use crate::pipeline::Prepared;
use crate::place::Plan;
use crate::recover::beside::{Original, Segment, beside};
use crate::recover::bias;
use crate::recover::layer::{Layer, layers};
use crate::report::recovery::{LayerRecovery, RecoveryMethod};

use super::Passes;
use super::meter::{Comparison, Meter};

/// Biases and their new values.
pub(super) type NewBiases = Vec<(bias::Bias, Vec<f32>)>;

/// Measures what each layer is off by in the mean and finds its new bias.
pub(super) fn correct_biases(
    prepared: &Prepared,
    plan: &Plan,
    ranges: &Ranges,
    weights: &Weights,
    ready: &ReadyWeights,
    passes: &mut Passes<'_>,
) -> Result<(NewBiases, Vec<LayerRecovery>)> {
    let Prepared { model, graph, index, .. } = prepared;
    let method = RecoveryMethod::BiasCorrection;
    let layers = layers(graph, plan);
    let segments: Vec<Segment<'_>> =
        layers.iter().map(|layer| Segment { nodes: vec![layer.node], ..Segment::default() }).collect();
    let copies = beside(Original { model, graph, index, plan }, &segments, ranges, weights, ready)?;
    let (mut biases, mut entries) = (Vec::new(), Vec::new());
    let measured = layers.iter().zip(&copies.pairs);
    let (layers, comparisons): (Vec<&Layer>, Vec<Comparison>) = measured
        .filter_map(|(layer, pair)| {
            let Some((float, copy)) = pair.clone() else {
                let name = graph.node(layer.node).name.as_str();
                entries.push(LayerRecovery::left_alone(method, name, "it cannot be copied to measure it"));
                return None;
            };
            let axis: fn(usize) -> usize = if graph.node(layer.node).op.starts_with("Conv") {
                |_| 1
            } else {
                |rank| rank.saturating_sub(1)
            };
            Some((layer, Comparison { float, copy, axis }))
        })
        .unzip();
    let (meter, taps) = Meter::new(&comparisons);
    let meter = Arc::new(meter);
    passes.run(&copies.model, &taps, meter.clone())?;
    for (layer, sums) in layers.into_iter().zip(meter.take()) {
        let name = graph.node(layer.node).name.as_str();
        let dtype = graph.tensor(plan.weights[layer.planned].tensor).dtype.unwrap_or(DataType::F32);
        if sums.mean_square().is_none() {
            entries.push(LayerRecovery::left_alone(method, name, "no finite output was seen"));
            continue;
        }
        let bias = match bias::find(model, graph, layer, sums.channels(), dtype)? {
            Ok(bias) => bias,
            Err(reason) => {
                entries.push(LayerRecovery::left_alone(method, name, reason));
                continue;
            }
        };
        let corrected = bias::correct(&bias.values, &sums, bias.factor, |value| bias.stored(value));
        entries.push(LayerRecovery {
            method,
            layer: name.to_owned(),
            changed: (corrected.changed, corrected.values.len()),
            error: Some((corrected.error_before, corrected.error_after)),
            what: format!("{} of {} biases moved", corrected.changed, corrected.values.len()),
        });
        if corrected.changed > 0 {
            biases.push((bias, corrected.values));
        }
    }
    Ok((biases, entries))
}
