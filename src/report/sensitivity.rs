//! The cost of quantizing each layer alone.

use std::fmt;

use serde_json::{Value, json};

use super::table::{Align, Table};
use crate::finding::Finding;

/// The cost of quantizing one layer alone.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerSensitivity {
    /// The plan and method that the layer belongs to, by their position among those that were measured.
    pub candidate: usize,
    /// The name of the node.
    pub layer: String,
    /// Its operator.
    pub op: String,
    /// The format of its quantized numbers.
    pub format: String,
    /// The method of its ranges; empty if only weights are quantized.
    pub method: String,
    /// The SQNR of the layer's own output in decibels; `None` if it cannot be measured.
    pub own_db: Option<f64>,
    /// The SQNR of the network's outputs with only this layer quantized, as
    /// [`score_db`](super::compare::Comparison::score_db) defines it. It is infinite if the outputs do not
    /// change, and `None` if they cannot be measured.
    pub output_db: Option<f64>,
    /// The share of the noise of all layers of the same plan and method, 0 to 1. Noise of several layers
    /// adds up as far as it is independent.
    pub share: f64,
    /// The multiply-accumulates of the layer for one sample, or the elements of its output if it has no
    /// weight.
    pub cost: u64,
}

/// The costs of all layers, the most expensive first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sensitivity {
    /// The number of samples that were measured.
    pub samples: usize,
    /// The layers, in the order of their noise at the network's outputs.
    pub layers: Vec<LayerSensitivity>,
    /// The findings for the user.
    pub findings: Vec<Finding>,
}

impl LayerSensitivity {
    /// Returns the ratio of noise to signal at the network's outputs.
    ///
    /// A layer whose output is not measured has that of its own output.
    pub fn noise(&self) -> f64 {
        self.output_db.or(self.own_db).map_or(0.0, |decibels| 10f64.powf(-decibels / 10.0))
    }
}

impl Sensitivity {
    /// Sets the shares, and puts the layers in the order of their noise.
    pub fn sort(&mut self) {
        let same = |one: &LayerSensitivity, other: &LayerSensitivity| one.candidate == other.candidate;
        let noise: Vec<f64> = (self.layers.iter())
            .map(|one| self.layers.iter().filter(|other| same(one, other)).map(LayerSensitivity::noise).sum())
            .collect();
        for (layer, all) in self.layers.iter_mut().zip(noise) {
            layer.share = match layer.noise() {
                noise if all > 0.0 && all.is_finite() => noise / all,
                noise if noise.is_infinite() => 1.0,
                _ => 0.0,
            };
        }
        self.layers.sort_by(|one, other| other.noise().total_cmp(&one.noise()));
    }

    /// Returns the costs as JSON, for programs.
    ///
    /// It has `samples`, `layers` and `findings`. Each layer has `layer`, `op`, `format`, `method`, `own_db`,
    /// `output_db`, `share` and `cost`. A figure that does not exist is `null`. JSON has no infinity, so an
    /// infinite figure is the text `"inf"` or `"-inf"`.
    pub fn to_json(&self) -> Value {
        let layer = |one: &LayerSensitivity| {
            json!({
                "layer": one.layer,
                "op": one.op,
                "format": one.format,
                "method": one.method,
                "own_db": decibels_json(one.own_db),
                "output_db": decibels_json(one.output_db),
                "share": one.share,
                "cost": one.cost,
            })
        };
        json!({
            "samples": self.samples,
            "layers": self.layers.iter().map(layer).collect::<Vec<_>>(),
            "findings": self.findings,
        })
    }
}

/// Returns a figure in decibels as JSON, which has no infinity.
pub(super) fn decibels_json(figure: Option<f64>) -> Value {
    match figure {
        Some(figure) if figure.is_infinite() => json!(figure.to_string()),
        figure => json!(figure),
    }
}

fn decibels(figure: Option<f64>) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.2}"))
}

impl fmt::Display for Sensitivity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "samples: {}\n", self.samples)?;
        let mut table = Table::new(&[
            ("layer", Align::Left),
            ("operator", Align::Left),
            ("format", Align::Left),
            ("method", Align::Left),
            ("own dB", Align::Right),
            ("output dB", Align::Right),
            ("share", Align::Right),
        ]);
        for one in &self.layers {
            table.row([
                one.layer.clone(),
                one.op.clone(),
                one.format.clone(),
                one.method.clone(),
                decibels(one.own_db),
                decibels(one.output_db),
                format!("{:.1}%", 100.0 * one.share),
            ]);
        }
        write!(f, "{table}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(name: &str, output_db: Option<f64>, method: &str) -> LayerSensitivity {
        LayerSensitivity {
            candidate: usize::from(method == "max"),
            layer: name.to_owned(),
            op: "Conv".to_owned(),
            format: "int8".to_owned(),
            method: method.to_owned(),
            own_db: Some(30.0),
            output_db,
            share: 0.0,
            cost: 8,
        }
    }

    #[test]
    fn the_worst_layer_comes_first_with_its_share_of_its_method() {
        let layers = vec![
            layer("a", Some(40.0), "mse"),
            layer("b", Some(30.0), "mse"),
            layer("c", Some(f64::INFINITY), "mse"),
            layer("d", Some(20.0), "max"),
        ];
        let mut found = Sensitivity { samples: 2, layers, findings: Vec::new() };
        found.sort();
        let order: Vec<(&str, f64)> =
            found.layers.iter().map(|one| (&*one.layer, (one.share * 1e4).round() / 1e4)).collect();
        assert_eq!(order, [("d", 1.0), ("b", 0.9091), ("a", 0.0909), ("c", 0.0)]);
        let json = found.to_json();
        assert_eq!(json["layers"][3]["output_db"], "inf");
        assert_eq!(json["layers"][0]["method"], "max");
        let text = found.to_string();
        assert!(text.contains("b      Conv      int8    mse      30.00      30.00   90.9%"), "{text}");
    }

    #[test]
    fn a_layer_that_ruins_all_has_the_whole_share() {
        let mut found =
            Sensitivity { layers: vec![layer("a", Some(f64::NEG_INFINITY), "mse")], ..Default::default() };
        found.sort();
        assert_eq!(found.layers[0].share, 1.0);
    }
}
