//! The search for the layers that must stay in float.

use std::fmt;

use serde_json::{Value, json};

use super::sensitivity::{LayerSensitivity, decibels_json};
use super::table::{Align, Table};
use crate::finding::{Finding, counted};

/// A layer that stays in float.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerLeft {
    /// The name of the node.
    pub layer: String,
    /// The SQNR of the network's outputs with this layer alone quantized, in decibels.
    pub output_db: Option<f64>,
    /// The reason, as plans give it.
    pub reason: String,
}

impl LayerLeft {
    /// Describes a layer by what it costs alone. `why` begins the reason.
    pub fn of(layer: &LayerSensitivity, why: &str) -> Self {
        let cost = match (layer.output_db, layer.own_db) {
            (Some(decibels), _) => format!("quantized alone, it leaves {decibels:.1} dB at the outputs"),
            (None, Some(decibels)) => format!("quantized, its own output has {decibels:.1} dB"),
            (None, None) => "its cost cannot be measured".to_owned(),
        };
        let reason = format!("{why}: {cost}");
        Self { layer: layer.layer.clone(), output_db: layer.output_db, reason }
    }
}

/// One trial of the search.
#[derive(Clone, Debug, PartialEq)]
pub struct CurvePoint {
    /// The number of layers in float that the search had chosen.
    pub layers_in_float: usize,
    /// The score of the outputs in decibels; see
    /// [`score_db`](super::compare::Comparison::score_db).
    pub sqnr_db: Option<f64>,
    /// The result of the user's metric.
    pub metric: Option<f64>,
    /// Whether the model kept within the budget.
    pub is_met: bool,
}

/// The search and its result.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BudgetReport {
    /// The number of samples that judged.
    pub samples: usize,
    /// Whether the budget is met.
    pub is_met: bool,
    /// The layers that stay in float, the noisiest first.
    pub left: Vec<LayerLeft>,
    /// All trials, in their order.
    pub curve: Vec<CurvePoint>,
    /// The findings for the user.
    pub findings: Vec<Finding>,
}

impl BudgetReport {
    /// Returns the search as JSON, for programs: `met`, `samples`, `left` and `curve`.
    pub fn to_json(&self) -> Value {
        let left = self.left.iter().map(|layer| {
            json!({"layer": layer.layer, "output_db": decibels_json(layer.output_db), "reason": layer.reason})
        });
        let curve = self.curve.iter().map(|point| {
            json!({
                "layers_in_float": point.layers_in_float,
                "sqnr_db": decibels_json(point.sqnr_db),
                "metric": point.metric,
                "met": point.is_met,
            })
        });
        json!({
            "met": self.is_met,
            "samples": self.samples,
            "left": left.collect::<Vec<_>>(),
            "curve": curve.collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for BudgetReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trials = counted(self.curve.len(), "trial");
        match (self.is_met, self.left.as_slice()) {
            (false, _) => writeln!(f, "the budget is not met, even with all layers in float; {trials}")?,
            (true, []) => writeln!(f, "the budget is met with all layers quantized; {trials}")?,
            (true, left) => {
                writeln!(f, "the budget is met with {} in float; {trials}", counted(left.len(), "layer"))?;
                for layer in left {
                    writeln!(f, "  {}: {}", layer.layer, layer.reason)?;
                }
            }
        }
        let mut table = Table::new(&[
            ("layers in float", Align::Right),
            ("SQNR dB", Align::Right),
            ("metric", Align::Right),
            ("", Align::Left),
        ]);
        let figure = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
        let mut points: Vec<&CurvePoint> = self.curve.iter().collect();
        points.sort_by_key(|point| point.layers_in_float);
        for point in points {
            let met = if point.is_met { "met" } else { "" };
            table.row([
                point.layers_in_float.to_string(),
                figure(point.sqnr_db),
                figure(point.metric),
                met.to_owned(),
            ]);
        }
        write!(f, "{table}")
    }
}
