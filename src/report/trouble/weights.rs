//! Reasons that the weights of a layer show.

use crate::finding::counted;

use super::super::advice::Kind;
use super::Reason;
use super::activations::OUTLIER;
use super::facts::{Facts, WeightFacts};
use super::shares::{largest_and_median, of_channel, shown};
use super::suspects::Suspect;

/// A layer reads few channels if it reads at most so many.
const FEW: usize = 4;
/// An output channel is dead if its largest weight is at most this share of the median channel's.
const DEAD: f32 = 1e-6;

/// Returns the reasons that the weights show which the layer reads.
pub(super) fn reasons(suspect: &Suspect<'_>, facts: &Facts) -> Vec<Reason> {
    facts.weights_of(suspect.name).flat_map(|weight| of(weight, suspect)).collect()
}

fn of(weight: &WeightFacts, suspect: &Suspect<'_>) -> Vec<Reason> {
    let mut found = Vec::new();
    let mut add = |kind, evidence, message, remedy| {
        found.push(Reason { kind, tensor: weight.tensor.clone(), evidence, message, remedy });
    };
    if let Some((at, largest, median)) =
        largest_and_median(&weight.inputs).filter(|_| weight.inputs.len() > 2)
        && largest >= OUTLIER * median
        && median > 0.0
    {
        let message = format!(
            "the weights of input channel {at} reach {}, and those of the median channel {}",
            shown(largest),
            shown(median)
        );
        let evidence = of_channel(at, largest, median);
        let remedy = "equalize or smooth the channels, or leave the layer in float";
        add(Kind::OutlierWeight, evidence, message, remedy);
    }
    if let Some((at, largest, median)) = largest_and_median(&weight.outputs) {
        if weight.scales == 1 && weight.outputs.len() > 2 && largest >= OUTLIER * median && median > 0.0 {
            let message = format!(
                "one scale serves all output channels of the weight: channel {at} reaches {}, the median channel {}",
                shown(largest),
                shown(median)
            );
            let evidence = of_channel(at, largest, median);
            add(
                Kind::SharedScale,
                evidence,
                message,
                "give each output channel a scale of its own, or equalize or smooth the channels",
            );
        }
        let dead = weight.outputs.iter().filter(|&&max| max <= DEAD * largest).count();
        if dead > 0 && largest > 0.0 {
            let count = weight.outputs.len();
            let message =
                format!("{dead} of {count} output channels of the weight are dead: they have only zeros");
            let evidence = vec![("dead", dead as f64), ("channels", count as f64)];
            let remedy =
                "remove the dead channels before you export the model, since they compute a constant";
            add(Kind::DeadChannels, evidence, message, remedy);
        }
    }
    if suspect.op == "Conv" && (1..=FEW).contains(&weight.inputs.len()) {
        let message = format!(
            "each output channel reads only {}, so that errors of its input hardly average out",
            counted(weight.inputs.len(), "channel")
        );
        let evidence = vec![("input_channels", weight.inputs.len() as f64)];
        add(Kind::FewChannels, evidence, message, "leave the layer in float: it is cheap");
    }
    found
}
