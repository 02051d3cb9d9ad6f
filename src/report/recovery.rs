//! What the methods that recover accuracy changed.

use std::fmt;

use serde_json::{Value, json};

use super::table::{Align, Table};

/// A method that recovers accuracy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecoveryMethod {
    /// The channels between two layers.
    Equalization,
    /// Weights rounded up or down.
    LearnedRounding,
    /// Biases.
    BiasCorrection,
}

impl RecoveryMethod {
    /// The word for it in text and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Equalization => "equalization",
            Self::LearnedRounding => "learned rounding",
            Self::BiasCorrection => "bias correction",
        }
    }
}

/// What a method did to a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerRecovery {
    /// The method.
    pub method: RecoveryMethod,
    /// The node.
    pub layer: String,
    /// How many weights, channels or biases are others than before, and of how many.
    pub changed: (usize, usize),
    /// The mean square of the error of the layer's output before and after, in the output's unit squared;
    /// `None` where the layer was left alone without measuring it.
    pub error: Option<(f64, f64)>,
    /// What was changed, or why nothing was.
    pub what: String,
}

impl LayerRecovery {
    /// A layer of which nothing was changed or measured, and why.
    pub fn left_alone(method: RecoveryMethod, layer: &str, why: impl Into<String>) -> Self {
        Self { method, layer: layer.to_owned(), changed: (0, 0), error: None, what: why.into() }
    }

    /// By how many decibels the error sank, 10·log10(before / after): 0 where nothing changed, infinite where
    /// none is left.
    pub fn gain_db(&self) -> Option<f64> {
        self.error.map(|(before, after)| if before == after { 0.0 } else { 10.0 * (before / after).log10() })
    }
}

/// What the methods changed, in the order in which they ran and of the network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecoveryReport {
    /// An entry for every method and layer.
    pub layers: Vec<LayerRecovery>,
}

impl RecoveryReport {
    /// The report for programs: `layers`, each with `method`, `layer`, `changed`, `of`, `error_before`,
    /// `error_after`, `gain_db` and `what`. A figure that does not exist is `null`; an infinite gain is the
    /// text `"inf"`.
    pub fn to_json(&self) -> Value {
        let layers = self.layers.iter().map(|layer| {
            let gain = match layer.gain_db() {
                Some(gain) if gain.is_infinite() => json!(gain.to_string()),
                gain => json!(gain),
            };
            json!({
                "method": layer.method.name(),
                "layer": layer.layer,
                "changed": layer.changed.0,
                "of": layer.changed.1,
                "error_before": layer.error.map(|(before, _)| before),
                "error_after": layer.error.map(|(_, after)| after),
                "gain_db": gain,
                "what": layer.what,
            })
        });
        json!({ "layers": layers.collect::<Vec<_>>() })
    }
}

impl fmt::Display for RecoveryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(&[
            ("method", Align::Left),
            ("layer", Align::Left),
            ("error before", Align::Right),
            ("after", Align::Right),
            ("gain dB", Align::Right),
            ("what", Align::Left),
        ]);
        for layer in &self.layers {
            let error = |value: Option<f64>| value.map_or_else(|| "-".into(), |value| format!("{value:.3e}"));
            table.row([
                layer.method.name().to_owned(),
                layer.layer.clone(),
                error(layer.error.map(|(before, _)| before)),
                error(layer.error.map(|(_, after)| after)),
                layer.gain_db().map_or_else(|| "-".into(), |gain| format!("{gain:.2}")),
                layer.what.clone(),
            ]);
        }
        write!(f, "{table}")
    }
}
