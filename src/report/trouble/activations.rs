//! Reasons that the values of a layer's inputs show.

use crate::graph::{Graph, TensorKind};
use crate::observe::{Stats, TensorStats};
use crate::place::Format;

use super::super::advice::Kind;
use super::super::compare::Comparison;
use super::Reason;
use super::facts::{Facts, QuantizedRange};
use super::shares::{above, largest_and_median, lost, of_channel, shown, unit, usual_largest};
use super::suspects::Suspect;

/// The largest channel is an outlier if it is so many times the median channel.
pub(super) const OUTLIER: f32 = 16.0;
/// A range is far above the usual values if it is so many times their 99.99th percentile.
const FAR: f32 = 4.0;
/// A range cuts off many values if it cuts off this share.
const CLIPPED: f64 = 0.01;
/// A step is coarse if this share of the values becomes 0.
const LOST: f64 = 0.5;

/// Returns the reasons that the activations show which the layer reads, and its output.
pub(super) fn reasons(
    graph: &Graph,
    suspect: &Suspect<'_>,
    comparison: &Comparison,
    facts: &Facts,
    stats: Option<&Stats>,
) -> Vec<Reason> {
    let mut found = Vec::new();
    let of = |name: &str| stats.and_then(|stats| stats.tensors.get(name));
    for id in graph.reads(suspect.node) {
        let tensor = graph.tensor(id);
        let (name, range) = (tensor.name.as_str(), facts.ranges.get(&tensor.name));
        if tensor.kind == TensorKind::Constant {
            continue;
        }
        let input = Input { name, range };
        found.extend(comparison.channels.get(name).and_then(|channels| input.outlier(channels)));
        if let Some(stats) = of(name) {
            found.extend(input.reasons(stats));
        }
    }
    let output = of(suspect.output);
    let has_counted = found.iter().any(|reason: &Reason| reason.kind == Kind::NonFinite);
    if !has_counted && let Some(reason) = output.and_then(|stats| non_finite(suspect.output, stats)) {
        found.push(reason);
    } else if !has_counted && suspect.is_non_finite {
        found.push(Reason {
            kind: Kind::NonFinite,
            tensor: suspect.output.to_owned(),
            evidence: Vec::new(),
            message: "its output has values that are infinite or NaN in one model only".to_owned(),
            remedy: "look for overflows and divisions by zero behind it, or leave the layer in float",
        });
    }
    found
}

/// Returns the remedy for uneven channels: scales between channels are for int8 alone.
fn uneven(format: Format) -> &'static str {
    match format {
        Format::Int8 => "equalize or smooth the channels, use a percentile, or leave the layer in float",
        _ => "use a percentile, or leave the layer in float",
    }
}

struct Input<'a> {
    name: &'a str,
    range: Option<&'a QuantizedRange>,
}

impl Input<'_> {
    fn reason(
        &self,
        kind: Kind,
        evidence: Vec<(&'static str, f64)>,
        message: String,
        remedy: &'static str,
    ) -> Reason {
        Reason { kind, tensor: self.name.to_owned(), evidence, message, remedy }
    }

    fn outlier(&self, channels: &[f32]) -> Option<Reason> {
        // A tensor that is not quantized loses nothing to its channels.
        let format = self.range?.format;
        let (at, largest, median) = largest_and_median(channels)?;
        (channels.len() > 2 && largest.is_finite() && largest >= OUTLIER * median && largest > 0.0).then(
            || {
                let (most, usual) = (shown(largest), shown(median));
                let message =
                    format!("channel {at} of its input reaches {most}, and the median channel {usual}");
                let evidence = of_channel(at, largest, median);
                self.reason(Kind::OutlierChannel, evidence, message, uneven(format))
            },
        )
    }

    fn reasons(&self, stats: &TensorStats) -> Vec<Reason> {
        let mut found: Vec<Reason> = non_finite(self.name, stats).into_iter().collect();
        let Some(range) = self.range.filter(|range| range.amax > 0.0) else { return found };
        let largest = stats.abs_max().unwrap_or(0.0);
        let usual = usual_largest(stats).unwrap_or(largest);
        let vanished = lost(stats, range.least());
        if range.amax >= FAR * usual && usual > 0.0 {
            let message = format!(
                "the range of its input, {}, is {:.0} times the magnitude that 99.99% of the values do not exceed, so \
                 that {:.0}% of them become 0",
                shown(range.amax),
                range.amax / usual,
                100.0 * vanished
            );
            let evidence = vec![
                ("range", range.amax.into()),
                ("percentile_99_99", usual.into()),
                ("share_lost", vanished),
            ];
            let remedy = match range.format {
                // Entropy knows the levels of integers alone.
                Format::Fp8 => "use a percentile",
                _ => "use a percentile, or use entropy",
            };
            found.push(self.reason(Kind::FarRange, evidence, message, remedy));
        } else if vanished >= LOST {
            let message = format!(
                "{:.0}% of the values of its input are below half a step of its range, {}, and become 0",
                100.0 * vanished,
                shown(range.amax)
            );
            let evidence = vec![("range", range.amax.into()), ("share_lost", vanished)];
            let remedy = uneven(range.format);
            found.push(self.reason(Kind::Coarse, evidence, message, remedy));
        }
        let clipped = above(stats, range.most());
        if clipped >= CLIPPED {
            let message = format!(
                "the range of its input, {}, cuts off {:.1}% of the values, which reach {}",
                shown(range.amax),
                100.0 * clipped,
                shown(largest)
            );
            let evidence =
                vec![("range", range.amax.into()), ("share_clipped", clipped), ("largest", largest.into())];
            found.push(self.reason(Kind::Clipped, evidence, message, "cut off nothing"));
        }
        found.extend(self.constant(stats, range));
        found.extend(self.discrete(stats, range, largest));
        found
    }

    fn constant(&self, stats: &TensorStats, range: &QuantizedRange) -> Option<Reason> {
        let (min, max) = stats.min().zip(stats.max())?;
        (stats.count() > 1 && max - min <= 2.0 * range.step() && min.abs().max(max.abs()) > range.step())
            .then(|| {
                let message = format!(
                    "the values of its input lie between {min} and {max}, which is within two steps of {}",
                    shown(range.step())
                );
                let evidence = vec![("min", min.into()), ("max", max.into()), ("step", range.step().into())];
                let remedy =
                    "leave the layer in float, or subtract the mean before it when you export the model";
                self.reason(Kind::NearlyConstant, evidence, message, remedy)
            })
    }

    fn discrete(&self, stats: &TensorStats, range: &QuantizedRange, largest: f32) -> Option<Reason> {
        let unit = unit(stats).filter(|_| range.format == Format::Int8)?;
        let (levels, steps) = ((largest / unit).round(), unit / range.step());
        let is_met = (steps - steps.round()).abs() <= 1e-3 * steps && steps.round() >= 1.0;
        let evidence = vec![("unit", unit.into()), ("levels", levels.into()), ("step", range.step().into())];
        if is_met {
            return None;
        }
        let message = format!(
            "the values of its input are discrete, {levels:.0} times {unit} at most, and the step of its range is {}",
            shown(range.step())
        );
        let remedy = match levels <= 127.0 {
            true => "use mse, which finds the step that such values have",
            false => "scale the input so that the values fit 127 steps, or leave the layer in float",
        };
        Some(self.reason(Kind::Discrete, evidence, message, remedy))
    }
}

fn non_finite(name: &str, stats: &TensorStats) -> Option<Reason> {
    let (nans, infinities) = (stats.nans(), stats.infinities());
    (nans + infinities > 0).then(|| Reason {
        kind: Kind::NonFinite,
        tensor: name.to_owned(),
        evidence: vec![("nans", nans as f64), ("infinities", infinities as f64)],
        message: format!(
            "of {} values, {nans} are NaN and {infinities} infinite in the float model already",
            stats.count()
        ),
        remedy: "check the data and the float model",
    })
}
